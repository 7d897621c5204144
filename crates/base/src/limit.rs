//! Bounds that several crates share. A bound of one crate is in that crate's `limits.rs`.
//!
//! Every quantity that a caller can choose has a bound, and every bound has its reason beside it.

/// Longest id that is accepted, in characters: those that the server makes have under 40, and an
/// operator may choose longer ones.
pub const ID_CHARACTERS: usize = 64;

/// Random letters and digits in an id that the server makes: 95 bits, so that ids do not collide.
pub const RANDOM_ID_CHARACTERS: usize = 16;

/// Random letters and digits of a request id, as many as Stripe's have.
pub const REQUEST_ID_CHARACTERS: usize = 14;

/// Longest request target, in bytes: what the `http` crate can hold. hyper refuses a longer one.
pub const URL_BYTES: usize = 65_534;

/// Longest request body, in bytes: far above what 64 parameters of 5000 four-byte
/// characters need in practice, small enough that 10,000 connections cannot exhaust a machine.
pub const BODY_BYTES: usize = 256 * 1024;

/// Most request headers: several times as many as SDKs and proxies send together.
pub const HEADERS: usize = 100;

/// Most bytes of request headers together, names and values: no less than
/// common proxies let through.
pub const HEADER_BYTES: usize = 64 * 1024;

/// Seconds until the headers must have arrived, from their first byte: a slower caller holds a
/// connection that others need.
pub const HEADER_SECONDS: u64 = 10;

/// Seconds until the body must have arrived: enough for the longest on a slow line.
pub const BODY_SECONDS: u64 = 30;

/// Seconds for which the body of a request that was refused before it was read is still taken
/// and thrown away: long enough for one on its way, too short to be worth holding a connection.
pub const DISCARD_SECONDS: u64 = 2;

/// Seconds until a request is answered, whatever happens: the SDK for Node gives up after 80.
pub const REQUEST_SECONDS: u64 = 60;

/// Seconds that a connection may stay without a request: longer than the 60 for which proxies
/// commonly keep one, so that a proxy never sends a request into a closed connection.
pub const IDLE_SECONDS: u64 = 75;

/// Longest user id of a scope, in characters: Stripe's bound.
pub const SCOPE_USER_CHARACTERS: usize = 5000;

/// Most objects on a page: Stripe's bound.
pub const PAGE_CEILING: i64 = 100;

/// Longest idempotency key, in characters (conventions §7).
pub const IDEMPOTENCY_KEY_CHARACTERS: usize = 255;

/// Seconds for which a stored answer is kept at least: 24 hours (conventions §7).
pub const IDEMPOTENCY_SECONDS: i64 = 86_400;

/// Stored answers that one app may have; beyond it the oldest go first (conventions §13,
/// decision 17).
pub const IDEMPOTENCY_RECORDS_PER_APP: i64 = 10_000_000;

/// Seconds that a request waits for another with the same idempotency key (decision 15).
pub const IDEMPOTENCY_WAIT_SECONDS: u64 = 5;

/// How often a write is prepared anew because its keys were destroyed meanwhile.
pub const PREPARE_ATTEMPTS: u32 = 3;

/// Seconds for which the place of a deleted object is remembered for cursors (conventions §13,
/// decision 4).
pub const TOMBSTONE_SECONDS: i64 = 86_400;

/// Writes of one app that may wait for the embedded database's writer; beyond it the answer is
/// 503. At the measured rates this is a fraction of a second of work.
pub const WRITE_QUEUE: usize = 1024;

/// Writes of all apps together that may wait for it: a few MB. If there are more, the app that has
/// the most in the queue loses its newest one.
pub const WRITE_QUEUE_TOTAL: usize = 4096;

/// Writes that share one commit: enough to hide the flush, few enough that the first of them
/// does not wait long.
pub const WRITE_GROUP: usize = 256;

/// Rows that such a group changes, after which no more writes join it: some eighty writes of one
/// secret each, or twenty-five charges under a plan. Who waits behind a group waits for some ten
/// milliseconds, and the requests that follow its answers do not all come at once.
pub const WRITE_GROUP_ROWS: u64 = 384;

/// Rows that one app changes in a group in which others have a part, after which its writes wait
/// for the next group: whoever writes little does not wait until somebody else's group is full.
pub const WRITE_SHARE_ROWS: u64 = 32;

/// Rows that a background job changes in one transaction, so that requests are served in between.
pub const JOB_BATCH: i64 = 500;

/// Seconds between two passes of the jobs that prune stored answers and tombstones.
pub const PRUNE_EVERY_SECONDS: u64 = 3600;

/// Tenants whose keys are held in memory: about 5 MB; the others cost one read and one unwrap.
pub const TENANTS_IN_MEMORY: usize = 10_000;

/// Random letters and digits of a token that the server makes: 190 bits, so that a fast hash
/// protects it.
pub const TOKEN_CHARACTERS: usize = 32;

/// Letters and digits at the end of a token that follow from the ones before: a CRC-32 has 32 bits,
/// and six of base 62 have 35.
pub const TOKEN_CHECKSUM_CHARACTERS: usize = 6;

/// Statements that one connection to a shared database has prepared: all that the program has, in
/// all combinations of parameters that occur; the others are sent unprepared.
pub const SESSION_STATEMENTS: usize = 1000;

/// Bytes of the write-ahead log after which its pages move into the database file, beside the
/// commits: large enough to fold rewrites of hot pages, small enough for fast lookups and starts.
pub const WAL_CHECKPOINT_BYTES: u64 = 4 * 1024 * 1024;

/// The same if they only record what happened, such as who read what: nobody looks them up in the
/// log, and each pass makes all readers read their pages again.
pub const WAL_RECORDS_BYTES: u64 = 32 * 1024 * 1024;

/// Bytes of the write-ahead log at which the writer itself empties it between two commits, so
/// that it cannot grow without bound while writes never pause.
pub const WAL_CEILING_BYTES: u64 = 256 * 1024 * 1024;

/// Bytes of the write-ahead log beyond the ceiling, at which the writer no longer waits for the
/// moment that is best for emptying it; and from which it is worth emptying in a pause.
pub const WAL_GRACE_BYTES: u64 = 16 * 1024 * 1024;

/// Milliseconds for which nothing is written before a large write-ahead log is emptied in that
/// pause: more than there are between two commits of a server that is busy.
pub const WAL_PAUSE_MILLISECONDS: u64 = 200;

/// How often a checkpoint that was asked for is tried while a reader still needs the log: whoever
/// reads for longer, reads for minutes, and writes wait meanwhile.
pub const CHECKPOINT_ATTEMPTS: u32 = 3;

/// Free bytes of a disk below which writes that add data are refused: more than they add between
/// two looks at it.
pub const DISK_FLOOR_BYTES: u64 = 64 * 1024 * 1024;

/// Bytes of the ballast, which is given up for writes that take data away: more than deleting a
/// batch of the largest rows writes to the log.
pub const BALLAST_BYTES: u64 = 16 * 1024 * 1024;

/// The part of a small file system that the floor and the ballast take at most, each: the rest is
/// for data.
pub const DISK_SHARE: u64 = 16;

/// Milliseconds between two looks at the space on the disk.
pub const DISK_LOOK_MILLISECONDS: u64 = 250;

/// How often a write that takes data away is tried while the disk is full: each attempt makes what
/// room it can, and others may have filled that.
pub const ROOM_ATTEMPTS: u32 = 3;

/// Seconds for which a server counts as not ready after a write found no room: by then a caller
/// tries again, and where the space of a database cannot be seen, only a write finds out.
pub const NO_ROOM_SECONDS: u64 = 10;

/// Largest database, in bytes, that is checked whole before it is served again after a crash: that
/// takes some seconds at most. A larger one is left to `coffer doctor`.
pub const CHECKED_AT_START_BYTES: u64 = 1024 * 1024 * 1024;

/// Milliseconds that a database connection waits for another's lock: readers hold theirs for
/// microseconds, and whoever waits longer, waits for a backup.
pub const DATABASE_LOCK_MILLISECONDS: u64 = 250;

/// Fewest threads that read lists from the embedded database: one that one app may use, one more
/// for all apps, and one for operators.
pub const LIST_THREADS_FLOOR: usize = 3;

/// Most such threads, on machines with many processors: lists are not what a server is for.
pub const LIST_THREADS_CEILING: usize = 8;

/// Reads of one app that may wait for such a thread, or requests for a connection to PostgreSQL.
pub const WAITING_PER_APP: usize = 1024;

/// The same of all apps together. If there are more, the app that has the most loses its newest.
pub const WAITING_TOTAL: usize = 4096;

/// Seconds that one statement of a list may take on the embedded database: each reads at most
/// [`WINDOW_ROWS`] rows, which takes a hundredth of it.
pub const LIST_SECONDS: u64 = 2;

/// Rows that one statement looks at for a page of a list that is narrowed: a few milliseconds.
/// After them other apps have their turn.
pub const WINDOW_ROWS: i64 = 10_000;

/// Idle read connections that are kept: more than there are worker threads on common machines.
pub const READ_CONNECTIONS: usize = 64;

/// Prepared statements that a connection keeps: more than all crates together have.
pub const PREPARED_STATEMENTS: usize = 512;

/// Page cache of the writing connection, in KiB.
pub const WRITER_CACHE_KIB: i64 = 16 * 1024;

/// Page cache of each read connection, in KiB: the inner pages of an index over a few million
/// rows. There are as many such connections as threads that read at once, as a rule two to eight.
pub const READER_CACHE_KIB: i64 = 8 * 1024;

/// Microseconds for which a read connection reads on from one snapshot before it looks whether
/// another program has committed: enough for several reads under load, less than it takes another
/// program to commit a change to the file and ask for it.
pub const SNAPSHOT_MICROSECONDS: u64 = 100;

/// Most characters of a request's path in the log: more than any path that is served has.
pub const LOGGED_PATH_CHARACTERS: usize = 200;

/// Most types that one list of events may ask for (conventions §12).
pub const EVENT_TYPES: usize = 20;

/// Most types that one owner's events may have among them, old versions' included: ours are fewer
/// than 50.
pub const EVENT_TYPES_OF_OWNER: i64 = 1000;

/// Longest type of an event that a list may ask for, in characters: ours have under 30.
pub const EVENT_TYPE_CHARACTERS: usize = 100;

/// Seconds for which events are kept: 30 days (conventions §12).
pub const EVENT_SECONDS: i64 = 30 * 86_400;

/// Seconds for which what a server knows of a shared store is good, in monotonic time: a revoked
/// key is refused everywhere within them.
pub const TRUST_SECONDS: u64 = 1;

/// Seconds between two looks of the scheduler: late money annoys, and a look that finds nothing
/// costs a few reads.
pub const SCHEDULE_EVERY_SECONDS: u64 = 5;

/// Longest id of an object of the payment processor, in characters (conventions §4).
pub const PROCESSOR_ID_CHARACTERS: usize = 255;

/// The latest time that developer mode's clock can be moved to: the end of the year 9999, beyond
/// which dates are no longer written with four digits.
pub const CLOCK_CEILING: i64 = 253_402_300_799;

/// Connections of one server to one PostgreSQL database for each processor of the server's machine,
/// unless the address says how many. Each that works keeps a process of the database busy. Where
/// the database has no more processors than that, a server that has more connections waits behind
/// them itself, and with it everybody who asks for little.
pub const POSTGRES_CONNECTIONS_PER_PROCESSOR: usize = 4;

/// The fewest of them by default: an app has half, and its writes share flushes.
pub const POSTGRES_CONNECTIONS_FLOOR: usize = 8;

/// The most of them by default: more cost the database more than they bring.
pub const POSTGRES_CONNECTIONS: usize = 24;

/// The most that an operator can ask for.
pub const POSTGRES_CONNECTIONS_CEILING: usize = 1000;

/// Seconds for which a request waits for a free connection, for a thread that reads lists, or for
/// other writes to the same ledger, before it is told to come again.
pub const CONNECTION_WAIT_SECONDS: u64 = 4;

/// Seconds within which a connection is made.
pub const CONNECT_SECONDS: u64 = 4;

/// Seconds within which it is made to one host of several: one that is silent must leave time for
/// the next.
pub const HOST_SECONDS: u64 = 2;

/// Seconds of silence after which the other side of a connection is asked whether it is there.
pub const KEEPALIVE_SECONDS: u64 = 30;

/// Seconds that one statement may take.
pub const STATEMENT_SECONDS: u64 = 8;

/// Seconds that a statement may take that reads a whole table, for whom nobody waits: jobs, and
/// commands that check or move a store.
pub const SCAN_SECONDS: u64 = 3600;

/// Seconds that a transaction may take before its commit: less than a request's callers wait.
pub const TRANSACTION_SECONDS: u64 = 15;

/// Seconds for which the answer to a commit is waited for: a standby may be slow, and the answer
/// that it is not known is the worst of all.
pub const COMMIT_SECONDS: u64 = 20;

/// How often a transaction is run that others get into the way of.
pub const TRANSACTION_ATTEMPTS: u32 = 8;

/// How often a change of the schema is tried while others use the table: a dump takes minutes, and
/// whoever waits for it makes servers wait.
pub const MIGRATION_ATTEMPTS: u32 = 30;

/// Seconds between two of these.
pub const MIGRATION_PAUSE_SECONDS: u64 = 1;

/// Microseconds of the first pause between two attempts at a transaction; later ones are longer.
pub const RETRY_PAUSE_MICROSECONDS: u64 = 2000;

/// Seconds by which a clock may be off before what is due by it waits: more than a leap second, a
/// slow look or a usual correction makes, less than the minute that people notice.
pub const CLOCK_TOLERANCE_SECONDS: i64 = 10;

/// Seconds for which the clock must have gone on evenly, after a start or a doubt, before anything
/// is destroyed or released by it: time servers correct a machine's clock within them.
pub const CLOCK_SETTLE_SECONDS: u64 = 120;

/// Seconds after which a clock that was set back is what others are compared with: a day, in which
/// it can still be put right again.
pub const CLOCK_BELIEVED_SECONDS: u64 = 86_400;

/// Seconds after which a clock's slow drift against the monotonic time is taken as it is: long
/// enough that whole seconds do not count as drift.
pub const CLOCK_DRIFT_EVERY_SECONDS: u64 = 3600;

/// The part of the time by which a clock may drift unnoticed, as a divisor: a second in a thousand
/// is ten times what bad quartz does.
pub const CLOCK_DRIFT_PARTS: u64 = 1000;

/// Seconds between two writes of the time that was found right: what is lost of it by a crash.
pub const CLOCK_RECORD_SECONDS: u64 = 60;

/// Seconds after the store was last in use that a start believes on files alone: five days, the
/// longest weekend. A longer outage needs an operator's word.
pub const CLOCK_GAP_SECONDS: i64 = 5 * 86_400;

/// The same, if the clock was ahead when the store was last in use: the time for a restart.
pub const CLOCK_GAP_DOUBTED_SECONDS: i64 = 600;

/// How many seconds of an outage each second of a running server vouches for, when it is asked
/// what may be destroyed: a nightly pause is caught up with in a few hours, and a clock that was
/// wrong for a minute gains four.
pub const CLOCK_CATCH_UP: i64 = 4;
