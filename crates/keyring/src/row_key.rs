//! MACs of rows that nothing encrypts, and that are believed nevertheless: who is who.

use crate::tenant::TenantKeys;
use coffer_crypto::Digest;
use coffer_storage::Value;
use std::sync::Arc;

/// The key under which rows have a MAC. It belongs to the installation and lies, wrapped, in the
/// key store: whoever can only write to the data can neither make such a row nor change one.
#[derive(Clone)]
pub struct RowKey(Arc<TenantKeys>);

impl RowKey {
    /// The key of the installation, which is the lookup key of its own tenant.
    pub(crate) const fn new(keys: Arc<TenantKeys>) -> Self {
        Self(keys)
    }

    /// The MAC of a row of `table`: of the store's id, the table and each of `columns` with its
    /// type and its length.
    pub fn mac(&self, table: &'static str, columns: &[Value]) -> Digest {
        let encoded: Vec<Vec<u8>> = columns.iter().map(encode).collect();
        let own = [self.0.store_id.as_bytes(), table.as_bytes()];
        let fields: Vec<&[u8]> = own.into_iter().chain(encoded.iter().map(Vec::as_slice)).collect();
        self.0.digest("row", &fields)
    }

    /// A digest of an API key that somebody presented and that is not in force. The same key has
    /// the same digest, and nobody without this key can try guesses at it.
    pub fn presented(&self, token: &str) -> Digest {
        self.0.digest("presented-key", &[self.0.store_id.as_bytes(), token.as_bytes()])
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
