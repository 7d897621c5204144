//! Bounds of the dashboard.

/// Sessions at once; beyond them the one that was unused for longest ends. Each takes an admin key,
/// and a team has few.
pub const SESSIONS: usize = 1000;

/// Seconds after which a session ends that nobody uses: half an hour, as one leaves a desk.
pub const SESSION_IDLE_SECONDS: u64 = 30 * 60;

/// Seconds after which a session ends however much it is used: a working day.
pub const SESSION_SECONDS: u64 = 12 * 3600;

/// Seconds that a person has at an identity provider: time to look for a second factor.
pub const SIGN_IN_SECONDS: u64 = 10 * 60;

/// Sign-ins at an identity provider that are under way at once on one server; the next one takes
/// the place of the oldest.
pub const SIGN_INS: usize = 1000;

/// The same from one address, whose oldest makes room: an office behind one has fewer people who
/// sign in within minutes.
pub const SIGN_INS_OF_ADDRESS: usize = 30;

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

/// Entries of the audit that a page about secrets looks at by itself: few enough that it comes at
/// once. Whoever wants more of them asks for it, and waits.
pub const ENTRIES_LOOKED_AT: u64 = 20_000;

/// Entries of the audit that its own page, and the overview, look at: a list that is narrowed to
/// what is rare ends there, and goes on behind them when it is asked to.
pub const AUDIT_ENTRIES_LOOKED_AT: u64 = 2_000;

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
