//! Installing and uninstalling, whoever does it: the admin API, a family, or developer mode.
//!
//! Each change is told to all listeners, in its transaction, with everybody whom it concerns: the
//! app's developer, the platform that installed it, and the account itself if it develops apps
//! here and so has somebody who reads its events.

use crate::objects::{App, Install, ModeInstall};
use crate::row_mac::RowMac;
use crate::store::{self, GoneInstall};
use coffer_base::{AccountId, Mode, Owner, Random, Timestamp, id::random_id, limit};
use coffer_kernel::event::Cause;
use coffer_kernel::{
    InstallChange, InstallListener, InstallPlace, InstallRecord, InstallState, Manifest, Remover,
};
use coffer_storage::{StorageError, Store, Tx};
use std::sync::Arc;

type Result<T> = std::result::Result<T, StorageError>;

/// Changes installs.
#[derive(Clone)]
pub(crate) struct Installs {
    pub(crate) mac: RowMac,
    pub(crate) listeners: Arc<[Arc<dyn InstallListener>]>,
}

/// The install of an app on an account, added in no mode if there never was one.
///
/// # Errors
/// When the store fails.
pub(crate) async fn find_or_add(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    app: &App,
    account: &AccountId,
    (random, now): (&dyn Random, Timestamp),
) -> Result<Install> {
    let (app, id) = (&app.id, account.as_str());
    if let Some(known) = store::install_of_in(tx, mac, app.as_str(), id).await? {
        return Ok(known);
    }
    let install = Install {
        app: app.clone(),
        account: account.clone(),
        id: random_id("inst", limit::RANDOM_ID_CHARACTERS, random),
        seq: store::next_seq(tx).await?,
        created: now,
    };
    store::insert_install(tx, mac, &install).await?;
    Ok(install)
}

/// Lets an app in, in one mode, with all that it asks for granted. Nobody is told.
///
/// # Errors
/// When the store fails.
pub(crate) async fn let_in(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    (app, account, mode): (&App, &AccountId, Mode),
    created_by: Option<&AccountId>,
    (random, now): (&dyn Random, Timestamp),
) -> Result<ModeInstall> {
    let seq = store::next_seq(tx).await?;
    let install = ModeInstall {
        app: app.id.clone(),
        account: account.clone(),
        mode,
        id: ModeInstall::random_id(mode, random),
        seq,
        state: InstallState::Installed,
        created: now,
        created_by: created_by.cloned(),
        granted: app.manifest.clone(),
        version: seq,
    };
    store::put_mode_install(tx, mac, &install, now).await?;
    Ok(install)
}

impl Installs {
    /// Installs an app in one mode, where it is not installed.
    pub(crate) async fn open(
        &self,
        tx: &mut Tx<'_>,
        cause: &Cause<'_>,
        (app, account, mode): (&App, &AccountId, Mode),
        created_by: Option<&AccountId>,
    ) -> Result<ModeInstall> {
        let new = (cause.random, cause.now);
        find_or_add(tx, &self.mac, app, account, new).await?;
        let at = (app, account, mode);
        let install = let_in(tx, &self.mac, at, created_by, new).await?;
        self.announce(tx, cause, &InstallChange::Created, (&install, app)).await?;
        Ok(install)
    }

    /// Grants what the app asks for now, and nothing else any more.
    pub(crate) async fn grant(
        &self,
        tx: &mut Tx<'_>,
        cause: &Cause<'_>,
        install: &ModeInstall,
        app: &App,
    ) -> Result<ModeInstall> {
        if install.granted == app.manifest {
            return Ok(install.clone());
        }
        let version = store::next_seq(tx).await?;
        let granted = ModeInstall { granted: app.manifest.clone(), version, ..install.clone() };
        store::put_mode_install(tx, &self.mac, &granted, cause.now).await?;
        let change = InstallChange::Updated { granted: install.granted.clone() };
        self.announce(tx, cause, &change, (&granted, app)).await?;
        Ok(granted)
    }

    /// The same as an operator's word, which counts even if somebody has put an older row back.
    pub(crate) async fn confirm(
        &self,
        tx: &mut Tx<'_>,
        cause: &Cause<'_>,
        install: &ModeInstall,
        app: &App,
    ) -> Result<ModeInstall> {
        let granted = self.grant(tx, cause, install, app).await?;
        let confirmed = ModeInstall { version: store::next_seq(tx).await?, ..granted };
        store::put_mode_install(tx, &self.mac, &confirmed, cause.now).await?;
        Ok(confirmed)
    }

    /// Uninstalls an app in one mode. What listeners are told shows it as it was.
    pub(crate) async fn close(
        &self,
        tx: &mut Tx<'_>,
        cause: &Cause<'_>,
        install: &ModeInstall,
        app: &App,
        by: Remover,
    ) -> Result<()> {
        store::remove_mode_install(tx, &self.mac, install, by, cause.now).await?;
        self.announce(tx, cause, &InstallChange::Deleted, (install, app)).await
    }

    /// Tells that these installs end with whatever else is purged.
    pub(crate) async fn announce_end(
        &self,
        tx: &mut Tx<'_>,
        cause: &Cause<'_>,
        installs: &[(ModeInstall, App)],
    ) -> Result<()> {
        for (install, app) in installs {
            self.announce(tx, cause, &InstallChange::Deleted, (install, app)).await?;
        }
        Ok(())
    }

    async fn announce(
        &self,
        tx: &mut Tx<'_>,
        cause: &Cause<'_>,
        change: &InstallChange,
        (install, app): (&ModeInstall, &App),
    ) -> Result<()> {
        if self.listeners.is_empty() {
            return Ok(());
        }
        let parties = parties(tx, install, app).await?;
        let record = record(install.clone(), app);
        for listener in self.listeners.iter() {
            listener.changed(tx, cause, change, &record, &parties).await?;
        }
        Ok(())
    }
}

/// Whom a change concerns, each as the owner of the events that it reads.
async fn parties(tx: &mut Tx<'_>, install: &ModeInstall, app: &App) -> Result<Vec<Owner>> {
    let account = &install.account;
    let mut platforms = vec![&app.account];
    if account != &app.account && store::develops_apps(tx, account).await? {
        platforms.push(account);
    }
    platforms.extend(install.created_by.iter().filter(|by| *by != &app.account && *by != account));
    let owner = |platform: &AccountId| Owner {
        mode: install.mode,
        platform: platform.clone(),
        account: account.clone(),
    };
    Ok(platforms.into_iter().map(owner).collect())
}

/// An install as families see it.
pub(crate) fn record(install: ModeInstall, app: &App) -> InstallRecord {
    InstallRecord {
        id: install.id,
        seq: install.seq,
        app: install.app,
        developer: app.account.clone(),
        account: install.account,
        mode: install.mode,
        state: install.state,
        created: install.created,
        created_by: install.created_by,
        granted: install.granted,
        requested: app.manifest.clone(),
    }
}

/// The install `id`, also one of which only a tombstone is left, or whose app is gone.
pub(crate) async fn find_record(
    store: &Store,
    mac: &RowMac,
    id: &str,
) -> Result<Option<InstallRecord>> {
    if let Some((install, app)) = store::find_mode_install(store, mac, id).await? {
        return Ok(Some(record(install, &app)));
    }
    let Some(gone) = store::gone_install(store, id).await? else { return Ok(None) };
    let developer = store::find_app(store, mac, gone.app.as_str()).await?;
    let developer = developer.map_or_else(|| gone.account.clone(), |app| app.account);
    let GoneInstall { app, account, mode, seq, created_by } = gone;
    Ok(Some(InstallRecord {
        id: id.to_owned(),
        seq,
        app,
        developer,
        account,
        mode,
        state: InstallState::Removed(Remover::Operator),
        created: Timestamp::from_unix(0),
        created_by,
        granted: Manifest::default(),
        requested: Manifest::default(),
    }))
}

/// The install in a place, locked, with its app.
pub(crate) async fn lock(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    place: InstallPlace<'_>,
) -> Result<Option<(ModeInstall, App)>> {
    let Some(app) = store::share_app_in(tx, mac, place.app.as_str()).await? else {
        return Ok(None);
    };
    Ok(store::mode_install_in(tx, mac, place).await?.map(|install| (install, app)))
}
