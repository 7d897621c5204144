//! The pool of connections to one database.

use std::sync::Arc;
use std::time::Duration;

use coffer_base::limit;
use deadpool::Runtime;
use deadpool::managed::{self, Object, PoolError, TimeoutType};
use rustls::ClientConfig;
use tokio_postgres::{CancelToken, Client};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::connector::{Connection, Connector};
use super::options::PostgresOptions;
use super::prepared::PreparedStatements;
use crate::error::{Cause, Result, StorageError};
use crate::gate::{Entrant, Gate, Place, Places};

/// The connections to one database.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    connections: managed::Pool<Connector>,
    /// Whose turn it is to have one.
    gate: Arc<Gate>,
    tls: Arc<ClientConfig>,
}

impl Pool {
    pub(super) fn new(options: &PostgresOptions) -> Result<Self> {
        let pool = managed::Pool::builder(Connector::new(options))
            .max_size(options.connections)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(Duration::from_secs(limit::CONNECTION_WAIT_SECONDS)))
            .build();
        let connections = pool.map_err(|error| StorageError::Internal(Cause::of(error)))?;
        let gate = Gate::new(Places::connections(options.connections));
        Ok(Self { connections, gate, tls: Arc::clone(&options.tls) })
    }

    /// Waits for the turn of who asks, and takes a connection.
    ///
    /// # Errors
    /// [`StorageError::Busy`] if none became free in time, [`StorageError::Unavailable`] if none
    /// can be made.
    pub(super) async fn lease(&self, entrant: Entrant) -> Result<Lease> {
        let place = self.gate.enter(entrant).await?;
        match self.connections.get().await {
            Ok(object) => Ok(Lease { object: Some(object), _place: place }),
            Err(PoolError::Timeout(TimeoutType::Wait)) => Err(StorageError::Busy),
            Err(PoolError::Closed) => Err(StorageError::Closed),
            Err(PoolError::Backend(error)) => Err(error),
            Err(error) => Err(StorageError::Unavailable(Cause::of(error))),
        }
    }

    /// What cancels the statement that runs on a connection.
    pub(super) fn canceller(&self, client: &Client) -> Canceller {
        Canceller { token: client.cancel_token(), tls: Arc::clone(&self.tls) }
    }

    /// Closes the idle connections: after one did not respond, they most likely lead to the same
    /// failed server or network.
    pub(super) fn evict_idle(&self) {
        self.connections.retain(|_, _| false);
    }

    pub(super) fn waiting(&self) -> u64 {
        self.gate.waiting()
    }

    /// Connections that are in use.
    pub(super) fn busy(&self) -> u64 {
        self.gate.in_use()
    }

    /// The most that there can be.
    pub(super) fn limit(&self) -> u64 {
        u64::try_from(self.connections.status().max_size).unwrap_or(u64::MAX)
    }

    pub(super) fn close(&self) {
        self.gate.close();
        self.connections.close();
    }
}

/// Cancels a statement.
pub(super) struct Canceller {
    token: CancelToken,
    tls: Arc<ClientConfig>,
}

impl Canceller {
    /// Sends the cancel request in the background, once.
    pub(super) fn cancel(self) {
        let Self { token, tls } = self;
        let tls = MakeRustlsConnect::new((*tls).clone());
        tokio::spawn(async move {
            let time = Duration::from_secs(limit::CONNECT_SECONDS);
            let _ = tokio::time::timeout(time, token.cancel_query(tls)).await;
        });
    }
}

/// A connection in use. Unless it is given back it is closed, since a transaction may be open on
/// it.
#[derive(Debug)]
pub(super) struct Lease {
    object: Option<Object<Connector>>,
    /// Given back after the connection, so that whoever gets it finds one.
    _place: Place,
}

impl Lease {
    pub(super) fn client(&self) -> &Client {
        &self.connection().client
    }

    /// What the connection has prepared, if its session is all ours.
    pub(super) fn prepared(&self) -> Option<&PreparedStatements> {
        self.connection().prepared.as_ref()
    }

    fn connection(&self) -> &Connection {
        // Only methods that consume the lease take the connection out.
        match &self.object {
            Some(object) => object,
            None => unreachable!("a lease that was given back is used"),
        }
    }

    pub(super) fn give_back(mut self) {
        drop(self.object.take());
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            drop(Object::take(object));
        }
    }
}
