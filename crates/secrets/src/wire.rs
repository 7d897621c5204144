//! Parameters in, objects out.

use crate::limits;
use crate::reasons;
use crate::secret::{Locator, Scope, Secret, numbered};
use coffer_base::{AccountId, AppId, Mode, Redacted, Tenant, Timestamp, limit};
use coffer_dialect::{ApiError, Fields, Object, Value};
use coffer_kernel::Ctx;

/// What the callers' errors call a secret: `No such secret: 'x'`.
pub(crate) const KIND: &str = "secret";

/// What every call accepts of a scope.
pub(crate) const SCOPE_PARAMS: [&str; 3] = ["scope", "scope[type]", "scope[user]"];

/// Where lists say that they come from.
pub(crate) const URL: &str = "/v1/apps/secrets";

/// The field that is left out unless it is expanded.
pub(crate) const PAYLOAD: &str = "payload";

/// What can be expanded. `scope` is always there: asking for it changes nothing.
pub(crate) const EXPANDABLE: &[&str] = &[PAYLOAD, "scope"];

/// The name of a secret.
///
/// # Errors
/// A 400 that names the parameter if it is missing, empty or longer than
/// [`limits::SECRET_NAME_CHARACTERS`].
pub(crate) fn name(fields: &Fields<'_>) -> Result<String, ApiError> {
    let name = fields.required_text("name", limits::SECRET_NAME_CHARACTERS)?;
    Ok(plain(name))
}

/// The account that an operator asks about.
///
/// # Errors
/// A 400 that names the parameter if it is missing or is no id.
pub(crate) fn account(fields: &Fields<'_>) -> Result<AccountId, ApiError> {
    AccountId::parse(&fields.required_plain("account", limit::ID_CHARACTERS)?)
        .map_err(|error| ApiError::invalid_param("account", format!("{error}.")))
}

/// Whose secrets an operator asks about: those that an app keeps for an account, in live mode
/// unless another is named.
///
/// # Errors
/// A 400 that names the parameter if one is missing or is none.
pub(crate) fn tenant(fields: &Fields<'_>) -> Result<Tenant, ApiError> {
    let account = account(fields)?;
    let app = AppId::parse(&fields.required_plain("app", limit::ID_CHARACTERS)?)
        .map_err(|error| ApiError::invalid_param("app", format!("{error}.")))?;
    let modes = [("live", Mode::Live), ("test", Mode::Test)];
    let mode = fields.optional_choice("mode", &modes)?.unwrap_or(Mode::Live);
    Ok(Tenant { mode, app, account })
}

/// Takes a name or a user out of the wrapping that every parameter has: these are no secrets, and
/// stand in responses and in rows as they are.
pub(crate) fn plain(text: &Redacted<String>) -> String {
    text.expose().clone()
}

/// The values of `scope[type]`.
#[derive(Clone, Copy)]
enum Kind {
    Account,
    User,
}

/// The scope that `scope[type]` and `scope[user]` name.
///
/// # Errors
/// A 400 that names the parameter: no scope, an unknown type, a user scope without its user, or an
/// account scope with one.
pub(crate) fn scope(fields: &Fields<'_>) -> Result<Scope, ApiError> {
    let scope = fields.required_object("scope")?;
    let choices = [("account", Kind::Account), ("user", Kind::User)];
    match scope.required_choice("type", &choices)? {
        Kind::User => {
            let user = scope.required_text("user", limit::SCOPE_USER_CHARACTERS)?;
            Ok(Scope::User(plain(user)))
        }
        Kind::Account => match scope.optional_text("user", limit::SCOPE_USER_CHARACTERS)? {
            None => Ok(Scope::Account),
            Some(_) => Err(ApiError::invalid_param(
                scope.path("user"),
                "A secret in the account's scope belongs to no user: leave scope[user] out, or \
                 set scope[type] to 'user'.",
            )
            .because(&reasons::USER_OF_ACCOUNT_SCOPE)),
        },
    }
}

/// A scope on the wire.
pub(crate) fn scope_object(scope: &Scope) -> Object {
    let object = Object::bare().set("type", scope.kind());
    match scope.user() {
        Some(user) => object.set("user", user.to_owned()),
        None => object,
    }
}

/// A secret without its payload.
pub(crate) fn object(
    id: &str,
    created: Timestamp,
    expires_at: Option<Timestamp>,
    locator: &Locator,
    mode: Mode,
) -> Object {
    Object::new(id, "apps.secret")
        .set("created", created.unix())
        .set("expires_at", expires_at.map_or(Value::Null, |at| Value::Int(at.unix())))
        .set("livemode", mode.is_live())
        .set("name", locator.name.clone())
        .set("scope", scope_object(&locator.scope))
}

/// The object on the wire; its version stands in a header.
pub(crate) fn render(secret: &Secret, ctx: &Ctx) -> Object {
    let locator = &secret.locator;
    let Secret { id, created, expires_at, .. } = secret;
    let object = object(id, *created, *expires_at, locator, ctx.tenant().mode)
        .versioned(numbered(secret.version, id));
    match &secret.payload {
        Some(payload) => object.set(PAYLOAD, Value::Secret(payload.clone())),
        None => object,
    }
}

/// The refusal of a request for a secret that does not exist, has expired, or is another tenant's:
/// a caller cannot tell which.
pub(crate) fn not_found(locator: &Locator) -> ApiError {
    ApiError::not_found(KIND, &locator.name, "name").because(&reasons::NOT_FOUND)
}

/// How many entries of the audit are looked at, if the caller says: the newest ones.
///
/// # Errors
/// A 400 for another number than those from 1 to [`limits::LOOKED_AT_CEILING`].
pub(crate) fn looked_at(fields: &Fields<'_>) -> Result<Option<u64>, ApiError> {
    let entries = fields.optional_integer_within("entries", 1..=limits::LOOKED_AT_CEILING)?;
    Ok(entries.and_then(|entries| u64::try_from(entries).ok()))
}
