//! How much one caller may ask for beside the others: requests a second and at once of each app
//! and each key, refusals and log lines of each address.
//!
//! All of it is in memory, bounded, and of this server alone. Time is monotonic and an argument.

mod audited;
mod bucket;
mod held;
mod lines;
mod peers;
mod refusals;
mod tenants;

pub(crate) use audited::AuditedRefusals;
pub(crate) use held::HeldBack;
pub(crate) use lines::{LineKind, Lines};
pub(crate) use refusals::Refusals;
pub(crate) use tenants::{Limit, LimitHolder, Limited, Permit, TenantLoads};
