//! The id of one request, which the response, the log and the audit share.

use coffer_base::id::random_id;
use coffer_base::{Random, limit};

/// A new request id: `req_` and 14 letters and digits.
pub(crate) fn new(random: &dyn Random) -> String {
    random_id("req", limit::REQUEST_ID_CHARACTERS, random)
}
