//! Durable rows: units of work, reads, migrations and backups.
//!
//! This is the only room that talks to a database driver. It knows no family's tables: SQL texts
//! come from each room's `store.rs`, schemas from each room's `migrations/`, and what leaves here
//! is [`Row`]s. It must not know HTTP, wire errors, keys or clocks; a time that it writes down is
//! an argument.
//!
//! A unit of work implements [`Work`] and runs through [`Store::write`]; it borrows a [`Tx`] and
//! can neither begin nor commit. Whatever it did is durable when `write` answers with `Ok`, and
//! none of it remains when it answers with an error, save [`StorageError::UnknownOutcome`].

mod backup;
mod error;
mod fault;
mod lock;
mod migrate;
mod postgres;
mod sqlite;
mod store;
#[cfg(test)]
mod tests;
mod transaction;
mod transfer;
mod value;

pub use backup::{check_file, copy_file};
pub use error::{Result, StorageError};
pub use fault::Faults;
pub use lock::DirectoryLock;
pub use migrate::{AppliedMigration, Migration, MigrationReport, MigrationSet};
pub use postgres::{Passwords, PostgresOptions};
pub use store::{About, Options, Stats, Store};
pub use transaction::{Tx, Work};
pub use transfer::{Counts, Progress, Transfer};
pub use value::{Query, Row, Statement, Value};
