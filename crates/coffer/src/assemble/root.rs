//! The root key of an installation: where it is, and how it is made.

use super::{AssembleError, AssembleOptions, DEVELOPER_ROOT_FILE};
use coffer_crypto::root::{self, RootError, RootKey};
use coffer_keyring::ReadRoot;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

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
    Given(Arc<RootKey>),
    /// In the data directory: developer mode.
    DataDir,
}

/// Where developer mode keeps its root key.
pub(super) fn developer_root(options: &AssembleOptions) -> PathBuf {
    in_data_dir(&options.data_dir)
}

fn in_data_dir(data_dir: &Path) -> PathBuf {
    data_dir.join(DEVELOPER_ROOT_FILE)
}

/// Makes the root key, unless it was given or an initialization that was cut made it.
pub(super) fn place_root(
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

/// The root key, as it was found.
pub(super) enum Root<'a> {
    Given(&'a Arc<RootKey>),
    Found(RootKey, PathBuf),
}

impl Root<'_> {
    pub(super) fn key(&self) -> &RootKey {
        match self {
            Self::Given(key) => key,
            Self::Found(key, _) => key,
        }
    }

    pub(super) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Given(_) => None,
            Self::Found(_, path) => Some(path.clone()),
        }
    }
}

/// The root key of the store `store_id`.
///
/// # Errors
/// When it is missing, unreadable, too open, or belongs to another store.
pub(super) fn find_root<'a>(
    options: &'a AssembleOptions,
    store_id: &str,
) -> Result<Root<'a>, RootError> {
    find(&options.root, &options.data_dir, store_id)
}

fn find<'a>(
    source: &'a RootSource,
    data_dir: &Path,
    store_id: &str,
) -> Result<Root<'a>, RootError> {
    match source {
        RootSource::Given(key) => {
            key.belongs_to(store_id)?;
            Ok(Root::Given(key))
        }
        RootSource::DataDir => {
            let path = in_data_dir(data_dir);
            let key = root::file::load(&path)?;
            key.belongs_to(store_id)?;
            Ok(Root::Found(key, path))
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

/// Reads the root key again for a server that runs.
pub(super) struct RootAgain {
    pub(super) source: RootSource,
    pub(super) data_dir: PathBuf,
    pub(super) store_id: String,
}

impl ReadRoot for RootAgain {
    fn load(&self) -> Pin<Box<dyn Future<Output = Result<Arc<RootKey>, String>> + Send + '_>> {
        let found = find(&self.source, &self.data_dir, &self.store_id);
        let key = found.map_err(|error| error.to_string()).map(|root| match root {
            Root::Given(key) => Arc::clone(key),
            Root::Found(key, _) => Arc::new(key),
        });
        Box::pin(std::future::ready(key))
    }
}
