//! The record of who changed what, and when.
//!
//! Each mutation's row is written in the mutation's own transaction: they are kept together or
//! not at all, and if the row cannot be written the mutation does not happen. An [`Entry`] has
//! room for names and for fingerprints, not for values; this room never sees a plaintext.

mod entry;
mod store;

pub use entry::Entry;
pub use store::{MIGRATIONS, append};
