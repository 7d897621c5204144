//! The configuration file: TOML, one key for each setting.

use super::{ALL, ConfigError, nearest};
use std::path::{Path, PathBuf};

/// What the file says; nothing if there is none.
#[derive(Default)]
pub(super) struct File {
    path: PathBuf,
    said: Vec<(&'static str, String)>,
}

impl File {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`ConfigError`] if it cannot be read, is not TOML, or has an unknown key.
    pub(super) fn read(path: &Path) -> Result<Self, ConfigError> {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError(format!("{shown} cannot be read: {error}")))?;
        Self::parse(path, &text)
    }

    pub(super) fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let shown = path.display();
        let table = text.parse::<toml::Table>().map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(1, |before| before.matches('\n').count() + 1);
            // The library's own text would repeat the line.
            ConfigError(format!("{shown}, line {line}: {}", error.message()))
        })?;
        let mut said = Vec::new();
        for (key, value) in table {
            let mut known = ALL.iter().filter(|setting| setting.in_file);
            let Some(setting) = known.find(|setting| setting.name == key) else {
                let names = ALL.iter().filter(|setting| setting.in_file).map(|known| known.name);
                let nearest = nearest::nearest(&key, names);
                return Err(ConfigError(format!(
                    "there is no setting {key} (in {shown}); the nearest is {nearest}"
                )));
            };
            let text = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Boolean(on) => on.to_string(),
                _ => {
                    let message = format!("{key} (in {shown}) is no text, number or boolean");
                    return Err(ConfigError(message));
                }
            };
            said.push((setting.name, text));
        }
        Ok(Self { path: path.to_owned(), said })
    }

    /// What it says of the setting `name`.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.said.iter().find(|(known, _)| *known == name).map(|(_, text)| text.as_str())
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}
