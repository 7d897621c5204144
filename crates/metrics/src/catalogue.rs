//! Every metric of the server. `cargo xtask metrics` writes `docs/metrics.md` from this file: a
//! line `// ## …` begins a part of that page.
//!
//! Labels have few values, which are known beforehand: operations, reasons, jobs, stores,
//! currencies. What belongs to one tenant is in the audit and in the log, and never here.

use crate::definition::{Kind, Metric, metrics};

metrics! {
    // ## The program
    BUILD_INFO: Gauge "coffer_build_info" ["version", "engine", "mode"]
        "Always 1; the labels say which version serves, on sqlite or postgres, for production or \
         developers.";
    PROCESS_CPU: Counter "process_cpu_seconds_total" []
        "Processor time that the process has used, in user and system mode.";
    PROCESS_MEMORY: Gauge "process_resident_memory_bytes" []
        "Memory of the process that is in RAM.";
    PROCESS_OPEN_FDS: Gauge "process_open_fds" []
        "Descriptors of files and connections that the process has open.";
    PROCESS_MAX_FDS: Gauge "process_max_fds" []
        "Descriptors that the process may have open.";
    PROCESS_START: Gauge "process_start_time_seconds" []
        "When the server started, in Unix time.";

    // ## Requests
    REQUESTS: Counter "coffer_requests_total" ["operation", "outcome"]
        "Requests by operation and by what came of them: success, replayed (a stored response), \
         refused (the caller can change it) or failed (the caller cannot). The operation none \
         stands for requests that reached none: bad keys, unknown URLs.";
    REQUEST_DURATION: Histogram "coffer_request_duration_seconds" ["operation"]
        "Time from the head of a request to its response, before that is held back or sent.";
    REFUSALS: Counter "coffer_refusals_total" ["reason"]
        "Requests that were refused or failed, by the reason that `coffer explain` gives for one.";
    CONNECTIONS: Gauge "coffer_connections" ["listener"]
        "Connections that are open, by listener: api or admin.";

    // ## Stores
    STORE_UNITS: Counter "coffer_store_units_total" ["store"]
        "Units of work that ran in a store (data or keys); each is one request's or one batch of \
         a job's.";
    STORE_COMMITS: Counter "coffer_store_commits_total" ["store"]
        "Commits that succeeded. On SQLite one commit, with one flush to the disk, makes a whole \
         group of units durable.";
    STORE_COMMIT_DURATION: Histogram "coffer_store_commit_duration_seconds" ["store"]
        "How long commits took: on SQLite the flush of a group, on PostgreSQL the last round trip \
         of a unit.";
    STORE_WAITING: Gauge "coffer_store_waiting" ["store"]
        "Units of work and reads that wait for the writer, for a thread or for a connection.";
    SQLITE_WAL: Gauge "coffer_sqlite_wal_bytes" ["store"]
        "Size of the write-ahead log of a SQLite store.";
    SQLITE_CHECKPOINTS: Counter "coffer_sqlite_checkpoints_total" ["store", "outcome"]
        "Checkpoints of the write-ahead log, by outcome: success or failed (a reader still needed \
         the log, or the disk failed).";
    POSTGRES_ROUND_TRIPS: Counter "coffer_postgres_round_trips_total" ["store"]
        "Round trips to the database server.";
    POSTGRES_RETRIES: Counter "coffer_postgres_retries_total" ["store"]
        "Attempts at units of work that another transaction was in the way of; each is repeated, a \
         few times at most.";
    POSTGRES_CONNECTIONS: Gauge "coffer_postgres_connections" ["store", "state"]
        "Connections of the pool: busy ones, and the most that there may be (limit).";

    // ## Disk
    DISK_AVAILABLE: Gauge "coffer_disk_available_bytes" ["store"]
        "Room on the disk of a SQLite store that the process may still write.";
    DISK_FLOOR: Gauge "coffer_disk_floor_bytes" ["store"]
        "Room below which writes that add data are refused.";
    DISK_BALLAST: Gauge "coffer_disk_ballast_bytes" ["store"]
        "Size of the ballast, which is given up for writes that take data away; 0 once it was.";
    DISK_LOW: Gauge "coffer_disk_low" ["store"]
        "1 while writes that add data are refused because the disk is nearly full.";

    // ## Caches
    CACHE_ENTRIES: Gauge "coffer_cache_entries" ["cache"]
        "Entries of a cache: principals (callers' keys) or tenant_keys (unwrapped encryption \
         keys).";
    CACHE_MISSES: Counter "coffer_cache_misses_total" ["cache"]
        "Look-ups that the cache could not answer, so that a store was read. All others were \
         answered from memory.";

    // ## Jobs
    JOB_PASSES: Counter "coffer_job_passes_total" ["job_name", "outcome"]
        "Passes of background jobs, by outcome: success or failed.";
    JOB_DONE: Counter "coffer_job_done_total" ["job_name"]
        "What passes did, in the job's own unit: for expire_secrets, secrets that were deleted \
         because they had expired.";
    JOB_DURATION: Histogram "coffer_job_duration_seconds" ["job_name"]
        "How long passes took.";
    JOB_LAST_SUCCESS: Gauge "coffer_job_last_success_timestamp_seconds" ["job_name"]
        "When a pass last succeeded, in Unix time by the server's clock.";
    JOB_INTERVAL: Gauge "coffer_job_interval_seconds" ["job_name"]
        "Pause between two passes.";
    SCHEDULE_LAG: Gauge "coffer_scheduled_task_lag_seconds" ["task"]
        "How long the oldest midnight's work has been waiting; 0 if all is done.";
    SCHEDULE_WATERMARK: Gauge "coffer_scheduled_task_watermark_timestamp_seconds" ["task"]
        "The midnight up to which a scheduled task is done, in Unix time.";

    // ## Clock
    CLOCK_DOUBTFUL: Gauge "coffer_clock_doubtful" []
        "1 while the machine's clock may be wrong, so that nothing expires and nothing is \
         released.";
    CLOCK_WAITING: Gauge "coffer_clock_waiting" []
        "1 while nothing is due because the clock is doubted or the server has just started.";

    // ## Keys
    KEYRING_SEALED: Gauge "coffer_keyring_sealed" []
        "1 during an emergency stop (`coffer seal`).";
    MASTER_KEY_CREATED: Gauge "coffer_master_key_created_timestamp_seconds" []
        "When the newest master key was made, in Unix time.";
    MASTER_KEYS_OLD: Gauge "coffer_master_keys_old" []
        "Older master keys that still exist; a rotation ends with 0.";
    TENANT_KEYS: Gauge "coffer_tenant_keys" ["state"]
        "Tenants' sealing keys: active ones, and replaced ones that still exist.";
    TENANT_KEY_OLDEST: Gauge "coffer_tenant_key_oldest_timestamp_seconds" []
        "When the oldest active sealing key was made, in Unix time.";
    ROTATION_RUNNING: Gauge "coffer_key_rotation_running" []
        "1 while a rotation of keys is under way.";
    ROTATION_STARTED: Gauge "coffer_key_rotation_started_timestamp_seconds" []
        "When the last rotation began, in Unix time.";
    ROTATION_UNREADABLE: Gauge "coffer_key_rotation_unreadable_records" []
        "Records that the last rotation could not open.";

    // ## Audit
    AUDIT_WAITING: Gauge "coffer_audit_waiting_entries" []
        "Entries of reads and refusals that wait in memory to be written.";
    AUDIT_FAILING: Gauge "coffer_audit_failing" []
        "1 while the audit cannot be written, and nothing is changed for that.";
    AUDIT_LOG_BROKEN: Gauge "coffer_audit_log_broken" []
        "1 while the log in the database is not the one that was signed, or not what the key store \
         knows of it.";
    AUDIT_LOG_ENTRIES: Gauge "coffer_audit_log_entries" []
        "Entries in the signed log.";
    AUDIT_LOG_HEAD: Gauge "coffer_audit_log_head_timestamp_seconds" []
        "When the head of the log was last signed, in Unix time. It is signed within seconds of \
         each entry.";
    AUDIT_ANCHORED_ENTRIES: Gauge "coffer_audit_anchored_entries" []
        "Entries that the last anchored checkpoint stands for.";
    AUDIT_LAST_ANCHOR: Gauge "coffer_audit_last_anchor_timestamp_seconds" []
        "When this server last anchored a checkpoint, in Unix time; absent without an anchor.";
    AUDIT_ANCHORS: Counter "coffer_audit_anchors_total" ["outcome"]
        "Attempts to anchor a checkpoint, by outcome: success or failed.";
    AUDIT_SHIP_LAG_ENTRIES: Gauge "coffer_audit_shipment_lag_entries" ["receiver"]
        "Entries that a receiver of the audit does not have yet. One over HTTP is named by scheme \
         and host alone, with a number behind it if two are alike.";
    AUDIT_SHIP_LAG: Gauge "coffer_audit_shipment_lag_seconds" ["receiver"]
        "How long the oldest of them has been waiting.";
    AUDIT_SHIP_FAILING: Gauge "coffer_audit_shipment_failing" ["receiver"]
        "1 while a receiver does not take the audit from this server.";

    // ## Backups
    BACKUP_LAST_SUCCESS: Gauge "coffer_backup_last_success_timestamp_seconds" ["kind"]
        "When a backup last succeeded, or a drill (a backup that was restored and verified), in \
         Unix time; absent if none ever did.";
    BACKUP_LAST_OK: Gauge "coffer_backup_last_ok" ["kind"]
        "1 if the last backup or drill succeeded, 0 if it failed; absent if there was none.";

    // ## Ledger
    LEDGER_RESERVED: Gauge "coffer_ledger_reserved" ["mode", "currency"]
        "Money that is reserved, of all accounts together, in the currency's smallest unit.";
    LEDGER_NEGATIVE: Gauge "coffer_ledger_negative" ["mode", "currency"]
        "What accounts with a negative payments balance owe together, in the currency's smallest \
         unit.";
    LEDGER_NEGATIVE_ACCOUNTS: Gauge "coffer_ledger_negative_accounts" ["mode", "currency"]
        "Balances of accounts that are negative.";
    LEDGER_DRIFT: Gauge "coffer_ledger_drift" ["mode", "currency"]
        "How far the buckets of accounts are from the 0 at which double entry keeps those of each, \
         above or below it, together: anything else than 0 is a fault; run `coffer ledger \
         verify`.";
    LEDGER_BREACHES: Gauge "coffer_ledger_breaches" ["mode", "currency"]
        "Payouts that were reported and took more than was available, since the books began.";
    LEDGER_DIFFERENCES: Gauge "coffer_ledger_differences" ["mode", "currency"]
        "Balances of accounts that differ from the processor's, by the same in two \
         reconciliations at least ten minutes apart.";

    // ## Webhooks
    WEBHOOK_WAITING: Gauge "coffer_webhook_waiting_attempts" ["mode"]
        "Attempts to deliver an event that wait for their turn or, after a failure, for their \
         time.";
    WEBHOOK_OLDEST_DUE: Gauge "coffer_webhook_oldest_due_timestamp_seconds" ["mode"]
        "When the attempt that is due first was or will be due, in Unix time; absent while none \
         waits.";
    WEBHOOK_ATTEMPTS: Counter "coffer_webhook_attempts_total" ["mode", "outcome"]
        "Attempts to deliver an event that this server made, by outcome: success or failed (no \
         answer, or one that is no success).";
    WEBHOOK_FAILING: Gauge "coffer_webhook_failing_endpoints" ["mode"]
        "Endpoints at which nothing has succeeded since an attempt failed.";

    // ## OpenTelemetry
    TRACE_SPANS: Counter "coffer_trace_spans_total" ["outcome"]
        "Spans of sampled requests, by what became of them: exported, dropped (too many waited) or \
         failed (the receiver did not take them).";
    OTLP_RECORDS: Counter "coffer_otlp_records_total" ["signal", "outcome"]
        "What else goes out by OTLP, lines of the log (logs) and collections of all metrics \
         (metrics), by what became of them: exported, dropped (too many waited) or failed (the \
         receiver did not take them).";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// What Prometheus' conventions and promtool's linter ask of names.
    #[test]
    fn names_follow_the_conventions() {
        let mut names = BTreeSet::new();
        for metric in ALL {
            let name = metric.name;
            assert!(names.insert(name), "{name} twice");
            assert!(name.starts_with("coffer_") || name.starts_with("process_"), "{name}");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
            let is_counter = metric.kind == Kind::Counter;
            assert_eq!(name.ends_with("_total"), is_counter, "{name}");
            if metric.kind == Kind::Histogram {
                assert!(name.ends_with("_seconds"), "{name}");
            }
            assert!(!name.contains("milli") && !name.contains("_ms"), "{name}: base units");
            assert!(metric.help.ends_with('.'), "{name}");
            assert!(!metric.help.contains(['\n', '\\']), "{name}");
        }
    }

    /// Prometheus adds these itself, and renames those of others.
    #[test]
    fn no_label_is_one_of_the_scrapes() {
        for metric in ALL {
            assert!(!metric.labels.iter().any(|label| ["job", "instance", "le"].contains(label)));
        }
    }

    /// A unit stands at the end of a name, so that it is found there.
    #[test]
    fn units_are_those_of_the_names() {
        for metric in ALL {
            let is_named = |word| metric.name.split('_').any(|part| part == word);
            assert_eq!(metric.unit() == Some("s"), is_named("seconds"), "{}", metric.name);
            assert_eq!(metric.unit() == Some("By"), is_named("bytes"), "{}", metric.name);
        }
    }

    #[test]
    fn no_label_names_a_tenant_or_a_secret() {
        let words =
            ["app", "account", "user", "tenant", "key", "secret", "peer", "request", "name"];
        for metric in ALL {
            for label in metric.labels {
                assert!(!words.contains(label), "{}: {label}", metric.name);
            }
        }
    }
}
