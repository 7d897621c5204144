//! How a store is opened, and what it reports about itself.

use coffer_base::Timestamp;

use crate::fault::Faults;
use crate::space::DiskSpace;

/// How an embedded store is opened, beyond its path.
#[derive(Clone, Debug)]
pub struct Options {
    /// Faults to inject; none outside tests.
    pub faults: Faults,
    /// Whether the database is copied before a migration changes it. Switch it off only where an
    /// old copy does harm, as with keys that may be destroyed later.
    pub copy_before_migration: bool,
    /// The space on its disk; where it is not watched, writes go on until they fail.
    pub space: Option<DiskSpace>,
}

impl Default for Options {
    fn default() -> Self {
        Self { faults: Faults::none(), copy_before_migration: true, space: None }
    }
}

/// What a store did since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Units of work that ran.
    pub units: u64,
    /// Commits that succeeded; on SQLite, one commit makes a whole batch of units durable.
    pub commits: u64,
    /// Units of work that were kept and changed rows, but for those that only record what happened
    /// ([`Work::is_record`](crate::Work::is_record)).
    pub changes: u64,
    /// Checkpoints of the write-ahead log that succeeded.
    pub checkpoints: u64,
    /// Checkpoints that failed or could not finish.
    pub checkpoints_failed: u64,
    /// Size of the write-ahead log now, in bytes.
    pub wal_bytes: u64,
    /// Units of work, or requests, that wait for the writer or for a connection.
    pub waiting: u64,
    /// Round trips to the database server.
    pub round_trips: u64,
    /// Attempts at units of work that were repeated because another transaction was in their way.
    pub retries: u64,
    /// Connections of the pool that are in use.
    pub connections_busy: u64,
    /// Connections that the pool may have; 0 on SQLite.
    pub connections_limit: u64,
}

/// One server of a database that is spread over many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name and port.
    pub name: String,
    /// Why it cannot be used, if it cannot.
    pub problem: Option<String>,
    /// Whether it flushes its log to the disk at all (`fsync`).
    pub flushes: bool,
    /// When it confirms a commit: its setting `synchronous_commit`.
    pub synchronous_commit: String,
    /// Whether it can take part in a transaction of several servers (`max_prepared_transactions`).
    pub can_prepare: bool,
    /// Transactions of several servers that it has prepared more than a minute ago, and whose end
    /// it does not know: they hold their locks.
    pub prepared: i64,
}

impl Node {
    /// A server that does not answer.
    pub(crate) fn lost(name: String, why: &str) -> Self {
        let problem = Some(format!("does not answer: {}", why.trim()));
        let synchronous_commit = String::new();
        Self { name, problem, flushes: true, synchronous_commit, can_prepare: true, prepared: 0 }
    }
}

/// What a database that servers share says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    /// Whether it flushes its log to the disk at all (`fsync`).
    pub flushes: bool,
    /// When it confirms a commit: its setting `synchronous_commit`.
    pub synchronous_commit: String,
    /// The time of its clock.
    pub now: Timestamp,
}
