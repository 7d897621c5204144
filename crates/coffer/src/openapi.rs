//! The description of the API as OpenAPI 3.1, and as a page.
//!
//! What an operation accepts comes from the operation itself ([`Description`]); what it answers
//! comes from what its own example was answered, which a test records in `answers.json` and keeps
//! true.

mod example;
mod headers;
mod health;
mod page;
mod schema;

use coffer_dialect::error::{STATUSES, TYPES};
use coffer_kernel::{Access, Description, Document, Method};
use schema::{form_schema, query_parameters};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// What the server says of itself to whoever asks.
pub const DOCUMENTS: [Document; 2] = [
    Document { path: "/openapi.json", content_type: "application/json", write: text },
    Document { path: "/docs/api", content_type: "text/html; charset=utf-8", write: page::page },
];

/// Where the operations begin that only developer mode has.
const DEVELOPERS: &str = "/v1/test_helpers/";

/// What an error's `code` can be. A test compares the list with what the code of all crates says.
pub const CODES: [&str; 18] = [
    "account_invalid",
    "api_key_expired",
    "balance_insufficient",
    "idempotency_key_in_use",
    "lock_timeout",
    "parameter_invalid_empty",
    "parameter_invalid_integer",
    "parameter_missing",
    "parameter_unknown",
    "property_expansion_max_depth",
    "rate_limit",
    "resource_missing",
    "secret_key_required",
    "secret_lease_held",
    "secret_lease_interrupted",
    "secret_lease_lost",
    "secret_version_changed",
    "url_invalid",
];

/// What stands for what the server says of itself.
const SERVER: &str = "server";

/// What the examples of all operations were answered, as schemas.
static ANSWERS: LazyLock<Value> = LazyLock::new(|| {
    // It is part of the program, and a test reads it.
    serde_json::from_str(include_str!("openapi/answers.json")).unwrap_or_default()
});

fn text(all: &[Description]) -> String {
    document(all).to_string()
}

/// These operations as an OpenAPI document.
pub fn document(all: &[Description]) -> Value {
    let developer = headers::is_developers(all);
    let mut paths = Map::new();
    for one in all {
        let path = template(one.definition.path);
        let methods = paths.entry(path).or_insert_with(|| json!({}));
        if let Value::Object(methods) = methods {
            let method = one.definition.method.as_str().to_ascii_lowercase();
            methods.insert(method, operation(one, developer));
        }
    }
    health::add(&mut paths);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Coffer",
            "version": crate::VERSION,
            "description": "Stripe's Secret Store and Reserves, and what Coffer adds to them. \
                            `x-coffer-origin` tells Stripe's operations from extensions.",
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"basic": []}],
        "tags": tags(all),
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {
                    "type": "http", "scheme": "basic",
                    "description": "The key as user name, without a password.",
                },
            },
            "parameters": headers::described(developer),
            "responses": failures(),
            "schemas": schemas(),
        },
    })
}

/// A path as OpenAPI writes it: `{id}` where a segment is open.
fn template(path: &str) -> String {
    let segment = |segment: &str| match segment.strip_prefix(':') {
        Some(name) => format!("{{{name}}}"),
        None => segment.to_owned(),
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

/// What an operation is about: its name without the verb at its end.
fn tag(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(about, _)| about)
}

fn tags(all: &[Description]) -> Value {
    let mut names: Vec<&str> = Vec::new();
    for one in all {
        let name = tag(one.definition.name);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.push(SERVER);
    names.into_iter().map(|name| json!({"name": name})).collect()
}

fn operation(one: &Description, developer: bool) -> Value {
    let definition = &one.definition;
    let mut operation = json!({
        "operationId": definition.name,
        "tags": [tag(definition.name)],
        "summary": summary(definition.name),
        "description": needs(definition.access),
        "x-coffer-origin": definition.origin.as_str(),
        "parameters": parameters(one, developer),
        "responses": responses(one),
    });
    let Value::Object(fields) = &mut operation else { return operation };
    if definition.path.starts_with(DEVELOPERS) {
        fields.insert("x-coffer-developer-only".to_owned(), json!(true));
    }
    if one.has_form() {
        fields.insert("requestBody".to_owned(), form_schema(one));
    }
    operation
}

/// A line for people: `Secrets: create`.
fn summary(name: &str) -> String {
    let (about, verb) = name.rsplit_once('.').unwrap_or(("", name));
    format!("{} ({})", verb.replace('_', " "), about.replace('_', " "))
}

/// Who may call it.
fn needs(access: Access) -> String {
    match access {
        Access::Tenant { permission } => {
            format!("A secret key, or a restricted one with the permission `{permission}`.")
        }
        Access::App => "Any key of an app.".to_owned(),
        Access::Admin => "An operator's admin key.".to_owned(),
        Access::AdminOf(roles) => {
            let roles: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
            format!("An operator's admin key, or one with the role {}.", roles.join(" or "))
        }
    }
}

/// The path's, the headers', and the query's.
fn parameters(one: &Description, developer: bool) -> Vec<Value> {
    let definition = &one.definition;
    let open = definition.path.split('/').filter_map(|segment| segment.strip_prefix(':'));
    let mut all: Vec<Value> = open
        .map(|name| {
            json!({"name": name, "in": "path", "required": true,
                "schema": {"type": "string", "minLength": 1, "maxLength": 255}})
        })
        .collect();
    let reference = |name: &str| json!({"$ref": format!("#/components/parameters/{name}")});
    all.extend(headers::names(definition, developer).into_iter().map(reference));
    if definition.method != Method::Post {
        all.extend(query_parameters(one));
    }
    all
}

/// What an operation can answer: what it was seen to answer, and each failure.
fn responses(one: &Description) -> Value {
    let mut all = Map::new();
    let seen = ANSWERS.get("operations").and_then(|all| all.get(one.definition.name));
    let statuses = seen.and_then(Value::as_object).into_iter().flatten();
    for (status, schema) in statuses {
        all.insert(status.clone(), success(status, JSON, schema));
    }
    if all.is_empty() {
        let content_type = one.definition.content_type;
        let kind = if content_type == JSON { "object" } else { "string" };
        all.insert("200".to_owned(), success("200", content_type, &json!({"type": kind})));
    }
    if one.definition.continues
        && let Some(done) = all.get("200").cloned()
    {
        all.entry("202").or_insert(done);
    }
    for (status, _) in STATUSES {
        let of_posts = status == STATUS_OF_POSTS;
        if !of_posts || one.definition.method == Method::Post {
            let reference = json!({"$ref": format!("#/components/responses/{status}")});
            all.insert(status.to_string(), reference);
        }
    }
    Value::Object(all)
}

/// The failure that only requests with an idempotency key meet, as the dialect says.
const STATUS_OF_POSTS: u16 = {
    let [_, _, _, _, _, (in_use, _), ..] = STATUSES;
    in_use
};

/// What nearly all operations answer.
const JSON: &str = "application/json";

fn success(status: &str, content_type: &str, schema: &Value) -> Value {
    let about = match status {
        "202" => "It is done as far as is shown, and goes on.",
        _ => "Done.",
    };
    json!({"description": about, "content": {content_type: {"schema": schema}}})
}

fn failures() -> Value {
    let failure = |(status, about): (u16, &str)| {
        let schema = json!({"$ref": "#/components/schemas/error"});
        let value = json!({"description": about,
            "content": {"application/json": {"schema": schema}}});
        (status.to_string(), value)
    };
    Value::Object(STATUSES.into_iter().map(failure).collect())
}

fn schemas() -> Value {
    let mut all = ANSWERS.get("schemas").cloned().unwrap_or_else(|| json!({}));
    if let Value::Object(schemas) = &mut all {
        schemas.insert("error".to_owned(), error());
    }
    all
}

fn error() -> Value {
    json!({
        "type": "object",
        "required": ["error"],
        "additionalProperties": false,
        "properties": {"error": {
            "type": "object",
            "required": ["message", "type"],
            "additionalProperties": false,
            "properties": {
                "message": {"type": "string"},
                "type": {"enum": TYPES},
                "code": {"enum": CODES},
                "param": {"type": "string"},
            },
        }},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_answered_is_there() {
        assert!(ANSWERS["schemas"]["apps.secret"].is_object());
        assert!(ANSWERS["operations"]["apps.secrets.create"]["200"].is_object());
    }
}
