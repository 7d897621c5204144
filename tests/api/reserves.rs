//! Reserves and the ledger beneath, as a platform sees them.

mod analyst;
mod books;
mod captures;
mod errors;
mod expansions;
mod filters;
pub mod fixture;
mod intake;
mod isolation;
mod kinds;
mod late;
mod listed;
mod lists;
mod money;
mod objects;
mod order;
mod outages;
mod pages;
mod reconciled;
mod refusals;
mod repeats;
mod schedule;
mod steps;
mod stories;
mod transactions;
mod walks;
