//! Bounds of the server process and of developer mode.

/// Most open connections of the API: even if each of them holds a whole request body, they take
/// 2.5 GB.
pub const CONNECTIONS: usize = 10_000;

/// Connections of the API that there are even if hardly any descriptors are left for them.
pub const CONNECTIONS_FLOOR: usize = 16;

/// Connections that the kernel opens before the server takes them, unless `net.core.somaxconn` is
/// less, which is as much by default. One for which there is no place tries again after a second,
/// so a burst must find one, and the health check behind it.
pub const ACCEPT_QUEUE: u32 = 4096;

/// The part of the API's connections that one address beyond this machine may have, unless it is a
/// proxy that is named: one in so many.
pub const PEER_SHARE: usize = 4;

/// Connections of the admin listener, which the API's never take.
pub const ADMIN_CONNECTIONS: usize = 64;

/// File descriptors that connections leave to the stores, the databases and the log.
pub const DESCRIPTORS_KEPT: usize = 256;

/// Characters of an audit entry's id that is asked about: `aud_` and a number of 64 bits.
pub const ENTRY_ID_CHARACTERS: usize = 24;

/// Seconds that a shutdown waits for requests under way: longer than the slowest that succeeds
/// in practice, shorter than what service managers allow before they kill.
pub const DRAIN_SECONDS: u64 = 20;

/// Seconds that a server which stops gives its last entries of the audit to get into the log, and
/// its jobs to end: they take milliseconds, and the next start takes what is left.
pub const AUDIT_END_SECONDS: u64 = 5;

/// Entries of the audit that one statement of a list reads.
pub const AUDIT_WINDOW: u64 = 500;

/// Entries of the audit that one request looks at, of a list that is narrowed: a part of a second.
/// The next request goes on behind them.
pub const AUDIT_ENTRIES_LOOKED_AT: u64 = 50_000;

/// How far developer mode's clock moves in one request, in seconds: five years of 365.25 days.
pub const CLOCK_ADVANCE_SECONDS: i64 = 157_788_000;

/// Milliseconds between two looks for entries of the audit that are to be shipped.
pub const SHIP_EVERY_MILLISECONDS: u64 = 1_000;

/// Entries of the audit that one batch ships: a few hundred kilobytes.
pub const SHIPPED_AT_ONCE: i64 = 500;

/// Seconds that a receiver of the audit has to acknowledge a batch.
pub const SHIPMENT_SECONDS: u64 = 20;

/// Seconds for which a server that ships to a receiver keeps others from it: longer than a batch
/// takes.
pub const SHIPMENT_HELD_SECONDS: i64 = 40;

/// Seconds before a receiver that failed is tried again the first time; each pause is twice the one
/// before.
pub const SHIP_AGAIN_SECONDS: u64 = 1;

/// Seconds before a receiver that failed is tried again at most.
pub const SHIP_AGAIN_SECONDS_MOST: u64 = 60;

/// Bytes of a receiver's answer that are read: its status is what counts.
pub const SHIPMENT_ANSWER_BYTES: usize = 64 * 1024;

/// Receivers of the audit: each reads all of it.
pub const RECEIVERS: usize = 4;

/// Letters of the name by which a server that ships is told from others.
pub const SHIPPING_SERVER_CHARACTERS: usize = 12;

/// Looks for what is recorded of a request, before it counts as unknown.
pub const EXPLAIN_ATTEMPTS: u32 = 2;

/// Milliseconds between them: longer than entries of refusals wait to be written.
pub const EXPLAIN_AGAIN_MILLISECONDS: u64 = 120;
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

/// Seconds between two looks at what `/metrics` shows of rows in the stores: as often as it is
/// usually asked.
pub const MEASURE_SECONDS: u64 = 15;

/// Seconds between two sums over whole tables, such as those of the ledger: a large one takes a
/// second of reading.
pub const MEASURE_TABLES_SECONDS: u64 = 300;

/// Connections of the listener for metrics: a few collectors, and probes.
pub const METRICS_CONNECTIONS: usize = 64;

/// Spans of sampled requests that wait to be sent, at most: about 1 MB, and what OpenTelemetry's
/// own libraries keep.
pub const SPANS_WAITING: usize = 2048;

/// Spans that are sent at once.
pub const SPANS_AT_ONCE: usize = 512;

/// Seconds between two times that spans are sent.
pub const TRACES_SECONDS: u64 = 5;

/// Milliseconds between two times that metrics are sent by OTLP, unless somebody says otherwise, as
/// OpenTelemetry has it.
pub const METRIC_EXPORT_MILLISECONDS: u64 = 60_000;

/// Fewest milliseconds between them: all metrics are some hundred kilobytes.
pub const METRIC_EXPORT_MILLISECONDS_LEAST: u64 = 1_000;

/// Most milliseconds between them, an hour: with longer pauses nobody is told in time.
pub const METRIC_EXPORT_MILLISECONDS_MOST: u64 = 3_600_000;

/// Bytes of lines of the log that wait to be sent by OTLP, as they are sent: the most lines of
/// requests that there are at once, 10,000, each with 1.5 kB.
pub const LOG_BYTES_WAITING: usize = 16 * 1024 * 1024;

/// Bytes of such lines that are sent at once, unless one alone has more.
pub const LOG_BYTES_AT_ONCE: usize = 512 * 1024;

/// Seconds between two times that lines of the log are sent, as OpenTelemetry has it.
pub const LOGS_SECONDS: u64 = 1;

/// Seconds within which what is left when the server stops must have gone out by OTLP: few, since
/// requests and the audit's last entries have had their time by then, and whoever stops it waits.
pub const LAST_EXPORT_SECONDS: u64 = 5;
