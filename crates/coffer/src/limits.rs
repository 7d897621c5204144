//! Bounds of the server process and of developer mode.

/// Most open connections: even if each of them holds a whole request body, they take 2.5 GB.
pub const CONNECTIONS: usize = 10_000;

/// Seconds that a shutdown waits for requests under way: longer than the slowest that succeeds
/// in practice, shorter than what service managers allow before they kill.
pub const DRAIN_SECONDS: u64 = 20;

/// How far developer mode's clock moves in one request, in seconds: five years of 365.25 days.
pub const CLOCK_ADVANCE_SECONDS: i64 = 157_788_000;
