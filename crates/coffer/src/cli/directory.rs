//! Accounts, apps, installs, keys and the status of a server: the admin API's verbs.

use super::args::{Accounts, Apps, Deletion, Installs, Keys, Listing, One};
use super::client::{Client, Params, one};
use super::exit::{Exit, Failure};
use super::output::Output;
use super::{duration, input, output, table};
use crate::config::{ADMIN_KEY, Config};
use coffer::families::FAMILIES;
use serde_json::Value;

const ACCOUNTS: &str = "/v1/admin/accounts";
const APPS: &str = "/v1/admin/apps";
const INSTALLS: &str = "/v1/admin/installs";
const KEYS: &str = "/v1/admin/api_keys";

/// A caller of the admin API, and where its answers go.
struct Admin {
    client: Client,
    output: Output,
}

impl Admin {
    fn new(config: &Config, output: Output) -> Result<Self, Failure> {
        Ok(Self { client: Client::new(config, &ADMIN_KEY)?, output })
    }

    fn create(&self, path: &str, params: &[(&str, Option<&str>)]) -> Result<Exit, Failure> {
        let given = params.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
        self.post(path, &given.collect::<Vec<_>>())
    }

    fn post(&self, path: &str, params: Params<'_>) -> Result<Exit, Failure> {
        self.output.show(&self.client.post(path, params)?, table::object)?;
        Ok(Exit::Done)
    }

    fn show(&self, path: &str, which: &One) -> Result<Exit, Failure> {
        let object = self.client.get(&one(path, &which.id), &[])?;
        self.output.show(&object, table::object)?;
        Ok(Exit::Done)
    }

    fn list(
        &self,
        path: &str,
        filters: &[(&str, Option<&str>)],
        listing: &Listing,
        fields: &[&str],
    ) -> Result<Exit, Failure> {
        let filters = filters.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
        let list = self.client.list(path, &filters.collect::<Vec<_>>(), listing.limit)?;
        self.output.show(&list, |list| table::list(list, fields))?;
        Ok(Exit::Done)
    }

    fn delete(&self, path: &str, which: &str, params: Params<'_>) -> Result<Exit, Failure> {
        let object = self.client.delete(&one(path, which), params)?;
        self.output.show(&object, table::object)?;
        Ok(Exit::Done)
    }
}

/// `coffer accounts`.
///
/// # Errors
/// What the server says, or that there is no answer.
pub fn accounts(config: &Config, verb: &Accounts, output: Output) -> Result<Exit, Failure> {
    let admin = Admin::new(config, output)?;
    match verb {
        Accounts::Create { name, id } => {
            admin.create(ACCOUNTS, &[("id", id.as_deref()), ("name", name.as_deref())])
        }
        Accounts::List(listing) => admin.list(ACCOUNTS, &[], listing, &["id", "name", "created"]),
        Accounts::Show(which) => admin.show(ACCOUNTS, which),
        Accounts::Delete(Deletion { id, yes }) => {
            let what = "the account, its apps, and everything that any app keeps for it";
            input::confirm(what, id, *yes)?;
            admin.delete(ACCOUNTS, id, &[])
        }
    }
}

/// `coffer apps`.
///
/// # Errors
/// What the server says, or that there is no answer.
pub fn apps(config: &Config, verb: &Apps, output: Output) -> Result<Exit, Failure> {
    let admin = Admin::new(config, output)?;
    match verb {
        Apps::Create { account, name, id, quotas } => {
            let mut params = vec![
                ("account", Some(&**account)),
                ("id", id.as_deref()),
                ("name", name.as_deref()),
            ];
            params.extend(quotas.iter().map(|(name, number)| (&**name, Some(&**number))));
            admin.create(APPS, &params)
        }
        Apps::List { listing, account } => {
            let quotas = FAMILIES.iter().flat_map(|family| family.quotas);
            let fields: Vec<_> = ["id", "name", "account"]
                .into_iter()
                .chain(quotas.map(|quota| quota.name))
                .chain(["created"])
                .collect();
            admin.list(APPS, &[("account", account.as_deref())], listing, &fields)
        }
        Apps::Show(which) => admin.show(APPS, which),
        Apps::Delete(Deletion { id, yes }) => {
            let what = "the app, its keys, and everything that it keeps for anybody";
            input::confirm(what, id, *yes)?;
            admin.delete(APPS, id, &[])
        }
    }
}

/// `coffer installs`.
///
/// # Errors
/// What the server says, or that there is no answer.
pub fn installs(config: &Config, verb: &Installs, output: Output) -> Result<Exit, Failure> {
    let admin = Admin::new(config, output)?;
    match verb {
        Installs::Create { app, account } => {
            admin.create(INSTALLS, &[("account", Some(account)), ("app", Some(app))])
        }
        Installs::List { listing, app, account } => {
            let filters = [("account", account.as_deref()), ("app", app.as_deref())];
            let fields = ["id", "app", "account", "status", "created"];
            admin.list(INSTALLS, &filters, listing, &fields)
        }
        Installs::Show(which) => admin.show(INSTALLS, which),
        Installs::Delete { deletion: Deletion { id, yes }, purge } => {
            if !purge {
                return admin.delete(INSTALLS, id, &[]);
            }
            input::confirm("everything that the app keeps for the account", id, *yes)?;
            admin.delete(INSTALLS, id, &[("purge", "true")])
        }
    }
}

/// `coffer keys`.
///
/// # Errors
/// What the server says, or that there is no answer.
pub fn keys(config: &Config, verb: &Keys, output: Output) -> Result<Exit, Failure> {
    let admin = Admin::new(config, output)?;
    match verb {
        Keys::Create { app, mode, permission, admin: is_admin, name, expires_in } => {
            let expires_at = expires_in.map(duration::from_now);
            let optional = [
                ("app", app.as_deref()),
                ("mode", mode.as_deref()),
                ("name", name.as_deref()),
                ("expires_at", expires_at.as_deref()),
                ("type", is_admin.then_some("admin")),
            ];
            let given = optional.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
            let mut params: Vec<_> = given.collect();
            params.extend(permission.iter().map(|word| ("permissions[]", word.as_str())));
            let made = admin.post(KEYS, &params)?;
            if !output.is_json() {
                output::note("\nThe key is shown only this once.");
            }
            Ok(made)
        }
        Keys::List { listing, app } => {
            let fields =
                ["id", "redacted_key", "app", "name", "last_used", "expires_at", "revoked_at"];
            admin.list(KEYS, &[("app", app.as_deref())], listing, &fields)
        }
        Keys::Show(which) => admin.show(KEYS, which),
        Keys::Revoke(which) => admin.post(&format!("{}/revoke", one(KEYS, &which.id)), &[]),
    }
}

/// `coffer status`.
///
/// # Errors
/// What the server says, or that there is no answer.
pub fn status(config: &Config, output: Output) -> Result<Exit, Failure> {
    let admin = Admin::new(config, output)?;
    output.show(&admin.client.get("/v1/admin/status", &[])?, status_table)?;
    Ok(Exit::Done)
}

/// The counts of the operations in columns, below everything else.
fn status_table(status: &Value) -> String {
    const COUNTS: [&str; 4] = ["answered", "replayed", "refused", "failed"];
    let mut rest = status.clone();
    let mut take = |name| rest.as_object_mut().and_then(|fields| fields.remove(name));
    let operations = take("operations");
    let unrouted = take("unrouted");
    let operations = operations.as_ref().and_then(Value::as_object).into_iter().flatten();
    let unrouted = unrouted.as_ref().map(|counts| ("unrouted", counts));
    let rows = operations.map(|(name, counts)| (name.as_str(), counts)).chain(unrouted);
    let rows = rows.map(|(name, counts)| {
        let count = |of| counts.get(of).map_or_else(|| "-".to_owned(), ToString::to_string);
        std::iter::once(name.to_owned()).chain(COUNTS.map(count)).collect()
    });
    let [answered, replayed, refused, failed] = COUNTS;
    let fields = ["operation", answered, replayed, refused, failed];
    format!("{}\n\n{}", table::object(&rest), table::columns(&fields, rows))
}
