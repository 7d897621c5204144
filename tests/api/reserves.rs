//! Reserves and the ledger beneath, as a platform sees them.

mod walks;
mod world;
