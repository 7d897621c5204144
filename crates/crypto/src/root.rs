//! The root of trust: the one key that is not stored with the data, and unwraps all others.
//!
//! Its text is one line, the same in a file, in a credential of the service manager and in the
//! environment: `coffer-root-1 <store id> <64 hexadecimal digits>`. It names its store, so that an
//! error can tell another installation's key from a damaged one. A [`Root`] is a way to keep that
//! line: whole, somewhere apart from the stores, or sealed by something that only the operator has,
//! beside the keys that it wraps.
//!
//! Nothing here reads the environment: the binary passes what it read.

#[cfg(feature = "aws-kms")]
pub mod aws_kms;
pub mod credential;
pub mod env;
pub mod file;
pub mod passphrase;
#[cfg(feature = "pkcs11")]
pub mod pkcs11;
#[cfg(feature = "transit")]
pub mod transit;

#[cfg(feature = "aws-kms")]
mod error;
#[cfg(feature = "http")]
mod http;
mod kind;
mod means;
mod secret;
#[cfg(feature = "aws-kms")]
mod sigv4;
mod spec;
mod text;

pub use credential::CREDENTIAL;
pub use error::RootError;
pub use kind::Kind;
pub use means::Means;
pub use secret::{Ask, RootSecret};
pub use spec::Spec;

use crate::SealingKey;
use crate::key::KeyBytes;
use aws_lc_rs::hmac;
use coffer_base::Random;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes of a root key's id: enough that no two keys of a store share one.
const ID_BYTES: usize = 8;

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

    /// The key's own id, 16 hexadecimal digits, which says nothing about the key. What is wrapped
    /// under it is stored with this id.
    pub fn id(&self) -> String {
        let mac = hmac::Key::new(hmac::HMAC_SHA256, self.key.bytes());
        let digest = hmac::sign(&mac, b"id of a root key");
        digest.as_ref().iter().take(ID_BYTES).map(|byte| format!("{byte:02x}")).collect()
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

/// One way to keep a root key.
///
/// Every call may block: on a disk, on a module, on another server, on a person, or in a function
/// that is slow on purpose.
pub trait Root: Send + Sync {
    /// Which way it is.
    fn kind(&self) -> Kind;

    /// Where the key of `store_id` is, for people. It holds no secret.
    fn place(&self, store_id: &str) -> String;

    /// The file that holds the key, if one does.
    fn path(&self, _store_id: &str) -> Option<PathBuf> {
        None
    }

    /// Keeps a new key. The answer must be stored beside the keys that it wraps, and is of no use
    /// to anybody who has only that; it is empty where the key is kept whole.
    ///
    /// # Errors
    /// When the key cannot be kept; then it is kept nowhere.
    fn keep(&self, key: &RootKey, random: &dyn Random) -> Result<Vec<u8>, RootError>;

    /// The key of the store `store_id` again, from what [`Root::keep`] answered.
    ///
    /// # Errors
    /// [`RootError::Unreachable`] if another attempt may succeed; any other if none will.
    fn open(&self, store_id: &str, kept: &[u8]) -> Result<RootKey, RootError>;

    /// What was kept, sealed anew under the newest key of whatever seals it; `None` where there is
    /// no such thing.
    ///
    /// # Errors
    /// [`RootError::Unreachable`] if another attempt may succeed; any other if none will.
    fn renew(&self, _kept: &[u8]) -> Result<Option<Vec<u8>>, RootError> {
        Ok(None)
    }
}

/// Where a key that the operator keeps whole may be, in the order in which it is looked for: only
/// at the `explicit` path, if there is one; else `coffer-root` in `credentials_directory`, and
/// [`default_path`] in `config_home`.
pub fn places(
    explicit: Option<&Path>,
    credentials_directory: Option<&Path>,
    config_home: &Path,
) -> Vec<Arc<dyn Root>> {
    if let Some(path) = explicit {
        return vec![Arc::new(file::RootFile::At(path.to_owned()))];
    }
    let credential = credentials_directory.map(|directory| -> Arc<dyn Root> {
        Arc::new(credential::Credential { directory: directory.to_owned() })
    });
    let file: Arc<dyn Root> = Arc::new(file::RootFile::In(config_home.to_owned()));
    credential.into_iter().chain([file]).collect()
}

/// The key of `store_id` from the first of `roots` that has one, and that root. A file that exists
/// but cannot be used is an error, not a reason to try the next.
///
/// # Errors
/// [`RootError::Missing`] with all places if none has it; any other of [`Root::open`] if one cannot
/// be used.
pub fn first(
    roots: &[Arc<dyn Root>],
    store_id: &str,
) -> Result<(RootKey, Arc<dyn Root>), RootError> {
    let mut missing = Vec::new();
    for root in roots {
        match root.open(store_id, &[]) {
            Err(RootError::Missing { looked }) => missing.extend(looked),
            opened => return Ok((opened?, Arc::clone(root))),
        }
    }
    Err(RootError::Missing { looked: missing })
}

/// The default path of the root key of `store_id`: `keys/<store id>.root` in
/// `config_home`, the program's own configuration directory (`$XDG_CONFIG_HOME/coffer`, or
/// `/etc/coffer` for root).
pub fn default_path(config_home: &Path, store_id: &str) -> PathBuf {
    config_home.join("keys").join(format!("{store_id}.root"))
}

/// The key that was opened as `plaintext` at `place`, which must be that of `store_id`.
fn opened(plaintext: &[u8], store_id: &str, place: &str) -> Result<RootKey, RootError> {
    let damaged = || RootError::Damaged { place: place.to_owned() };
    let key = text::parse(plaintext).ok_or_else(damaged)?;
    key.belongs_to(store_id)?;
    Ok(key)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
