//! Reserves and the ledger beneath, as a platform sees them.

mod books;
mod errors;
mod facts;
mod objects;
mod refusals;
mod schedule;
mod walks;
mod world;
