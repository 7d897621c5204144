//! The root key of an installation: where it is, how it is made, and how it is waited for.

use super::{AssembleError, DEVELOPER_ROOT_FILE};
use coffer_base::Random;
use coffer_crypto::root::{self, Kind, Root, RootError, RootKey, env, file::RootFile};
use coffer_keyring::{NewRoot, ReadRoot, StoredRoot};
use coffer_storage::Store;
use std::fmt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Where the root key is.
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
    Given(Arc<RootKey>),
    /// In the data directory: developer mode.
    DataDir,
    /// Beside the keys, sealed by something that has to be asked.
    Sealed {
        /// What is asked.
        root: Arc<dyn Root>,
        /// How long it is asked again while it cannot be reached.
        patience: Duration,
    },
}

impl fmt::Debug for RootSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Search { .. } => "RootSource::Search",
            Self::Given(_) => "RootSource::Given([redacted])",
            Self::DataDir => "RootSource::DataDir",
            Self::Sealed { .. } => "RootSource::Sealed",
        })
    }
}

impl RootSource {
    /// The places of a key that is kept whole, in the order in which it is looked for.
    fn whole(&self, data_dir: &Path) -> Result<Vec<Arc<dyn Root>>, RootError> {
        Ok(match self {
            Self::Search { explicit, credentials_directory, config_home } => {
                root::places(explicit.as_deref(), credentials_directory.as_deref(), config_home)
            }
            Self::Given(key) => vec![Arc::new(env::Given::of(key)?)],
            Self::DataDir => vec![Arc::new(RootFile::At(developer_root(data_dir)))],
            Self::Sealed { .. } => Vec::new(),
        })
    }

    /// What keeps a new key.
    fn keeper(&self, data_dir: &Path) -> Result<Arc<dyn Root>, RootError> {
        Ok(match self {
            Self::Search { explicit: Some(path), .. } => Arc::new(RootFile::At(path.clone())),
            Self::Search { config_home, .. } => Arc::new(RootFile::In(config_home.clone())),
            Self::Given(key) => Arc::new(env::Given::of(key)?),
            Self::DataDir => Arc::new(RootFile::At(developer_root(data_dir))),
            Self::Sealed { root, .. } => Arc::clone(root),
        })
    }
}

/// Where developer mode keeps its root key.
pub(super) fn developer_root(data_dir: &Path) -> PathBuf {
    data_dir.join(DEVELOPER_ROOT_FILE)
}

/// A root key that was found or made.
pub struct FoundRoot {
    /// The key.
    pub key: RootKey,
    /// What keeps it.
    pub kind: Kind,
    /// Where, for people.
    pub place: String,
    /// The file that holds it, if one does.
    pub path: Option<PathBuf>,
    /// What has to be stored beside the keys to have it again.
    pub kept: Vec<u8>,
}

impl FoundRoot {
    fn of(root: &dyn Root, key: RootKey, kept: Vec<u8>) -> Self {
        let (place, path) = (root.place(key.store_id()), root.path(key.store_id()));
        Self { key, kind: root.kind(), place, path, kept }
    }

    /// The key, as the key store takes it in.
    pub fn as_kept(&self) -> NewRoot<'_> {
        let (kind, place, kept) = (self.kind, self.place.clone(), self.kept.clone());
        NewRoot { key: &self.key, kind, place, kept }
    }
}

/// Makes a new root key where `source` says, and reads it back from there. One that was given, or
/// that an initialization of developer mode which was cut has made, is taken as it is.
///
/// # Errors
/// When there is one already, or it cannot be kept.
pub async fn make_root(
    source: &RootSource,
    data_dir: &Path,
    store_id: &str,
    random: &Arc<dyn Random>,
) -> Result<FoundRoot, AssembleError> {
    let is_there = match source {
        RootSource::Given(_) => true,
        RootSource::DataDir => developer_root(data_dir).exists(),
        _ => false,
    };
    let root = source.keeper(data_dir)?;
    let (store_id, random) = (store_id.to_owned(), Arc::clone(random));
    blocking(move || {
        if is_there {
            let key = root.open(&store_id, &[])?;
            return Ok(FoundRoot::of(&*root, key, Vec::new()));
        }
        let made = RootKey::generate(&store_id, &*random);
        let kept = root.keep(&made, &*random)?;
        let key = root.open(&store_id, &kept)?;
        if key.id() != made.id() {
            return Err(RootError::Damaged { place: root.place(&store_id) });
        }
        Ok(FoundRoot::of(&*root, key, kept))
    })
    .await
}

/// Finds the root key of the store `store_id`, whose key store is `keys`. A root that cannot be
/// reached is asked again, with growing pauses, for as long as `source` says.
///
/// # Errors
/// When it is missing, unreadable, too open, belongs to another store, or is withheld; and when the
/// key store does not accept a root of this kind.
pub async fn find_root(
    source: &RootSource,
    data_dir: &Path,
    keys: &Store,
    store_id: &str,
) -> Result<FoundRoot, AssembleError> {
    let patience = match source {
        RootSource::Sealed { patience, .. } => *patience,
        _ => Duration::ZERO,
    };
    find_root_within(source, patience, data_dir, keys, store_id).await
}

async fn find_root_within(
    source: &RootSource,
    patience: Duration,
    data_dir: &Path,
    keys: &Store,
    store_id: &str,
) -> Result<FoundRoot, AssembleError> {
    let RootSource::Sealed { root, .. } = source else {
        let (key, root) = root::first(&source.whole(data_dir)?, store_id)?;
        return Ok(FoundRoot::of(&*root, key, Vec::new()));
    };
    let accepted = coffer_keyring::accepted_roots(keys).await?;
    let of_kind = accepted.iter().filter(|known| known.kind == root.kind());
    let kept: Vec<Vec<u8>> = of_kind.map(|known| known.kept.clone()).collect();
    if kept.is_empty() {
        let place = root.place(store_id);
        return Err(RootError::NotAccepted { place, accepted: shown(&accepted) }.into());
    }
    ask(root, patience, store_id, kept).await
}

/// Roots for a sentence.
fn shown(roots: &[StoredRoot]) -> String {
    let shown = roots.iter().map(|root| match root.kind {
        Kind::Key | Kind::Passphrase => root.kind.to_string(),
        kind => format!("{kind} ({})", root.place),
    });
    shown.collect::<Vec<_>>().join(" and ")
}

/// The pause after the first attempt; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

async fn ask(
    root: &Arc<dyn Root>,
    patience: Duration,
    store_id: &str,
    kept: Vec<Vec<u8>>,
) -> Result<FoundRoot, AssembleError> {
    let (end, mut pause) = (Instant::now() + patience, FIRST_PAUSE);
    let kept = Arc::new(kept);
    loop {
        let (root, store_id, kept) = (Arc::clone(root), store_id.to_owned(), Arc::clone(&kept));
        let error = match blocking(move || attempt(&*root, &store_id, &kept)).await {
            Err(AssembleError::Root(error)) if error.is_temporary() => error,
            other => return other,
        };
        if Instant::now() + pause > end {
            return Err(error.into());
        }
        tracing::warn!(%error, "the root of trust is asked again");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// The key from the first of `kept` that gives one: there are two while the store moves from one
/// passphrase to another, or between two keys of one server.
fn attempt(root: &dyn Root, store_id: &str, kept: &[Vec<u8>]) -> Result<FoundRoot, RootError> {
    let mut first = None;
    for each in kept {
        match root.open(store_id, each) {
            Ok(key) => return Ok(FoundRoot::of(root, key, each.clone())),
            Err(error) if error.is_temporary() => return Err(error),
            Err(error) => first = first.or(Some(error)),
        }
    }
    let place = || root.place(store_id);
    Err(first.unwrap_or_else(|| RootError::Damaged { place: place() }))
}

/// Runs what may wait for a person, a module or another server on a thread of its own.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RootError> + Send + 'static,
) -> Result<T, AssembleError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| AssembleError::RootPanicked)?.map_err(AssembleError::Root)
}

/// Reads the root key again for a server that runs. It is asked once: whoever needs it comes again.
pub(super) struct RootAgain {
    pub(super) source: RootSource,
    pub(super) data_dir: PathBuf,
    pub(super) keys: Store,
    pub(super) store_id: String,
}

impl ReadRoot for RootAgain {
    fn load(&self) -> Pin<Box<dyn Future<Output = Result<Arc<RootKey>, String>> + Send + '_>> {
        Box::pin(async {
            let Self { source, data_dir, keys, store_id } = self;
            let found = find_root_within(source, Duration::ZERO, data_dir, keys, store_id).await;
            found.map(|root| Arc::new(root.key)).map_err(|error| error.to_string())
        })
    }
}
