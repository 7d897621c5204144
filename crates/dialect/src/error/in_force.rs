//! What protects somebody and is in force, also if not all of it could be stored.

use super::{ApiError, Kind};
use crate::reasons;

impl ApiError {
    /// 503: an operator has sealed the server, which has no keys. Only they end that, so nobody
    /// needs to send the request again soon.
    pub fn sealed() -> Self {
        let message = "An operator has sealed this server: it has no keys, and answers no request \
                       for data until `coffer unseal`. Nothing was changed.";
        Self::new(503, Kind::Api, &reasons::SEALED, message).with_retry(false)
    }

    /// 503: the server that answers is sealed, and others that share its keys may not be. `detail`
    /// goes to the log.
    pub fn sealed_here(detail: impl Into<String>) -> Self {
        let message = "This server is sealed: it has no keys. The key store could not be written, \
                       so other servers do not know yet, and a restart would end it. The server \
                       goes on trying; send the request again to see whether they know.";
        Self::new(503, Kind::Api, &reasons::SEALED_HERE, message)
            .with_retry(true)
            .with_detail(detail)
    }

    /// 503: the servers are sealed, and the audit has no entry of the request that did it. `detail`
    /// goes to the log.
    pub fn sealed_unrecorded(detail: impl Into<String>) -> Self {
        let message = "The server is sealed: all keys have left its memory, and it answers no \
                       request for data until `coffer unseal`. The audit could not be written, so \
                       it does not say who sealed it. Send the request again once it can be.";
        Self::new(503, Kind::Api, &reasons::SEALED_UNRECORDED, message)
            .with_retry(true)
            .with_detail(detail)
    }

    /// 503: a key is refused from now on, by the server that answers, and its revocation could not
    /// be stored. `detail` goes to the log.
    pub fn revoked_in_memory(id: &str, detail: impl Into<String>) -> Self {
        let message = format!(
            "The key '{id}' is refused by this server from now on, but its revocation could not be \
             stored: other servers accept it, and this one does again after a restart. The server \
             goes on trying; send the request again to see whether it is stored."
        );
        Self::new(503, Kind::Api, &reasons::REVOKED_IN_MEMORY, message)
            .with_retry(true)
            .with_detail(detail)
    }
}
