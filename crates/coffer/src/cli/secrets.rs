//! `coffer secrets`: the verbs about secrets, with an app's key.

mod edit;
pub mod import;

use super::args::{ExpiringArgs, ScopeArgs, Secrets};
use super::client::{Client, Expected};
use super::exit::{Exit, Failure};
use super::output::Output;
use super::{duration, explain, input, output, table};
use crate::config::{API_KEY, Config};
use serde_json::Value;
use std::io::IsTerminal;

const PATH: &str = "/v1/apps/secrets";
const SECRET: Expected<'_> = Expected::object("apps.secret");

/// Sends the request of `verb` and prints the response.
pub fn run(config: &Config, verb: &Secrets, output: Output) -> Result<Exit, Failure> {
    match verb {
        Secrets::Set { name, scope, expires_in, from_file } => {
            let client = client(config, scope)?;
            let value = input::value(name, from_file.as_deref())?;
            let expires_at = expires_in.map(duration::from_now);
            let mut params = scope.params(Some(name));
            params.push(("payload", value.as_str()));
            params.extend(expires_at.as_deref().map(|at| ("expires_at", at)));
            output.show(&client.post(PATH, &params, SECRET)?, table::object)?;
        }
        Secrets::Get { name, scope, reveal } => {
            let mut params = scope.params(Some(name));
            params.extend(reveal.then_some(("expand[]", "payload")));
            let secret = client(config, scope)?.get(&format!("{PATH}/find"), &params, SECRET)?;
            show(&secret, *reveal, output)?;
        }
        Secrets::List { scope, listing } => {
            let list = client(config, scope)?.list(PATH, &scope.params(None), listing.limit)?;
            let fields = ["name", "scope", "created", "expires_at", "id"];
            output.show(&list, |list| table::list(list, &fields))?;
        }
        Secrets::Delete { name, scope } => {
            let path = format!("{PATH}/delete");
            let params = scope.params(Some(name));
            let deleted = client(config, scope)?.post(&path, &params, SECRET)?;
            output.show(&deleted, table::object)?;
        }
        Secrets::Import(args) => return import::import(config, args, output),
        Secrets::Export(args) => return import::export(config, args),
        Secrets::Copy(args) => return import::copy(config, args, output),
        Secrets::Expiring(args) => return expiring(config, args, output),
        Secrets::Edit { name, scope } => return edit::edit(config, name, scope),
        Secrets::History { name, account, user } => {
            return explain::secret(config, name, account, user.as_deref(), output);
        }
    }
    Ok(Exit::Done)
}

/// Secrets of a scope that end within a time, the first to end first.
fn expiring(config: &Config, args: &ExpiringArgs, output: Output) -> Result<Exit, Failure> {
    let client = client(config, &args.scope)?;
    let mut list = client.list(PATH, &args.scope.params(None), None)?;
    let by = duration::ago(0).saturating_add(args.within);
    let end = |secret: &Value| secret.get("expires_at").and_then(Value::as_i64);
    if let Some(Value::Array(data)) = list.get_mut("data") {
        data.retain(|secret| end(secret).is_some_and(|at| at <= by));
        data.sort_by_key(end);
    }
    output.show(&list, |list| table::list(list, &["name", "scope", "expires_at", "id"]))?;
    Ok(Exit::Done)
}

fn client(config: &Config, scope: &ScopeArgs) -> Result<Client, Failure> {
    Ok(Client::new(config, &API_KEY)?.on_account(scope.account.as_deref()))
}

impl ScopeArgs {
    /// The parameters of a request about this scope, or about the secret `name` in it.
    pub fn params<'a>(&'a self, name: Option<&'a str>) -> Vec<(&'static str, &'a str)> {
        let mut params: Vec<_> = name.map(|name| ("name", name)).into_iter().collect();
        match &self.user {
            None => params.push(("scope[type]", "account")),
            Some(user) => params.extend([("scope[type]", "user"), ("scope[user]", user)]),
        }
        params
    }
}

/// Prints a secret: as JSON, or for people either its value alone or everything but its value.
fn show(secret: &Value, reveal: bool, output: Output) -> Result<(), Failure> {
    if output.is_json() {
        return output::print(&format!("{secret:#}"));
    }
    if !reveal {
        return output::print(&format!("{}\npayload     ********", table::object(secret)));
    }
    let Some(value) = secret.get("payload").and_then(Value::as_str) else {
        return Err(Failure::failed("the server's answer has no payload"));
    };
    output::print_bytes(value.as_bytes())?;
    if std::io::stdout().is_terminal() {
        output::print_bytes(b"\n")?;
    }
    Ok(())
}
