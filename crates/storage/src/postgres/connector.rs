//! Connecting: the hosts are tried one after the other, each within a timeout of its own, since a
//! host without power does not respond at all.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use coffer_base::limit;
use deadpool::managed::{Manager, Metrics, RecycleError, RecycleResult};
use rustls::ClientConfig;
use tokio::task::JoinHandle;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::DriverError;
use super::options::{Pooler, PostgresOptions};
use super::prepared::PreparedStatements;
use crate::error::StorageError;

/// Timeouts of a session that is all ours. None for statements: whoever waits too long cancels
/// his, and a commit must not be cancelled while it waits for a standby.
const SESSION_SETTINGS: &str =
    "SET lock_timeout = '4s'; SET idle_in_transaction_session_timeout = '10s'";

/// Opens connections to a database.
#[derive(Debug)]
pub(super) struct Connector {
    /// The address, for messages: there are two databases, often in two clusters.
    target: String,
    /// One for each host.
    hosts: Vec<Config>,
    tls: Arc<ClientConfig>,
    pooler: Pooler,
    /// The host that is tried first.
    first: AtomicUsize,
}

/// A connection, whose task ends with it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) client: Client,
    /// Only where the session is all ours.
    pub(super) prepared: Option<PreparedStatements>,
    task: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        // It would wait for the statements in flight, and a server that is gone never responds.
        self.task.abort();
    }
}

impl Connector {
    pub(super) fn new(options: &PostgresOptions) -> Self {
        Self {
            target: options.to_string(),
            hosts: options.each_host(),
            tls: Arc::clone(&options.tls),
            pooler: options.pooler,
            first: AtomicUsize::new(0),
        }
    }

    /// How long one host may take.
    fn timeout(&self) -> Duration {
        let is_single = self.hosts.len() < 2;
        Duration::from_secs(if is_single { limit::CONNECT_SECONDS } else { limit::HOST_SECONDS })
    }

    async fn connect(&self, host: &Config) -> Result<Connection, String> {
        let tls = MakeRustlsConnect::new((*self.tls).clone());
        let time = self.timeout();
        let connected = tokio::time::timeout(time, host.connect(tls)).await;
        let (client, connection) = connected
            .map_err(|_| format!("no answer within {} s", time.as_secs()))?
            .map_err(|error| DriverError::from(error).into_cause().to_string())?;
        // Whoever uses the client gets the error that ends the connection.
        let task = tokio::spawn(async move { drop(connection.await) });
        let prepared = match self.pooler {
            Pooler::Transaction => None,
            Pooler::None => {
                let set = client.batch_execute(SESSION_SETTINGS).await;
                set.map_err(|error| DriverError::from(error).into_cause().to_string())?;
                Some(PreparedStatements::default())
            }
        };
        Ok(Connection { client, prepared, task })
    }
}

impl Manager for Connector {
    type Type = Connection;
    type Error = StorageError;

    async fn create(&self) -> Result<Connection, StorageError> {
        let mut failures = Vec::new();
        let first = self.first.load(Ordering::Relaxed);
        let from_first = self.hosts.iter().enumerate().cycle().skip(first);
        for (at, host) in from_first.take(self.hosts.len()) {
            // Apart from its caller, which hardly ever makes a connection: room for one would else
            // be kept with each request that waits for anything, on either engine. Its type ends
            // here, so that those of its callers are not too deep for the compiler.
            let connecting: Pin<Box<dyn Future<Output = _> + Send + '_>> =
                Box::pin(self.connect(host));
            match connecting.await {
                Ok(connection) => {
                    // Only if any host that takes writes will do: otherwise their order counts.
                    if host.get_target_session_attrs() == TargetSessionAttrs::ReadWrite {
                        self.first.store(at, Ordering::Relaxed);
                    }
                    return Ok(connection);
                }
                Err(text) => failures.push(text),
            }
        }
        failures.dedup();
        let text = format!("{}: {}", self.target, failures.join("; "));
        Err(StorageError::Unavailable(text.into()))
    }

    /// A connection with an open transaction is never given back, so any open one can be reused.
    async fn recycle(
        &self,
        connection: &mut Connection,
        _: &Metrics,
    ) -> RecycleResult<StorageError> {
        if connection.client.is_closed() {
            return Err(RecycleError::message("it is closed"));
        }
        Ok(())
    }
}
