//! The configuration file: TOML, one key for each setting.

use super::{ALL, ConfigError, Setting, nearest};
use std::path::{Path, PathBuf};

/// The settings in the file, as text; empty if there is no file.
#[derive(Default)]
pub(super) struct File {
    path: PathBuf,
    settings: Vec<(&'static str, String)>,
}

impl File {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read, is no TOML, has an unknown key, or a value that is a date, a
    /// fraction, a list or a table.
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError(format!("{} cannot be read: {error}", path.display())))?;
        let mut settings = Vec::new();
        for (key, value) in parse(path, &text)? {
            settings.push((known(path, &key)?.name, scalar(path, &key, value)?));
        }
        Ok(Self { path: path.to_owned(), settings })
    }

    /// The text of the setting `name`.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.settings.iter().find(|(known, _)| *known == name).map(|(_, text)| text.as_str())
    }

    /// Where the file is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

fn parse(path: &Path, text: &str) -> Result<toml::Table, ConfigError> {
    text.parse::<toml::Table>().map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map_or(1, |before| before.matches('\n').count() + 1);
        // The error's own Display quotes the line, which may hold a secret by mistake.
        ConfigError(format!("{}, line {line}: {}", path.display(), error.message()))
    })
}

/// The setting whose key is `key`.
fn known(path: &Path, key: &str) -> Result<&'static Setting, ConfigError> {
    let in_file = || ALL.iter().copied().filter(|setting| setting.in_file);
    in_file().find(|setting| setting.name == key).ok_or_else(|| {
        let nearest = nearest::nearest(key, in_file().map(|setting| setting.name));
        let path = path.display();
        ConfigError(format!("there is no setting {key} (in {path}); the nearest is {nearest}"))
    })
}

/// A value as the text that a flag or a variable would have.
fn scalar(path: &Path, key: &str, value: toml::Value) -> Result<String, ConfigError> {
    match value {
        toml::Value::String(text) => Ok(text),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Boolean(on) => Ok(on.to_string()),
        _ => {
            let path = path.display();
            Err(ConfigError(format!("{key} (in {path}) is no text, number or boolean")))
        }
    }
}
