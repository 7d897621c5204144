//! `/v1/admin/api_keys`: create, list, retrieve, revoke.
//!
//! Keys are never deleted by hand, so that audit entries, which name them, stay explained; a
//! revoked key is listed with the time of its revocation.

use super::Shared;
use crate::api_key::{Holder, NewKey};
use crate::developer::NewApp;
use crate::objects::ApiKey;
use crate::reasons;
use crate::store::Selection;
use crate::unstored::RevocationRequest;
use crate::{store, wire};
use coffer_base::{AppId, Mode, Redacted, Timestamp, limit};
use coffer_dialect::authorization::{KeyKind, key_shape};
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{
    Access, Applied, Arguments, Collection, Committed, Ctx, Definition, Example, Failure,
    PagePosition, ReplayPolicy, Routes, WriteOperation,
};
use coffer_storage::{StorageError, Store, Tx};

const KIND: &str = "api_key";
const URL: &str = "/v1/admin/api_keys";
const ONE: &str = "/v1/admin/api_keys/:id";

pub(super) fn register(routes: &mut Routes, shared: &Shared) {
    routes
        .write(Create(shared.clone()))
        .collection(ApiKeys(shared.clone()))
        .write(Revoke(shared.clone()));
}

/// Makes a key of an app, restricted if permissions are named, or an admin key.
struct Create(Shared);

/// The parameters of a key to be created, checked against each other.
struct CreateParams {
    whose: Whose,
    /// For people to read; empty if none was given.
    name: String,
    /// Never, if it is `None`. [`WriteOperation::check`] compares it with the request's time.
    expires_at: Option<Timestamp>,
}

/// Whose key it is to be.
enum Whose {
    /// An operator's.
    Operator,
    /// An app's in one mode, with the permissions of a restricted key.
    App(AppId, Mode, Option<Vec<String>>),
    /// In developer mode, a restricted test key that the caller has made up, with its permissions:
    /// it is of the app whose secret key has the same text.
    Chosen(Redacted<String>, Vec<String>),
}

/// A key that was made, and the token that its one answer shows.
struct Created {
    key: ApiKey,
    token: Redacted<String>,
}

/// The values of the parameter `type`. Ephemeral keys have an operation of their own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Admin,
    Secret,
    Restricted,
}

const TYPES: [(&str, Type); 3] =
    [("admin", Type::Admin), ("restricted", Type::Restricted), ("secret", Type::Secret)];

impl Create {
    /// Checks the permissions that a restricted key is to have, and removes repetitions.
    ///
    /// # Errors
    /// A 400 that names the first unknown one by its place.
    fn permissions(&self, named: &[&str]) -> Result<Vec<String>, ApiError> {
        let mut permissions: Vec<String> = Vec::new();
        for (at, name) in named.iter().enumerate() {
            if !self.0.permissions.iter().any(|known| known == name) {
                let known = self.0.permissions.join(", ");
                let message = format!("Unknown permission '{name}'. There are: {known}.");
                return Err(ApiError::invalid_param(format!("permissions[{at}]"), message)
                    .because(&reasons::PERMISSION_UNKNOWN));
            }
            if !permissions.iter().any(|known| known == name) {
                permissions.push((*name).to_owned());
            }
        }
        Ok(permissions)
    }
}

impl WriteOperation for Create {
    const DEFINITION: Definition = Definition::post("admin.api_keys.create", URL, Access::Admin)
        .example(Example::of(&[("app", "{admin.apps.create}"), ("mode", "test")]));
    type Input = CreateParams;
    type Out = Created;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<CreateParams, ApiError> {
        const KNOWN: &[&str] = &["app", "expires_at", "mode", "name", "permissions", "type"];
        const OF_DEVELOPERS: &[&str] =
            &["app", "expires_at", "key", "mode", "name", "permissions", "type"];
        let known = if self.0.developer { OF_DEVELOPERS } else { KNOWN };
        let fields = arguments.params.only(known)?;
        let name = wire::name(&fields)?;
        let expires_at = fields.clearable_integer("expires_at")?.map(Timestamp::from_unix);
        let named = fields.text_list("permissions")?;
        let kind = match fields.optional_choice("type", &TYPES)? {
            Some(kind) => kind,
            None if named.is_empty() => Type::Secret,
            None => Type::Restricted,
        };
        if named.is_empty() == (kind == Type::Restricted) {
            return Err(ApiError::invalid_param(
                "permissions",
                "A restricted key needs permissions, and only a restricted key has any.",
            )
            .because(&reasons::PERMISSIONS_NOT_TYPE));
        }
        if kind == Type::Admin {
            if let Some(param) = ["app", "mode"].into_iter().find(|param| fields.has(param)) {
                let message = format!("An admin key belongs to no app: leave '{param}' out.");
                let error = ApiError::invalid_param(param, message);
                return Err(error.because(&reasons::ADMIN_KEY_OF_APP));
            }
            return Ok(CreateParams { whose: Whose::Operator, name, expires_at });
        }
        if let Some(token) = chosen_token(&fields)? {
            if named.is_empty() {
                return Err(ApiError::parameter_missing("permissions"));
            }
            let whose = Whose::Chosen(token, self.permissions(&named)?);
            return Ok(CreateParams { whose, name, expires_at });
        }
        let app = wire::app_id(&fields, "app")?;
        let modes = Mode::ALL.map(|mode| (mode.as_str(), mode));
        let mode = fields.required_choice("mode", &modes)?;
        let restricted = kind == Type::Restricted;
        let permissions = restricted.then(|| self.permissions(&named)).transpose()?;
        Ok(CreateParams { whose: Whose::App(app, mode, permissions), name, expires_at })
    }

    fn check(&self, params: &CreateParams, ctx: &Ctx) -> Result<(), ApiError> {
        if params.expires_at.is_some_and(|at| at <= ctx.now()) {
            let message = "The expiry must lie in the future, in Unix seconds.";
            let error = ApiError::invalid_param("expires_at", message);
            return Err(error.because(&reasons::EXPIRY_PAST));
        }
        Ok(())
    }

    async fn apply(
        &self,
        params: &CreateParams,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Created>, Failure> {
        let (name, random, now) = (params.name.clone(), ctx.random(), ctx.now());
        let new = match &params.whose {
            Whose::Operator => {
                NewKey::generate(Holder::Admin, name, params.expires_at, random, now)
            }
            Whose::App(app, mode, permissions) => {
                if store::find_app_in(tx, &self.0.mac, app.as_str()).await?.is_none() {
                    return Err(ApiError::no_such("app", app.as_str(), "app").into());
                }
                let (app, mode, permissions) = (app.clone(), *mode, permissions.clone());
                let holder = Holder::App { app, mode, permissions };
                NewKey::generate(holder, name, params.expires_at, random, now)
            }
            Whose::Chosen(token, permissions) => {
                let Some(app) =
                    NewApp::of(token.expose(), random, now).find_or_add(tx, &self.0.mac).await?
                else {
                    return Err(ApiError::invalid_param(
                        "key",
                        "The secret key with the same text was revoked: choose another text.",
                    )
                    .because(&reasons::CHOSEN_KEY)
                    .into());
                };
                let permissions = Some(permissions.clone());
                let holder = Holder::App { app, mode: Mode::Test, permissions };
                let new =
                    NewKey::from_token(token.clone(), holder, name, params.expires_at, random, now);
                // Named before, or used before and so made with all permissions.
                store::delete_key(tx, &new.hash).await?;
                new
            }
        };
        let key = new.insert(tx, &self.0.mac).await?;
        let subject = key.id.clone();
        Ok(Applied { out: Created { key, token: new.token().clone() }, subject, fingerprint: None })
    }

    fn render(&self, created: &Created, _ctx: &Ctx) -> Object {
        wire::api_key(&created.key, Some(&created.token))
    }

    fn replay_policy(&self, created: &Created) -> ReplayPolicy {
        ReplayPolicy::ShowOnce { id: created.key.id.clone() }
    }

    async fn committed(&self, _created: &Created, _ctx: &Ctx) -> Result<Committed, ApiError> {
        // A key that the caller has made up may have had other permissions until now.
        if self.0.developer {
            self.0.invalidate();
        }
        Ok(Committed::Done)
    }
}

/// The restricted key that a caller has made up.
///
/// # Errors
/// A 400 if it is none, or if an app or a mode is named beside it.
fn chosen_token(fields: &Fields<'_>) -> Result<Option<Redacted<String>>, ApiError> {
    let Some(token) = fields.optional_text("key", limit::ID_CHARACTERS)? else { return Ok(None) };
    let is_plain = token.expose().bytes().all(|byte| byte.is_ascii_graphic());
    let shape = key_shape(token.expose());
    if !is_plain || shape != Some((KeyKind::Restricted, Some(Mode::Test))) {
        return Err(ApiError::invalid_param(
            "key",
            "A key of your choice begins with 'rk_test_' and needs permissions; keys that begin \
             with 'sk_test_' are made on first use.",
        )
        .because(&reasons::CHOSEN_KEY));
    }
    if let Some(param) = ["app", "mode"].into_iter().find(|param| fields.has(param)) {
        let message = format!(
            "A key of your choice belongs to the app of the 'sk_test_' key with the same text, in \
             test mode: leave '{param}' out."
        );
        return Err(ApiError::invalid_param(param, message).because(&reasons::CHOSEN_KEY));
    }
    Ok(Some(token.clone()))
}

/// All keys, or those of one app. Revoked and expired ones are listed too.
#[derive(Clone)]
struct ApiKeys(Shared);

impl Collection for ApiKeys {
    const KIND: &'static str = KIND;
    const LIST: Definition = Definition::get("admin.api_keys.list", URL, Access::Admin).as_list();
    const RETRIEVE: Definition = Definition::get("admin.api_keys.retrieve", ONE, Access::Admin);
    const FILTERS: &'static [&'static str] = &["app"];
    type Filter = String;
    type Item = ApiKey;

    fn filter(&self, fields: &Fields<'_>) -> Result<String, ApiError> {
        wire::filter(fields, "app")
    }

    async fn find(
        &self,
        store: &Store,
        _ctx: &Ctx,
        id: &str,
    ) -> Result<Option<ApiKey>, StorageError> {
        store::find_key(store, &self.0.mac, id).await
    }

    fn seq(item: &ApiKey) -> i64 {
        item.seq
    }

    async fn page(
        &self,
        store: &Store,
        _ctx: &Ctx,
        position: PagePosition,
        filter: &String,
    ) -> Result<Vec<ApiKey>, StorageError> {
        let selection = Selection { position, app: filter, account: "" };
        store::list_keys(store, &self.0.mac, &selection).await
    }

    async fn render(
        &self,
        _store: &Store,
        _ctx: &Ctx,
        items: Vec<ApiKey>,
    ) -> Result<Vec<Object>, StorageError> {
        Ok(items.iter().map(|key| wire::api_key(key, None)).collect())
    }
}

/// Revokes a key, and the ephemeral keys that it made, at once and for good.
struct Revoke(Shared);

impl WriteOperation for Revoke {
    const DEFINITION: Definition =
        Definition::post("admin.api_keys.revoke", "/v1/admin/api_keys/:id/revoke", Access::Admin)
            .shrinks()
            .example(Example::EMPTY.on("admin.api_keys.create"));
    type Input = String;
    type Out = ApiKey;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<String, ApiError> {
        arguments.params.only(&[])?;
        Ok(arguments.id().to_owned())
    }

    fn check(&self, id: &String, ctx: &Ctx) -> Result<(), ApiError> {
        if id.len() > limit::ID_CHARACTERS {
            return Err(ApiError::not_found(KIND, id, "id"));
        }
        let asked = RevocationRequest::of_any(ctx, Self::DEFINITION.name);
        self.0.directory.revoke_in_memory(id, asked);
        Ok(())
    }

    async fn apply(
        &self,
        id: &String,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<ApiKey>, Failure> {
        let mac = &self.0.mac;
        let Some(mut key) = store::find_key_in(tx, mac, id).await? else {
            return Err(ApiError::not_found(KIND, id, "id").into());
        };
        self.0.directory.unstored().found(id, None);
        store::revoke_key(tx, mac, &key, ctx.now()).await?;
        key.revoked_at.get_or_insert(ctx.now());
        Ok(Applied { out: key, subject: id.clone(), fingerprint: None })
    }

    fn render(&self, key: &ApiKey, _ctx: &Ctx) -> Object {
        wire::api_key(key, None)
    }

    async fn committed(&self, key: &ApiKey, _ctx: &Ctx) -> Result<Committed, ApiError> {
        self.0.directory.unstored().remove(&key.id, None);
        Ok(self.0.settle().await)
    }

    fn failed(&self, id: &String, _ctx: &Ctx, failure: Failure) -> ApiError {
        self.0.revocation_failed(id, None, failure)
    }
}
