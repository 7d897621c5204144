//! Bounds of what is sealed, and of what keeps a root key.

/// Longest plaintext that is sealed, in bytes: four times the longest request body, so that every
/// value and every stored response fits, and a damaged length cannot ask for more memory than this.
pub const SEALED_BYTES: usize = 1024 * 1024;

/// Longest text of a root key, in bytes: one that the program writes has under 150.
pub const ROOT_KEY_BYTES: usize = 512;

/// Longest passphrase, PIN or token, in bytes; the longest tokens of other servers are far shorter.
pub const ROOT_SECRET_BYTES: usize = 16 * 1024;

/// Fewest characters of a new passphrase: each guess costs an attacker a quarter of a second, and
/// five random words, or twelve random letters, take them longer than the universe has.
pub const PASSPHRASE_CHARACTERS: usize = 12;

/// Longest form in which a root key is kept beside the keys that it wraps, in bytes; those of
/// other servers have a few hundred.
pub const KEPT_BYTES: usize = 16 * 1024;

/// Memory for turning a passphrase into a key, in KiB: what RFC 9106 recommends for a machine that
/// is short of it.
pub const PASSPHRASE_MEMORY_KIB: u32 = 64 * 1024;

/// Passes over that memory, of the same recommendation.
pub const PASSPHRASE_PASSES: u32 = 3;

/// Lanes of that memory, of the same recommendation.
pub const PASSPHRASE_LANES: u32 = 4;

/// Most memory, in KiB, that a stored root may ask for: sixteen times as much as is written, so
/// that a forged row cannot exhaust the machine.
pub const PASSPHRASE_MEMORY_KIB_MAX: u32 = 1024 * 1024;

/// Most passes or lanes that a stored root may ask for, likewise.
pub const PASSPHRASE_PASSES_MAX: u32 = 64;

/// How long one request to a root on another server may take, in seconds: one beyond the ocean
/// answers in one.
pub const ROOT_REQUEST_SECONDS: u64 = 5;

/// Longest answer of a root on another server, in bytes.
pub const ROOT_ANSWER_BYTES: usize = 64 * 1024;

/// Longest reason that is repeated from a root's answer, in characters.
pub const ROOT_REASON_CHARACTERS: usize = 200;

/// Longest text of an exported keyring, in bytes: a master key takes 200, and there are as many as
/// there were rotations.
pub const KEYRING_FILE_BYTES: usize = 1024 * 1024;
