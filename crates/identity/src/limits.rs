//! Bounds of accounts, apps and keys.

/// Seconds between two writes of the keys' last-used times, which tell a person about days.
pub const LAST_USED_EVERY_SECONDS: u64 = 60;

/// Authenticated pairs of key and account that are cached: about 5 MB.
pub const PRINCIPALS_IN_MEMORY: usize = 10_000;

/// Longest name of an account or an app, in characters: it is for people to read.
pub const DISPLAY_NAME_CHARACTERS: usize = 200;

/// Shortest life of an ephemeral key, in seconds: a shorter one may have expired before it
/// arrives.
pub const EPHEMERAL_SECONDS_FLOOR: i64 = 60;

/// Longest life of an ephemeral key, in seconds: one day, since a user's device holds it.
pub const EPHEMERAL_SECONDS_CEILING: i64 = 86_400;

/// Seconds that an ephemeral key may have before it at most, since it lives for a day; another day
/// is for clocks that are set right.
pub const EPHEMERAL_SECONDS_LEFT: i64 = 2 * EPHEMERAL_SECONDS_CEILING;

/// Life of an ephemeral key if the caller does not say, in seconds: one hour.
pub const EPHEMERAL_SECONDS_DEFAULT: i64 = 3600;

/// Seconds for which a key that is rolled goes on at most: a week, since both are valid meanwhile.
pub const ROLLED_SECONDS_CEILING: i64 = 7 * 86_400;

/// The same if the caller does not say: one day.
pub const ROLLED_SECONDS_DEFAULT: i64 = 86_400;

/// Most days after which keys end by the operator's setting: ten years.
pub const KEY_LIFETIME_DAYS_CEILING: i64 = 3650;

/// Networks that a key may be used from, at most: they are compared with each request's.
pub const KEY_NETWORKS: usize = 16;

/// Longest text of a network: an IPv6 address with the bits of its network, written out.
pub const NETWORK_CHARACTERS: usize = 64;

/// Most uses that a key can be limited to: beyond that, a limit limits nothing.
pub const KEY_USES_CEILING: i64 = 1_000_000_000;

/// Seconds between two passes of the job that erases tenants whose keys are destroyed already.
pub const ERASE_EVERY_SECONDS: u64 = 5;

/// Seconds between two passes of the job that moves revocations to the key store; as a rule the
/// request that revokes has done so already.
pub const SETTLE_EVERY_SECONDS: u64 = 5;

/// Revocations that are moved to the key store at once.
pub const REVOCATIONS_AT_ONCE: i64 = 500;

/// Changed rows that the log names, each once: whoever writes to the database must not fill the
/// log too.
pub const REPORTED_ROWS: usize = 1000;

/// Revocations that are held in memory until they can be stored: far more than operators revoke
/// while a disk is full.
pub const UNSTORED_REVOCATIONS: usize = 10_000;

/// Seconds between two attempts to store them.
pub const STORE_REVOCATIONS_EVERY_SECONDS: u64 = 5;

/// Rows that a check of all rows reads at once: some hundred kilobytes.
pub const ROWS_VERIFIED_AT_ONCE: i64 = 1000;

/// Apps of one developer that scheduled work looks at in developer mode, where a key that is made
/// up is one app.
pub const APPS_OF_DEVELOPER: i64 = 1000;
