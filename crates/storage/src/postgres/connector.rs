//! How a connection is made: the hosts one after the other, none of them for longer than its time,
//! since one that lost its power says nothing at all.

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

use super::address::PostgresOptions;
use super::fault::Fault;
use crate::error::StorageError;

/// Makes connections to a database.
#[derive(Debug)]
pub(super) struct Connector {
    /// The address, for messages: there are two databases, often in two clusters.
    place: String,
    /// One for each host.
    hosts: Vec<Config>,
    tls: Arc<ClientConfig>,
    /// The host that is tried first.
    first: AtomicUsize,
}

/// A connection, whose task ends with it.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) client: Client,
    task: JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        // It would wait for what is under way, and a server that is gone never answers.
        self.task.abort();
    }
}

impl Connector {
    pub(super) fn new(options: &PostgresOptions) -> Self {
        Self {
            place: options.to_string(),
            hosts: options.each_host(),
            tls: Arc::clone(&options.tls),
            first: AtomicUsize::new(0),
        }
    }

    /// How long one host may take.
    fn patience(&self) -> Duration {
        let alone = self.hosts.len() < 2;
        Duration::from_secs(if alone { limit::CONNECT_SECONDS } else { limit::HOST_SECONDS })
    }

    async fn connect(&self, host: &Config) -> Result<Connection, String> {
        let tls = MakeRustlsConnect::new((*self.tls).clone());
        let time = self.patience();
        let connected = tokio::time::timeout(time, host.connect(tls)).await;
        let (client, connection) = connected
            .map_err(|_| format!("no answer within {} s", time.as_secs()))?
            .map_err(|error| Fault::of(&error).why())?;
        // What ends it is told to whoever uses it.
        let task = tokio::spawn(async move { drop(connection.await) });
        Ok(Connection { client, task })
    }
}

impl Manager for Connector {
    type Type = Connection;
    type Error = StorageError;

    async fn create(&self) -> Result<Connection, StorageError> {
        let mut refused = Vec::new();
        let first = self.first.load(Ordering::Relaxed);
        let in_turn = self.hosts.iter().enumerate().cycle().skip(first);
        for (at, host) in in_turn.take(self.hosts.len()) {
            match self.connect(host).await {
                Ok(connection) => {
                    // Only if any host will do that takes writes: otherwise their order counts.
                    if host.get_target_session_attrs() == TargetSessionAttrs::ReadWrite {
                        self.first.store(at, Ordering::Relaxed);
                    }
                    return Ok(connection);
                }
                Err(why) => refused.push(why),
            }
        }
        refused.dedup();
        Err(StorageError::Unavailable(format!("{}: {}", self.place, refused.join("; "))))
    }

    /// A connection that was left in the middle of something is never given back, so one that was
    /// is as good as new, as long as it is open.
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
