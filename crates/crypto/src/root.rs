//! The root of trust: the one key that is not stored with the data, and unwraps all others.
//!
//! Its text is one line, the same in a file, in a credential of the service manager and in the
//! environment: `coffer-root-1 <store id> <64 hexadecimal digits>`. It names its store, so
//! that an error can tell another installation's key from a damaged one.
//!
//! Nothing here reads the environment: the binary passes what it read.

pub mod env;
pub mod file;

mod error;
mod text;

pub use error::RootError;

use crate::SealingKey;
use coffer_base::Random;
use std::fmt;
use std::path::{Path, PathBuf};

/// The file's name in the directory of the service manager's credentials.
pub const CREDENTIAL: &str = "coffer-root";

/// The root key and the id of the store that it belongs to.
pub struct RootKey {
    store_id: String,
    key: SealingKey,
}

impl RootKey {
    /// A new root key for the store `store_id`.
    pub fn generate(store_id: &str, random: &dyn Random) -> Self {
        Self { store_id: store_id.to_owned(), key: SealingKey::generate(random) }
    }

    /// The key itself, to wrap and unwrap master keys with.
    pub const fn sealing_key(&self) -> &SealingKey {
        &self.key
    }

    /// The id of the store that its text names.
    pub fn store_id(&self) -> &str {
        &self.store_id
    }

    /// Checks that it is the key of the store `store_id`.
    ///
    /// # Errors
    /// [`RootError::OtherStore`] if it is another's.
    pub fn belongs_to(&self, store_id: &str) -> Result<(), RootError> {
        if self.store_id == store_id {
            return Ok(());
        }
        Err(RootError::OtherStore { key: self.store_id.clone(), store: store_id.to_owned() })
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RootKey({}, [redacted])", self.store_id)
    }
}

/// The default path of the root key of `store_id`: `keys/<store id>.root` in
/// `config_home`, the program's own configuration directory (`$XDG_CONFIG_HOME/coffer`, or
/// `/etc/coffer` for root).
pub fn default_path(config_home: &Path, store_id: &str) -> PathBuf {
    config_home.join("keys").join(format!("{store_id}.root"))
}

/// Finds the root key of `store_id`, and returns it with its path.
///
/// With an `explicit` path, only that is tried. Otherwise it is `coffer-root` in
/// `credentials_directory` if that file exists, and else [`default_path`]. A file that exists but
/// cannot be used is an error, not a reason to try the next.
///
/// # Errors
/// [`RootError::Missing`] if none of the files exists; [`RootError::OtherStore`] if the key is
/// another store's; as [`file::load`] if it cannot be used; [`RootError::StoreId`] if no file can
/// be named after `store_id`.
pub fn search(
    explicit: Option<&Path>,
    credentials_directory: Option<&Path>,
    config_home: &Path,
    store_id: &str,
) -> Result<(RootKey, PathBuf), RootError> {
    text::check_store_id(store_id)?;
    let candidates = match explicit {
        Some(path) => vec![path.to_owned()],
        None => credentials_directory
            .map(|directory| directory.join(CREDENTIAL))
            .into_iter()
            .chain([default_path(config_home, store_id)])
            .collect(),
    };
    for path in &candidates {
        match file::load(path) {
            Err(RootError::Missing { .. }) => {}
            Err(other) => return Err(other),
            Ok(key) => {
                key.belongs_to(store_id)?;
                return Ok((key, path.clone()));
            }
        }
    }
    Err(RootError::Missing { looked: candidates })
}
