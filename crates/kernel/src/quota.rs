//! Numbers that an operator can set for each app, and the kernel's own: how much an app may ask
//! for.

use crate::limits;

/// A number that an operator can set for each app; identity stores it, and the family reads it by
/// [`crate::Principal::quota`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quota {
    /// Its name: a parameter and a field of the app in the admin API.
    pub name: &'static str,
    /// The smallest that can be set.
    pub from: i64,
    /// The largest.
    pub to: i64,
}

/// Requests a second of the app.
pub(crate) const REQUESTS_PER_SECOND: Quota = quota("requests_per_second");
/// Requests of the app at once.
pub(crate) const REQUESTS_AT_ONCE: Quota = quota("requests_at_once");
/// Requests a second of each of its keys.
pub(crate) const KEY_REQUESTS_PER_SECOND: Quota = quota("requests_per_second_per_key");
/// Requests of each of its keys at once.
pub(crate) const KEY_REQUESTS_AT_ONCE: Quota = quota("requests_at_once_per_key");

/// What an operator can set for each app.
pub(crate) const QUOTAS: &[Quota] =
    &[REQUESTS_PER_SECOND, REQUESTS_AT_ONCE, KEY_REQUESTS_PER_SECOND, KEY_REQUESTS_AT_ONCE];

const fn quota(name: &'static str) -> Quota {
    Quota { name, from: 1, to: limits::LIMIT_CEILING as i64 }
}
