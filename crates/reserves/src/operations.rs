//! The operations of reserves, one file for each kind of objects. They read parameters and check
//! what a caller may ask for; what money does is decided in [`rules`](crate::rules), and how an
//! object looks in [`wire`](crate::wire).

mod dates;
mod examples;
pub(crate) mod holds;
pub(crate) mod plans;
pub(crate) mod releases;
pub(crate) mod reports;

/// The permissions of reserves. A `_write` includes its `_read`.
const RESERVE_HOLD_READ: &str = "reserve_hold_read";
const RESERVE_HOLD_WRITE: &str = "reserve_hold_write";
const RESERVE_PLAN_READ: &str = "reserve_plan_read";
const RESERVE_PLAN_WRITE: &str = "reserve_plan_write";
const RESERVE_RELEASE_READ: &str = "reserve_release_read";
const RESERVE_RELEASE_WRITE: &str = "reserve_release_write";
