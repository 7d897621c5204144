//! The SQL of reserves, one file for each kind of rows.

pub(crate) mod due;
pub(crate) mod hold;
pub(crate) mod plan;
pub(crate) mod release;
pub(crate) mod verify;

use coffer_dialect::Metadata;
use coffer_ledger::sql::corrupt;
use coffer_storage::StorageError;

/// The metadata in a row.
fn metadata(text: &str) -> Result<Metadata, StorageError> {
    Metadata::from_json_text(text).ok_or_else(|| corrupt("a row's metadata cannot be read"))
}
