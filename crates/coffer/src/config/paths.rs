//! Where the root key is looked for.

use super::{Config, ConfigError, ROOT_KEY, Value};
use coffer::assemble::RootSource;
use coffer_crypto::root;
use std::path::PathBuf;
use std::sync::Arc;

/// The program's configuration directory: `$XDG_CONFIG_HOME/coffer` if that is set, else
/// `/etc/coffer` for root, else `~/.config/coffer`.
fn config_home() -> PathBuf {
    let directory = |name| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    if let Some(home) = directory("XDG_CONFIG_HOME") {
        return home.join("coffer");
    }
    match directory("HOME") {
        Some(home) if !rustix::process::geteuid().is_root() => home.join(".config/coffer"),
        _ => PathBuf::from("/etc/coffer"),
    }
}

impl Config {
    /// Where the root key is.
    ///
    /// # Errors
    /// If `COFFER_ROOT_KEY` is set and is no root key.
    pub fn root_source(&self) -> Result<RootSource, ConfigError> {
        let explicit = match self.value(&ROOT_KEY) {
            Some(Value::Secret(text)) => {
                let key = root::env::parse(text).map_err(|error| ConfigError(error.to_string()))?;
                return Ok(RootSource::Given(Arc::new(key)));
            }
            Some(Value::SecretFile(path)) => Some(path.clone()),
            _ => None,
        };
        let credentials_directory = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        Ok(RootSource::Search { explicit, credentials_directory, config_home: config_home() })
    }
}
