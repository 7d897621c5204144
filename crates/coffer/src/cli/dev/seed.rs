//! Seeds: what a store of developer mode begins with, from a file.
//!
//! A seed is made through the API, as a client would, so that whatever it can hold is checked by
//! what checks every request.

mod file;

use super::environment::ClientEnvironment;
use crate::cli::client::{Client, Expected};
use crate::cli::exit::Failure;
use coffer_base::Redacted;
use file::{Entry, Field, wrong};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The sections of a seed, in the order in which they are made.
const SECTIONS: [&str; 6] = ["accounts", "keys", "installs", "secrets", "plans", "charges"];

/// What shows that a key is good, and makes its app and its install on first use.
const FIRST_USE: (&str, &str) = ("/v1/test_helpers/clock", "test_helpers.clock");

/// A seed that was read.
pub struct Seed {
    path: PathBuf,
    entries: Vec<Entry>,
    /// The key of whatever names none: the first of an app.
    key: Option<Redacted<String>>,
}

impl Seed {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read, or is no seed, with the line.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let entries = file::read(path, &SECTIONS)?;
        let key = entries
            .iter()
            .filter(|entry| entry.section == "keys")
            .flat_map(|entry| &entry.fields)
            .find(|field| field.name == "key" && field.value.starts_with("sk_"))
            .map(|field| Redacted::new(field.value.to_string()));
        Ok(Self { path: path.to_owned(), entries, key })
    }

    /// The first key of an app in it.
    pub fn key(&self) -> Option<&Redacted<String>> {
        self.key.as_ref()
    }

    /// Makes all of it at the server of `clients`.
    ///
    /// # Errors
    /// The first entry that the server refuses, with its line, and how many were made.
    pub fn make(self, clients: &ClientEnvironment) -> Result<usize, Failure> {
        let count = self.entries.len();
        for mut entry in self.entries {
            let (section, start) = (entry.section, entry.line);
            let lines: Vec<_> =
                entry.fields.iter().map(|field| (field.name.clone(), field.line)).collect();
            make(&mut entry, clients).map_err(|failure| {
                let param = failure.param.as_deref().unwrap_or_default();
                let line = line_of(&lines, param).unwrap_or(start);
                let name = if param.is_empty() { String::new() } else { format!("{param}: ") };
                wrong(&self.path, line, &format!("{section}: {name}{}", failure.message))
            })?;
        }
        Ok(count)
    }
}

/// The line of the value that stands for the parameter `param`.
fn line_of(lines: &[(String, usize)], param: &str) -> Option<usize> {
    let short = param.strip_prefix("scope[").and_then(|rest| rest.strip_suffix(']'));
    let is = |name: &str| name == param || Some(name) == short;
    let found = lines.iter().find(|(name, _)| is(name));
    // A list or a table that is refused as a whole has its values only.
    let within = || lines.iter().find(|(name, _)| name.starts_with(&format!("{param}[")));
    found.or_else(within).map(|(_, line)| *line)
}

/// Makes one entry.
fn make(entry: &mut Entry, clients: &ClientEnvironment) -> Result<(), Failure> {
    let (path, object) = match entry.section {
        "accounts" => return post(&admin(clients)?, "/v1/admin/accounts", entry, "account"),
        "keys" if entry.fields.iter().any(|field| field.name != "key") => {
            return post(&admin(clients)?, "/v1/admin/api_keys", entry, "api_key");
        }
        "keys" => {
            let key = entry.take("key").ok_or_else(|| missing("key"))?;
            return first_use(&Client::local(&clients.base, key.value)?);
        }
        "installs" => {
            if !entry.fields.iter().any(|field| field.name == "account") {
                return Err(missing("account"));
            }
            let client = client(entry, clients)?;
            return match entry.fields.first() {
                Some(unknown) => Err(unknown_field(unknown)),
                None => first_use(&client),
            };
        }
        "secrets" => {
            name_scope(entry);
            ("/v1/apps/secrets", "apps.secret")
        }
        "plans" => ("/v1/reserve/plans", "reserve.plan"),
        _ => ("/v1/ledger/charges", "ledger.charge"),
    };
    post(&client(entry, clients)?, path, entry, object)
}

/// A secret is of the user that it names, or else of the account, unless it names its scope.
fn name_scope(entry: &mut Entry) {
    let user = entry.take("user");
    if entry.fields.iter().any(|field| field.name.starts_with("scope[")) {
        entry.fields.extend(user);
        return;
    }
    let (kind, line) = (if user.is_some() { "user" } else { "account" }, entry.line);
    let user = user.map(|user| Field { name: "scope[user]".to_owned(), ..user });
    let kind = Zeroizing::new(kind.to_owned());
    entry.fields.push(Field { name: "scope[type]".to_owned(), line, value: kind });
    entry.fields.extend(user);
}

/// A client with the key and for the account that the entry names.
fn client(entry: &mut Entry, clients: &ClientEnvironment) -> Result<Client, Failure> {
    let key = entry.take("key").map(|field| field.value);
    let key = key.unwrap_or_else(|| Zeroizing::new(clients.api_key.clone()));
    let account = entry.take("account");
    let account = account.as_ref().map(|field| field.value.as_str());
    Ok(Client::local(&clients.base, key)?.on_account(account))
}

fn admin(clients: &ClientEnvironment) -> Result<Client, Failure> {
    Client::local(&clients.base, Zeroizing::new(clients.admin_key.clone()))
}

fn first_use(client: &Client) -> Result<(), Failure> {
    let (path, object) = FIRST_USE;
    client.get(path, &[], Expected::object(object)).map(drop)
}

fn post(client: &Client, path: &str, entry: &Entry, object: &'static str) -> Result<(), Failure> {
    client.post(path, &entry.params(), Expected::object(object)).map(drop)
}

fn missing(param: &str) -> Failure {
    let failure = Failure::usage("it is missing");
    Failure { param: Some(param.to_owned()), ..failure }
}

fn unknown_field(field: &Field) -> Failure {
    let failure = Failure::usage("an install has a key and an account, and nothing else");
    Failure { param: Some(field.name.clone()), ..failure }
}
