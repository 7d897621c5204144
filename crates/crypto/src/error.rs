//! Why something could not be sealed or opened.

use crate::limits;

/// Why something could not be sealed or opened. Says what to do, and never shows content.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CryptoError {
    /// It has not the shape of a sealed blob or a wrapped key.
    #[error(
        "stored data is damaged: it does not have the shape of something sealed; restore it from a \
         backup"
    )]
    Malformed,
    /// It begins with a format number that this version does not know.
    #[error(
        "sealed data has the unknown format {0}: a newer version of Coffer wrote it (run that \
         version), or it is damaged (restore it from a backup)"
    )]
    UnknownFormat(u8),
    /// It was altered, is bound to other associated data, or was sealed under another key.
    #[error(
        "sealed data cannot be opened: it was altered, or moved from where it belongs, or sealed \
         under another key; check that the key store and the data store are of the same \
         installation, or restore them from a backup"
    )]
    Authentication,
    /// It is longer than [`limits::SEALED_BYTES`]; has its length in bytes.
    #[error(
        "{0} bytes are too many to seal: at most {most} are allowed",
        most = limits::SEALED_BYTES
    )]
    TooLong(usize),
    /// The cipher library failed, which no input explains. It gives no reason that could be a
    /// source.
    #[error(
        "the cipher failed, which should not happen: restart the server and, if it happens again, \
         check the machine's memory"
    )]
    Cipher,
}
