//! MACs of rows that nothing encrypts, and that are believed nevertheless: who is who.

use crate::tenant::TenantKeys;
use coffer_crypto::{Digest, Digester};
use coffer_storage::Value;
use std::sync::Arc;

/// The key under which rows have a MAC. It belongs to the installation and lies, wrapped, in the
/// key store: whoever can only write to the data can neither make such a row nor change one.
#[derive(Clone)]
pub struct RowKey {
    store_id: Arc<str>,
    lookup: Arc<Digester>,
}

impl RowKey {
    /// The key of the installation, which is the lookup key of its own tenant.
    pub(crate) fn new(keys: &TenantKeys) -> Self {
        Self { store_id: Arc::clone(&keys.store_id), lookup: Arc::clone(&keys.lookup) }
    }

    /// The MAC of a row of `table`: of the store's id, the table and each of `columns` with its
    /// type and its length.
    pub fn mac(&self, table: &'static str, columns: &[Value]) -> Digest {
        let encoded: Vec<Vec<u8>> = columns.iter().map(encode).collect();
        let own = [self.store_id.as_bytes(), table.as_bytes()];
        let fields: Vec<&[u8]> = own.into_iter().chain(encoded.iter().map(Vec::as_slice)).collect();
        self.lookup.digest("row", &fields)
    }
}

/// One column: a letter for its type, and its value.
fn encode(value: &Value) -> Vec<u8> {
    let (letter, bytes) = match value {
        Value::Null => (b'n', Vec::new()),
        Value::Int(number) => (b'i', number.to_be_bytes().to_vec()),
        Value::Text(text) => (b't', text.as_bytes().to_vec()),
        Value::Blob(blob) => (b'b', blob.clone()),
    };
    std::iter::once(letter).chain(bytes).collect()
}
