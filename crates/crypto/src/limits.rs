//! Bounds of what is sealed, and of a root key's text.

/// Longest plaintext that is sealed, in bytes: four times the longest request body, so that every
/// value and every stored response fits, and a damaged length cannot ask for more memory than this.
pub const SEALED_BYTES: usize = 1024 * 1024;

/// Longest text of a root key, in bytes: one that the program writes has under 150.
pub const ROOT_KEY_BYTES: usize = 512;
