//! The SQL of reserves, one file for each kind of rows. It turns rows into types of the model and
//! back, and decides nothing. It writes no table of the ledger, and reads one only to verify.

pub(crate) mod due;
pub(crate) mod hold;
pub(crate) mod overdue;
pub(crate) mod plan;
pub(crate) mod plan_version;
pub(crate) mod release;
pub(crate) mod story;
pub(crate) mod verify;

use coffer_dialect::Metadata;
use coffer_ledger::sql::corrupt;
use coffer_storage::StorageError;

/// The metadata in a row, which is stored as JSON text.
fn metadata(text: &str) -> Result<Metadata, StorageError> {
    Metadata::from_json_text(text).ok_or_else(|| corrupt("a row's metadata cannot be read"))
}
