//! Bounds of what one caller may ask for, beside the others.

use coffer_base::limit;

/// Requests a second of one app in one mode, if the operator does not say otherwise: forty times
/// what Stripe lets an account have, so that no honest app meets it. As many may come at once after
/// a second of silence.
pub const APP_REQUESTS_PER_SECOND: u32 = 4000;

/// Requests of one app in one mode that are worked on at the same time: more than an app's whole
/// fleet has connections.
pub const APP_REQUESTS_AT_ONCE: u32 = 1024;

/// Requests a second of one key: half of what its app has, so that one of an app's keys cannot
/// take everything from the others.
pub const KEY_REQUESTS_PER_SECOND: u32 = 2000;

/// Requests of one key that are worked on at the same time.
pub const KEY_REQUESTS_AT_ONCE: u32 = 512;

/// Requests a second of one admin key: an operator's scripts, which no tenant can take this from.
pub const ADMIN_REQUESTS_PER_SECOND: u32 = 1000;

/// Requests of one admin key that are worked on at the same time.
pub const ADMIN_REQUESTS_AT_ONCE: u32 = 128;

/// The largest limit that an operator can set: above what any machine answers in a second.
pub const LIMIT_CEILING: u32 = 1_000_000;

/// Apps and keys whose use is remembered: about 5 MB. Whoever is forgotten begins anew.
pub const LOADS_IN_MEMORY: usize = 20_000;

/// Refusals of keys that one address has at once; beyond it, their answers are held back, and keys
/// that the server has not seen are looked up [`GUESSES_AT_ONCE`] at a time.
pub const REFUSALS_AT_ONCE: u32 = 500;

/// Refusals of keys a second that one address has in the long run: as many lookups a second hurt
/// nobody.
pub const REFUSALS_PER_SECOND: u32 = 50;

/// Refusals of keys that all addresses have together at once; beyond it, the answers to all refused
/// keys are held back, since whoever has many addresses has many budgets.
pub const ALL_REFUSALS_AT_ONCE: u32 = 5000;

/// The same a second in the long run.
pub const ALL_REFUSALS_PER_SECOND: u32 = 500;

/// Keys that are looked up at the same time of addresses that have tried too many, all together:
/// thousands a second, and a few of the places that a database has.
pub const GUESSES_AT_ONCE: usize = 2;

/// Addresses whose refusals are remembered: about 3 MB.
pub const PEERS_IN_MEMORY: usize = 16_384;

/// Milliseconds for which an answer is held back: that somebody has asked too much, or tried too
/// many keys. Whoever does not wait between requests would otherwise keep the server busy with
/// refusals alone.
pub const REFUSAL_DELAY_MILLISECONDS: u64 = 200;

/// Answers a second that were held back: if so many callers are refused at once that there would be
/// more, each is held back for longer, since even refusals take the processor from others.
pub const HELD_BACK_PER_SECOND: u64 = 500;

/// The longest that an answer is held back in milliseconds: clients wait for longer.
pub const REFUSAL_DELAY_AT_MOST_MILLISECONDS: u64 = 10_000;

/// Refusals that the log has a line for, of one address at once.
pub const LOGGED_REFUSALS_AT_ONCE: u32 = 50;

/// Refusals a second that the log has a line for, of one address in the long run; the others are
/// counted.
pub const LOGGED_REFUSALS_PER_SECOND: u32 = 2;

/// Lines of one kind, refusals or failures, that the log has at once, of all callers together.
pub const LOGGED_LINES_AT_ONCE: u32 = 500;

/// Lines of one kind a second that the log has in the long run, of all callers together.
pub const LOGGED_LINES_PER_SECOND: u32 = 50;

/// Lines that tell of an answer which the log has at once, where the operator wants all requests in
/// it: more than a busy fleet sends in a second.
pub const LOGGED_ANSWERS_AT_ONCE: u32 = 10_000;

/// Such lines a second in the long run: half a megabyte, which no disk minds; the others are
/// counted, so that who sends as much as he can does not fill it.
pub const LOGGED_ANSWERS_PER_SECOND: u32 = 1500;

/// Seconds between two lines that say how many requests had none of their own.
pub const LOG_SUMMARY_SECONDS: u64 = 5;

/// Seconds within which the first byte must arrive on a new connection: a client that connects
/// has something to say.
pub const FIRST_BYTE_SECONDS: u64 = 10;

/// The longest head of a request, in bytes: the request line and the headers, with room for what
/// stands between.
pub const HEAD_BYTES: usize = limit::URL_BYTES + limit::HEADER_BYTES + 32 * 1024;

/// Bytes of a request's unfinished head that are not counted: the buffer that every connection
/// has, and more than honest heads have.
pub const HEAD_BYTES_FREE: usize = 8 * 1024;

/// Bytes of unfinished heads of all connections together, beyond what each has free: when there
/// are more, the head that has taken longest is given up.
pub const UNFINISHED_HEAD_BYTES: usize = 8 * 1024 * 1024;

/// Bytes of its own head for each of which, beyond [`HEAD_BYTES_FREE`], a connection waits a
/// microsecond before it reads on: a head is parsed anew whenever more of it arrives, so that a
/// long one in small pieces would cost without end. No client has such heads.
pub const HEAD_BYTES_A_MICROSECOND: u64 = 1;

/// Bytes of all unfinished heads for which each of these connections waits a microsecond more: many
/// that come at once are read one after the other, and who has a short head is served between them.
pub const ALL_HEADS_BYTES_A_MICROSECOND: u64 = 64;

/// Most addresses and networks of proxies that can be named.
pub const PROXIES: usize = 64;

/// Most hops of `Forwarded` or `X-Forwarded-For` that are looked at, from the last.
pub const FORWARDED_HOPS: usize = 16;

/// Milliseconds that a store has to show that it answers, before `/readyz` goes by whether
/// requests are answered meanwhile.
pub const READY_MILLISECONDS: u64 = 500;

/// Bytes of secrets and stored responses that an app may keep in one mode, unless it has a number
/// of its own: a million users with ten secrets of three kilobytes each.
pub const BYTES_PER_APP: i64 = 32 * 1024 * 1024 * 1024;

/// The largest number of bytes that an app may be given: no machine has as many.
pub const BYTES_CEILING: i64 = 1_000_000_000_000_000;

/// The largest number of rows that an app may be given, such as of stored responses.
pub const ROWS_CEILING: i64 = 1_000_000_000_000;

/// Seconds between two counts of what each app keeps.
pub const COUNT_EVERY_SECONDS: u64 = 60;

/// Seconds between two parts of one count, if a pass is not enough: three quarters of the time
/// nothing is counted.
pub const COUNT_GOES_ON_SECONDS: u64 = 5;

/// Rows that one statement of a count reads: some milliseconds.
pub const COUNTED_AT_ONCE: i64 = 2000;

/// Statements of one pass of a count, which reads a million rows with them.
pub const COUNTS_PER_PASS: u32 = 500;

/// Rows of one app that are sorted to find the oldest; those of an app with more are found among
/// those of all apps.
pub const ROWS_SORTED: i64 = 100_000;

/// Apps that the status shows with what they keep, the largest first.
pub const LARGEST_APPS: usize = 5;

/// Apps, and accounts of apps, that the status shows with how many secrets they keep.
pub const LARGEST_TENANTS: usize = 12;

/// Tenants that a count of records has open at once: twice as many as share their slots where an
/// app has millions of accounts.
pub const TENANTS_OPEN: usize = 64;

/// Milliseconds for which an entry of the audit that nobody waits for is kept before it is written:
/// with the time of the transaction it is durable within a tenth of a second.
pub const AUDIT_WAIT_MILLISECONDS: u64 = 50;

/// Milliseconds between two attempts to write entries of the audit, after one has failed.
pub const AUDIT_RETRY_MILLISECONDS: u64 = 500;

/// Entries of the audit that are written in one transaction: some milliseconds, and what a busy
/// server reads in a tenth of a second.
pub const AUDIT_BATCH: usize = 2_000;

/// Entries of the audit that wait to be written: about 15 MB, and what a busy server reads in a
/// second. When there are more, the newest are left out and counted.
pub const AUDIT_WAITING: usize = 32_768;

/// Attempts to write what waits when the server stops.
pub const AUDIT_FLUSH_ATTEMPTS: u32 = 3;

/// Seconds between two entries that say how much was left out.
pub const AUDIT_SUMMARY_SECONDS: u64 = 5;

/// Refusals without a key in force that the audit has an entry for, of one address at once.
pub const AUDITED_REFUSALS_AT_ONCE: u32 = 50;

/// The same a second in the long run; the others are counted.
pub const AUDITED_REFUSALS_PER_SECOND: u32 = 1;

/// Refusals without a key in force that the audit has an entry for, of all addresses at once.
pub const ALL_AUDITED_REFUSALS_AT_ONCE: u32 = 500;

/// The same a second in the long run: strangers add at most 150 MB a day.
pub const ALL_AUDITED_REFUSALS_PER_SECOND: u32 = 5;

/// Refusals of one app's keys that the audit has an entry for at once.
pub const APP_AUDITED_REFUSALS_AT_ONCE: u32 = 1000;

/// The same a second in the long run: an app whose keys are refused more often than that has a
/// fault, and its entries would all say the same.
pub const APP_AUDITED_REFUSALS_PER_SECOND: u32 = 50;

/// Records that a rotation seals anew in one transaction: few, so that a request that writes one of
/// them waits for milliseconds.
pub const ROTATED_AT_ONCE: i64 = 50;

/// Tenants whose records are looked up one tenant after the other; of more, all records of all
/// tenants are gone through, in their order.
pub const ROTATED_BY_RANGE: usize = 1000;

/// Seconds between two looks at whether a rotation was asked for.
pub const ROTATION_EVERY_SECONDS: u64 = 2;

/// Seconds between two notes of a server that it works on a rotation, and how far it has come: as
/// much is done again after a crash.
pub const ROTATION_BEAT_SECONDS: u64 = 1;

/// Seconds without such a note after which another server takes over: more than a slow commit
/// takes.
pub const ROTATION_LEASE_SECONDS: u64 = 20;

/// Seconds between two looks for keys that are old, or were used often.
pub const ROTATION_LOOK_SECONDS: u64 = 3600;

/// Seconds between two notes of how much keys have sealed: what a crash loses of that count.
pub const USES_EVERY_SECONDS: u64 = 60;

/// Milliseconds between two looks at whether old transactions have ended.
pub const SETTLE_MILLISECONDS: u64 = 50;

/// Milliseconds between two looks at whether an operator has sealed all servers: with the look
/// itself they have no keys within a second.
pub const STOP_WATCH_MILLISECONDS: u64 = 400;

/// How often a rotation tries to destroy the old master key, while other servers wrap keys with it.
pub const DESTROY_ATTEMPTS: u32 = 5;

/// Characters of a header that a change depends on: several times what the server itself says.
pub const CONDITION_CHARACTERS: usize = 100;
/// Requests that are remembered in developer mode because they met a fault that they asked for:
/// more than a test suite has under way, and about 1 MB.
pub const SIMULATIONS_IN_MEMORY: usize = 5000;
