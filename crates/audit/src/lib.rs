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
//!
//! Once committed, entries are taken into a log ([`Sequencer`]): a Merkle tree whose signed head
//! stands for all of them and their order, so that no past entry can be changed, deleted or added
//! unnoticed ([`verify()`]).

pub mod canonical;
pub mod checkpoint;
mod entry;
mod error;
mod export;
mod fresh;
mod health;
pub mod limits;
mod proof;
mod sequence;
mod server;
mod store;
mod stored;
pub mod tile;
pub mod tree;
mod verify;

pub use entry::{Actor, ActorKind, Entry, Outcome, PeerAddress, Scope, Target};
pub use error::LogError;
pub use export::{Export, ExportError, ExportLine, OfflineVerifier};
pub use fresh::Fresh;
pub use health::{LogFault, LogHealth};
pub use proof::{consistency, inclusion, tree_of};
pub use sequence::{SIGNING_PURPOSE, Sequencer, check_head};
pub use store::batch::record_all;
pub use store::log::{Head, allow_pruning, head};
pub use store::read::{entries_between, find_entry};
pub use store::search::{Found, Search, by_operator, of_request, search};
pub use store::shipment::{HoldShipment, Shipment, behind, shipments};
pub use store::{MIGRATIONS, append, record};
pub use stored::StoredEntry;
pub use verify::{Expected, Problem, Report, verify, verify_up_to};
