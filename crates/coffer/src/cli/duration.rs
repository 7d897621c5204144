//! Durations as people write them.

pub use crate::config::seconds;

use coffer_base::{Clock, SystemClock};

/// The Unix time that was `seconds` ago.
pub fn ago(seconds: i64) -> i64 {
    SystemClock.now().plus(seconds.saturating_neg()).unix()
}

/// The Unix time that is `seconds` from now.
pub fn from_now(seconds: i64) -> String {
    SystemClock.now().plus(seconds).unix().to_string()
}
