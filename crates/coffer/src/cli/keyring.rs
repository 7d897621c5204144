//! `coffer keyring`, `coffer seal`, `coffer unseal`: clients of the admin API about keys that
//! encrypt; what is about their root works on the key store itself.

mod root;

pub use root::exported;

use super::args::{KeyringVerb, RotateArgs};
use super::client::{Client, Expected, Params};
use super::exit::{Exit, Failure};
use super::output::{self, Output};
use super::{input, table};
use crate::config::{ADMIN_KEY, Config};
use serde_json::Value;
use std::time::Duration;

const KEYRING: &str = "/v1/admin/keyring";
const ROTATION: &str = "keyring.rotation";

/// How often a rotation is looked at while somebody waits for it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// `coffer keyring`.
///
/// # Errors
/// If the server refuses, or cannot be reached; if a rotation that is waited for ends without its
/// purpose.
pub fn run(config: &Config, verb: &KeyringVerb, output: Output) -> Result<Exit, Failure> {
    let client = || Client::new(config, &ADMIN_KEY);
    match verb {
        KeyringVerb::Root(verb) => root::run(config, verb, output),
        KeyringVerb::Export(wrapping) => root::export(config, wrapping),
        KeyringVerb::Import { file, wrapping, target } => {
            root::import(config, file, wrapping, target, output)
        }
        KeyringVerb::Status => {
            let keyring = client()?.get(KEYRING, &[], Expected::object("keyring"))?;
            show(&keyring, output)
        }
        KeyringVerb::Rotate(args) => {
            let client = client()?;
            let begun = begin(&client, "rotate", &parameters(args))?;
            follow(&client, begun, args.wait.wait, output)
        }
        KeyringVerb::Destroy { wait, yes } => {
            input::confirm("all old keys that are kept", "keyring", *yes)?;
            let client = client()?;
            let begun = begin(&client, "destroy", &[])?;
            follow(&client, begun, wait.wait, output)
        }
    }
}

/// `coffer seal`: takes the keys out of the memory of all servers.
///
/// # Errors
/// If the server refuses, or cannot be reached.
pub fn seal(config: &Config, output: Output) -> Result<Exit, Failure> {
    stop_or_go_on(config, "seal", output)
}

/// `coffer unseal`: the servers read the root key again, and go on.
///
/// # Errors
/// If the server refuses, or cannot be reached.
pub fn unseal(config: &Config, output: Output) -> Result<Exit, Failure> {
    stop_or_go_on(config, "unseal", output)
}

fn stop_or_go_on(config: &Config, verb: &str, output: Output) -> Result<Exit, Failure> {
    let client = Client::new(config, &ADMIN_KEY)?;
    let path = format!("{KEYRING}/{verb}");
    show(&client.post(&path, &[], Expected::object("keyring"))?, output)
}

fn show(object: &Value, output: Output) -> Result<Exit, Failure> {
    output.show(object, table::object)?;
    Ok(Exit::Done)
}

fn parameters(args: &RotateArgs) -> Vec<(&str, &str)> {
    let mut params = vec![("keys", args.keys.as_str())];
    params.extend(args.app.as_deref().map(|app| ("app", app)));
    params.extend(args.account.as_deref().map(|account| ("account", account)));
    params.extend(args.keep.then_some(("keep", "true")));
    params
}

fn begin(client: &Client, verb: &str, params: Params<'_>) -> Result<Value, Failure> {
    client.post(&format!("{KEYRING}/{verb}"), params, Expected::object(ROTATION))
}

/// Shows a rotation that has begun, or waits for its end and shows that.
fn follow(client: &Client, begun: Value, wait: bool, output: Output) -> Result<Exit, Failure> {
    let is_done = |rotation: &Value| rotation.get("finished").is_some_and(|at| !at.is_null());
    let mut rotation = begun;
    let mut told = String::new();
    while wait && !is_done(&rotation) {
        pause();
        let keyring = client.get(KEYRING, &[], Expected::object("keyring"))?;
        let now = keyring.get("rotation").cloned().unwrap_or_default();
        if now.get("number") != rotation.get("number") {
            return Err(Failure::failed("another rotation has begun since"));
        }
        rotation = now;
        let line = progress(&rotation);
        if line != told {
            output::note(&line);
            told = line;
        }
    }
    output.show(&rotation, table::object)?;
    let unreadable = rotation.get("unreadable").and_then(Value::as_i64).unwrap_or_default();
    if is_done(&rotation) && unreadable > 0 {
        return Err(Failure::failed(
            "some records do not open, so the old keys stay; the server's log has more",
        ));
    }
    Ok(Exit::Done)
}

/// How far a rotation has come, in a line.
fn progress(rotation: &Value) -> String {
    let text = |name| rotation.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name| rotation.get(name).and_then(Value::as_i64);
    let left = match number("seconds_left") {
        Some(seconds) => format!(", about {seconds} s left"),
        None => String::new(),
    };
    let percent = number("percent").unwrap_or_default();
    let resealed = number("resealed").unwrap_or_default();
    format!("{percent:>3} %  {}: {resealed} records sealed anew{left}", text("status"))
}

#[allow(
    clippy::disallowed_methods,
    reason = "a command at the terminal has nothing else to do until it looks again"
)]
fn pause() {
    std::thread::sleep(LOOK_EVERY);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn progress_is_a_line() {
        let rotation = json!({
            "percent": 41, "status": "sealing anew", "resealed": 1234, "seconds_left": 17,
        });
        let expected = " 41 %  sealing anew: 1234 records sealed anew, about 17 s left";
        assert_eq!(progress(&rotation), expected);
        let rotation = json!({ "percent": 0, "status": "making keys", "seconds_left": null });
        assert_eq!(progress(&rotation), "  0 %  making keys: 0 records sealed anew");
    }
}
