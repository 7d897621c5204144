//! The verbs that are clients of the admin API: accounts, apps, installs, keys, clock, schedule and
//! status.

use super::args::{
    Accounts, Apps, ClockVerb, CreateKeyArgs, DeleteArgs, IdArg, Installs, Keys, ListArgs,
    RollArgs, Schedule,
};
use super::client::{Client, Expected, Params, object_path};
use super::exit::{Exit, Failure};
use super::output::Output;
use super::{duration, erasures, input, output, table};
use crate::config::{ADMIN_KEY, Config};
use coffer::families::FAMILIES;
use serde_json::Value;

/// A collection of the admin API: its path, and what its objects are called.
#[derive(Clone, Copy)]
struct Collection {
    path: &'static str,
    object: &'static str,
}

const ACCOUNTS: Collection = Collection { path: "/v1/admin/accounts", object: "account" };
const APPS: Collection = Collection { path: "/v1/admin/apps", object: "app" };
const INSTALLS: Collection = Collection { path: "/v1/admin/installs", object: "install" };
const KEYS: Collection = Collection { path: "/v1/admin/api_keys", object: "api_key" };

const LOCKED: Collection = Collection { path: "/v1/admin/api_keys/lock", object: "api_key_lock" };
const ACCEPTED: Collection = Collection { path: "/v1/admin/clock/accept", object: "clock" };
const REWOUND: Collection = Collection { path: "/v1/admin/schedule/rewind", object: "schedule" };

/// A client of the admin API that prints what it receives.
struct Admin {
    client: Client,
    output: Output,
}

impl Admin {
    fn new(config: &Config, output: Output) -> Result<Self, Failure> {
        Ok(Self { client: Client::new(config, &ADMIN_KEY)?, output })
    }

    fn create(&self, of: Collection, params: OptionalParams<'_>) -> Result<Exit, Failure> {
        self.post(of, &given(params))
    }

    fn post(&self, of: Collection, params: Params<'_>) -> Result<Exit, Failure> {
        self.print(&self.client.post(of.path, params, Expected::object(of.object))?)
    }

    fn show(&self, of: Collection, IdArg { id }: &IdArg) -> Result<Exit, Failure> {
        let expected = Expected::one(of.object, id);
        self.print(&self.client.get(&object_path(of.path, id), &[], expected)?)
    }

    fn list(
        &self,
        of: Collection,
        filters: OptionalParams<'_>,
        listing: &ListArgs,
        fields: &[&str],
    ) -> Result<Exit, Failure> {
        let list = self.client.list(of.path, &given(filters), listing.limit)?;
        self.output.show(&list, |list| table::list(list, fields))?;
        Ok(Exit::Done)
    }

    fn delete(&self, of: Collection, id: &str, params: Params<'_>) -> Result<Exit, Failure> {
        let expected = Expected::one(of.object, id);
        self.print(&self.client.delete(&object_path(of.path, id), params, expected)?)
    }

    fn revoke(&self, id: &str) -> Result<Exit, Failure> {
        let path = format!("{}/revoke", object_path(KEYS.path, id));
        self.print(&self.client.post(&path, &[], Expected::one(KEYS.object, id))?)
    }

    fn create_key(&self, args: &CreateKeyArgs) -> Result<Exit, Failure> {
        let expires_at = args.expires_in.map(duration::from_now);
        let expires_at = expires_at.or_else(|| args.never_expires.then(String::new));
        let uses = args.uses.map(|uses| uses.to_string());
        let mut params = given(&[
            ("app", args.app.as_deref()),
            ("mode", args.mode.as_deref()),
            ("name", args.name.as_deref()),
            ("expires_at", expires_at.as_deref()),
            ("role", args.role.as_deref()),
            ("type", args.admin.then_some("admin")),
            ("uses", uses.as_deref()),
        ]);
        params.extend(args.permission.iter().map(|word| ("permissions[]", word.as_str())));
        params.extend(args.network.iter().map(|network| ("networks[]", network.as_str())));
        self.show_key(&self.client.post(KEYS.path, &params, Expected::object(KEYS.object))?)
    }

    fn roll_key(&self, RollArgs { id, expires_in }: &RollArgs) -> Result<Exit, Failure> {
        let path = format!("{}/roll", object_path(KEYS.path, id));
        let expires_in = expires_in.map(|seconds| seconds.to_string());
        let params = given(&[("expires_in", expires_in.as_deref())]);
        self.show_key(&self.client.post(&path, &params, Expected::object(KEYS.object))?)
    }

    /// Prints a key that was just made.
    fn show_key(&self, key: &Value) -> Result<Exit, Failure> {
        self.output.show_once(key, table::object, "make another, and revoke this one")?;
        if !self.output.is_json() {
            output::note("\nThe key is shown only this once.");
        }
        Ok(Exit::Done)
    }

    fn print(&self, object: &Value) -> Result<Exit, Failure> {
        self.output.show(object, table::object)?;
        Ok(Exit::Done)
    }
}

/// Parameters, of which those without a value are left out.
type OptionalParams<'a> = &'a [(&'a str, Option<&'a str>)];

fn given<'a>(params: &[(&'a str, Option<&'a str>)]) -> Vec<(&'a str, &'a str)> {
    params.iter().filter_map(|(name, value)| Some((*name, (*value)?))).collect()
}

/// `coffer accounts`.
pub fn accounts(config: &Config, verb: &Accounts, output: Output) -> Result<Exit, Failure> {
    let admin = Admin::new(config, output)?;
    match verb {
        Accounts::Create { name, id } => {
            admin.create(ACCOUNTS, &[("id", id.as_deref()), ("name", name.as_deref())])
        }
        Accounts::List(listing) => admin.list(ACCOUNTS, &[], listing, &["id", "name", "created"]),
        Accounts::Show(id) => admin.show(ACCOUNTS, id),
        Accounts::Purge(args) => erasures::account(config, args, output),
        Accounts::Delete(DeleteArgs { id, yes }) => {
            let what = "the account, its apps, and everything that any app keeps for it";
            input::confirm(what, id, *yes)?;
            admin.delete(ACCOUNTS, id, &[])
        }
    }
}

/// `coffer apps`.
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
        Apps::Show(id) => admin.show(APPS, id),
        Apps::Delete(DeleteArgs { id, yes }) => {
            let what = "the app, its keys, and everything that it keeps for anybody";
            input::confirm(what, id, *yes)?;
            admin.delete(APPS, id, &[])
        }
    }
}

/// `coffer installs`.
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
        Installs::Show(id) => admin.show(INSTALLS, id),
        Installs::Delete { args: DeleteArgs { id, yes }, purge } => {
            if !purge {
                return admin.delete(INSTALLS, id, &[]);
            }
            input::confirm("everything that the app keeps for the account", id, *yes)?;
            admin.delete(INSTALLS, id, &[("purge", "true")])
        }
    }
}

/// `coffer keys`.
pub fn keys(config: &Config, verb: &Keys, output: Output) -> Result<Exit, Failure> {
    let admin = Admin::new(config, output)?;
    match verb {
        Keys::Create(args) => admin.create_key(args),
        Keys::List { listing, app } => {
            let fields =
                ["id", "redacted_key", "app", "name", "last_used", "expires_at", "revoked_at"];
            admin.list(KEYS, &[("app", app.as_deref())], listing, &fields)
        }
        Keys::Show(id) => admin.show(KEYS, id),
        Keys::Roll(args) => admin.roll_key(args),
        Keys::Revoke(IdArg { id }) => admin.revoke(id),
        Keys::Lock | Keys::Unlock => admin.post(LOCKED, &[]),
    }
}

/// `coffer clock`.
pub fn clock(config: &Config, verb: &ClockVerb, output: Output) -> Result<Exit, Failure> {
    let admin = Admin::new(config, output)?;
    match verb {
        ClockVerb::Show => {
            let clock = admin.client.get("/v1/admin/clock", &[], Expected::object("clock"))?;
            admin.print(&clock)
        }
        ClockVerb::Accept => admin.post(ACCEPTED, &[]),
    }
}

/// `coffer schedule`.
pub fn schedule(config: &Config, verb: &Schedule, output: Output) -> Result<Exit, Failure> {
    let Schedule::Rewind { to } = verb;
    let to = to.map(|to| to.to_string());
    Admin::new(config, output)?.create(REWOUND, &[("to", to.as_deref())])
}

/// `coffer status`.
pub fn status(config: &Config, output: Output) -> Result<Exit, Failure> {
    let admin = Admin::new(config, output)?;
    output.show(
        &admin.client.get("/v1/admin/status", &[], Expected::object("status"))?,
        status_table,
    )?;
    Ok(Exit::Done)
}

/// The status, and below it a table with the counts of each operation, and one of the largest apps.
fn status_table(status: &Value) -> String {
    const COUNTS: [&str; 4] = ["answered", "replayed", "refused", "failed"];
    let mut rest = status.clone();
    let mut take = |name| rest.as_object_mut().and_then(|fields| fields.remove(name));
    let operations = take("operations");
    let unrouted = take("unrouted");
    let largest = take("usage").map(|apps| largest_apps(&apps)).unwrap_or_default();
    let secrets = take("secrets").map(|secrets| most_secrets(&secrets)).unwrap_or_default();
    let operations = operations.as_ref().and_then(Value::as_object).into_iter().flatten();
    let unrouted = unrouted.as_ref().map(|counts| ("unrouted", counts));
    let rows = operations.map(|(name, counts)| (name.as_str(), counts)).chain(unrouted);
    let rows = rows.map(|(name, counts)| {
        let count = |of| counts.get(of).map_or_else(|| "-".to_owned(), ToString::to_string);
        std::iter::once(name.to_owned()).chain(COUNTS.map(count)).collect()
    });
    let [answered, replayed, refused, failed] = COUNTS;
    let fields = ["operation", answered, replayed, refused, failed];
    format!("{}\n\n{}{largest}{secrets}", table::object(&rest), table::columns(&fields, rows))
}

/// A table of the apps that keep most, if any are known.
fn largest_apps(apps: &Value) -> String {
    let Some(Value::Object(first)) = apps.get(0) else { return String::new() };
    let amounts = first.keys().map(String::as_str).filter(|name| !["app", "mode"].contains(name));
    let fields: Vec<_> = ["app", "mode"].into_iter().chain(amounts).collect();
    format!("\n\n{}", table::list(&serde_json::json!({ "data": apps }), &fields))
}

/// How many secrets there are, and a table of the accounts with most, if they were counted.
fn most_secrets(secrets: &Value) -> String {
    if secrets.get("counted") != Some(&Value::Bool(true)) {
        return String::new();
    }
    let total = secrets.get("total").unwrap_or(&Value::Null);
    let list = serde_json::json!({ "data": secrets.get("by_account") });
    let table = table::list(&list, &["account", "app", "mode", "count"]);
    format!("\n\nsecrets, by the last count: {total}\n\n{table}")
}
