//! What a change may be made to depend on, by headers that Stripe does not have.

/// The header that names the version which the object must have.
pub const IF_VERSION: &str = "coffer-if-version";

/// The header that names the lease under which the change is made.
pub const LEASE: &str = "coffer-lease";

/// What one request depends on.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Conditions {
    /// The version that the object must have, as an earlier response said it.
    pub if_version: Option<String>,
    /// The token of the lease that must be in force.
    pub lease: Option<String>,
}

impl Conditions {
    /// Both, for a digest of the request; one that is not there is empty, as none that is can be.
    pub(crate) fn texts(&self) -> [&[u8]; 2] {
        [&self.if_version, &self.lease].map(|text| text.as_deref().unwrap_or_default().as_bytes())
    }
}
