//! Reserves and the ledger beneath, as a platform sees them.

mod analyst;
mod books;
mod errors;
mod expansions;
mod filters;
pub mod fixture;
mod intake;
mod isolation;
mod late;
mod lists;
mod money;
mod objects;
mod outages;
mod refusals;
mod repeats;
mod schedule;
mod steps;
mod walks;
