//! `coffer explain`: why a request got what it got, and what became of a secret.

use super::args::{Explain, ExplainArgs};
use super::client::{Client, Expected, object_path};
use super::exit::{Exit, Failure};
use super::output::Output;
use super::table;
use crate::config::{ADMIN_KEY, Config};
use serde_json::{Value, json};

const REQUESTS: &str = "/v1/admin/requests";
const HISTORY: &str = "/v1/admin/secrets/history";

/// `coffer explain`.
pub fn run(config: &Config, args: &ExplainArgs, output: Output) -> Result<Exit, Failure> {
    if let Some(Explain::Secret { name, account, user }) = &args.other {
        return secret(config, name, account, user.as_deref(), output);
    }
    let client = Client::new(config, &ADMIN_KEY)?;
    let id = args.request.as_deref().unwrap_or_default();
    let params: Vec<_> = args.name.as_deref().map(|name| ("name", name)).into_iter().collect();
    let request = client.get(&object_path(REQUESTS, id), &params, Expected::one("request", id))?;
    output.show(&request, |request| {
        table::plain(request.get("sentence").and_then(Value::as_str).unwrap_or_default())
    })?;
    Ok(Exit::Done)
}

/// `coffer explain secret`, and `coffer secrets history`.
pub fn secret(
    config: &Config,
    name: &str,
    account: &str,
    user: Option<&str>,
    output: Output,
) -> Result<Exit, Failure> {
    let mut params = vec![("name", name), ("account", account)];
    params.extend(user.map(|user| ("user", user)));
    let client = Client::new(config, &ADMIN_KEY)?;
    let history = client.get(HISTORY, &params, Expected::object("secret_history"))?;
    output.show(&history, history_table)?;
    Ok(Exit::Done)
}

/// The history of a secret: what there is, its changes, its readers.
fn history_table(history: &Value) -> String {
    let part = |name: &str, fields: &[&str]| {
        let list = json!({ "data": history.get(name).cloned().unwrap_or_default() });
        format!("{}:\n{}", name.to_uppercase(), table::list(&list, fields))
    };
    let last = history.get("last_read").and_then(Value::as_i64);
    let last = last.map_or_else(|| "never".to_owned(), table::time);
    let back = history.get("looked_back_to").and_then(Value::as_i64);
    let back =
        back.map(|back| format!("\n\nWhat was before {} was not looked at.", table::time(back)));
    [
        part("exists", &["id", "app", "mode", "created", "expires_at"]),
        part("changes", &["at", "operation", "outcome", "actor", "app", "mode", "request"]),
        part("readers", &["actor", "app", "mode", "reads", "last_read"]),
        format!("LAST READ: {last}{}", back.unwrap_or_default()),
    ]
    .join("\n\n")
}
