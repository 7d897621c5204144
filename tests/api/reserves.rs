//! Reserves and the ledger beneath, as a platform sees them.

mod errors;
mod walks;
mod world;
