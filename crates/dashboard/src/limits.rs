//! Bounds of the dashboard.

/// Sessions at once; beyond them the one that was unused for longest ends. Each takes an admin key,
/// and a team has few.
pub const SESSIONS: usize = 1000;

/// Seconds after which a session ends that nobody uses: half an hour, as one leaves a desk.
pub const SESSION_IDLE_SECONDS: u64 = 30 * 60;

/// Seconds after which a session ends however much it is used: a working day.
pub const SESSION_SECONDS: u64 = 12 * 3600;

/// Letters and digits of a session's id, and of its token against forged forms: more than 256 bits.
pub const SESSION_CHARACTERS: usize = 44;

/// Seconds for which a key lives that the dashboard makes to open an app's data.
pub const OPENED_SECONDS: i64 = 15 * 60;

/// The same in developer mode, whose data is nobody's: a working day.
pub const OPENED_SECONDS_IN_DEVELOPMENT: i64 = 12 * 3600;

/// Seconds before such a key's end at which another is made, so that none ends under a request.
pub const OPENED_RESERVE_SECONDS: i64 = 10;

/// Apps that one session has open at once.
pub const OPENED_APPS: usize = 50;

/// Rows of a table.
pub const ROWS: usize = 50;

/// Rows that a search by a part of a name looks through: the newest ones, ten requests' worth.
pub const ROWS_SEARCHED: usize = 1000;

/// Seconds for which a payload that was revealed is shown.
pub const REVEALED_SECONDS: u64 = 20;

/// Seconds between two readings of the counts of requests.
pub const SAMPLE_EVERY_SECONDS: u64 = 30;

/// Readings that are kept: one hour.
pub const SAMPLES: usize = 121;

/// Longest form value that is read, in characters: longer than any payload or name may be.
pub const FIELD_CHARACTERS: usize = 200_000;

/// Fields of one form.
pub const FIELDS: usize = 100;
