//! `/v1/admin/installs`: create, list, retrieve, delete.
//!
//! Without an active install an app's keys open nothing of an account, in each mode for itself: the
//! same installs as those of `/v1/apps/installs`, which has one object for each mode. Deleting one
//! deactivates it, and revokes its ephemeral keys for good; installing again finds the data as it
//! was. Only a purge erases it; the app can be installed again at once, and finds nothing.

use super::Shared;
use crate::installs;
use crate::reasons;
use crate::store::{InstallModes, Selection};
use crate::{store, wire};
use coffer_base::{AccountId, AppId, Mode};
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{
    Access, Applied, Arguments, Collection, Committed, Ctx, Definition, Example, Failure,
    InstallPlace, PagePosition, Remover, Routes, WriteOperation,
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

/// Installs an app on an account, in both modes or in one, also again after an uninstall. What is
/// installed is granted whatever the app asks for by now, as an operator decides for the account;
/// if that was granted already, nothing changes.
struct Create(Shared);

/// Which app is installed where.
struct CreateParams {
    app: AppId,
    account: AccountId,
    /// Both, unless the request names one.
    modes: Vec<Mode>,
}

impl WriteOperation for Create {
    const DEFINITION: Definition =
        Definition::post("admin.installs.create", URL, Access::Admin).of_many_accounts().example(
            Example::of(&[("account", "{admin.accounts.create}"), ("app", "{admin.apps.create}")]),
        );
    type Input = CreateParams;
    type Out = InstallModes;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<CreateParams, ApiError> {
        let fields = arguments.params.only(&["account", "app", "mode"])?;
        let account = wire::account_id(&fields, "account")?;
        let app = wire::app_id(&fields, "app")?;
        Ok(CreateParams { app, account, modes: modes(&fields)? })
    }

    async fn apply(
        &self,
        CreateParams { app, account, modes }: &CreateParams,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<InstallModes>, Failure> {
        let mac = &self.0.mac;
        if store::find_account_in(tx, mac, account.as_str()).await?.is_none() {
            return Err(ApiError::no_such("account", account.as_str(), "account").into());
        }
        let Some(app) = store::find_app_in(tx, mac, app.as_str()).await? else {
            return Err(ApiError::no_such("app", app.as_str(), "app").into());
        };
        let (installs, cause) = (&self.0.installs, ctx.cause());
        let new = (ctx.random(), ctx.now());
        let install = installs::find_or_add(tx, mac, &app, account, new).await?;
        let mut now = Vec::new();
        for mode in Mode::ALL {
            let place = InstallPlace { app: &app.id, account, mode };
            let known = store::mode_install_in(tx, mac, place).await?;
            now.extend(match known {
                known if !modes.contains(&mode) => known,
                Some(known) if known.is_installed() => {
                    Some(installs.confirm(tx, &cause, &known, &app).await?)
                }
                _ => Some(installs.open(tx, &cause, (&app, account, mode), None).await?),
            });
        }
        let subject = install.id.clone();
        Ok(Applied { out: InstallModes { install, modes: now }, subject, fingerprint: None })
    }

    fn render(&self, install: &InstallModes, _ctx: &Ctx) -> Object {
        wire::install(install)
    }

    async fn committed(&self, _install: &InstallModes, _ctx: &Ctx) -> Result<Committed, ApiError> {
        self.0.invalidate();
        Ok(Committed::Done)
    }
}

/// The mode that a request names; both if it names none.
fn modes(fields: &Fields<'_>) -> Result<Vec<Mode>, ApiError> {
    let words = Mode::ALL.map(|mode| (mode.as_str(), mode));
    let named = fields.optional_choice("mode", &words)?;
    Ok(named.map_or_else(|| Mode::ALL.to_vec(), |mode| vec![mode]))
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
    type Item = InstallModes;

    fn filter(&self, fields: &Fields<'_>) -> Result<(String, String), ApiError> {
        let account = wire::filter(fields, "account")?;
        Ok((wire::filter(fields, "app")?, account))
    }

    async fn find(
        &self,
        store: &Store,
        _ctx: &Ctx,
        id: &str,
    ) -> Result<Option<InstallModes>, StorageError> {
        store::find_install(store, &self.0.mac, id).await
    }

    fn seq(item: &InstallModes) -> i64 {
        item.install.seq
    }

    async fn page(
        &self,
        store: &Store,
        _ctx: &Ctx,
        position: PagePosition,
        filter: &(String, String),
    ) -> Result<Vec<InstallModes>, StorageError> {
        let (app, account) = filter;
        let selection = Selection { position, app, account };
        store::list_installs(store, &self.0.mac, &selection).await
    }

    async fn render(
        &self,
        _store: &Store,
        _ctx: &Ctx,
        items: Vec<InstallModes>,
    ) -> Result<Vec<Object>, StorageError> {
        Ok(items.iter().map(wire::install).collect())
    }
}

/// Uninstalls, in both modes or in one: the app is refused and its data stays; with `purge=true`
/// the data is erased.
struct Delete(Shared);

/// Which install is to be removed, and whether its data goes with it.
#[derive(Clone)]
struct Removal {
    id: String,
    /// Both, unless the request names one.
    modes: Vec<Mode>,
    /// Whether what the app stored for the account is erased, in both modes.
    purge: bool,
}

impl WriteOperation for Delete {
    const DEFINITION: Definition = Definition::delete("admin.installs.delete", ONE, Access::Admin)
        .continues()
        .of_many_accounts()
        .example(Example::EMPTY.on("admin.installs.create"));
    type Input = Removal;
    type Out = Removal;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Removal, ApiError> {
        let fields = arguments.params.only(&["mode", "purge"])?;
        let modes = modes(&fields)?;
        let purge = fields.optional_bool("purge")?.unwrap_or(false);
        if purge && fields.has("mode") {
            let message = "A purge erases what the app keeps in both modes: leave 'mode' out.";
            let error = ApiError::invalid_param("mode", message);
            return Err(error.because(&reasons::PURGE_OF_ONE_MODE));
        }
        Ok(Removal { id: arguments.id().to_owned(), modes, purge })
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
        let (app, account) = (install.app.clone(), install.account.clone());
        // Who writes for the app's own account holds the app's row, and no install.
        let known = store::find_app_in(tx, mac, app.as_str()).await?;
        for mode in &removal.modes {
            let place = InstallPlace { app: &app, account: &account, mode: *mode };
            let (Some(found), Some(app)) = (store::mode_install_in(tx, mac, place).await?, &known)
            else {
                continue;
            };
            let by = Remover::Operator;
            if found.is_installed() {
                self.0.installs.close(tx, &ctx.cause(), &found, app, by).await?;
            } else {
                // Whoever uninstalled it may not install it again from now on.
                store::remove_mode_install(tx, mac, &found, by, ctx.now()).await?;
            }
        }
        if removal.purge {
            store::purge_install(tx, mac, &install, store::Purge::by(ctx)).await?;
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
