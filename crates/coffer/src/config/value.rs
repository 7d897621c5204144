//! Kinds and values of settings, and where a value came from.

use super::duration::seconds;
use super::{ConfigError, Setting};
use coffer::audit::Anchor;
use coffer::serve::Address;
use coffer_dialect::authorization::key_shape;
use coffer_kernel::{SettingKind, web_policy};
use coffer_storage::{Passwords, PostgresOptions};
use std::fmt;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// The kind of value that a setting takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Any text.
    Text,
    /// A path; a relative one starts where coffer runs.
    Path,
    /// `HOST:PORT` or `unix:PATH`.
    Address,
    /// A server to talk to: an address of HTTP, or `unix:PATH`.
    Server,
    /// A duration, such as 12h.
    Duration,
    /// `true` or `false`.
    Switch,
    /// A whole number.
    Number {
        /// The least.
        from: i64,
        /// The most.
        to: i64,
    },
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Names of hosts, with commas between them.
    Hosts,
    /// Origins of web pages, with commas between them.
    Origins,
    /// A secret, or the path of a file that holds it.
    Secret,
    /// `postgres://…`. A password in it makes it a secret.
    Database,
    /// Where checkpoints are anchored: `file:PATH`, or an address of HTTP.
    Anchor,
    /// Text as a family declares it.
    Declared(SettingKind),
}

/// The value of a setting.
pub enum Value {
    /// A text, or the word that was chosen.
    Text(String),
    /// A path.
    Path(PathBuf),
    /// An address.
    Address(Address),
    /// On or off.
    Switch(bool),
    /// A number.
    Number(i64),
    /// A list.
    List(Vec<String>),
    /// A secret.
    Secret(Zeroizing<String>),
    /// The file that holds a secret.
    SecretFile(PathBuf),
    /// An address of a database.
    Database(Zeroizing<String>),
}

/// Shows a secret as stars; the path of a secret's file is not secret.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Path(path) | Self::SecretFile(path) => path.display().fmt(f),
            Self::Address(address) => address.fmt(f),
            Self::Switch(on) => on.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::List(list) => f.write_str(&list.join(",")),
            Self::Secret(_) => f.write_str("********"),
            Self::Database(url) => match PostgresOptions::parse(url, &Passwords::default()) {
                Ok(options) => options.fmt(f),
                Err(_) => f.write_str("an address that cannot be used"),
            },
        }
    }
}

/// Where a value came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Source {
    /// A flag, without its dashes.
    Flag(&'static str),
    /// A variable.
    Environment(String),
    /// The configuration file.
    File(PathBuf),
    /// It was not set anywhere.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "flag --{name}"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

impl Setting {
    /// Parses `text`, which came from `source`.
    ///
    /// # Errors
    /// If `text` is no value of this kind, or an address with a password comes from a flag or the
    /// file. The error does not repeat a secret.
    pub(super) fn given(&self, text: &str, source: Source) -> Result<(Value, Source), ConfigError> {
        let is_readable = matches!(source, Source::Flag(_) | Source::File(_));
        if self.kind == Kind::Database && is_readable && PostgresOptions::has_password(text) {
            return Err(ConfigError(format!(
                "{} ({source}): others can read a password there; put it into {}, into \
                 COFFER_DATABASE_PASSWORD_FILE or into the file that PGPASSFILE names",
                self.name, self.env
            )));
        }
        match self.kind.parse(text) {
            Ok(value) => Ok((value, source)),
            Err(why) => Err(ConfigError(format!("{} ({source}): {why}", self.name))),
        }
    }
}

impl Kind {
    fn parse(self, text: &str) -> Result<Value, String> {
        if text.is_empty() {
            return Err("the value is empty".to_owned());
        }
        match self {
            Self::Text => Ok(Value::Text(text.to_owned())),
            Self::Database => PostgresOptions::parse(text, &Passwords::default())
                .map(|_| Value::Database(Zeroizing::new(text.to_owned())))
                .map_err(|error| error.to_string()),
            Self::Path => at_home(text).map(Value::Path),
            Self::Address => address(text).map(Value::Address),
            Self::Server => server(text).map(Value::Text),
            Self::Duration => seconds(text).map(|_| Value::Text(text.to_owned())),
            Self::Switch => switch(text),
            Self::Number { from, to } => number(text, from, to),
            Self::Choice(words) if words.contains(&text) => Ok(Value::Text(text.to_owned())),
            Self::Choice(words) => Err(format!("'{text}' is none of {}", words.join(", "))),
            Self::Hosts => list(text, web_policy::parse_host),
            Self::Origins => list(text, web_policy::parse_origin),
            Self::Secret => secret_file(text),
            Self::Declared(kind) => kind
                .check(text)
                .map(|()| Value::Text(text.to_owned()))
                .map_err(|what| format!("it takes {what}")),
            Self::Anchor => text.parse::<Anchor>().map(|_| Value::Text(text.to_owned())),
        }
    }
}

fn address(text: &str) -> Result<Address, String> {
    match text.strip_prefix("unix:") {
        Some(path) if path.starts_with('~') => at_home(path).map(Address::Unix),
        _ => Address::parse(text),
    }
}

fn server(text: &str) -> Result<String, String> {
    match text.strip_prefix("unix:") {
        Some(path) => Ok(format!("unix:{}", at_home(path)?.display())),
        // What stands before an `@` may be a password, which is shown nowhere.
        None if text.contains('@') => {
            Err("an address with a user in it is not understood".to_owned())
        }
        None => Ok(text.to_owned()),
    }
}

/// A path, with the home directory for `~`: a shell puts it in the place of a word's first letter
/// only, and service managers and files of settings never do.
///
/// # Errors
/// If it is another's home directory, or if `HOME` is not set.
pub fn at_home(text: &str) -> Result<PathBuf, String> {
    let Some(below) = text.strip_prefix('~') else { return Ok(PathBuf::from(text)) };
    let home = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    match (below.strip_prefix('/'), home) {
        (Some(below), Some(home)) => Ok(home.join(below)),
        (None, Some(home)) if below.is_empty() => Ok(home),
        (None, _) if !below.is_empty() => {
            Err(format!("'{text}' names another's home directory; write the whole path"))
        }
        _ => Err(format!("'{text}' begins with a home directory, and HOME is not set")),
    }
}

fn switch(text: &str) -> Result<Value, String> {
    match text {
        "true" | "1" => Ok(Value::Switch(true)),
        "false" | "0" => Ok(Value::Switch(false)),
        _ => Err(format!("'{text}' is neither true nor false")),
    }
}

fn number(text: &str, from: i64, to: i64) -> Result<Value, String> {
    match text.parse::<i64>() {
        Ok(number) if (from..=to).contains(&number) => Ok(Value::Number(number)),
        _ => Err(format!("'{text}' is no whole number from {from} to {to}")),
    }
}

fn list(text: &str, parse: fn(&str) -> Result<String, String>) -> Result<Value, String> {
    text.split(',').map(|one| parse(one.trim())).collect::<Result<_, _>>().map(Value::List)
}

/// The path of a file with a secret. A key that was put there instead must not reach an error.
fn secret_file(text: &str) -> Result<Value, String> {
    if text.contains("coffer-root-") || key_shape(text).is_some() {
        return Err("the path of a file is wanted here, not the key itself".to_owned());
    }
    at_home(text).map(Value::SecretFile)
}
