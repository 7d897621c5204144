//! From the configuration to an installation.

use super::exit::Failure;
use crate::config::{Config, TLS_CERT, TLS_KEY};
use coffer::assemble::{AssembleOptions, DATA_FILE, Database, RootSource};
use coffer::family_set::FamilySet;
use coffer_base::{Clock, SystemClock};
use coffer_crypto::SystemRandom;
use coffer_storage::{Faults, Store};
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

/// What an installation is put together from, with the root key at `root`.
///
/// # Errors
/// A failure if the configuration does not say where the stores are.
pub fn options(
    config: &Config,
    root: RootSource,
    developer: bool,
) -> Result<AssembleOptions, Failure> {
    Ok(AssembleOptions {
        data_dir: config.data_dir(),
        database: if developer { Database::Embedded } else { config.database()? },
        root,
        developer,
        families: FamilySet::default(),
        settings: config.settings(),
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        faults: Faults::none(),
    })
}

/// The data, to be read: also beside a server.
///
/// # Errors
/// If there is no store, or it cannot be opened.
pub async fn data_to_read(config: &Config) -> Result<Store, Failure> {
    if let Database::Postgres { data, .. } = config.database()? {
        return Ok(Store::open_postgres(data, &FamilySet::default().migrations()).await?);
    }
    let path = config.data_dir().join(DATA_FILE);
    if !path.exists() {
        let place = config.data_dir();
        return Err(Failure::failed(format!("there is no store in {}", place.display())));
    }
    Ok(Store::open_sqlite_read_only(&path, &FamilySet::default().migrations())?)
}

/// Makes an admin key in the store itself: its id, and the token to show.
///
/// # Errors
/// A failure of the store.
pub async fn new_admin_key(data: &Store) -> Result<(String, Zeroizing<String>), Failure> {
    let now = SystemClock.now();
    let made = coffer_identity::create_admin_key(data, &SystemRandom, now).await?;
    Ok((made.id().to_owned(), Zeroizing::new(made.token().expose().clone())))
}

/// TLS, if it is configured.
///
/// # Errors
/// A failure that names the file that cannot be used.
pub fn tls(config: &Config) -> Result<Option<TlsAcceptor>, Failure> {
    config.check()?;
    match (config.path(&TLS_CERT), config.path(&TLS_KEY)) {
        (Some(chain), Some(key)) => coffer::tls::acceptor(chain, key)
            .map(Some)
            .map_err(|error| Failure::usage(error.to_string())),
        _ => Ok(None),
    }
}

/// The threads that the server runs on.
///
/// # Errors
/// A failure if the system has none for us.
pub fn runtime() -> Result<Runtime, Failure> {
    let built = Builder::new_multi_thread().enable_all().build();
    built.map_err(|error| Failure::failed(format!("no threads could be started: {error}")))
}
