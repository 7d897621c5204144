//! Putting an installation together: data directory, stores, root key, keyring, kernel.

use crate::family_set::FamilySet;
use crate::status::{Status, StatusSources};
use crate::test_helpers;
use coffer_base::{Clock, Random, ShiftedClock, id::random_id};
use coffer_crypto::root::{self, RootError, RootKey};
use coffer_identity::{Identity, IdentityOptions};
use coffer_kernel::{
    EventListeners, HttpClient, Job, JobContext, Kernel, KernelOptions, Scheduler, Settings,
    clock_offset,
};
use coffer_keyring::{Keyring, KeyringError, KeyringOptions};
use coffer_outbound::Limits;
use coffer_storage::{Faults, StorageError, Store};
use std::time::Duration;
use tokio::sync::watch;

mod stores;

pub use stores::{Database, Stores, create_schemas, expand, finish};

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// The data store's file in the data directory.
pub const DATA_FILE: &str = "coffer.db";

/// The key store's file in the data directory.
pub const KEYS_FILE: &str = "keys.db";

/// The root key's file in the data directory of developer mode.
pub const DEVELOPER_ROOT_FILE: &str = "root.key";

/// Letters and digits of a store's id.
const STORE_ID_CHARACTERS: usize = 20;

/// Where the root key is.
#[derive(Debug)]
pub enum RootSource {
    /// In a file: at `explicit`, or else in the service manager's `credentials_directory`, or
    /// else under `config_home`.
    Search {
        /// A path that was asked for.
        explicit: Option<PathBuf>,
        /// The service manager's directory of credentials.
        credentials_directory: Option<PathBuf>,
        /// The program's configuration directory.
        config_home: PathBuf,
    },
    /// It was given as text, by the environment.
    Given(RootKey),
    /// In the data directory: developer mode.
    DataDir,
}

/// What an installation is put together from.
pub struct AssembleOptions {
    /// Where files are kept.
    pub data_dir: PathBuf,
    /// Where the stores are.
    pub database: Database,
    /// Where the root key is.
    pub root: RootSource,
    /// Whether anybody on this machine is let in: `coffer dev`.
    pub developer: bool,
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

/// Why an installation could not be opened or made. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum AssembleError {
    /// There is no store there: in words.
    #[error("{0}")]
    NoStore(String),
    /// There is data in the data directory, and no key store.
    #[error(
        "{} is missing, and the data beside it cannot be opened without the keys in it; put it back \
         from your backup",
        .0.display()
    )]
    KeysMissing(PathBuf),
    /// There is a store already, and a new one was to be made.
    #[error("{0}")]
    AlreadyInitialized(String),
    /// The root key.
    #[error(transparent)]
    Root(#[from] RootError),
    /// The data directory or a store.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The keys.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// A file beside the stores.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// TLS for requests to other servers.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[source] rustls::Error),
}

impl AssembleOptions {
    pub(crate) fn no_store(&self) -> AssembleError {
        AssembleError::NoStore(match &self.database {
            Database::Postgres { data, .. } => {
                format!("there is no store in {data}; make one with `coffer init`")
            }
            Database::Embedded => {
                let place = self.data_dir.display();
                format!(
                    "there is no store in {place}; make one with `coffer init --data-dir {place}`"
                )
            }
        })
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
    /// Where the root key is kept now; `None` if it was given.
    pub root_path: Option<PathBuf>,
}

/// Makes an installation: root key, key store, data store, in this order, so that an initialization
/// that was cut can be repeated.
///
/// # Errors
/// [`AssembleError::AlreadyInitialized`] if there is one already.
pub async fn init(options: &AssembleOptions) -> Result<Initialized, AssembleError> {
    let now = options.clock.now();
    create_schemas(options, now).await?;
    let stores = Stores::open_configured(options, now).await?;
    if coffer_keyring::store_id(&stores.data).await?.is_some() {
        return Err(options.already_initialized());
    }
    let known = coffer_keyring::key_store_id(&stores.keys).await?;
    let resumed = known.is_some();
    let new_id = || format!("store_{}", random_letters(&*options.random));
    let store_id = match (&options.root, known) {
        (_, Some(known)) => known,
        (RootSource::Given(key), None) => key.store_id().to_owned(),
        (RootSource::DataDir, None) if developer_root(options).exists() => {
            root::file::load(&developer_root(options))?.store_id().to_owned()
        }
        (_, None) => new_id(),
    };
    let root_path = place_root(options, &store_id, resumed)?;
    let root = find_root(options, &store_id)?;
    let keyring_options = KeyringOptions {
        keys: stores.keys.clone(),
        store_id: store_id.clone(),
        random: Arc::clone(&options.random),
    };
    if !resumed {
        Keyring::init(&keyring_options, root.key(), now).await?;
    }
    // The keys are opened once before the data is bound to them.
    Keyring::open(keyring_options, root.key()).await?;
    coffer_keyring::write_store_id(&stores.data, &store_id, now).await?;
    Ok(Initialized { stores, store_id, root_path })
}

fn developer_root(options: &AssembleOptions) -> PathBuf {
    options.data_dir.join(DEVELOPER_ROOT_FILE)
}

fn random_letters(random: &dyn Random) -> String {
    let id = random_id("", STORE_ID_CHARACTERS, random);
    id.trim_start_matches('_').to_owned()
}

/// Makes the root key, unless it was given or an initialization that was cut made it.
fn place_root(
    options: &AssembleOptions,
    store_id: &str,
    resumed: bool,
) -> Result<Option<PathBuf>, AssembleError> {
    let path = match &options.root {
        RootSource::Given(_) => return Ok(None),
        RootSource::DataDir if developer_root(options).exists() => {
            return Ok(Some(developer_root(options)));
        }
        RootSource::DataDir => developer_root(options),
        RootSource::Search { explicit, config_home, .. } => {
            explicit.clone().unwrap_or_else(|| root::default_path(config_home, store_id))
        }
    };
    if !resumed {
        root::file::create(&path, &RootKey::generate(store_id, &*options.random))?;
    }
    Ok(Some(path))
}

enum Root<'a> {
    Given(&'a RootKey),
    Found(RootKey, PathBuf),
}

impl Root<'_> {
    const fn key(&self) -> &RootKey {
        match self {
            Self::Given(key) => key,
            Self::Found(key, _) => key,
        }
    }

    fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Given(_) => None,
            Self::Found(_, path) => Some(path.clone()),
        }
    }
}

fn find_root<'a>(options: &'a AssembleOptions, store_id: &str) -> Result<Root<'a>, RootError> {
    match &options.root {
        RootSource::Given(key) => {
            key.belongs_to(store_id)?;
            Ok(Root::Given(key))
        }
        RootSource::DataDir => {
            let key = root::file::load(&developer_root(options))?;
            key.belongs_to(store_id)?;
            Ok(Root::Found(key, developer_root(options)))
        }
        RootSource::Search { explicit, credentials_directory, config_home } => {
            let (key, path) = root::search(
                explicit.as_deref(),
                credentials_directory.as_deref(),
                config_home,
                store_id,
            )?;
            Ok(Root::Found(key, path))
        }
    }
}

/// Opens the keys of the store `store_id` with its root key; also answers the file that the root
/// key was read from.
///
/// # Errors
/// [`AssembleError::Root`] if it is not found, [`AssembleError::Keyring`] if it does not fit.
pub async fn open_keyring(
    options: &AssembleOptions,
    keys: &Store,
    store_id: &str,
) -> Result<(Keyring, Option<PathBuf>), AssembleError> {
    let root = find_root(options, store_id)?;
    let keyring_options = KeyringOptions {
        keys: keys.clone(),
        store_id: store_id.to_owned(),
        random: Arc::clone(&options.random),
    };
    Ok((Keyring::open(keyring_options, root.key()).await?, root.path()))
}

/// An installation that is ready to serve.
pub struct Installation {
    /// The kernel, with all operations.
    pub kernel: Arc<Kernel>,
    /// The stores.
    pub stores: Stores,
    /// What runs in the background.
    pub jobs: Vec<Arc<dyn Job>>,
    /// What the jobs run on.
    pub context: JobContext,
    /// Stops the jobs, once it is sent true.
    pub stop: watch::Sender<bool>,
    /// The store's id.
    pub store_id: String,
    /// The file that the root key was read from; `None` if it was given.
    pub root_path: Option<PathBuf>,
}

/// Opens an installation.
///
/// # Errors
/// When there is no store, or it cannot be opened; what was opened is closed again.
pub async fn open(options: AssembleOptions) -> Result<Installation, AssembleError> {
    let embedded = matches!(options.database, Database::Embedded);
    if embedded && !options.data_dir.join(DATA_FILE).exists() {
        return Err(options.no_store());
    }
    let stores = Stores::open_configured(&options, options.clock.now()).await?;
    open_stores(options, stores).await
}

/// Opens an installation whose stores are open already.
pub async fn open_stores(
    options: AssembleOptions,
    stores: Stores,
) -> Result<Installation, AssembleError> {
    let Clocks { clock, shifted } = clocks(&options, &stores.data).await?;
    let now = clock.now();
    let Some(store_id) = coffer_keyring::store_id(&stores.data).await? else {
        return Err(options.no_store());
    };
    let (keyring, root_path) = open_keyring(&options, &stores.keys, &store_id).await?;
    let keyring = Arc::new(keyring);
    let mut parts = options.families.parts(&options.settings);
    let identity = Identity::new(IdentityOptions {
        store: stores.data.clone(),
        keyring: Arc::clone(&keyring),
        random: Arc::clone(&options.random),
        developer: options.developer,
        permissions: parts.routes.permissions(),
        quotas: options.families.quotas(),
        purge: options.families.purge(),
    });
    parts.append(identity.parts);
    let scheduler = Arc::new(Scheduler::new(std::mem::take(&mut parts.tasks)));
    parts.jobs.push(Arc::<Scheduler>::clone(&scheduler));
    let listeners: EventListeners = std::mem::take(&mut parts.listeners).into();
    let (stop, stopped) = watch::channel(false);
    let context = JobContext {
        store: stores.data.clone(),
        keyring: Arc::clone(&keyring),
        clock: Arc::clone(&clock),
        random: Arc::clone(&options.random),
        listeners: Arc::clone(&listeners),
        http: http_client()?,
        stop: stopped,
    };
    let counters = Arc::new(OnceLock::new());
    parts.routes.read(Status(StatusSources {
        store_id: store_id.clone(),
        developer: options.developer,
        started: now,
        store: stores.data.clone(),
        scheduler: Arc::clone(&scheduler),
        counters: Arc::clone(&counters),
    }));
    if let Some(shifted) = shifted {
        test_helpers::register(&mut parts.routes, shifted, scheduler, context.clone());
    }
    let kernel = Arc::new(Kernel::new(KernelOptions {
        store: stores.data.clone(),
        keyring,
        clock,
        random: options.random,
        authenticate: identity.authenticate,
        listeners,
        routes: parts.routes,
    }));
    // Set once, here: nothing else has the cell yet.
    let _ = counters.set(kernel.counters());
    Ok(Installation { kernel, stores, jobs: parts.jobs, context, stop, store_id, root_path })
}

/// How long a request to another server may take, and how much of its response is read. A
/// receiver of a webhook has twenty seconds in Stripe's own delivery, and nobody needs its body.
const OUTBOUND: Limits =
    Limits { total: Duration::from_secs(20), response_bytes: 64 * 1024, addresses: |_| true };

fn http_client() -> Result<HttpClient, AssembleError> {
    HttpClient::new(OUTBOUND).map_err(AssembleError::Tls)
}

/// The server's clock, and the same as developer mode can move it.
struct Clocks {
    clock: Arc<dyn Clock>,
    shifted: Option<Arc<ShiftedClock>>,
}

/// In developer mode the clock goes on where it was moved to before.
async fn clocks(options: &AssembleOptions, data: &Store) -> Result<Clocks, StorageError> {
    let clock = Arc::clone(&options.clock);
    if !options.developer {
        return Ok(Clocks { clock, shifted: None });
    }
    let shifted = Arc::new(ShiftedClock::new(clock, clock_offset(data).await?));
    Ok(Clocks { clock: Arc::<ShiftedClock>::clone(&shifted), shifted: Some(shifted) })
}
