//! The SQL of the audit.

use crate::entry::Entry;
use coffer_storage::{Migration, MigrationSet, Tx, Value};

/// The audit's schema.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    component: "audit",
    migrations: &[Migration {
        version: 1,
        name: "audit_entry",
        sql: include_str!("../migrations/0001_audit_entry.sql"),
    }],
};

/// Adds `entry` to the transaction that it records, which fails if that fails.
pub fn append(tx: &mut Tx<'_>, entry: &Entry<'_>) {
    let fingerprint =
        entry.fingerprint.map_or(Value::Null, |digest| Value::from(digest.as_bytes().as_slice()));
    tx.defer(
        "INSERT INTO audit_entry (at, request, actor, operation, mode, app, account, subject, \
         fingerprint) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        vec![
            Value::Int(entry.at.unix()),
            Value::from(entry.request),
            Value::from(entry.actor),
            Value::from(entry.operation),
            Value::Int(entry.tenant.mode.code()),
            Value::from(entry.tenant.app.as_str()),
            Value::from(entry.tenant.account.as_str()),
            Value::from(entry.subject),
            fingerprint,
        ],
    );
}
