//! Bounds of the secret store.

/// Random letters and digits of a secret's id, as many as Stripe's examples show.
pub const SECRET_ID_CHARACTERS: usize = 30;

/// Longest name of a secret, in characters: Stripe's bound.
pub const SECRET_NAME_CHARACTERS: usize = 5000;

/// Longest payload of a secret, in characters: Stripe's bound.
pub const SECRET_PAYLOAD_CHARACTERS: usize = 5000;

/// Most secrets that an installation or an app may allow in one scope, which is listed and counted
/// without an index of its own.
pub const SECRETS_PER_SCOPE_CEILING: i64 = 1000;

/// How far ahead a secret's expiry may lie, in seconds: Stripe's 100 years, counted as
/// 365.25 days each.
pub const EXPIRY_AHEAD_SECONDS: i64 = 3_155_760_000;

/// Seconds between two passes of the job that removes expired rows, which must be gone within a
/// minute of their expiry.
pub const EXPIRE_EVERY_SECONDS: u64 = 20;
