//! One entry of the audit, as it was read.

use crate::canonical;
use coffer_base::Timestamp;
use coffer_storage::{Result, Row, Value};

/// A row of the audit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoredEntry {
    /// The row's number; 0 if it has none yet.
    pub id: i64,
    /// Its columns in the order of [`canonical::COLUMNS`].
    values: Vec<Value>,
}

impl StoredEntry {
    /// Of a row whose columns from `at` on are `id` and then [`canonical::COLUMNS`].
    ///
    /// # Errors
    /// [`coffer_storage::StorageError::Internal`] if there is no number in the first of them.
    pub fn of(row: Row, at: usize) -> Result<Self> {
        let id = row.int(at)?;
        let values = row.into_values().into_iter().skip(at.saturating_add(1)).collect();
        Ok(Self { id, values })
    }

    /// Where it stands among others: one that has no number yet will be behind all that have one.
    pub const fn place(&self) -> i64 {
        if self.id == 0 { i64::MAX } else { self.id }
    }

    /// The bytes that are hashed: see [`canonical`].
    pub fn canonical_bytes(&self) -> Vec<u8> {
        canonical::encode(&self.values)
    }

    /// When it happened.
    pub fn at(&self) -> Timestamp {
        Timestamp::from_unix(self.int("at").unwrap_or_default())
    }

    /// The number in `column`; `None` if it is null.
    pub fn int(&self, column: &str) -> Option<i64> {
        match self.column(column) {
            Some(Value::Int(value)) => Some(*value),
            _ => None,
        }
    }

    /// The text in `column`; `None` if it is null.
    pub fn text(&self, column: &str) -> Option<&str> {
        match self.column(column) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The bytes in `column`; `None` if it is null.
    pub fn bytes(&self, column: &str) -> Option<&[u8]> {
        match self.column(column) {
            Some(Value::Blob(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// All columns with their names, in the order of [`canonical::COLUMNS`].
    pub fn columns(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        canonical::COLUMNS.into_iter().zip(&self.values)
    }

    fn column(&self, name: &str) -> Option<&Value> {
        self.columns().find(|(column, _)| *column == name).map(|(_, value)| value)
    }
}
