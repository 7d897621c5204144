//! The audit log: who changed what, and when.
//!
//! Each mutation's entry is written in the mutation's own transaction: both are committed or
//! neither is. An [`Entry`] holds names and fingerprints and no values; no plaintext reaches this
//! crate.

pub mod checkpoint;
mod entry;
mod store;
pub mod tile;
pub mod tree;

pub use entry::Entry;
pub use store::{MIGRATIONS, append};
