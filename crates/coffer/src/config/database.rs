//! Where the stores are.

use super::{Config, ConfigError, Kind, SETTING, Setting, Value};
use coffer::assemble::Database;
use coffer_storage::{Passwords, PostgresOptions};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The directory of the keys.
pub const KEY_DIR: Setting = Setting {
    name: "key_dir",
    env: "COFFER_KEY_DIR",
    flag: Some("key-dir"),
    kind: Kind::Path,
    about: "directory of the keys, on another disk than the data; without it, data_dir",
    ..SETTING
};

/// The database that servers share.
pub const DATABASE: Setting = Setting {
    name: "database",
    env: "COFFER_DATABASE_URL",
    flag: Some("database"),
    kind: Kind::Database,
    about: "PostgreSQL for the data, postgres://USER@HOST/NAME; without it, files in data_dir",
    ..SETTING
};

/// The database of the keys.
pub const KEY_DATABASE: Setting = Setting {
    name: "key_database",
    env: "COFFER_KEY_DATABASE_URL",
    flag: Some("key-database"),
    kind: Kind::Database,
    about: "PostgreSQL for the keys, of another cluster if you can",
    ..SETTING
};

/// The password of both.
pub const DATABASE_PASSWORD: Setting = Setting {
    name: "database_password",
    env: "COFFER_DATABASE_PASSWORD",
    flag: Some("database-password"),
    kind: Kind::Secret,
    about: "password for the databases whose address has none; else PGPASSFILE is looked into",
    ..SETTING
};

impl Config {
    /// The directory of the keys, if the stores are files.
    pub fn key_dir(&self) -> PathBuf {
        self.path(&KEY_DIR).map_or_else(|| self.data_dir(), Path::to_owned)
    }

    /// Where the stores are: in files, unless both databases are set.
    ///
    /// # Errors
    /// If only one is, or if the file with the password cannot be read.
    pub fn database(&self) -> Result<Database, ConfigError> {
        let passwords = self.passwords()?;
        match (self.postgres(&DATABASE, &passwords)?, self.postgres(&KEY_DATABASE, &passwords)?) {
            (None, None) => Ok(Database::Embedded),
            (Some(_), Some(_)) if self.path(&KEY_DIR).is_some() => Err(ConfigError(
                "key_dir and key_database are both set: where are the keys?".to_owned(),
            )),
            (Some(data), Some(keys)) => Ok(Database::Postgres { data, keys }),
            (Some(_), None) => Err(ConfigError(
                "database is set and key_database is not: the keys are kept apart from the data, \
                 in a database of their own, and better still in a cluster of their own"
                    .to_owned(),
            )),
            (None, Some(_)) => {
                Err(ConfigError("key_database is set and database is not".to_owned()))
            }
        }
    }

    fn postgres(
        &self,
        setting: &Setting,
        passwords: &Passwords,
    ) -> Result<Option<PostgresOptions>, ConfigError> {
        let Some(Value::Database(url)) = self.value(setting) else { return Ok(None) };
        let parsed = PostgresOptions::parse(url, passwords);
        parsed.map(Some).map_err(|error| ConfigError(format!("{}: {error}", setting.name)))
    }

    /// The password that is configured, and the file to look into for addresses without one.
    ///
    /// # Errors
    /// If the file with the password cannot be read.
    pub fn passwords(&self) -> Result<Passwords, ConfigError> {
        let given = match self.value(&DATABASE_PASSWORD) {
            Some(Value::Secret(text)) => Some(text.clone()),
            Some(Value::SecretFile(path)) => {
                let text = std::fs::read_to_string(path).map(Zeroizing::new);
                let text = text.map_err(|error| {
                    let (name, path) = (DATABASE_PASSWORD.name, path.display());
                    ConfigError(format!("{name}: {path}: {error}"))
                })?;
                Some(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
            }
            _ => None,
        };
        let file = std::env::var_os("PGPASSFILE").filter(|path| !path.is_empty());
        Ok(Passwords { given, file: file.map(PathBuf::from) })
    }
}
