//! The words that every room shares: ids, time, randomness, bounds, redaction, tenants.
//!
//! This room depends on nothing of ours and does no input or output but read the system clock.
//! Whatever needs a disk, a socket, a cipher or an async runtime lives elsewhere.

pub mod clock;
pub mod currency;
pub mod id;
pub mod limit;
pub mod random;
pub mod redact;
pub mod tenant;

pub use clock::{Clock, ShiftedClock, SystemClock, TestClock, Timestamp};
pub use currency::Currency;
pub use id::{AccountId, AppId, InvalidId};
pub use random::{Random, TestRandom};
pub use redact::Redacted;
pub use tenant::{Mode, Owner, Tenant};
