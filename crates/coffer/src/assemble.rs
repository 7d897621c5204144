//! Putting an installation together: data directory, stores, root key, keyring, kernel.

mod installation;
mod root;
mod root_change;
mod stores;

pub use installation::{Installation, open, open_existing, open_keyring, open_stores};
pub use root::{FoundRoot, RootSource, find_root};
pub use root_change::KeyStore;
pub use stores::{Database, Stores, create_schemas, distribute, expand, finish};

pub use crate::store_place::{DATA_FILE, KEYS_FILE};

use crate::family_set::FamilySet;
use crate::store_place::NoStore;
use crate::switch::SwitchError;
use coffer_audit::LogError;
use coffer_backup::BackupError;
use coffer_base::{Clock, Random, Redacted, id::random_id};
use coffer_crypto::root::{self as root_key, RootError};
use coffer_identity::NewKey;
use coffer_kernel::Settings;
use coffer_keyring::{Keyring, KeyringError, KeyringOptions};
use coffer_storage::{Faults, StorageError, Store};
use root::{developer_root, make_root};
use std::path::PathBuf;
use std::sync::Arc;

/// The root key's file in the data directory of developer mode.
pub const DEVELOPER_ROOT_FILE: &str = "root.key";

/// Letters and digits of a store's id.
const STORE_ID_CHARACTERS: usize = 20;

/// What an installation is put together from.
pub struct AssembleOptions {
    /// Where files are kept.
    pub data_dir: PathBuf,
    /// Where the file of the keys is kept, if that is elsewhere: then no disk need have both.
    pub key_dir: Option<PathBuf>,
    /// Where the stores are.
    pub database: Database,
    /// Where the root key is.
    pub root: RootSource,
    /// Whether anybody on this machine is let in: `coffer dev`.
    pub developer: bool,
    /// Who may call besides.
    pub callers: Callers,
    /// The families of resources.
    pub families: FamilySet,
    /// What the operator has set for them.
    pub settings: Settings,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where keys and ids come from.
    pub random: Arc<dyn Random>,
    /// Faults of the data store; none outside tests.
    pub faults: Faults,
}

/// Whom the operator lets in who would not be otherwise.
#[derive(Clone, Debug, Default)]
pub struct Callers {
    /// Names of the server, besides local ones, under which developer mode answers.
    pub hosts: Vec<String>,
    /// Origins whose pages may call.
    pub origins: Vec<String>,
    /// What keys begin with in developer mode; `None` takes any.
    pub run_key: Option<Redacted<String>>,
}

/// Why an installation could not be opened or made. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    /// There is no store there: in words.
    #[error("{0}")]
    NoStore(String),
    /// There may be a store, and it cannot be read: in words.
    #[error("{0}")]
    Unreadable(String),
    /// There is data in the data directory, and no key store.
    #[error(
        "{} is missing or empty, and the data cannot be opened without the keys in it; mount its \
         volume, put it back from your backup, or say where it is with --key-dir",
        .0.display()
    )]
    KeysMissing(PathBuf),
    /// The store is one of developer mode, and something else was to be done with it.
    #[error(
        "{0} holds a store of developer mode, which anybody may have got a key of: serve it with \
         `coffer dev`, and make another for production with `coffer init`"
    )]
    DeveloperStore(String),
    /// The store is not one of developer mode, which would let in anybody.
    #[error(
        "{0} holds a store that developer mode did not make; choose another directory with \
         --data-dir, or serve it with `coffer serve`"
    )]
    ProductionStore(String),
    /// There is a store already, and a new one was to be made.
    #[error("{0}")]
    AlreadyInitialized(String),
    /// The keys are those of other data.
    #[error(
        "{0} holds the keys of a store already: put its data back, or choose another place for the \
         new one"
    )]
    KeysInUse(String),
    /// The root key.
    #[error(transparent)]
    Root(#[from] RootError),
    /// What asks the root for its key ended.
    #[error("asking the root of trust ended with a fault of the program; the log has it")]
    RootPanicked,
    /// There is nothing to seal anew.
    #[error(
        "this root of trust has no key with versions, so that nothing can be sealed anew: that is \
         for transit; move to a new root with `coffer keyring root migrate --to …`"
    )]
    NotRenewed,
    /// The data directory or a store.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The keys.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The audit's log.
    #[error(transparent)]
    Audit(#[from] LogError),
    /// A file beside the stores.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A backup cannot be used.
    #[error("{place}: {source}")]
    Backup {
        /// Where it is.
        place: String,
        /// Why.
        source: BackupError,
    },
    /// The stores are older than they were: both heads.
    #[error(
        "the stores are older than the head file says ({0}): somebody has put back an older copy. \
         If that was you, as after `coffer backup restore`, start once with --accept-rollback, \
         which the audit log records; if not, find out who it was before anything is served"
    )]
    Rollback(String),
    /// The head file that was kept for the stores is missing.
    #[error(
        "the head file {} is missing, and one was kept for this store ({found}): without it nobody \
         knows whether an older copy was put back. If its disk is not mounted, mount that; if you \
         chose another place, move the file there; if it is gone, or if this is one more server of \
         the store, start once with --accept-rollback, which the audit log records",
        place.display()
    )]
    NoHeadFile {
        /// Where it should be.
        place: PathBuf,
        /// How far the stores have come.
        found: String,
    },
    /// A restore that was interrupted cannot be finished.
    #[error(transparent)]
    Switch(#[from] SwitchError),
    /// Something else that was asked for is refused: in words.
    #[error("{0}")]
    Refused(String),
    /// TLS for requests to other servers.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[source] rustls::Error),
}

impl From<NoStore> for AssembleError {
    fn from(why: NoStore) -> Self {
        let text = why.to_string();
        if why.may_init() { Self::NoStore(text) } else { Self::Unreadable(text) }
    }
}

impl AssembleOptions {
    pub(crate) fn no_store(&self) -> AssembleError {
        AssembleError::NoStore(match &self.database {
            Database::Postgres { data, .. } => {
                format!(
                    "there is no store in {data}; make one with `coffer init` and these databases"
                )
            }
            Database::Embedded => NoStore::Nothing(self.data_dir.clone()).to_string(),
        })
    }

    /// Where the store is, for people.
    fn place(&self) -> String {
        match &self.database {
            Database::Postgres { data, .. } => data.to_string(),
            Database::Embedded => self.data_dir.display().to_string(),
        }
    }

    fn place_of_keys(&self) -> String {
        match &self.database {
            Database::Postgres { keys, .. } => keys.to_string(),
            Database::Embedded => self.keys_file().display().to_string(),
        }
    }

    /// The file of the keys, if the stores are files.
    pub(crate) fn keys_file(&self) -> PathBuf {
        self.key_dir.as_ref().unwrap_or(&self.data_dir).join(KEYS_FILE)
    }

    /// Checks that `keys` are those of a store of the wanted kind: of developer mode or not.
    ///
    /// # Errors
    /// [`AssembleError::DeveloperStore`] or [`AssembleError::ProductionStore`].
    pub(crate) async fn check_kind(&self, keys: &Store) -> Result<(), AssembleError> {
        match (coffer_keyring::key_store_use(keys).await?.developer, self.developer) {
            (true, false) => Err(AssembleError::DeveloperStore(self.place())),
            (false, true) => Err(AssembleError::ProductionStore(self.place())),
            _ => Ok(()),
        }
    }

    fn already_initialized(&self) -> AssembleError {
        AssembleError::AlreadyInitialized(match &self.database {
            Database::Postgres { data, .. } => {
                format!("{data} holds a store already, which is left as it is")
            }
            Database::Embedded => format!(
                "{} holds a store already, which is left as it is; choose another directory with \
                 --data-dir",
                self.data_dir.display()
            ),
        })
    }
}

/// An installation that was just made.
pub struct Initialized {
    /// Its stores.
    pub stores: Stores,
    /// The store's id.
    pub store_id: String,
    /// Its root.
    pub root: FoundRoot,
}

/// Makes an installation: root key, key store, data store, in this order, so that an initialization
/// that was cut can be repeated.
///
/// # Errors
/// [`AssembleError::AlreadyInitialized`] if there is one already.
pub async fn init(options: &AssembleOptions) -> Result<Initialized, AssembleError> {
    let now = options.clock.now();
    create_schemas(&options.database, &options.families, now).await?;
    let stores = Stores::open_configured(options, now).await?;
    if coffer_keyring::store_id(&stores.data).await?.is_some() {
        return Err(options.already_initialized());
    }
    let known = coffer_keyring::key_store_id(&stores.keys).await?;
    let mut use_of = coffer_keyring::key_store_use(&stores.keys).await?;
    if use_of.bound {
        return Err(AssembleError::KeysInUse(options.place_of_keys()));
    }
    let resumed = known.is_some();
    let new_id = || format!("store_{}", random_letters(&*options.random));
    let store_id = match (&options.root, known) {
        (_, Some(known)) => known,
        (RootSource::Given(key), None) => key.store_id().to_owned(),
        (RootSource::DataDir, None) if developer_root(&options.data_dir).exists() => {
            root_key::file::load(&developer_root(&options.data_dir))?.store_id().to_owned()
        }
        (_, None) => new_id(),
    };
    let root = if resumed {
        find_root(&options.root, &options.data_dir, &stores.keys, &store_id).await?
    } else {
        make_root(&options.root, &options.data_dir, &store_id, &options.random).await?
    };
    let keyring_options = KeyringOptions {
        keys: stores.keys.clone(),
        store_id: store_id.clone(),
        random: Arc::clone(&options.random),
    };
    if !resumed {
        Keyring::init_under(&keyring_options, &root.as_kept(), now).await?;
    }
    // The keys are opened once before the data is bound to them.
    Keyring::open(keyring_options, &root.key).await?.create_row_key(now).await?;
    use_of.developer = options.developer;
    coffer_keyring::mark_key_store(&stores.keys, use_of).await?;
    coffer_keyring::write_store_id(&stores.data, &store_id, now).await?;
    use_of.bound = true;
    coffer_keyring::mark_key_store(&stores.keys, use_of).await?;
    Ok(Initialized { stores, store_id, root })
}

/// Creates an admin key in stores that are open, without a server: the first one of an
/// installation, or another if that was lost. It takes the root key.
///
/// # Errors
/// [`AssembleError::NoStore`] if nothing was initialized there, and as [`open_keyring`].
pub async fn create_admin_key(
    options: &AssembleOptions,
    stores: &Stores,
) -> Result<Arc<NewKey>, AssembleError> {
    let Some(store_id) = coffer_keyring::store_id(&stores.data).await? else {
        return Err(options.no_store());
    };
    options.check_kind(&stores.keys).await?;
    let (keyring, _) = open_keyring(options, &stores.keys, &store_id).await?;
    let (random, now) = (&*options.random, options.clock.now());
    Ok(coffer_identity::create_admin_key(&stores.data, &keyring, random, now).await?)
}

/// Lets keys of apps be made again, in stores that are open. It takes the root key.
///
/// # Errors
/// If there is no store, if its keys do not open, or if the key store cannot be written.
pub async fn unlock_making(
    options: &AssembleOptions,
    stores: &Stores,
) -> Result<(), AssembleError> {
    let Some(store_id) = coffer_keyring::store_id(&stores.data).await? else {
        return Err(options.no_store());
    };
    options.check_kind(&stores.keys).await?;
    let (keyring, _) = open_keyring(options, &stores.keys, &store_id).await?;
    let (random, now) = (&*options.random, options.clock.now());
    Ok(coffer_identity::unlock_making(&stores.data, &keyring, random, now).await?)
}

fn random_letters(random: &dyn Random) -> String {
    let id = random_id("", STORE_ID_CHARACTERS, random);
    id.trim_start_matches('_').to_owned()
}
