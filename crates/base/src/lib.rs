//! The types that every crate shares: ids, time, randomness, bounds, redaction, tenants, and words
//! of a shell.
//!
//! This crate depends on none of the project's others, and its only input is the system clock.
//! What needs a disk, a socket, a cipher or an async runtime is in another crate.

pub mod civil;
pub mod clock;
pub mod currency;
pub mod id;
pub mod limit;
pub mod random;
pub mod redact;
pub mod shell;
pub mod slot;
pub mod tenant;

pub use clock::{Clock, Reading, ShiftedClock, SystemClock, TestClock, Timestamp};
pub use currency::Currency;
pub use id::{AccountId, AppId, InvalidId};
pub use random::{Random, TestRandom};
pub use redact::Redacted;
pub use slot::Slots;
pub use tenant::{Mode, Owner, Tenant};
