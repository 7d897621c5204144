//! How requests and responses are written on the wire: forms, parameters, errors, objects, pages,
//! expansion, the shapes of keys, and versions.
//!
//! This crate is pure: it turns bytes into values and values into bytes. It knows no HTTP
//! library, no database, no clock and no resource family, so that all of it can be tested and
//! fuzzed in seconds. Only [`error`] knows HTTP status numbers. The contract that it follows is
//! `docs/wire/conventions.md`.

pub mod authorization;
pub mod cursor;
pub mod error;
pub mod expand;
mod form;
pub mod limits;
pub mod metadata;
mod money;
pub mod object;
pub mod params;
pub mod probe;
pub mod range;
mod reason;
pub mod reasons;
mod scan;
mod tree;
pub mod version;
mod wording;

pub use authorization::KeyKind;
pub use cursor::{Direction, PageRequest};
pub use error::{ApiError, LimitReason};
pub use expand::Expand;
pub use metadata::{Metadata, MetadataChange};
pub use object::{Object, Value, list};
pub use params::{Fields, Params};
pub use range::CreatedRange;
pub use reason::Reason;
pub use version::ApiVersion;
