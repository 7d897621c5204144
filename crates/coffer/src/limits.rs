//! Bounds of the server process and of developer mode.

/// Most open connections of the API: even if each of them holds a whole request body, they take
/// 2.5 GB.
pub const CONNECTIONS: usize = 10_000;

/// Connections of the API that there are even if hardly any descriptors are left for them.
pub const CONNECTIONS_FLOOR: usize = 16;

/// The part of the API's connections that one address beyond this machine may have, unless it is a
/// proxy that is named: one in so many.
pub const PEER_SHARE: usize = 4;

/// Connections of the admin listener, which the API's never take.
pub const ADMIN_CONNECTIONS: usize = 64;

/// File descriptors that connections leave to the stores, the databases and the log.
pub const DESCRIPTORS_KEPT: usize = 256;

/// Seconds that a shutdown waits for requests under way: longer than the slowest that succeeds
/// in practice, shorter than what service managers allow before they kill.
pub const DRAIN_SECONDS: u64 = 20;

/// Seconds that a server which stops gives its last entries of the audit to get into the log: they
/// take milliseconds, and the next start takes what is left.
pub const AUDIT_END_SECONDS: u64 = 5;

/// Entries of the audit that one statement of a list reads.
pub const AUDIT_WINDOW: u64 = 500;

/// Entries of the audit that one request looks at, of a list that is narrowed: a part of a second.
/// The next request goes on behind them.
pub const AUDIT_ENTRIES_LOOKED_AT: u64 = 50_000;

/// How far developer mode's clock moves in one request, in seconds: five years of 365.25 days.
pub const CLOCK_ADVANCE_SECONDS: i64 = 157_788_000;
