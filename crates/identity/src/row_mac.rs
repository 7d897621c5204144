//! The MAC of each row that says who is who.
//!
//! Nothing encrypts these rows, and all access goes by them. A row whose MAC is not right is
//! treated as if it did not exist, so that somebody who can write to the database gains nothing by
//! adding or changing one.

use coffer_keyring::RowKey;
use coffer_storage::{Row, Value};
use std::collections::HashSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use tracing::error;

use crate::limits;

/// A table whose rows have a MAC. Every statement that reads whole rows selects the columns that it
/// covers in their order, and the MAC behind them.
#[derive(Debug)]
pub(crate) struct Table {
    /// Its name, which the MAC covers.
    pub(crate) name: &'static str,
    /// How many columns the MAC covers.
    columns: usize,
    /// Which of them are the row's id: for the log.
    id: Range<usize>,
}

/// id, seq, name, created.
pub(crate) const ACCOUNT: Table = Table { name: "account", columns: 4, id: 0..1 };

/// id, seq, account, name, quotas, manifest, self_install, embedders, created, version.
pub(crate) const APP: Table = Table { name: "app", columns: 10, id: 0..1 };

/// app, account, id, seq, created.
pub(crate) const INSTALL: Table = Table { name: "install", columns: 5, id: 0..2 };

/// app, account, mode, id, seq, state, created, created_by, granted, version.
pub(crate) const INSTALL_MODE: Table = Table { name: "install_mode", columns: 10, id: 0..2 };

/// hash, id, seq, kind, mode, app, account, user_id, account_access, permissions, parent, name,
/// redacted, created, expires_at, role, networks, uses. Not revoked_at, see [`crate::floors`], and
/// neither last_used nor successor, which decide nothing.
pub(crate) const API_KEY: Table = Table { name: "api_key", columns: 18, id: 1..2 };

/// app, account, created, request, seq.
pub(crate) const ERASURE: Table = Table { name: "erasure", columns: 5, id: 0..2 };

/// app, account, generation.
pub(crate) const GENERATION: Table = Table { name: "tenant_generation", columns: 3, id: 0..2 };

/// subject, floor, expires_at.
pub(crate) const REVOCATION: Table = Table { name: "pending_revocation", columns: 3, id: 0..1 };

impl Table {
    /// Where the MAC is in a row that begins at column `first`.
    pub(crate) const fn mac_at(&self, first: usize) -> usize {
        first + self.columns
    }

    /// The row's id, for people.
    pub(crate) fn id_of(&self, row: &Row, first: usize) -> String {
        let columns = row.values(first + self.id.start..first + self.id.end).unwrap_or_default();
        let texts = columns.iter().map(|column| match column {
            Value::Text(text) => text.as_str(),
            _ => "?",
        });
        texts.collect::<Vec<_>>().join(" ")
    }
}

/// Makes and checks the MACs.
#[derive(Clone)]
pub(crate) struct RowMac {
    key: RowKey,
    /// The rows that the log has named: each once, so that nobody can flood it.
    /// `None` where nothing is logged.
    reported: Option<Arc<Mutex<HashSet<String>>>>,
}

impl RowMac {
    pub(crate) fn new(key: RowKey) -> Self {
        Self { key, reported: Some(Arc::default()) }
    }

    /// The same without a log, for a check that reports what it finds itself.
    pub(crate) const fn silent(key: RowKey) -> Self {
        Self { key, reported: None }
    }

    /// The columns of a new row of `table`, with its MAC behind them.
    pub(crate) fn with_mac(&self, table: &Table, columns: impl Into<Vec<Value>>) -> Vec<Value> {
        let mut row: Vec<Value> = columns.into();
        debug_assert_eq!(row.len(), table.columns, "{}", table.name);
        let mac = self.key.mac(table.name, &row);
        row.push(Value::from(mac.as_bytes()));
        row
    }

    /// Whether the row of `table` that begins at column `first` is as it was written; if not, the
    /// log says so.
    pub(crate) fn is_valid(&self, table: &Table, row: &Row, first: usize) -> bool {
        let valid = self.matches(table, row, first);
        if !valid {
            self.report(table, &table.id_of(row, first), "it was not written by this server");
        }
        valid
    }

    fn matches(&self, table: &Table, row: &Row, first: usize) -> bool {
        let end = table.mac_at(first);
        let (Some(columns), Ok(mac)) = (row.values(first..end), row.blob(end)) else {
            return false;
        };
        self.key.mac(table.name, columns).matches(mac)
    }

    /// Logs that a row is not believed, and why: once for each row.
    pub(crate) fn report(&self, table: &Table, id: &str, why: &'static str) {
        let Some(reported) = &self.reported else { return };
        let mut reported = reported.lock().unwrap_or_else(PoisonError::into_inner);
        if reported.len() < limits::REPORTED_ROWS && reported.insert(format!("{} {id}", table.name))
        {
            let table = table.name;
            error!(table, id, why, "a row was changed behind the server's back: it is ignored");
        }
    }
}
