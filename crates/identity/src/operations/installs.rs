//! `/v1/admin/installs`: create, list, retrieve, delete.
//!
//! Without an active install an app's keys open nothing of an account. Deleting an install
//! deactivates it, and revokes its ephemeral keys for good; installing again finds the data as it
//! was. Only a purge erases it; the app can be installed again at once, and finds nothing.

use super::Shared;
use crate::objects::Install;
use crate::store::Selection;
use crate::{store, wire};
use coffer_base::{AccountId, AppId, id::random_id, limit};
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{
    Access, Applied, Arguments, Collection, Committed, Ctx, Definition, Example, Failure,
    PagePosition, Routes, WriteOperation,
};
use coffer_storage::{StorageError, Store, Tx};

const KIND: &str = "install";
const URL: &str = "/v1/admin/installs";
const ONE: &str = "/v1/admin/installs/:id";

pub(super) fn register(routes: &mut Routes, shared: &Shared) {
    routes
        .write(Create(shared.clone()))
        .collection(Installs(shared.clone()))
        .write(Delete(shared.clone()));
}

/// Installs an app on an account, also again after an uninstall. Installing what is installed
/// changes nothing.
struct Create(Shared);

impl WriteOperation for Create {
    const DEFINITION: Definition = Definition::post("admin.installs.create", URL, Access::Admin)
        .example(Example::of(&[
            ("account", "{admin.accounts.create}"),
            ("app", "{admin.apps.create}"),
        ]));
    type Input = (AppId, AccountId);
    type Out = Install;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Self::Input, ApiError> {
        let fields = arguments.params.only(&["account", "app"])?;
        let account = wire::account_id(&fields, "account")?;
        Ok((wire::app_id(&fields, "app")?, account))
    }

    async fn apply(
        &self,
        (app, account): &Self::Input,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Install>, Failure> {
        let mac = &self.0.mac;
        let (app_id, account_id) = (app, account);
        let (app, account) = (app.as_str(), account.as_str());
        if store::find_account_in(tx, mac, account).await?.is_none() {
            return Err(ApiError::no_such("account", account, "account").into());
        }
        if store::find_app_in(tx, mac, app).await?.is_none() {
            return Err(ApiError::no_such("app", app, "app").into());
        }
        let known = store::install_of_in(tx, mac, app, account).await?;
        let version = store::next_seq(tx).await?;
        let install = match known {
            Some(known) => Install { active: true, version, ..known },
            None => Install {
                app: app_id.clone(),
                account: account_id.clone(),
                id: random_id("inst", limit::RANDOM_ID_CHARACTERS, ctx.random()),
                seq: version,
                active: true,
                created: ctx.now(),
                version,
            },
        };
        store::put_install(tx, mac, &install).await?;
        Ok(Applied { subject: install.id.clone(), out: install, fingerprint: None })
    }

    fn render(&self, install: &Install, _ctx: &Ctx) -> Object {
        wire::install(install)
    }

    async fn committed(&self, _install: &Install, _ctx: &Ctx) -> Result<Committed, ApiError> {
        self.0.invalidate();
        Ok(Committed::Done)
    }
}

/// All installs, or those of one app, of one account, or of both.
#[derive(Clone)]
struct Installs(Shared);

impl Collection for Installs {
    const KIND: &'static str = KIND;
    const LIST: Definition = Definition::get("admin.installs.list", URL, Access::AUDITED).as_list();
    const RETRIEVE: Definition = Definition::get("admin.installs.retrieve", ONE, Access::AUDITED);
    const FILTERS: &'static [&'static str] = &["account", "app"];
    type Filter = (String, String);
    type Item = Install;

    fn filter(&self, fields: &Fields<'_>) -> Result<(String, String), ApiError> {
        let account = wire::filter(fields, "account")?;
        Ok((wire::filter(fields, "app")?, account))
    }

    async fn find(
        &self,
        store: &Store,
        _ctx: &Ctx,
        id: &str,
    ) -> Result<Option<Install>, StorageError> {
        store::find_install(store, &self.0.mac, id).await
    }

    fn seq(item: &Install) -> i64 {
        item.seq
    }

    async fn page(
        &self,
        store: &Store,
        _ctx: &Ctx,
        position: PagePosition,
        filter: &(String, String),
    ) -> Result<Vec<Install>, StorageError> {
        let (app, account) = filter;
        let selection = Selection { position, app, account };
        store::list_installs(store, &self.0.mac, &selection).await
    }

    async fn render(
        &self,
        _store: &Store,
        _ctx: &Ctx,
        items: Vec<Install>,
    ) -> Result<Vec<Object>, StorageError> {
        Ok(items.iter().map(wire::install).collect())
    }
}

/// Uninstalls: the app is refused and its data stays; with `purge=true` the data is erased.
struct Delete(Shared);

/// Which install is to be removed, and whether its data goes with it.
#[derive(Clone)]
struct Removal {
    id: String,
    /// Whether what the app stored for the account is erased, in both modes.
    purge: bool,
}

impl WriteOperation for Delete {
    const DEFINITION: Definition = Definition::delete("admin.installs.delete", ONE, Access::Admin)
        .continues()
        .example(Example::EMPTY.on("admin.installs.create"));
    type Input = Removal;
    type Out = Removal;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Removal, ApiError> {
        let fields = arguments.params.only(&["purge"])?;
        let purge = fields.optional_bool("purge")?.unwrap_or(false);
        Ok(Removal { id: arguments.id().to_owned(), purge })
    }

    async fn apply(
        &self,
        removal: &Removal,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Removal>, Failure> {
        let mac = &self.0.mac;
        let Some(install) = store::find_install_in(tx, mac, &removal.id).await? else {
            return Err(ApiError::not_found(KIND, &removal.id, "id").into());
        };
        if removal.purge {
            // Who writes for the app's own account holds the app's row, and no install.
            store::find_app_in(tx, mac, install.app.as_str()).await?;
            store::purge_install(tx, mac, &install, store::Purge::by(ctx)).await?;
        } else {
            store::deactivate_install(tx, mac, &install.app, &install.account, ctx.now()).await?;
        }
        Ok(Applied { out: removal.clone(), subject: install.id, fingerprint: None })
    }

    fn render(&self, removal: &Removal, _ctx: &Ctx) -> Object {
        wire::deleted(&removal.id, KIND).set("purged", removal.purge)
    }

    async fn committed(&self, removal: &Removal, ctx: &Ctx) -> Result<Committed, ApiError> {
        if removal.purge {
            return Ok(self.0.destroy_keys(ctx).await);
        }
        Ok(self.0.settle().await)
    }
}
