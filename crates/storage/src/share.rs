//! On whose account work is done.

use std::hash::{DefaultHasher, Hash, Hasher};

/// On whose account something is read or written. What waits is served share by share in turn, and
/// each share has a bounded part of what the store can do at once, so that none delays another for
/// long.
///
/// It costs nothing to copy, and it is derived anew for each request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Share(u64);

/// Set in the shares of apps, so that none is one of the server's own.
const APP: u64 = 1 << 63;

impl Share {
    /// Operators, tenants' keys, and commands.
    pub const SYSTEM: Self = Self(0);

    /// Finding out who a request comes from, which is nobody's until it is known.
    pub const AUTHENTICATION: Self = Self(1);

    /// Background jobs and scheduled tasks.
    pub const JOBS: Self = Self(2);

    /// The share of an app, on whichever account it works. Two apps whose ids have the same hash
    /// would have one share together, which harms nobody.
    pub fn of_app(app: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        app.hash(&mut hasher);
        Self(hasher.finish() | APP)
    }

    /// Whether it is the share of an app, and not one of the server's own.
    pub(crate) const fn is_app(self) -> bool {
        self.0 & APP != 0
    }
}
