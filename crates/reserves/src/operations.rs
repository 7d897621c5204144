//! The operations of reserves, one file for each kind of objects. They read parameters and check
//! what a caller may ask for; what money does is decided in [`rules`](crate::rules), and how an
//! object looks in [`wire`](crate::wire).

mod dates;
mod examples;
pub(crate) mod holds;
pub(crate) mod plans;
pub(crate) mod releases;

use coffer_storage::Value;
use std::collections::BTreeSet;

/// The permissions of reserves. A `_write` includes its `_read`.
const RESERVE_HOLD_READ: &str = "reserve_hold_read";
const RESERVE_HOLD_WRITE: &str = "reserve_hold_write";
const RESERVE_PLAN_READ: &str = "reserve_plan_read";
const RESERVE_PLAN_WRITE: &str = "reserve_plan_write";
const RESERVE_RELEASE_READ: &str = "reserve_release_read";
const RESERVE_RELEASE_WRITE: &str = "reserve_release_write";

/// Each id once, as parameters of one statement for a whole page; `None` if there is none, so that
/// nothing is to be read. Many holds of a page may be of one plan or charge.
fn distinct<'a>(ids: impl Iterator<Item = &'a str>) -> Option<Vec<Value>> {
    let ids: BTreeSet<&str> = ids.collect();
    (!ids.is_empty()).then(|| ids.into_iter().map(Value::from).collect())
}
