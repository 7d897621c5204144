//! The SQL of the audit log.

use crate::entry::Entry;
use coffer_keyring::Digest;
use coffer_storage::{Migration, MigrationSet, Placement, Tx, values};

/// The audit log's schema.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    component: "audit",
    migrations: &[Migration {
        version: 1,
        name: "audit_entry",
        sql: include_str!("../migrations/0001_audit_entry.sql"),
    }],
    tables: &[("audit_entry", Placement::Spread)],
};

/// Adds `entry` to the transaction that it records. If it cannot be written, the transaction fails.
pub fn append(tx: &mut Tx<'_>, entry: &Entry<'_>) {
    tx.defer(
        "INSERT INTO audit_entry (at, request, actor, operation, mode, app, account, subject, \
         fingerprint) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        values![
            entry.at,
            entry.request,
            entry.actor,
            entry.operation,
            entry.tenant.mode,
            &entry.tenant.app,
            &entry.tenant.account,
            entry.subject,
            entry.fingerprint.as_ref().map(Digest::as_bytes),
        ],
    );
}
