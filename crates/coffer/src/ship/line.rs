//! Entries as lines of JSON.

use coffer_audit::StoredEntry;
use coffer_storage::Value;
use serde_json::{Map, Value as Json};

/// An entry as one line, without its end: its number, and its columns that are not null.
pub(super) fn line(entry: &StoredEntry) -> String {
    let mut line = Map::new();
    line.insert("id".to_owned(), Json::from(entry.id));
    for (name, value) in entry.columns() {
        let value = match value {
            Value::Null => continue,
            Value::Int(number) => Json::from(*number),
            Value::Text(text) => Json::from(text.as_str()),
            Value::Blob(bytes) => {
                Json::from(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
            }
        };
        line.insert(name.to_owned(), value);
    }
    Json::Object(line).to_string()
}

/// A line for each entry, each with its end.
pub(super) fn lines(batch: &[StoredEntry]) -> String {
    batch.iter().flat_map(|entry| [line(entry), "\n".to_owned()]).collect()
}
