//! What can go wrong with keys.

use coffer_crypto::CryptoError;
use coffer_storage::StorageError;

/// A failure of the key store or of a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// The key store, or the data store, failed.
    #[error("the key store failed: {0}")]
    Storage(#[from] StorageError),
    /// A wrapped key or a sealed value could not be opened: it was changed, moved, or belongs to
    /// another store.
    #[error("{what} could not be opened: {source}")]
    Crypto {
        /// What was being opened.
        what: &'static str,
        /// Why it could not be.
        source: CryptoError,
    },
    /// The key store belongs to another data store.
    #[error(
        "the key store belongs to store {keys}, the data to store {data}; put the keys.db that was \
         made with this data beside it"
    )]
    OtherStore {
        /// The data store's id.
        data: String,
        /// The key store's id.
        keys: String,
    },
    /// The key store was never initialized, although the data store was.
    #[error(
        "the key store is empty, and the data was sealed under other keys; put back the keys.db \
         that was made with this data"
    )]
    Empty,
    /// The tenant has sealed data, and its keys are not in the key store.
    #[error(
        "the tenant has sealed data, but its keys are not in the key store; put back the newest \
         copy of keys.db"
    )]
    KeysLost,
    /// The installation's own keys are not in the key store.
    #[error(
        "the installation's own keys are not in the key store, and without them nobody is known; \
         put back the newest copy of keys.db"
    )]
    RowKeyLost,
    /// The root key does not open the master key, or the master key's row was changed.
    #[error(
        "the root key does not open this store's master key; give the root key that was made with \
         this store, or that it was moved to"
    )]
    WrongRoot(#[source] CryptoError),
    /// The root is incoming, and a master key was made since that it does not wrap.
    #[error(
        "the new root does not open master key {version}, which was made after the move to it \
         began: run `coffer keyring root migrate` again with the old root, or start with that"
    )]
    RootBehind {
        /// The version of the master key.
        version: u32,
    },
    /// A new master key is wanted while two roots open the keys, or by a server with a retired one.
    #[error(
        "the key store moves to another root of trust: end that first, with `coffer keyring root \
         finish` or `cancel`, and give its root to every server"
    )]
    RootMoving,
    /// A master key was made or destroyed while they were wrapped anew.
    #[error(
        "a master key was made or destroyed meanwhile, and nothing was changed: run this again"
    )]
    MastersChanged,
    /// The root that was given is not one that the store is moving to.
    #[error(
        "the key store is not moving to this root: begin with `coffer keyring root migrate \
         --to …`, then give the new root to every server and to this command (root)"
    )]
    NothingIncoming,
    /// An exported keyring is older than the newest master key.
    #[error(
        "the exported keyring has not master key {version}, which is newer: take a newer export, \
         or restore the key store from the same time"
    )]
    FileBehind {
        /// The version of the master key.
        version: u32,
    },
    /// The key that sealed a stored value is not in the key store (any more).
    #[error("key version {version} of the tenant is not in the key store")]
    KeyMissing {
        /// The version that the value names.
        version: u32,
    },
    /// A key is wrapped under a master key that this keyring does not have.
    #[error("master key version {version} is not in the key store")]
    MasterMissing {
        /// Its version.
        version: u32,
    },
    /// An operator has sealed all servers.
    #[error("an operator has sealed this server: it has no keys until `coffer unseal`")]
    Stopped,
    /// The root key cannot be read: in words.
    #[error("{0}")]
    Root(String),
    /// The keyring was opened without a way to read the root key again.
    #[error("the root key cannot be read again here")]
    NoRoot,
    /// The master key was replaced again and again meanwhile.
    #[error("the master key is being replaced")]
    Busy,
}
