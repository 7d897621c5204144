//! One entry of the audit log.

use coffer_base::{Tenant, Timestamp};
use coffer_keyring::Digest;

/// One mutation: who did what to which object, when, in answer to which request.
#[derive(Debug)]
pub struct Entry<'a> {
    /// When the request was received.
    pub at: Timestamp,
    /// The request's id (`req_…`), as in the response and in the server's log.
    pub request: &'a str,
    /// The id of the API key that was used, never the key.
    pub actor: &'a str,
    /// The operation's name, such as `apps.secrets.create`.
    pub operation: &'a str,
    /// The owner of the data.
    pub tenant: &'a Tenant,
    /// The id of the object that was changed.
    pub subject: &'a str,
    /// A keyed digest of the value that was written, if one was.
    pub fingerprint: Option<Digest>,
}
