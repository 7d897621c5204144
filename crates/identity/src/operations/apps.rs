//! `/v1/admin/apps`: create, list, retrieve, update, delete.
//!
//! An app belongs to the account that develops it, which installs nothing. Its manifest says what
//! it asks of those who install it. Its quotas are parameters and fields by the names that the
//! families declare.

use super::Shared;
use crate::objects::{App, Quotas};
use crate::reasons;
use crate::store::Selection;
use crate::{store, wire};
use coffer_base::{AccountId, AppId};
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{
    Access, Applied, Arguments, Collection, Committed, Ctx, Definition, Example, Failure, Manifest,
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

/// The parameters of an app beside its quotas, as create and update take them. What is `None` was
/// not named.
struct AppParams {
    name: Option<String>,
    permissions: Option<Vec<String>>,
    connect_src: Option<Vec<String>>,
    image_src: Option<Vec<String>>,
    endpoints: Option<Vec<String>>,
    self_install: Option<bool>,
    embedders: Option<Vec<AccountId>>,
}

impl AppParams {
    /// Their names.
    const NAMES: [&'static str; 8] = [
        "name",
        "permissions",
        "content_security_policy",
        "content_security_policy[connect_src]",
        "content_security_policy[image_src]",
        "endpoints",
        "self_install",
        "embedders",
    ];

    fn parse(fields: &Fields<'_>) -> Result<Self, ApiError> {
        let list = |fields: &Fields<'_>, name: &str| {
            fields.has(name).then(|| wire::manifest_list(fields, name)).transpose()
        };
        let policy = fields.optional_object("content_security_policy")?;
        let of_policy = |name| policy.as_ref().map_or(Ok(None), |policy| list(policy, name));
        let accounts = || wire::account_list(fields, "embedders");
        Ok(Self {
            name: fields.has("name").then(|| wire::name(fields)).transpose()?,
            permissions: list(fields, "permissions")?,
            connect_src: of_policy("connect_src")?,
            image_src: of_policy("image_src")?,
            endpoints: list(fields, "endpoints")?,
            self_install: fields.optional_bool("self_install")?,
            embedders: fields.has("embedders").then(accounts).transpose()?,
        })
    }

    /// The app with what was named.
    fn apply_to(&self, app: &mut App) {
        fn put<T: Clone>(named: Option<&T>, place: &mut T) {
            if let Some(named) = named {
                place.clone_from(named);
            }
        }
        put(self.name.as_ref(), &mut app.name);
        put(self.permissions.as_ref(), &mut app.manifest.permissions);
        put(self.connect_src.as_ref(), &mut app.manifest.connect_src);
        put(self.image_src.as_ref(), &mut app.manifest.image_src);
        put(self.endpoints.as_ref(), &mut app.manifest.endpoints);
        put(self.self_install.as_ref(), &mut app.self_install);
        put(self.embedders.as_ref(), &mut app.embedders);
    }
}

/// Makes an app for the account of its developer.
struct Create(Shared);

/// The parameters of a new app; `id` keeps one that is known elsewhere already.
struct CreateParams {
    id: Option<AppId>,
    /// The account that develops the app, which must exist.
    account: AccountId,
    params: AppParams,
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
        let own = [["account", "id"].as_slice(), &AppParams::NAMES].concat();
        let known = params_with_quotas(&own, declared);
        let fields = arguments.params.only(&known)?;
        let account = wire::account_id(&fields, "account")?;
        let id = fields.has("id").then(|| wire::app_id(&fields, "id")).transpose()?;
        let params = AppParams::parse(&fields)?;
        let mut quotas = Quotas::default();
        for quota in declared {
            let value = fields.optional_integer_within(quota.name, quota.from..=quota.to)?;
            quotas.set(quota.name, value);
        }
        Ok(CreateParams { id, account, params, quotas })
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
        let mut app = App {
            id,
            seq,
            account: params.account.clone(),
            name: String::new(),
            quotas: params.quotas.clone(),
            manifest: Manifest::default(),
            self_install: false,
            embedders: Vec::new(),
            created: ctx.now(),
            version: seq,
        };
        params.params.apply_to(&mut app);
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

/// Changes an app's name, manifest, rights or quotas; an empty quota goes back to the
/// installation's. What a new manifest asks for is pending on all accounts until it is granted.
struct Update(Shared);

/// The parameters of a change. What is `None` or not named stays as it is.
struct UpdateParams {
    id: String,
    params: AppParams,
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
        let fields = arguments.params.only(&params_with_quotas(&AppParams::NAMES, declared))?;
        let params = AppParams::parse(&fields)?;
        let quotas = changed_quotas(declared, &fields)?;
        Ok(UpdateParams { id: arguments.id().to_owned(), params, quotas })
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
        params.params.apply_to(&mut app);
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
        .of_many_accounts()
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
        let ending = store::installed_of_app(tx, &self.0.mac, &app.id).await?;
        self.0.installs.announce_end(tx, &ctx.cause(), &ending).await?;
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
