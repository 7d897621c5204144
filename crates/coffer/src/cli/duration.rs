//! Durations as people write them.

pub use crate::config::seconds;

use coffer_base::{Clock, SystemClock};

/// The Unix time that is `seconds` from now.
pub fn from_now(seconds: i64) -> String {
    SystemClock.now().plus(seconds).unix().to_string()
}
