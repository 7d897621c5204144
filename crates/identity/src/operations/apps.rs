//! `/v1/admin/apps`: create, list, retrieve, update, delete.
//!
//! An app belongs to the account that develops it and needs no install there. Its quotas are
//! parameters and fields by the names that the families declare.

use super::Shared;
use crate::objects::{App, Quotas};
use crate::reasons;
use crate::store::Selection;
use crate::{store, wire};
use coffer_base::{AccountId, AppId};
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{
    Access, Applied, Arguments, Collection, Committed, Ctx, Definition, Example, Failure,
    PagePosition, Quota, Routes, WriteOperation,
};
use coffer_storage::{StorageError, Store, Tx};

const KIND: &str = "app";
const URL: &str = "/v1/admin/apps";
const ONE: &str = "/v1/admin/apps/:id";

pub(super) fn register(routes: &mut Routes, shared: &Shared) {
    routes
        .write(Create(shared.clone()))
        .collection(Apps(shared.clone()))
        .write(Update(shared.clone()))
        .write(Delete(shared.clone()));
}

/// The parameters of an operation that sets quotas: its own, and the name of each quota.
fn params_with_quotas(own: &[&'static str], quotas: &[Quota]) -> Vec<&'static str> {
    own.iter().copied().chain(quotas.iter().map(|quota| quota.name)).collect()
}

/// The quotas that the request names; an empty value goes back to the installation's.
fn changed_quotas(
    declared: &[Quota],
    fields: &Fields<'_>,
) -> Result<Vec<(&'static str, Option<i64>)>, ApiError> {
    let named = declared.iter().filter(|quota| fields.has(quota.name));
    let value = |quota: &Quota| match fields.clearable_integer(quota.name)? {
        None => Ok((quota.name, None)),
        Some(_) => {
            let value = fields.optional_integer_within(quota.name, quota.from..=quota.to)?;
            Ok((quota.name, value))
        }
    };
    named.map(value).collect()
}

/// Makes an app for the account of its developer.
struct Create(Shared);

/// The parameters of a new app; `id` keeps one that is known elsewhere already.
struct CreateParams {
    id: Option<AppId>,
    /// The account that develops the app, which must exist.
    account: AccountId,
    name: String,
    /// Those that were set, each within the bounds that its family declares.
    quotas: Quotas,
}

impl WriteOperation for Create {
    const DEFINITION: Definition = Definition::post("admin.apps.create", URL, Access::Admin)
        .example(Example::of(&[("account", "{admin.accounts.create}")]));
    type Input = CreateParams;
    type Out = App;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<CreateParams, ApiError> {
        let declared = &*self.0.quotas;
        let known = params_with_quotas(&["account", "id", "name"], declared);
        let fields = arguments.params.only(&known)?;
        let account = wire::account_id(&fields, "account")?;
        let id = fields.has("id").then(|| wire::app_id(&fields, "id")).transpose()?;
        let name = wire::name(&fields)?;
        let mut quotas = Quotas::default();
        for quota in declared {
            let value = fields.optional_integer_within(quota.name, quota.from..=quota.to)?;
            quotas.set(quota.name, value);
        }
        Ok(CreateParams { id, account, name, quotas })
    }

    async fn apply(
        &self,
        params: &CreateParams,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<App>, Failure> {
        let account = params.account.as_str();
        if store::find_account_in(tx, &self.0.mac, account).await?.is_none() {
            return Err(ApiError::no_such("account", account, "account").into());
        }
        let id = params.id.clone().unwrap_or_else(|| AppId::random(ctx.random()));
        if store::find_app_in(tx, &self.0.mac, id.as_str()).await?.is_some() {
            let message = format!("An app '{id}' exists already.");
            let error = ApiError::invalid_param("id", message).because(&reasons::ID_TAKEN);
            return Err(error.with_about("an app").into());
        }
        let seq = store::next_seq(tx).await?;
        let app = App {
            id,
            seq,
            account: params.account.clone(),
            name: params.name.clone(),
            quotas: params.quotas.clone(),
            created: ctx.now(),
            version: seq,
        };
        store::insert_app(tx, &self.0.mac, &app).await?;
        Ok(Applied { subject: app.id.to_string(), out: app, fingerprint: None })
    }

    fn render(&self, app: &App, ctx: &Ctx) -> Object {
        wire::app(app, &self.0.quotas, ctx.usages())
    }
}

/// All apps, or those of one account.
#[derive(Clone)]
struct Apps(Shared);

impl Collection for Apps {
    const KIND: &'static str = KIND;
    const LIST: Definition = Definition::get("admin.apps.list", URL, Access::AUDITED).as_list();
    const RETRIEVE: Definition = Definition::get("admin.apps.retrieve", ONE, Access::AUDITED);
    const FILTERS: &'static [&'static str] = &["account"];
    type Filter = String;
    type Item = App;

    fn filter(&self, fields: &Fields<'_>) -> Result<String, ApiError> {
        wire::filter(fields, "account")
    }

    async fn find(&self, store: &Store, _ctx: &Ctx, id: &str) -> Result<Option<App>, StorageError> {
        store::find_app(store, &self.0.mac, id).await
    }

    fn seq(item: &App) -> i64 {
        item.seq
    }

    async fn page(
        &self,
        store: &Store,
        _ctx: &Ctx,
        position: PagePosition,
        account: &String,
    ) -> Result<Vec<App>, StorageError> {
        let selection = Selection { position, app: "", account };
        store::list_apps(store, &self.0.mac, &selection).await
    }

    async fn render(
        &self,
        _store: &Store,
        ctx: &Ctx,
        items: Vec<App>,
    ) -> Result<Vec<Object>, StorageError> {
        Ok(items.iter().map(|app| wire::app(app, &self.0.quotas, ctx.usages())).collect())
    }
}

/// Changes an app's name or quotas; an empty quota goes back to the installation's.
struct Update(Shared);

/// The parameters of a change. What is `None` or not named stays as it is.
struct UpdateParams {
    id: String,
    /// The new display name; an empty one removes the old.
    name: Option<String>,
    /// The quotas that the request names, with the value to set or `None` to unset.
    quotas: Vec<(&'static str, Option<i64>)>,
}

impl WriteOperation for Update {
    const DEFINITION: Definition = Definition::post("admin.apps.update", ONE, Access::Admin)
        .example(Example::of(&[("name", "renamed")]).on("admin.apps.create"));
    type Input = UpdateParams;
    type Out = App;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<UpdateParams, ApiError> {
        let declared = &*self.0.quotas;
        let fields = arguments.params.only(&params_with_quotas(&["name"], declared))?;
        let name = fields.has("name").then(|| wire::name(&fields)).transpose()?;
        let quotas = changed_quotas(declared, &fields)?;
        Ok(UpdateParams { id: arguments.id().to_owned(), name, quotas })
    }

    async fn apply(
        &self,
        params: &UpdateParams,
        _ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<App>, Failure> {
        let Some(mut app) = store::find_app_in(tx, &self.0.mac, &params.id).await? else {
            return Err(ApiError::not_found(KIND, &params.id, "id").into());
        };
        if let Some(name) = &params.name {
            app.name.clone_from(name);
        }
        for (name, value) in &params.quotas {
            app.quotas.set(name, *value);
        }
        store::update_app(tx, &self.0.mac, &app).await?;
        Ok(Applied { out: app, subject: params.id.clone(), fingerprint: None })
    }

    fn render(&self, app: &App, ctx: &Ctx) -> Object {
        wire::app(app, &self.0.quotas, ctx.usages())
    }

    async fn committed(&self, _app: &App, _ctx: &Ctx) -> Result<Committed, ApiError> {
        Ok(self.0.settle().await)
    }
}

/// Erases an app: its keys, its installs, and everything that it keeps for any account.
struct Delete(Shared);

impl WriteOperation for Delete {
    const DEFINITION: Definition = Definition::delete("admin.apps.delete", ONE, Access::Admin)
        .continues()
        .example(Example::EMPTY.on("admin.apps.create"));
    type Input = String;
    type Out = String;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<String, ApiError> {
        arguments.params.only(&[])?;
        Ok(arguments.id().to_owned())
    }

    async fn apply(
        &self,
        id: &String,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<String>, Failure> {
        let Some(app) = store::find_app_in(tx, &self.0.mac, id).await? else {
            return Err(ApiError::not_found(KIND, id, "id").into());
        };
        store::purge_app(tx, &self.0.mac, &app, store::Purge::by(ctx)).await?;
        Ok(Applied { out: id.clone(), subject: id.clone(), fingerprint: None })
    }

    fn render(&self, id: &String, _ctx: &Ctx) -> Object {
        wire::deleted(id, KIND)
    }

    async fn committed(&self, _id: &String, ctx: &Ctx) -> Result<Committed, ApiError> {
        Ok(self.0.destroy_keys(ctx).await)
    }
}
