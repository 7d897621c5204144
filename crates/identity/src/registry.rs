//! Who is who, for families.

use crate::installs::{self, Installs, record};
use crate::objects::{Account, App, ModeInstall};
use crate::operations::Shared;
use crate::store;
use coffer_base::{AccountId, Timestamp};
use coffer_kernel::event::Cause;
use coffer_kernel::{
    AccountRecord, AppRecord, BoxFuture, InstallPlace, InstallRecord, InstallSelection,
    PagePosition, Registry, Remover,
};
use coffer_storage::{StorageError, Store, Tx};

/// The registry over the directory's rows.
pub(crate) struct Rows(pub(crate) Shared);

type Found<'a, T> = BoxFuture<'a, Result<T, StorageError>>;

impl Rows {
    fn installs(&self) -> &Installs {
        &self.0.installs
    }

    /// The row of an install and that of its app, both locked.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] if they are gone, which whoever has locked them rules out.
    async fn rows(
        &self,
        tx: &mut Tx<'_>,
        place: InstallPlace<'_>,
    ) -> Result<(ModeInstall, App), StorageError> {
        let found = installs::lock(tx, &self.0.mac, place).await?;
        found.ok_or_else(|| StorageError::Corrupt("an install that was locked is gone".into()))
    }
}

/// Where an install is.
fn place_of(install: &InstallRecord) -> InstallPlace<'_> {
    InstallPlace { app: &install.app, account: &install.account, mode: install.mode }
}

impl Registry for Rows {
    fn makes_up_accounts(&self) -> bool {
        self.0.developer
    }

    fn account<'a>(&'a self, store: &'a Store, id: &'a str) -> Found<'a, Option<AccountRecord>> {
        Box::pin(async move {
            let found = store::find_account(store, &self.0.mac, id).await?;
            let shown = |Account { id, name, created, .. }| AccountRecord { id, name, created };
            Ok(found.map(shown))
        })
    }

    fn install<'a>(&'a self, store: &'a Store, id: &'a str) -> Found<'a, Option<InstallRecord>> {
        Box::pin(installs::find_record(store, &self.0.mac, id))
    }

    fn install_at<'a>(
        &'a self,
        store: &'a Store,
        place: InstallPlace<'a>,
    ) -> Found<'a, Option<InstallRecord>> {
        Box::pin(async move {
            let found = store::mode_install_at(store, &self.0.mac, place).await?;
            Ok(found.map(|(install, app)| record(install, &app)))
        })
    }

    fn installs<'a>(
        &'a self,
        store: &'a Store,
        selection: &'a InstallSelection<'a>,
        position: PagePosition,
    ) -> Found<'a, Vec<InstallRecord>> {
        Box::pin(async move {
            let mac = &self.0.mac;
            let found = store::list_mode_installs(store, mac, selection, position).await?;
            Ok(found.into_iter().map(|(install, app)| record(install, &app)).collect())
        })
    }

    fn lock_app<'a>(&'a self, tx: &'a mut Tx<'_>, id: &'a str) -> Found<'a, Option<AppRecord>> {
        Box::pin(async move {
            let found = store::share_app_in(tx, &self.0.mac, id).await?;
            Ok(found.map(|app| AppRecord {
                id: app.id,
                developer: app.account,
                self_install: app.self_install,
                embedders: app.embedders,
            }))
        })
    }

    fn lock_account<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        id: &'a AccountId,
        now: Timestamp,
    ) -> Found<'a, bool> {
        Box::pin(async move {
            if self.0.developer {
                store::add_account(tx, &self.0.mac, id, now).await?;
                return Ok(true);
            }
            Ok(store::find_account_in(tx, &self.0.mac, id.as_str()).await?.is_some())
        })
    }

    fn lock_install<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        place: InstallPlace<'a>,
    ) -> Found<'a, Option<InstallRecord>> {
        Box::pin(async move {
            let found = installs::lock(tx, &self.0.mac, place).await?;
            Ok(found.map(|(install, app)| record(install, &app)))
        })
    }

    fn lock_install_by_id<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        id: &'a str,
    ) -> Found<'a, Option<InstallRecord>> {
        Box::pin(async move {
            let Some((app, account, mode)) = store::place_of_install_in(tx, id).await? else {
                return Ok(None);
            };
            let place = InstallPlace { app: &app, account: &account, mode };
            let found = installs::lock(tx, &self.0.mac, place).await?;
            let found = found.filter(|(install, _)| install.id == id);
            Ok(found.map(|(install, app)| record(install, &app)))
        })
    }

    fn open_install<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        cause: &'a Cause<'a>,
        place: InstallPlace<'a>,
        created_by: Option<&'a AccountId>,
    ) -> Found<'a, InstallRecord> {
        Box::pin(async move {
            let app = store::share_app_in(tx, &self.0.mac, place.app.as_str()).await?;
            let app = app.ok_or_else(|| StorageError::Corrupt("a locked app is gone".into()))?;
            let at = (&app, place.account, place.mode);
            Ok(record(self.installs().open(tx, cause, at, created_by).await?, &app))
        })
    }

    fn grant_pending<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        cause: &'a Cause<'a>,
        install: &'a InstallRecord,
    ) -> Found<'a, InstallRecord> {
        Box::pin(async move {
            let (row, app) = self.rows(tx, place_of(install)).await?;
            Ok(record(self.installs().grant(tx, cause, &row, &app).await?, &app))
        })
    }

    fn close_install<'a>(
        &'a self,
        tx: &'a mut Tx<'_>,
        cause: &'a Cause<'a>,
        install: &'a InstallRecord,
        by: Remover,
    ) -> Found<'a, ()> {
        Box::pin(async move {
            let (row, app) = self.rows(tx, place_of(install)).await?;
            self.installs().close(tx, cause, &row, &app, by).await
        })
    }

    fn settle(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.0.settle().await;
        })
    }
}
