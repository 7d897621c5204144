//! `/v1/admin/installs`.

use super::Shared;
use crate::objects::Install;
use crate::store::Selection;
use crate::{store, wire};
use coffer_base::{AccountId, AppId, id::random_id, limit};
use coffer_dialect::{ApiError, Object, PageRequest};
use coffer_kernel::{
    Access, Applied, Arguments, Ctx, Definition, Failure, Method, PagePosition, Reach,
    ReadOperation, Routes, WriteOperation, storage_failure,
};
use coffer_storage::{Store, Tx};

const KIND: &str = "install";
const URL: &str = "/v1/admin/installs";
const ONE: &str = "/v1/admin/installs/:id";

pub(super) fn register(routes: &mut Routes, shared: &Shared) {
    routes.write(Create(shared.clone())).read(List).read(Retrieve).write(Delete(shared.clone()));
}

const fn definition(name: &'static str, method: Method, path: &'static str) -> Definition {
    Definition { name, method, path, access: Access::Admin, expandable: &[], list: false }
}

/// Installs an app on an account, or opens the door again that an uninstall shut. Installing
/// what is installed changes nothing.
struct Create(Shared);

impl WriteOperation for Create {
    const DEFINITION: Definition = definition("admin.installs.create", Method::Post, URL);
    type Input = (AppId, AccountId);
    type Prepared = Install;
    type Out = Install;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Self::Input, ApiError> {
        let fields = arguments.params.only(&["account", "app"])?;
        let account = wire::account_id(&fields, "account")?;
        Ok((wire::app_id(&fields, "app")?, account))
    }

    fn reach(_input: &Self::Input) -> Reach {
        Reach::Backend
    }

    async fn prepare(&self, (app, account): &Self::Input, ctx: &Ctx) -> Result<Install, ApiError> {
        Ok(Install {
            app: app.clone(),
            account: account.clone(),
            id: random_id("inst", limit::RANDOM_ID_CHARACTERS, ctx.random()),
            seq: 0,
            active: true,
            created: ctx.now(),
        })
    }

    async fn apply(
        &self,
        install: &Install,
        _ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Install>, Failure> {
        let (app, account) = (install.app.as_str(), install.account.as_str());
        if store::find_account_in(tx, account).await?.is_none() {
            return Err(ApiError::no_such("account", account, "account").into());
        }
        if store::find_app_in(tx, app).await?.is_none() {
            return Err(ApiError::no_such("app", app, "app").into());
        }
        // The install comes first: whoever takes it away holds it until the erasure is listed.
        let known = store::install_of_in(tx, app, account).await?;
        if store::is_erasing(tx, app, account).await? {
            let message = format!(
                "What the app '{app}' kept for the account '{account}' is being erased. Install \
                 it again in a minute."
            );
            return Err(ApiError::invalid(message).into());
        }
        let install = match known {
            Some(known) => Install { active: true, ..known },
            None => Install { seq: store::next_seq(tx, KIND).await?, ..install.clone() },
        };
        store::put_install(tx, &install).await?;
        Ok(Applied { subject: install.id.clone(), out: install, fingerprint: None })
    }

    fn render(&self, install: &Install, _ctx: &Ctx) -> Object {
        wire::install(install)
    }

    async fn committed(&self, _install: &Install, _ctx: &Ctx) -> Result<(), ApiError> {
        self.0.changed();
        Ok(())
    }
}

struct Retrieve;

impl ReadOperation for Retrieve {
    const DEFINITION: Definition = definition("admin.installs.retrieve", Method::Get, ONE);
    type Input = String;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<String, ApiError> {
        arguments.params.only(&[])?;
        Ok(arguments.id().to_owned())
    }

    fn reach(_input: &String) -> Reach {
        Reach::Backend
    }

    async fn run(&self, id: &String, _ctx: &Ctx, store: &Store) -> Result<Object, ApiError> {
        let found =
            store::find_install(store, id).await.map_err(|error| storage_failure(&error))?;
        let install = found.ok_or_else(|| ApiError::not_found(KIND, id, "id"))?;
        Ok(wire::install(&install))
    }
}

/// All installs, or those of one app, of one account, or of both.
struct List;

impl ReadOperation for List {
    const DEFINITION: Definition =
        Definition { list: true, ..definition("admin.installs.list", Method::Get, URL) };
    type Input = (String, String, PageRequest);

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Self::Input, ApiError> {
        let [limit, after, before] = PageRequest::PARAMS;
        let fields = arguments.params.only(&["account", "app", limit, after, before])?;
        let account = wire::filter(&fields, "account")?;
        Ok((wire::filter(&fields, "app")?, account, PageRequest::parse(&fields)?))
    }

    fn reach(_input: &Self::Input) -> Reach {
        Reach::Backend
    }

    async fn run(
        &self,
        (app, account, request): &Self::Input,
        _ctx: &Ctx,
        store: &Store,
    ) -> Result<Object, ApiError> {
        let failed = |error| storage_failure(&error);
        let seq = match &request.cursor {
            Some((_, id)) => store::find_install(store, id).await.map_err(failed)?.map(|i| i.seq),
            None => None,
        };
        let position = PagePosition::of(request, KIND, seq)?;
        let selection = Selection { position, app, account };
        let rows = store::list_installs(store, &selection).await.map_err(failed)?;
        Ok(wire::page(rows, position, URL, wire::install))
    }
}

/// Uninstalls: the door is shut and the data stays; with `purge=true` the data is erased.
struct Delete(Shared);

#[derive(Clone)]
struct Removal {
    id: String,
    purge: bool,
}

impl WriteOperation for Delete {
    const DEFINITION: Definition = definition("admin.installs.delete", Method::Delete, ONE);
    type Input = Removal;
    type Prepared = Removal;
    type Out = Removal;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Removal, ApiError> {
        let fields = arguments.params.only(&["purge"])?;
        let purge = fields.optional_bool("purge")?.unwrap_or(false);
        Ok(Removal { id: arguments.id().to_owned(), purge })
    }

    fn reach(_input: &Removal) -> Reach {
        Reach::Backend
    }

    async fn prepare(&self, removal: &Removal, _ctx: &Ctx) -> Result<Removal, ApiError> {
        Ok(removal.clone())
    }

    async fn apply(
        &self,
        removal: &Removal,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Removal>, Failure> {
        let Some(install) = store::find_install_in(tx, &removal.id).await? else {
            return Err(ApiError::not_found(KIND, &removal.id, "id").into());
        };
        if removal.purge {
            store::purge_install(tx, &install, store::Purge::by(ctx)).await?;
        } else {
            store::shut_install(tx, &install.app, &install.account, ctx.now()).await?;
        }
        Ok(Applied { out: removal.clone(), subject: install.id, fingerprint: None })
    }

    fn render(&self, removal: &Removal, _ctx: &Ctx) -> Object {
        wire::deleted(&removal.id, KIND).set("purged", removal.purge)
    }

    async fn committed(&self, removal: &Removal, ctx: &Ctx) -> Result<(), ApiError> {
        if removal.purge {
            return self.0.shred(ctx).await;
        }
        self.0.changed();
        Ok(())
    }
}
