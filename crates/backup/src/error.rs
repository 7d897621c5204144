//! Why a stream is no backup that can be used.

use crate::format::FORMAT;
use std::io;

/// Why a backup cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It begins with something else.
    #[error("this is no backup that `coffer backup create` made")]
    NotABackup,
    /// Another version wrote it.
    #[error("this backup has format {0}, and this version of coffer reads format {FORMAT}")]
    UnknownFormat(u32),
    /// Its end is missing: whatever wrote it was interrupted.
    #[error("this backup was cut short at byte {0}; it was not written to its end")]
    CutShort(u64),
    /// A frame is not what was written.
    #[error("this backup is damaged at byte {at}: {what}")]
    Damaged {
        /// Where the frame begins.
        at: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The stream cannot be read.
    #[error("the backup cannot be read: {0}")]
    Io(#[from] io::Error),
}
