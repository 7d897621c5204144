//! Why something could not be sealed or opened.

use crate::limits;
use std::fmt;

/// Why something could not be sealed or opened. Says what to do, and never shows content.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CryptoError {
    /// It has not the shape of a sealed blob or a wrapped key.
    Malformed,
    /// It begins with a format number that this version does not know.
    UnknownFormat(u8),
    /// It was altered, is bound to other associated data, or was sealed under another key.
    Authentication,
    /// It is longer than [`limits::SEALED_BYTES`]; has its length in bytes.
    TooLong(usize),
    /// The cipher library failed, which no input explains.
    Cipher,
}

impl fmt::Display for CryptoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str(
                "stored data is damaged: it does not have the shape of something sealed; \
                 restore it from a backup",
            ),
            Self::UnknownFormat(format) => write!(
                f,
                "sealed data has the unknown format {format}: a newer version of Coffer wrote it \
                 (run that version), or it is damaged (restore it from a backup)"
            ),
            Self::Authentication => f.write_str(
                "sealed data cannot be opened: it was altered, or moved from where it belongs, \
                 or sealed under another key; check that the key store and the data store are \
                 of the same installation, or restore them from a backup",
            ),
            Self::TooLong(bytes) => write!(
                f,
                "{bytes} bytes are too many to seal: at most {} are allowed",
                limits::SEALED_BYTES
            ),
            Self::Cipher => f.write_str(
                "the cipher failed, which should not happen: restart the server and, if it \
                 happens again, check the machine's memory",
            ),
        }
    }
}

impl std::error::Error for CryptoError {}
