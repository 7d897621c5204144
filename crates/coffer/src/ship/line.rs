//! Entries as lines of JSON, as an export has them.

use coffer_audit::{ExportLine, StoredEntry};
use serde_json::Value as Json;

/// An entry as one line, without its end.
pub(super) fn line(entry: &StoredEntry) -> String {
    Json::Object(ExportLine::from(entry).0).to_string()
}

/// A line for each entry, each with its end.
pub(super) fn lines(batch: &[StoredEntry]) -> String {
    batch.iter().flat_map(|entry| [line(entry), "\n".to_owned()]).collect()
}
