//! What a request comes to.

use crate::api::Refusal;
use crate::links;
use crate::respond::{self, Answer};
use crate::visit::Visit;

/// A page, or why there is none.
pub(crate) type Result = std::result::Result<Answer, Refusal>;

/// Back to where a form was sent from.
pub(crate) fn back(visit: &Visit<'_>) -> Answer {
    respond::redirect(links::inside(visit.field("back")))
}

/// The same, with a sentence that says what was done.
pub(crate) fn noticed(visit: &Visit<'_>, notice: String) -> Result {
    visit.session.notify(notice);
    Ok(back(visit))
}
