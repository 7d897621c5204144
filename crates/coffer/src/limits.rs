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

/// How far developer mode's clock moves in one request, in seconds: five years of 365.25 days.
pub const CLOCK_ADVANCE_SECONDS: i64 = 157_788_000;

/// Seconds between two looks at whether a backup or a drill is due.
pub const BACKUP_LOOK_SECONDS: u64 = 15;

/// Seconds after which a backup or a drill that failed is tried again, if its turn is not sooner:
/// a disk that was full may have room by then.
pub const BACKUP_RETRY_SECONDS: i64 = 600;

/// Seconds within which a server that has committed something raises the heads of its stores and
/// has them in the head file.
pub const HEAD_SECONDS: u64 = 1;

/// Most bytes of a head file: it holds two numbers, two marks and an id.
pub const HEAD_FILE_BYTES: u64 = 4096;
