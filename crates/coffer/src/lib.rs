//! The program: configuration, wiring, the server, and the command line.
//!
//! Everything else is a crate of its own; this one puts them together. It holds no business rule
//! and no SQL. It is a library so that tests start the same server that the binary does.

pub mod assemble;
pub mod audit;
pub mod backup;
mod clock;
pub mod dashboard;
mod explain;
pub mod families;
pub mod family_set;
pub mod head;
mod keyring;
pub mod limits;
pub mod metrics;
pub mod openapi;
pub mod otlp;
mod part_file;
pub mod reasons;
mod root_events;
pub mod serve;
pub mod ship;
pub mod status;
pub mod store_place;
pub mod store_transfer;
mod switch;
mod test_helpers;
pub mod tls;

/// Why requests may be refused: the reasons of everything that this program has.
pub fn all_reasons() -> Vec<&'static coffer_dialect::Reason> {
    explain::reasons(families::FAMILIES.iter())
}

/// The version and the commit that this build was made from.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("BUILD_COMMIT"), ")");
