//! The file format of a backup: one stream that holds one database file, in chunks with digests.
//!
//! ```text
//! COFFERBK │ format, 4 bytes │ frame H: header │ frame C: chunk │ … │ frame E: end
//! frame: kind, 1 byte │ length, 4 bytes │ content │ digest, 32 bytes
//! ```
//!
//! Numbers are big-endian. The digest of a frame is the SHA-256 of the digest before it, the kind,
//! the length and the content; the first one follows the digest of the stream's first twelve bytes.
//! So each digest stands for everything before it, and frames can neither be left out nor change
//! their places. Header and end are JSON. A stream without its end was cut, and is no backup.
//!
//! Whoever can write to a backup can compute these digests too: they find accidents. What was
//! changed on purpose is found by what the database itself holds: envelopes, and MACs of rows.
//!
//! This crate reads and writes streams and knows neither files nor databases.

mod error;
mod format;
pub mod limits;
mod reader;
mod writer;

pub use error::BackupError;
pub use format::{Contents, FORMAT, Header, MAGIC};
pub use reader::Reader;
pub use writer::Writer;

#[cfg(test)]
mod tests;
