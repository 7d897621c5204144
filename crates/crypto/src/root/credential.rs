//! The root key as a credential of the service manager (systemd's `LoadCredential=`).

use super::{Kind, Root, RootError, RootKey, file};
use coffer_base::Random;
use std::path::PathBuf;

/// The file's name in the directory of the service manager's credentials.
pub const CREDENTIAL: &str = "coffer-root";

/// The root key in the service manager's directory of credentials.
pub struct Credential {
    /// The directory: `$CREDENTIALS_DIRECTORY`.
    pub directory: PathBuf,
}

impl Credential {
    fn file(&self) -> PathBuf {
        self.directory.join(CREDENTIAL)
    }
}

impl Root for Credential {
    fn kind(&self) -> Kind {
        Kind::Key
    }

    fn place(&self, _store_id: &str) -> String {
        self.file().display().to_string()
    }

    fn path(&self, _store_id: &str) -> Option<PathBuf> {
        Some(self.file())
    }

    fn keep(&self, _key: &RootKey, _random: &dyn Random) -> Result<Vec<u8>, RootError> {
        Err(RootError::NotStored {
            place: "the service manager's credentials",
            advice: "let it be made in a file, and load that as the credential coffer-root",
        })
    }

    fn open(&self, store_id: &str, _kept: &[u8]) -> Result<RootKey, RootError> {
        let key = file::load(&self.file())?;
        key.belongs_to(store_id)?;
        Ok(key)
    }
}
