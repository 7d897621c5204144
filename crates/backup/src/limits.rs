//! Bounds of a backup's stream.

/// Most bytes of one chunk. A reader holds one in memory; a digest for each adds nothing to speak
/// of at this size.
pub const CHUNK_BYTES: usize = 1024 * 1024;

/// Most bytes of the header or of the end: the header names each table once.
pub const JSON_BYTES: usize = 64 * 1024;

/// Most characters of a text in the header, such as the store's id.
pub const TEXT_CHARACTERS: usize = 200;
