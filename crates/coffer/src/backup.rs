//! Backups of stores in files: made beside a running server, verified, and restored.
//!
//! Data and keys are copied from states that belong together, each into a stream of its own
//! (`coffer_backup`): see [`create()`]. A backup is verified by restoring it into a place of its
//! own and looking at everything there ([`verify()`]), which is also what a drill does.

mod create;
mod databases;
mod destination;
mod directory;
mod examine;
mod place;
mod restore;
mod schedule;
mod steps;
mod verify;

pub use create::{CreateOptions, Created, Sources, create};
pub use databases::verify_databases;
pub use destination::Destination;
pub use directory::{Keep, newest_set};
pub use examine::{Examination, examine};
pub use restore::{Input, RestoreOptions, Restored, restore};
pub use schedule::{Plan, ScheduledBackups};
pub use steps::{OnProgress, Step, Steps};
pub use verify::{Export, Verified, VerifyOptions, verify};

use crate::assemble::AssembleError;
use coffer_backup::BackupError;
use std::io;
use std::path::Path;

/// A failure of the file at `path`.
fn file_error(path: &Path) -> impl Fn(io::Error) -> AssembleError {
    let path = path.to_owned();
    move |source| AssembleError::File { path: path.clone(), source }
}

/// What is wrong with the backup at `place`.
fn backup_error(place: &str) -> impl Fn(BackupError) -> AssembleError {
    let place = place.to_owned();
    move |source| AssembleError::Backup { place: place.clone(), source }
}

/// A refusal, in words.
fn refused(why: impl Into<String>) -> AssembleError {
    AssembleError::Refused(why.into())
}
