//! `coffer secrets`: the four operations of the Secret Store, with an app's key.

use super::args::{Scope, Secrets};
use super::client::Client;
use super::exit::{Exit, Failure};
use super::output::Output;
use super::{duration, input, output, table};
use crate::config::{API_KEY, Config};
use serde_json::Value;
use std::io::IsTerminal;

const PATH: &str = "/v1/apps/secrets";

/// Does what `verb` says.
///
/// # Errors
/// What the server says, or that there is no answer.
pub fn run(config: &Config, verb: &Secrets, output: Output) -> Result<Exit, Failure> {
    let client = |scope: &Scope| {
        Ok::<_, Failure>(Client::new(config, &API_KEY)?.on_account(scope.account.as_deref()))
    };
    match verb {
        Secrets::Set { name, scope, expires_in, from_file } => {
            let client = client(scope)?;
            let value = input::value(name, from_file.as_deref())?;
            let expires_at = expires_in.map(duration::from_now);
            let mut params = vec![("name", name.as_str()), ("payload", value.as_str())];
            params.extend(expires_at.as_deref().map(|at| ("expires_at", at)));
            params.extend(scope.params());
            output.show(&client.post(PATH, &params)?, table::object)?;
        }
        Secrets::Get { name, scope, reveal } => {
            let mut params = vec![("name", name.as_str())];
            params.extend(scope.params());
            params.extend(reveal.then_some(("expand[]", "payload")));
            let secret = client(scope)?.get(&format!("{PATH}/find"), &params)?;
            show(&secret, *reveal, output)?;
        }
        Secrets::List { scope, listing } => {
            let list = client(scope)?.list(PATH, &scope.params(), listing.limit)?;
            let fields = ["name", "scope", "created", "expires_at", "id"];
            output.show(&list, |list| table::list(list, &fields))?;
        }
        Secrets::Delete { name, scope } => {
            let mut params = vec![("name", name.as_str())];
            params.extend(scope.params());
            let deleted = client(scope)?.post(&format!("{PATH}/delete"), &params)?;
            output.show(&deleted, table::object)?;
        }
    }
    Ok(Exit::Done)
}

impl Scope {
    fn params(&self) -> Vec<(&'static str, &str)> {
        match &self.user {
            None => vec![("scope[type]", "account")],
            Some(user) => vec![("scope[type]", "user"), ("scope[user]", user)],
        }
    }
}

/// Shows a secret: for people its value alone, or everything but its value.
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
