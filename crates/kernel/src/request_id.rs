//! The id by which a caller, the log and the audit speak of one request (conventions §4.1).

use coffer_base::id::random_id;
use coffer_base::{Random, limit};

/// A new request id: `req_` and 14 letters and digits.
pub(crate) fn new(random: &dyn Random) -> String {
    random_id("req", limit::REQUEST_ID_CHARACTERS, random)
}
