//! The SQL of the audit.

use crate::entry::Entry;
use crate::server::server_name;
use coffer_storage::{Migration, MigrationSet, Placement, StorageError, Store, Tx, Work};

pub(crate) mod batch;
pub(crate) mod log;
pub(crate) mod read;
pub(crate) mod search;
pub(crate) mod shipment;

/// The audit's schema.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    component: "audit",
    migrations: &[
        Migration {
            version: 1,
            name: "audit_entry",
            sql: include_str!("../migrations/0001_audit_entry.sql"),
        },
        Migration {
            version: 2,
            name: "audit_log",
            sql: include_str!("../migrations/0002_audit_log.sql"),
        },
        Migration {
            version: 3,
            name: "audit_shipment",
            sql: include_str!("../migrations/0003_audit_shipment.sql"),
        },
        Migration {
            version: 4,
            name: "audit_pruned",
            sql: include_str!("../migrations/0004_audit_pruned.sql"),
        },
    ],
    tables: &[
        ("audit_entry", Placement::Spread),
        ("audit_tile", Placement::Central),
        ("audit_head", Placement::Central),
        ("audit_shipment", Placement::Central),
    ],
};

const INSERT: &str = "INSERT INTO audit_entry (format, at, server, request, actor_kind, actor, \
     bound_user, peer, mode, app, account, operation, subject, scope, name_fingerprint, name, \
     fingerprint, outcome, status, reason, amount, detail) \
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// An entry that is a transaction of its own: of what somebody did who has no transaction in the
/// data store, such as the command line.
///
/// # Errors
/// When it could not be written.
pub async fn record(store: &Store, entry: Entry) -> Result<(), StorageError> {
    store.write(Alone(entry)).await
}

struct Alone(Entry);

impl Work for Alone {
    type Out = ();

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        append(tx, &self.0);
        Ok(())
    }
}

/// Adds `entry` to the transaction that it records. If it cannot be written, the transaction fails.
pub fn append(tx: &mut Tx<'_>, entry: &Entry) {
    tx.defer(INSERT, entry.values(server_name()));
}
