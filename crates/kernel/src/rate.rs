//! How much one caller may ask for beside the others: requests a second and at once of each app
//! and each key, refusals and log lines of each address.
//!
//! All of it is in memory, bounded, and of this server alone. Time is monotonic and an argument.

mod bucket;
mod lines;
mod peers;
mod tenants;

pub(crate) use lines::{LineKind, Lines};
pub(crate) use peers::Refusals;
pub(crate) use tenants::{Limited, Permit, TenantLoads};

use crate::family::Quota;
use crate::limits;

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
