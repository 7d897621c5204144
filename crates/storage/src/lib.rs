//! Durable rows: units of work, reads, migrations and backups.
//!
//! This is the only crate that uses a database driver. It knows no family's tables: SQL texts come
//! from each crate's `store.rs`, schemas from each crate's `migrations/`, and results are [`Row`]s.
//! It does not depend on HTTP, wire errors, keys or clocks; a time that it records is an argument.
//!
//! A unit of work implements [`Work`] and runs through [`Store::write`]; it borrows a [`Tx`] and
//! can neither begin nor commit. Whatever it did is durable when `write` returns `Ok`, and nothing
//! of it remains when it returns an error, except perhaps after [`StorageError::UnknownOutcome`].
//!
//! Modules form layers, each of which imports only those below it:
//!
//! ```text
//! transfer                                 rows from one store to another
//! store                                    the engine behind one interface
//! sqlite │ postgres                        engines, which own connections
//! transaction │ migration                  what they run
//! shard, command, row, options │ placement │ files, space, place, lock │ gate
//! value, fault, error, checksum │ share, fair
//! ```

mod attempt;
mod checksum;
mod command;
mod error;
mod fair;
mod fault;
mod files;
mod gate;
mod lock;
mod migration;
mod options;
mod place;
mod placement;
mod postgres;
mod row;
mod shard;
mod share;
mod space;
mod sqlite;
mod store;
#[cfg(test)]
mod tests;
mod transaction;
mod transfer;
mod value;

pub use command::{Query, Statement};
pub use error::{Cause, Result, StorageError};
pub use fault::{Fate, Faults};
pub use lock::DirectoryLock;
pub use migration::{AppliedMigration, Migration, MigrationReport, MigrationSet};
pub use options::{Node, Options, ServerInfo, Stats};
pub use place::{check_database, check_directory, database_files, open_own};
pub use placement::{Placed, Placement};
pub use postgres::{Passwords, PostgresOptions};
pub use row::Row;
pub use share::Share;
pub use space::{DiskSpace, DiskStats};
pub use sqlite::{DatabaseCopy, OnStep, Snapshot, check_file, copy_file, count_rows};
pub use store::Store;
pub use transaction::{Lock, Tx, Work};
pub use transfer::{Counts, Progress, Saved, Transfer, salvage};
pub use value::{Value, ValueRef};
