//! What a listener serves.

use crate::definition::Access;

/// Which operations a listener serves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ListenerRole {
    /// The API and the admin API: on loopback.
    All,
    /// The API alone: beyond loopback.
    Api,
    /// The admin API alone: a listener of its own.
    Admin,
    /// Metrics and the health checks, without a key.
    Metrics,
}

impl ListenerRole {
    /// Whether an operation with this access is served; if not, its path does not exist here.
    pub(crate) const fn serves(self, access: Access) -> bool {
        match (self, access) {
            (Self::All, _) => true,
            (Self::Api, access) => !access.is_admin(),
            (Self::Admin, access) => access.is_admin(),
            (Self::Metrics, _) => false,
        }
    }
}
