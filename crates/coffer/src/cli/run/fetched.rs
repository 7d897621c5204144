//! A secret as the server gave it.

use serde_json::Value;
use zeroize::Zeroizing;

/// A secret with its value.
#[derive(Clone, PartialEq, Eq)]
pub struct Fetched {
    pub name: String,
    pub payload: Zeroizing<String>,
    pub expires_at: Option<i64>,
}

impl Fetched {
    /// A secret as a list shows it.
    pub fn of(secret: &Value) -> Option<Self> {
        Some(Self {
            name: secret.get("name")?.as_str()?.to_owned(),
            payload: Zeroizing::new(secret.get("payload")?.as_str()?.to_owned()),
            expires_at: secret.get("expires_at").and_then(Value::as_i64),
        })
    }
}
