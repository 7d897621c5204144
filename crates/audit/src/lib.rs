//! The audit: who did what, when, and what came of it.
//!
//! The entry of a change is written in the change's own transaction: both are committed or neither
//! is. An [`Entry`] holds ids, names of operations and fingerprints, and no values; no plaintext
//! reaches this crate.
//!
//! What the program does by itself is recorded by whoever does it, in the transaction that does it:
//!
//! ```ignore
//! let entry = Entry::of_program("program.secrets.expire", tenant, now);
//! coffer_audit::append(tx, &Entry { amount: Some(rows), ..entry });
//! ```

pub mod canonical;
mod entry;
pub mod limits;
pub mod order;
mod server;
mod store;
mod stored;

pub use entry::{Actor, ActorKind, Entry, Outcome, PeerAddress, Scope, Target};
pub use store::{MIGRATIONS, append, append_all, record};
pub use stored::StoredEntry;
