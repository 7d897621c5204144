//! The verbs that erase with a receipt, and those that show receipts.

use super::args::{DeleteArgs, Erasures, IdArg, Users};
use super::client::{Client, Expected, Params, object_path};
use super::exit::{Exit, Failure};
use super::output::{self, Output};
use super::{input, table};
use crate::config::{ADMIN_KEY, Config};
use serde_json::Value;

const ACCOUNTS: &str = "/v1/admin/accounts";
const ERASURES: &str = "/v1/admin/erasures";
const AUDIT: &str = "/v1/admin/audit";

/// The audit's name for what completes a receipt.
const COMPLETE: &str = "program.erasures.complete";

/// `coffer accounts purge`.
pub fn account(config: &Config, args: &DeleteArgs, output: Output) -> Result<Exit, Failure> {
    let DeleteArgs { id, yes } = args;
    let what = "the account, its apps, and everything that any app keeps for it";
    input::confirm(what, id, *yes)?;
    let path = format!("{}/purge", object_path(ACCOUNTS, id));
    let receipt = erase(config, &path, &[])?;
    output.show(&receipt, table::object)?;
    if !output.is_json() {
        output::note(&advice(&receipt));
        prove(config, &receipt);
    }
    Ok(Exit::Done)
}

/// Says which entry of the audit the receipt is. That it cannot be read now is no failure: the
/// receipt is printed already.
fn prove(config: &Config, receipt: &Value) {
    let request = receipt.get("request").and_then(Value::as_str).unwrap_or_default();
    let params = [("request", request), ("operation", COMPLETE), ("order", "desc"), ("limit", "1")];
    let client = Client::new(config, &ADMIN_KEY);
    let list = client.and_then(|client| client.get(AUDIT, &params, Expected::object("list")));
    let entry = list.ok().and_then(|list| {
        let entry = list.get("data")?.get(0)?.get("id")?.as_str()?.to_owned();
        Some(entry)
    });
    if let Some(entry) = entry {
        output::note(&format!(
            "`coffer audit prove {entry}` proves to others that it is in the audit."
        ));
    }
}

/// What is left to do by hand.
fn advice(receipt: &Value) -> String {
    match receipt.get("oldest_key_epoch").and_then(Value::as_i64) {
        Some(epoch) => format!(
            "\nIts keys are destroyed. Copies of the key store from before epoch {epoch} still \
             hold them: delete those, and keep this receipt."
        ),
        None => "\nThe keys are not destroyed yet, since somebody reads the key store: look again \
                 with `coffer erasures show`."
            .to_owned(),
    }
}

/// `coffer users`.
pub fn users(config: &Config, verb: &Users, output: Output) -> Result<Exit, Failure> {
    let Users::Purge { account, user, yes } = verb;
    input::confirm("everything that any app keeps for this user of the account", user, *yes)?;
    let path = format!("{}/users/purge", object_path(ACCOUNTS, account));
    let receipt = erase(config, &path, &[("user", user)])?;
    output.show(&receipt, table::object)?;
    if !output.is_json() {
        let id = receipt.get("id").and_then(Value::as_str).unwrap_or_default();
        output::note(&format!(
            "\nThe user's secrets are deleted. What else is kept for the account is now sealed \
             under new keys: once `coffer erasures show {id}` says done, no backup of the data \
             from before opens for the account, and it names the copies of the key store to delete."
        ));
    }
    Ok(Exit::Done)
}

/// Erases, and reads the receipt as it is afterwards.
fn erase(config: &Config, path: &str, params: Params<'_>) -> Result<Value, Failure> {
    let client = Client::new(config, &ADMIN_KEY)?;
    let begun = client.post(path, params, Expected::object("erasure"))?;
    let id = begun.get("id").and_then(Value::as_str).unwrap_or_default();
    client.get(&object_path(ERASURES, id), &[], Expected::one("erasure", id))
}

/// `coffer erasures`.
pub fn erasures(config: &Config, verb: &Erasures, output: Output) -> Result<Exit, Failure> {
    let client = Client::new(config, &ADMIN_KEY)?;
    match verb {
        Erasures::List(listing) => {
            let list = client.list(ERASURES, &[], listing.limit)?;
            let fields = ["id", "account", "user", "status", "oldest_key_epoch", "done_at"];
            output.show(&list, |list| table::list(list, &fields))?;
        }
        Erasures::Show(IdArg { id }) => {
            let expected = Expected::one("erasure", id);
            output.show(&client.get(&object_path(ERASURES, id), &[], expected)?, table::object)?;
        }
    }
    Ok(Exit::Done)
}
