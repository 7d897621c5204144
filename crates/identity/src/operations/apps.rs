//! `/v1/admin/apps`.

use super::Shared;
use crate::objects::App;
use crate::store::Selection;
use crate::{store, wire};
use coffer_base::{AccountId, AppId, limit};
use coffer_dialect::{ApiError, Fields, Object, PageRequest};
use coffer_kernel::{
    Access, Applied, Arguments, Ctx, Definition, Failure, Method, PagePosition, Reach,
    ReadOperation, Routes, WriteOperation, storage_failure,
};
use coffer_storage::{Store, Tx};

const KIND: &str = "app";
const URL: &str = "/v1/admin/apps";
const ONE: &str = "/v1/admin/apps/:id";

pub(super) fn register(routes: &mut Routes, shared: &Shared) {
    routes
        .write(Create)
        .read(List)
        .read(Retrieve)
        .write(Update(shared.clone()))
        .write(Delete(shared.clone()));
}

const fn definition(name: &'static str, method: Method, path: &'static str) -> Definition {
    Definition { name, method, path, access: Access::Admin, expandable: &[], list: false }
}

/// The app's own limit of secrets in one scope (secret store §7, decision 15).
fn secrets_per_scope(fields: &Fields<'_>) -> Result<Option<i64>, ApiError> {
    let most = i64::from(limit::SECRETS_PER_SCOPE_CEILING);
    fields.optional_integer_within("secrets_per_scope", 1..=most)
}

/// Makes an app for the account of its developer.
struct Create;

struct Wanted {
    id: Option<AppId>,
    account: AccountId,
    name: String,
    secrets_per_scope: Option<i64>,
}

impl WriteOperation for Create {
    const DEFINITION: Definition = definition("admin.apps.create", Method::Post, URL);
    type Input = Wanted;
    type Prepared = App;
    type Out = App;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Wanted, ApiError> {
        let fields = arguments.params.only(&["account", "id", "name", "secrets_per_scope"])?;
        Ok(Wanted {
            account: wire::account_id(&fields, "account")?,
            id: fields.has("id").then(|| wire::app_id(&fields, "id")).transpose()?,
            name: wire::name(&fields)?,
            secrets_per_scope: secrets_per_scope(&fields)?,
        })
    }

    fn reach(_input: &Wanted) -> Reach {
        Reach::Backend
    }

    async fn prepare(&self, wanted: &Wanted, ctx: &Ctx) -> Result<App, ApiError> {
        Ok(App {
            id: wanted.id.clone().unwrap_or_else(|| AppId::random(ctx.random())),
            seq: 0,
            account: wanted.account.clone(),
            name: wanted.name.clone(),
            secrets_per_scope: wanted.secrets_per_scope,
            created: ctx.now(),
        })
    }

    async fn apply(&self, app: &App, _ctx: &Ctx, tx: &mut Tx<'_>) -> Result<Applied<App>, Failure> {
        let account = app.account.as_str();
        if store::find_account_in(tx, account).await?.is_none() {
            return Err(ApiError::no_such("account", account, "account").into());
        }
        let id = app.id.as_str();
        if store::find_app_in(tx, id).await?.is_some() || store::is_erasing(tx, id, account).await?
        {
            let message = format!("An app '{id}' exists already, or is being erased.");
            return Err(ApiError::invalid_param("id", message).into());
        }
        let app = App { seq: store::next_seq(tx, KIND).await?, ..app.clone() };
        store::insert_app(tx, &app).await?;
        Ok(Applied { subject: id.to_owned(), out: app, fingerprint: None })
    }

    fn render(&self, app: &App, _ctx: &Ctx) -> Object {
        wire::app(app)
    }
}

struct Retrieve;

impl ReadOperation for Retrieve {
    const DEFINITION: Definition = definition("admin.apps.retrieve", Method::Get, ONE);
    type Input = String;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<String, ApiError> {
        arguments.params.only(&[])?;
        Ok(arguments.id().to_owned())
    }

    fn reach(_input: &String) -> Reach {
        Reach::Backend
    }

    async fn run(&self, id: &String, _ctx: &Ctx, store: &Store) -> Result<Object, ApiError> {
        let found = store::find_app(store, id).await.map_err(|error| storage_failure(&error))?;
        let app = found.ok_or_else(|| ApiError::not_found(KIND, id, "id"))?;
        Ok(wire::app(&app))
    }
}

/// All apps, or those of one account.
struct List;

impl ReadOperation for List {
    const DEFINITION: Definition =
        Definition { list: true, ..definition("admin.apps.list", Method::Get, URL) };
    type Input = (String, PageRequest);

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Self::Input, ApiError> {
        let [limit, after, before] = PageRequest::PARAMS;
        let fields = arguments.params.only(&["account", limit, after, before])?;
        Ok((wire::filter(&fields, "account")?, PageRequest::parse(&fields)?))
    }

    fn reach(_input: &Self::Input) -> Reach {
        Reach::Backend
    }

    async fn run(
        &self,
        (account, request): &Self::Input,
        _ctx: &Ctx,
        store: &Store,
    ) -> Result<Object, ApiError> {
        let failed = |error| storage_failure(&error);
        let seq = match &request.cursor {
            Some((_, id)) => store::find_app(store, id).await.map_err(failed)?.map(|app| app.seq),
            None => None,
        };
        let position = PagePosition::of(request, KIND, seq)?;
        let selection = Selection { position, app: "", account };
        let rows = store::list_apps(store, &selection).await.map_err(failed)?;
        Ok(wire::page(rows, position, URL, wire::app))
    }
}

/// Changes an app's name or limit; an empty `secrets_per_scope` goes back to the installation's.
struct Update(Shared);

struct Change {
    id: String,
    name: Option<String>,
    secrets_per_scope: Option<Option<i64>>,
}

impl WriteOperation for Update {
    const DEFINITION: Definition = definition("admin.apps.update", Method::Post, ONE);
    type Input = Change;
    type Prepared = Change;
    type Out = App;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Change, ApiError> {
        let fields = arguments.params.only(&["name", "secrets_per_scope"])?;
        let name = fields.has("name").then(|| wire::name(&fields)).transpose()?;
        let cleared = fields.clearable_integer("secrets_per_scope")?.is_none();
        let limit = match (fields.has("secrets_per_scope"), cleared) {
            (false, _) => None,
            (true, true) => Some(None),
            (true, false) => Some(secrets_per_scope(&fields)?),
        };
        Ok(Change { id: arguments.id().to_owned(), name, secrets_per_scope: limit })
    }

    fn reach(_input: &Change) -> Reach {
        Reach::Backend
    }

    async fn prepare(&self, change: &Change, _ctx: &Ctx) -> Result<Change, ApiError> {
        Ok(Change {
            id: change.id.clone(),
            name: change.name.clone(),
            secrets_per_scope: change.secrets_per_scope,
        })
    }

    async fn apply(
        &self,
        change: &Change,
        _ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<App>, Failure> {
        let Some(mut app) = store::find_app_in(tx, &change.id).await? else {
            return Err(ApiError::not_found(KIND, &change.id, "id").into());
        };
        if let Some(name) = &change.name {
            app.name.clone_from(name);
        }
        if let Some(limit) = change.secrets_per_scope {
            app.secrets_per_scope = limit;
        }
        store::update_app(tx, &app).await?;
        Ok(Applied { out: app, subject: change.id.clone(), fingerprint: None })
    }

    fn render(&self, app: &App, _ctx: &Ctx) -> Object {
        wire::app(app)
    }

    async fn committed(&self, _app: &App, _ctx: &Ctx) -> Result<(), ApiError> {
        self.0.changed();
        Ok(())
    }
}

/// Erases an app: its keys, its installs, and everything that it keeps for any account.
struct Delete(Shared);

impl WriteOperation for Delete {
    const DEFINITION: Definition = definition("admin.apps.delete", Method::Delete, ONE);
    type Input = String;
    type Prepared = String;
    type Out = String;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<String, ApiError> {
        arguments.params.only(&[])?;
        Ok(arguments.id().to_owned())
    }

    fn reach(_input: &String) -> Reach {
        Reach::Backend
    }

    async fn prepare(&self, id: &String, _ctx: &Ctx) -> Result<String, ApiError> {
        Ok(id.clone())
    }

    async fn apply(
        &self,
        id: &String,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<String>, Failure> {
        let Some(app) = store::find_app_in(tx, id).await? else {
            return Err(ApiError::not_found(KIND, id, "id").into());
        };
        store::purge_app(tx, &app, store::Purge::by(ctx)).await?;
        Ok(Applied { out: id.clone(), subject: id.clone(), fingerprint: None })
    }

    fn render(&self, id: &String, _ctx: &Ctx) -> Object {
        wire::deleted(id, KIND)
    }

    async fn committed(&self, _id: &String, ctx: &Ctx) -> Result<(), ApiError> {
        self.0.shred(ctx).await
    }
}
