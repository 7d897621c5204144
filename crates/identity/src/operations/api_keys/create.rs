//! Making a key of an app, or an admin key.

use super::{KEEPERS, Shared, URL, check_operator};
use crate::api_key::{Holder, NewKey, Terms};
use crate::developer::NewApp;
use crate::objects::ApiKey;
use crate::{limits, reasons, store, wire};
use coffer_base::{AppId, Mode, Redacted, Timestamp, limit};
use coffer_dialect::authorization::{KeyKind, key_shape};
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{
    AdminRole, Applied, Arguments, Committed, Ctx, Definition, Example, Failure, ReplayPolicy,
    SealingOperation,
};
use coffer_storage::Tx;

/// Makes a key of an app, restricted if permissions are named, or an admin key.
pub(super) struct Create(pub(super) Shared);

/// The parameters of a key to be created, checked against each other.
pub(super) struct CreateParams {
    whose: Whose,
    /// What was asked for; without its expiry.
    terms: Terms,
    /// [`SealingOperation::seal`] compares it with the request's time.
    expiry: Expiry,
}

/// When a key is to end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expiry {
    /// As the operator's setting has it.
    Default,
    /// Never, whatever the setting says.
    Never,
    /// At this second.
    At(Timestamp),
}

/// Whose key it is to be.
enum Whose {
    /// An operator's, or that of somebody with another role.
    Admin(AdminRole),
    /// An app's in one mode, with the permissions of a restricted key.
    App(AppId, Mode, Option<Vec<String>>),
    /// In developer mode, a restricted test key that the caller has made up, with its permissions:
    /// it is of the app whose secret key has the same text.
    Chosen(Redacted<String>, Vec<String>),
}

/// A key that was made, and the token that its one answer shows.
pub(super) struct Created {
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

const KNOWN: &[&str] =
    &["app", "expires_at", "mode", "name", "networks", "permissions", "role", "type", "uses"];

/// In developer mode a caller chooses what a key is called.
const OF_DEVELOPERS: &[&str] = &[
    "app",
    "expires_at",
    "key",
    "mode",
    "name",
    "networks",
    "permissions",
    "role",
    "type",
    "uses",
];

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

    /// Whose key it is to be.
    ///
    /// # Errors
    /// The parameter that is missing, or fits no other.
    fn whose(&self, fields: &Fields<'_>) -> Result<Whose, ApiError> {
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
        let role =
            fields.optional_choice("role", &AdminRole::ALL.map(|role| (role.as_str(), role)))?;
        if kind == Type::Admin {
            if let Some(param) = ["app", "mode"].into_iter().find(|param| fields.has(param)) {
                let message = format!("An admin key belongs to no app: leave '{param}' out.");
                let error = ApiError::invalid_param(param, message);
                return Err(error.because(&reasons::ADMIN_KEY_OF_APP));
            }
            return Ok(Whose::Admin(role.unwrap_or(AdminRole::Operator)));
        }
        if role.is_some() {
            let error = ApiError::invalid_param("role", "Only admin keys have a role.");
            return Err(error.because(&reasons::ROLE_OF_APP_KEY));
        }
        if let Some(token) = chosen_token(fields)? {
            if named.is_empty() {
                return Err(ApiError::parameter_missing("permissions"));
            }
            return Ok(Whose::Chosen(token, self.permissions(&named)?));
        }
        let app = wire::app_id(fields, "app")?;
        let modes = Mode::ALL.map(|mode| (mode.as_str(), mode));
        let mode = fields.required_choice("mode", &modes)?;
        let restricted = kind == Type::Restricted;
        let permissions = restricted.then(|| self.permissions(&named)).transpose()?;
        Ok(Whose::App(app, mode, permissions))
    }
}

impl SealingOperation for Create {
    const DEFINITION: Definition = Definition::post("admin.api_keys.create", URL, KEEPERS)
        .example(Example::of(&[("app", "{admin.apps.create}"), ("mode", "test")]));
    type Input = CreateParams;
    type Sealed = ();
    type Out = Created;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<CreateParams, ApiError> {
        let fields = arguments.params.only(if self.0.developer { OF_DEVELOPERS } else { KNOWN })?;
        let terms = Terms {
            name: wire::name(&fields)?,
            expires_at: None,
            networks: wire::networks(&fields)?,
            uses: fields.optional_integer_within("uses", 1..=limits::KEY_USES_CEILING)?,
        };
        let expiry = match fields.clearable_integer("expires_at")? {
            Some(at) => Expiry::At(Timestamp::from_unix(at)),
            None if fields.has("expires_at") => Expiry::Never,
            None => Expiry::Default,
        };
        Ok(CreateParams { whose: self.whose(&fields)?, terms, expiry })
    }

    async fn seal(&self, params: &CreateParams, ctx: &Ctx) -> Result<(), ApiError> {
        match params.whose {
            Whose::Admin(_) => check_operator(ctx)?,
            Whose::App(..) | Whose::Chosen(..) => self.0.check_making().await?,
        }
        if matches!(params.expiry, Expiry::At(at) if at <= ctx.now()) {
            let message = "The expiry must lie in the future, in Unix seconds.";
            let error = ApiError::invalid_param("expires_at", message);
            return Err(error.because(&reasons::EXPIRY_PAST));
        }
        Ok(())
    }

    async fn apply(
        &self,
        params: &CreateParams,
        _sealed: &(),
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Created>, Failure> {
        let (random, now) = (ctx.random(), ctx.now());
        let expires_at = match params.expiry {
            Expiry::Default => self.0.default_expiry(now),
            Expiry::Never => None,
            Expiry::At(at) => Some(at),
        };
        let terms = Terms { expires_at, ..params.terms.clone() };
        let new = match &params.whose {
            Whose::Admin(role) => NewKey::generate(Holder::Admin(*role), terms, random, now),
            Whose::App(app, mode, permissions) => {
                if store::find_app_in(tx, &self.0.mac, app.as_str()).await?.is_none() {
                    return Err(ApiError::no_such("app", app.as_str(), "app").into());
                }
                let (app, mode, permissions) = (app.clone(), *mode, permissions.clone());
                let holder = Holder::App { app, mode, permissions };
                NewKey::generate(holder, terms, random, now)
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
                let new = NewKey::from_token(token.clone(), holder, terms, random, now);
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
