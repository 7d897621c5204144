//! What a setting can be, and where it came from.

use super::{ConfigError, Setting};
use coffer::serve::Address;
use coffer_dialect::authorization::key_shape;
use coffer_storage::{Passwords, PostgresOptions};
use std::fmt;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// What a setting can be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Any text.
    Text,
    /// A path; a relative one starts where coffer runs.
    Path,
    /// `HOST:PORT` or `unix:PATH`.
    Address,
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
    /// A secret, or the path of a file that holds it.
    Secret,
    /// `postgres://…`. A password in it makes it a secret.
    Database,
}

/// What a setting is.
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
    /// A secret.
    Secret(Zeroizing<String>),
    /// The file that holds a secret.
    SecretFile(PathBuf),
    /// An address of a database.
    Database(Zeroizing<String>),
}

/// Secrets are starred; the path of a secret's file is none.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Path(path) | Self::SecretFile(path) => path.display().fmt(f),
            Self::Address(address) => address.fmt(f),
            Self::Switch(on) => on.fmt(f),
            Self::Number(number) => number.fmt(f),
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
    /// Nobody said otherwise.
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
    /// What `text`, which stood at `source`, says.
    pub(super) fn given(&self, text: &str, source: Source) -> Result<(Value, Source), ConfigError> {
        let in_the_open = matches!(source, Source::Flag(_) | Source::File(_));
        if self.kind == Kind::Database && in_the_open && PostgresOptions::has_password(text) {
            return Err(ConfigError(format!(
                "{} ({source}): others can read a password there; put it into {}, into \
                 COFFER_DATABASE_PASSWORD_FILE or into the file that PGPASSFILE names",
                self.name, self.env
            )));
        }
        match self.read(text) {
            Ok(value) => Ok((value, source)),
            Err(why) => Err(ConfigError(format!("{} ({source}): {why}", self.name))),
        }
    }

    fn read(&self, text: &str) -> Result<Value, String> {
        if text.is_empty() {
            return Err("nothing stands there".to_owned());
        }
        match self.kind {
            Kind::Text => Ok(Value::Text(text.to_owned())),
            Kind::Database => match PostgresOptions::parse(text, &Passwords::default()) {
                Ok(_) => Ok(Value::Database(Zeroizing::new(text.to_owned()))),
                Err(error) => Err(error.to_string()),
            },
            Kind::Path => Ok(Value::Path(PathBuf::from(text))),
            Kind::Address => Address::parse(text).map(Value::Address),
            Kind::Switch => match text {
                "true" | "1" => Ok(Value::Switch(true)),
                "false" | "0" => Ok(Value::Switch(false)),
                _ => Err(format!("'{text}' is neither true nor false")),
            },
            Kind::Number { from, to } => match text.parse::<i64>() {
                Ok(number) if (from..=to).contains(&number) => Ok(Value::Number(number)),
                _ => Err(format!("'{text}' is no whole number from {from} to {to}")),
            },
            Kind::Choice(words) if words.contains(&text) => Ok(Value::Text(text.to_owned())),
            Kind::Choice(words) => Err(format!("'{text}' is none of {}", words.join(", "))),
            // Whoever writes the key itself there must not find it in an error or a log.
            Kind::Secret if text.contains("coffer-root-") || key_shape(text).is_some() => {
                Err("the path of a file is wanted here, not the key itself".to_owned())
            }
            Kind::Secret => Ok(Value::SecretFile(PathBuf::from(text))),
        }
    }
}
