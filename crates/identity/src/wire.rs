//! Parameters in, objects out, for the admin API and ephemeral keys, which are extensions of
//! Stripe's API (`docs/wire/conventions.md`).

use crate::limits;
use crate::objects::{Account, ApiKey, App, ErasureReceipt};
use crate::reasons;
use crate::store::InstallModes;
use coffer_base::{AccountId, AppId, InvalidId, Mode, Redacted, Timestamp, limit};
use coffer_dialect::{ApiError, Fields, Object, Value};
use coffer_kernel::{Network, Quota, Usages};

/// An optional display name of up to [`limits::DISPLAY_NAME_CHARACTERS`]; empty if it is left out.
pub(crate) fn name(fields: &Fields<'_>) -> Result<String, ApiError> {
    let name = fields.optional_text("name", limits::DISPLAY_NAME_CHARACTERS)?;
    Ok(name.map(plain).unwrap_or_default())
}

/// Takes a name, an id or a user out of the wrapping that every parameter has: these are no
/// secrets, and stand in responses and rows as they are.
pub(crate) fn plain(text: &Redacted<String>) -> String {
    text.expose().clone()
}

/// The refusal of an id that has other characters than ids have, or too many.
fn bad_id(param: &str, error: InvalidId) -> ApiError {
    ApiError::invalid_param(param, format!("Invalid {param}: {error}."))
        .because(&reasons::ID_INVALID)
}

/// A required parameter that is an account's id.
///
/// # Errors
/// A 400 that names the parameter if it is missing or no such id.
pub(crate) fn account_id(fields: &Fields<'_>, param: &str) -> Result<AccountId, ApiError> {
    let text = fields.required_text(param, limit::ID_CHARACTERS)?;
    AccountId::parse(text.expose()).map_err(|error| bad_id(param, error))
}

/// A required parameter that is an app's id.
///
/// # Errors
/// A 400 that names the parameter if it is missing or no such id.
pub(crate) fn app_id(fields: &Fields<'_>, param: &str) -> Result<AppId, ApiError> {
    let text = fields.required_text(param, limit::ID_CHARACTERS)?;
    AppId::parse(text.expose()).map_err(|error| bad_id(param, error))
}

/// The entries of a list of an app's manifest, each once.
///
/// # Errors
/// A 400 that names the first that holds white space or a control character or is too long, by its
/// place, or says that there are too many.
pub(crate) fn manifest_list(fields: &Fields<'_>, param: &str) -> Result<Vec<String>, ApiError> {
    let wrong = |path: String, why: String| {
        ApiError::invalid_param(path, why).because(&reasons::MANIFEST_INVALID)
    };
    let texts = fields.text_list(param)?;
    let path = fields.path(param);
    if texts.len() > limits::MANIFEST_ENTRIES {
        let why = format!("At most {} entries are allowed.", limits::MANIFEST_ENTRIES);
        return Err(wrong(path, why));
    }
    let mut entries: Vec<String> = Vec::new();
    for (at, text) in texts.into_iter().enumerate() {
        if text.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
            let why = "This has white space or a control character in it: send one URL, or the \
                       name of one permission.";
            return Err(wrong(format!("{path}[{at}]"), why.to_owned()));
        }
        if text.chars().count() > limits::MANIFEST_ENTRY_CHARACTERS {
            let most = limits::MANIFEST_ENTRY_CHARACTERS;
            return Err(wrong(format!("{path}[{at}]"), format!("At most {most} characters.")));
        }
        if !entries.iter().any(|entry| entry == text) {
            entries.push(text.to_owned());
        }
    }
    Ok(entries)
}

/// The accounts in a list of ids.
///
/// # Errors
/// A 400 that names the first that is no account's id, by its place, or says that there are too
/// many.
pub(crate) fn account_list(fields: &Fields<'_>, param: &str) -> Result<Vec<AccountId>, ApiError> {
    let ids = manifest_list(fields, param)?;
    let parse = |(at, id): (usize, &String)| {
        AccountId::parse(id).map_err(|error| bad_id(&format!("{param}[{at}]"), error))
    };
    ids.iter().enumerate().map(parse).collect()
}

/// The networks that a key may be used from; none if the parameter is left out.
///
/// # Errors
/// A 400 that names the first that is none, by its place, or says that there are too many.
pub(crate) fn networks(fields: &Fields<'_>) -> Result<Vec<Network>, ApiError> {
    let texts = fields.text_list("networks")?;
    if texts.len() > limits::KEY_NETWORKS {
        let message = format!("A key has at most {} networks.", limits::KEY_NETWORKS);
        return Err(
            ApiError::invalid_param("networks", message).because(&reasons::NETWORKS_INVALID)
        );
    }
    if texts.is_empty() && fields.has("networks") {
        let message = "This names no network: leave it out for a key that is used from everywhere.";
        return Err(
            ApiError::invalid_param("networks", message).because(&reasons::NETWORKS_INVALID)
        );
    }
    let mut networks: Vec<Network> = Vec::new();
    for (at, text) in texts.into_iter().enumerate() {
        let wrong = |why: String| {
            let error = ApiError::invalid_param(format!("networks[{at}]"), why);
            error.because(&reasons::NETWORKS_INVALID)
        };
        let network: Network = match text.len() <= limits::NETWORK_CHARACTERS {
            true => text.parse().map_err(|why| wrong(format!("{why}.")))?,
            false => return Err(wrong("This is too long for a network.".to_owned())),
        };
        if !network.is_exact() {
            let why = "has bits behind those of its network: write its first address";
            return Err(wrong(format!("'{network}' {why}, or one address alone.")));
        }
        if !networks.contains(&network) {
            networks.push(network);
        }
    }
    Ok(networks)
}

/// The filter `param` of a list; empty if it is left out, which narrows nothing. An id that nobody
/// has is no error, and finds nothing.
pub(crate) fn filter(fields: &Fields<'_>, param: &str) -> Result<String, ApiError> {
    Ok(fields.id_filter(param)?.unwrap_or_default())
}

pub(crate) fn account(account: &Account) -> Object {
    Object::new(account.id.as_str(), "account")
        .set("created", account.created.unix())
        .set("name", name_or_null(&account.name))
}

/// An app, with a field for each declared quota; null where the installation's setting counts.
/// `usage` is what it keeps in each mode, null until that was counted.
pub(crate) fn app(app: &App, declared: &[Quota], usages: &Usages) -> Object {
    let manifest = &app.manifest;
    let policy = Object::bare()
        .set("connect_src", manifest.connect_src.clone())
        .set("image_src", manifest.image_src.clone());
    let embedders = app.embedders.iter().map(|account| account.as_str().to_owned());
    let object = Object::new(app.id.as_str(), "app")
        .set("account", app.account.as_str().to_owned())
        .set("content_security_policy", policy)
        .set("created", app.created.unix())
        .set("embedders", embedders.collect::<Vec<_>>())
        .set("endpoints", manifest.endpoints.clone())
        .set("name", name_or_null(&app.name))
        .set("permissions", manifest.permissions.clone())
        .set("self_install", app.self_install)
        .set("usage", usages.of_app(app.id.as_str()));
    declared.iter().fold(object, |object, quota| {
        object.set(quota.name, app.quotas.get(quota.name).map_or(Value::Null, Value::Int))
    })
}

/// An install, with the id of `/v1/apps/installs` that it has in each mode in which the app is let
/// in. One that was uninstalled in both without a purge is still listed, as `uninstalled`.
pub(crate) fn install(found: &InstallModes) -> Object {
    let install = &found.install;
    let of_mode = |mode| found.installed_in(mode).map(|one| one.id.clone());
    let (live, test) = (of_mode(Mode::Live), of_mode(Mode::Test));
    let is_active = live.is_some() || test.is_some();
    Object::new(&install.id, "install")
        .set("account", install.account.as_str().to_owned())
        .set("app", install.app.as_str().to_owned())
        .set("created", install.created.unix())
        .set("live", text(live))
        .set("status", if is_active { "active" } else { "uninstalled" })
        .set("test", text(test))
}

/// An API key as the admin API shows it. `token` becomes the field `key`, in the response to its
/// creation only.
pub(crate) fn api_key(key: &ApiKey, token: Option<&Redacted<String>>) -> Object {
    let bound = key.bound.as_ref();
    let permissions = key.permissions.as_ref().map_or(Value::Null, |list| {
        Value::List(list.iter().cloned().map(|word| Value::Text(word.into())).collect())
    });
    let app = key.app.as_ref().map(|app| app.as_str().to_owned());
    let object = Object::new(&key.id, "api_key")
        .set("account", text(bound.map(|bound| bound.account.as_str().to_owned())))
        .set("app", text(app))
        .set("created", key.created.unix())
        .set("expires_at", time(key.expires_at))
        .set("last_used", time(key.last_used))
        .set("mode", key.mode.map_or(Value::Null, |mode| mode.as_str().into()))
        .set("name", name_or_null(&key.name))
        .set("parent", text(key.parent.clone()))
        .set("permissions", permissions)
        .set("redacted_key", key.redacted.clone())
        .set("revoked_at", time(key.revoked_at))
        .set("type", key.kind.as_str())
        .set("user", text(bound.map(|bound| bound.user.clone()).or_else(|| key.person.clone())));
    let object = restrictions(key, object);
    match token {
        Some(token) => object.set("key", Value::Secret(token.clone())),
        None => object,
    }
}

/// What only some keys have: a role, networks, a number of uses, a successor.
fn restrictions(key: &ApiKey, mut object: Object) -> Object {
    if let Some(role) = key.role {
        object = object.set("role", role.as_str());
    }
    if !key.networks.is_empty() {
        let texts = key.networks.iter().map(|network| Value::Text(network.to_string().into()));
        object = object.set("networks", Value::List(texts.collect()));
    }
    if let Some(uses) = key.uses {
        object = object.set("uses", uses);
    }
    match &key.successor {
        Some(successor) => object.set("successor", successor.clone()),
        None => object,
    }
}

/// The same with how many uses are left, if they are limited.
pub(crate) fn counted(object: Object, key: &ApiKey, used: i64) -> Object {
    match key.uses {
        Some(uses) => object.set("uses_left", uses.saturating_sub(used).max(0)),
        None => object,
    }
}

/// A successor's object, which also says which key it follows, and when that ends.
pub(crate) fn rolled(before: &ApiKey, object: Object) -> Object {
    object
        .set("predecessor", before.id.clone())
        .set("predecessor_expires_at", time(before.expires_at))
}

/// An ephemeral key as the app's backend sees it: in the shape of Stripe's ephemeral keys, whose
/// token is `secret` and whose expiry is `expires`.
pub(crate) fn ephemeral_key(key: &ApiKey, token: Option<&Redacted<String>>) -> Object {
    let object = Object::new(&key.id, "ephemeral_key")
        .set("created", key.created.unix())
        .set("expires", time(key.expires_at))
        .set("livemode", key.mode.is_some_and(Mode::is_live))
        .set("user", text(key.bound.as_ref().map(|bound| bound.user.clone())));
    match token {
        Some(token) => object.set("secret", Value::Secret(token.clone())),
        None => object,
    }
}

/// A receipt. `oldest_key_epoch` is the oldest epoch of the key store of which a copy may still
/// exist.
pub(crate) fn erasure(receipt: &ErasureReceipt) -> Object {
    Object::new(&receipt.id, "erasure")
        .set("account", receipt.account.as_str().to_owned())
        .set("created", receipt.created.unix())
        .set("done_at", time(receipt.done))
        .set("oldest_key_epoch", receipt.epoch.map_or(Value::Null, Value::Int))
        .set("request", receipt.request.clone())
        .set("status", if receipt.done.is_some() { "done" } else { "pending" })
        .set("user", text(receipt.user.clone()))
}

/// The response to a deletion: the id, the kind and `deleted: true`, as Stripe has it.
pub(crate) fn deleted(id: &str, object: &'static str) -> Object {
    Object::new(id, object).set("deleted", true)
}

/// Unix seconds, or null.
fn time(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, |at| Value::Int(at.unix()))
}

fn text(value: Option<String>) -> Value {
    value.map_or(Value::Null, |text| Value::Text(text.into()))
}

/// A display name; null if none was given, which the table stores as an empty one.
fn name_or_null(name: &str) -> Value {
    text(Some(name.to_owned()).filter(|name| !name.is_empty()))
}
