//! Each figure with its metric.

use super::measure::Measured;
use super::{MetricsSources, process};
use coffer_base::{Mode, Timestamp};
use coffer_kernel::{Connections, Count, Kernel, SpanFigures};
use coffer_keyring::{KeyCounts, Rotation};
use coffer_metrics::{Figures, catalogue as metrics};
use coffer_storage::Store;

/// Figures that are being collected, and where they come from.
pub(super) struct Exposing<'a> {
    pub(super) kernel: &'a Kernel,
    pub(super) sources: &'a MetricsSources,
    pub(super) figures: Figures,
}

/// What stands for requests that reached no operation.
const NO_OPERATION: &str = "none";

/// What becomes of spans that are to be sent.
const OUTCOMES: [&str; 3] = ["exported", "dropped", "failed"];

/// What else is to be sent, and what becomes of it. Metrics do not wait, so none is dropped.
const OTLP: [(&str, &str); 5] = [
    ("metrics", "exported"),
    ("metrics", "failed"),
    ("logs", "exported"),
    ("logs", "dropped"),
    ("logs", "failed"),
];

impl Exposing<'_> {
    pub(super) fn program(&mut self, started: Timestamp) {
        let MetricsSources { context, developer, .. } = self.sources;
        let engine = if context.store.is_shared() { "postgres" } else { "sqlite" };
        let mode = if *developer { "developer" } else { "production" };
        self.figures.add(&metrics::BUILD_INFO, &[crate::VERSION, engine, mode], 1_i64);
        process::add(&mut self.figures);
        self.figures.add(&metrics::PROCESS_START, &[], started.unix());
    }

    pub(super) fn requests(&mut self) {
        let counters = self.kernel.counters();
        let all = || counters.operations().chain([(NO_OPERATION, counters.unrouted())]);
        for (name, count) in all() {
            let fresh = count.answered().saturating_sub(count.replayed());
            let outcomes = [
                ("success", fresh),
                ("replayed", count.replayed()),
                ("refused", count.refused()),
                ("failed", count.failed()),
            ];
            for (outcome, requests) in outcomes {
                self.figures.add(&metrics::REQUESTS, &[name, outcome], requests);
            }
        }
        for (name, count) in all().filter(|(_, count)| Count::is_used(count)) {
            self.figures.add_histogram(&metrics::REQUEST_DURATION, &[name], &count.durations());
        }
        for (reason, requests) in counters.reasons() {
            self.figures.add(&metrics::REFUSALS, &[reason], requests);
        }
    }

    pub(super) fn connections(&mut self, listener: &str, connections: &Connections) {
        self.figures.add(&metrics::CONNECTIONS, &[listener], connections.count());
    }

    pub(super) fn stores(&mut self) {
        let context = &self.sources.context;
        let both = [("data", &context.store), ("keys", context.keyring.store())];
        self.units(both);
        match context.store.is_shared() {
            true => self.postgres(both),
            false => self.sqlite(both),
        }
    }

    fn units(&mut self, both: [(&str, &Store); 2]) {
        let stats = both.map(|(name, store)| (name, store.stats()));
        for (name, stats) in &stats {
            self.figures.add(&metrics::STORE_UNITS, &[name], stats.units);
        }
        for (name, stats) in &stats {
            self.figures.add(&metrics::STORE_COMMITS, &[name], stats.commits);
        }
        for (name, store) in both {
            let durations = store.commit_durations();
            self.figures.add_histogram(&metrics::STORE_COMMIT_DURATION, &[name], &durations);
        }
        for (name, stats) in &stats {
            self.figures.add(&metrics::STORE_WAITING, &[name], stats.waiting);
        }
    }

    fn sqlite(&mut self, both: [(&str, &Store); 2]) {
        let stats = both.map(|(name, store)| (name, store.stats()));
        for (name, stats) in &stats {
            self.figures.add(&metrics::SQLITE_WAL, &[name], stats.wal_bytes);
        }
        for (name, stats) in &stats {
            let outcomes = [("success", stats.checkpoints), ("failed", stats.checkpoints_failed)];
            for (outcome, checkpoints) in outcomes {
                self.figures.add(&metrics::SQLITE_CHECKPOINTS, &[name, outcome], checkpoints);
            }
        }
        let disks = both.map(|(name, store)| (name, store.disk()));
        let disks = || disks.iter().filter_map(|(name, disk)| Some((*name, (*disk)?)));
        for (name, disk) in disks() {
            self.figures.add(&metrics::DISK_AVAILABLE, &[name], disk.available);
        }
        for (name, disk) in disks() {
            self.figures.add(&metrics::DISK_FLOOR, &[name], disk.floor);
        }
        for (name, disk) in disks() {
            self.figures.add(&metrics::DISK_BALLAST, &[name], disk.ballast);
        }
        for (name, disk) in disks() {
            self.figures.add_flag(&metrics::DISK_LOW, &[name], disk.is_low);
        }
    }

    fn postgres(&mut self, both: [(&str, &Store); 2]) {
        let stats = both.map(|(name, store)| (name, store.stats()));
        for (name, stats) in &stats {
            self.figures.add(&metrics::POSTGRES_ROUND_TRIPS, &[name], stats.round_trips);
        }
        for (name, stats) in &stats {
            self.figures.add(&metrics::POSTGRES_RETRIES, &[name], stats.retries);
        }
        for (name, stats) in &stats {
            let states = [("busy", stats.connections_busy), ("limit", stats.connections_limit)];
            for (state, connections) in states {
                self.figures.add(&metrics::POSTGRES_CONNECTIONS, &[name, state], connections);
            }
        }
    }

    pub(super) fn caches(&mut self) {
        let MetricsSources { context, .. } = self.sources;
        let principals = self.kernel.principals();
        let (keys, key_misses) = context.keyring.cache_figures();
        self.figures.add(&metrics::CACHE_ENTRIES, &["principals"], principals.entries);
        self.figures.add(&metrics::CACHE_ENTRIES, &["tenant_keys"], keys);
        self.figures.add(&metrics::CACHE_MISSES, &["principals"], principals.misses);
        self.figures.add(&metrics::CACHE_MISSES, &["tenant_keys"], key_misses);
    }

    pub(super) fn jobs(&mut self) {
        let jobs = self.sources.context.figures.all();
        for (name, job) in &jobs {
            for (outcome, passes) in [("success", job.succeeded()), ("failed", job.failed())] {
                self.figures.add(&metrics::JOB_PASSES, &[name, outcome], passes);
            }
        }
        for (name, job) in &jobs {
            self.figures.add(&metrics::JOB_DONE, &[name], job.done());
        }
        for (name, job) in &jobs {
            self.figures.add_histogram(&metrics::JOB_DURATION, &[name], &job.durations());
        }
        for (name, job) in &jobs {
            self.figures.add_some(&metrics::JOB_LAST_SUCCESS, &[name], job.last_success());
        }
        for (name, job) in &jobs {
            self.figures.add(&metrics::JOB_INTERVAL, &[name], job.every().as_secs_f64());
        }
    }

    /// What this server has sent.
    pub(super) fn webhooks(&mut self) {
        let figures = &self.sources.context.figures;
        for mode in Mode::ALL.map(Mode::as_str) {
            for outcome in ["success", "failed"] {
                let attempts = figures.counted(&metrics::WEBHOOK_ATTEMPTS, [mode, outcome]);
                self.figures.add(&metrics::WEBHOOK_ATTEMPTS, &[mode, outcome], attempts);
            }
        }
    }

    pub(super) fn clock(&mut self) {
        let guard = &self.sources.context.guard;
        self.figures.add_flag(&metrics::CLOCK_DOUBTFUL, &[], guard.is_doubtful());
        self.figures.add_flag(&metrics::CLOCK_WAITING, &[], guard.is_waiting());
        let is_sealed = self.sources.context.keyring.is_stopped();
        self.figures.add_flag(&metrics::KEYRING_SEALED, &[], is_sealed);
    }

    pub(super) fn audit(&mut self) {
        let MetricsSources { audit, .. } = self.sources;
        let (waiting, is_failing) = self.kernel.audit_waiting();
        self.figures.add(&metrics::AUDIT_WAITING, &[], waiting);
        self.figures.add_flag(&metrics::AUDIT_FAILING, &[], is_failing);
        let is_broken = !audit.health().why().is_empty();
        self.figures.add_flag(&metrics::AUDIT_LOG_BROKEN, &[], is_broken);
        let Some(anchored) = audit.anchored() else { return };
        self.figures.add(&metrics::AUDIT_ANCHORED_ENTRIES, &[], anchored.entries);
        let last = anchored.last.map(Timestamp::unix);
        self.figures.add_some(&metrics::AUDIT_LAST_ANCHOR, &[], last);
        for (outcome, tries) in [("success", anchored.succeeded), ("failed", anchored.failed)] {
            self.figures.add(&metrics::AUDIT_ANCHORS, &[outcome], tries);
        }
    }

    /// What goes out by OTLP.
    pub(super) fn otlp(&mut self) {
        let tracer = self.kernel.tracer();
        let figures = tracer.map(|tracer| tracer.figures()).unwrap_or_default();
        let SpanFigures { exported, dropped, failed } = figures;
        for (outcome, spans) in OUTCOMES.into_iter().zip([exported, dropped, failed]) {
            self.figures.add(&metrics::TRACE_SPANS, &[outcome], spans);
        }
        for (signal, outcome) in OTLP {
            let counted = &self.sources.context.figures;
            let records = counted.counted(&metrics::OTLP_RECORDS, [signal, outcome]);
            self.figures.add(&metrics::OTLP_RECORDS, &[signal, outcome], records);
        }
    }

    /// What was measured last; figures of an earlier time stand in while a store is away.
    pub(super) fn measured(&mut self, measured: &Measured) {
        for task in &measured.schedule {
            self.figures.add(&metrics::SCHEDULE_LAG, &[task.name], task.lag);
        }
        for task in &measured.schedule {
            let done_until = task.done_until.map(Timestamp::unix);
            self.figures.add_some(&metrics::SCHEDULE_WATERMARK, &[task.name], done_until);
        }
        if let Some(keys) = &measured.keys {
            self.keys(keys);
        }
        if let Some(rotation) = &measured.rotation {
            self.rotation(rotation);
        }
        if let Some((size, at)) = measured.audit_head {
            self.figures.add(&metrics::AUDIT_LOG_ENTRIES, &[], size);
            self.figures.add(&metrics::AUDIT_LOG_HEAD, &[], at);
        }
        self.shipments(measured);
        for (kind, run) in &measured.runs {
            let succeeded = run.succeeded.map(Timestamp::unix);
            self.figures.add_some(&metrics::BACKUP_LAST_SUCCESS, &[kind.as_str()], succeeded);
        }
        for (kind, run) in &measured.runs {
            self.figures.add_flag(&metrics::BACKUP_LAST_OK, &[kind.as_str()], run.is_good);
        }
        for (metric, sums) in &measured.tables {
            for (labels, sum) in sums {
                let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
                self.figures.add(metric, &labels, *sum);
            }
        }
    }

    fn keys(&mut self, keys: &KeyCounts) {
        let newest = keys.masters.last().map(|(_, created, _)| created.unix());
        let old = keys.masters.len().saturating_sub(1);
        self.figures.add_some(&metrics::MASTER_KEY_CREATED, &[], newest);
        self.figures.add(&metrics::MASTER_KEYS_OLD, &[], old);
        self.figures.add(&metrics::TENANT_KEYS, &["active"], keys.active);
        self.figures.add(&metrics::TENANT_KEYS, &["replaced"], keys.replaced);
        let oldest = keys.oldest.map(Timestamp::unix);
        self.figures.add_some(&metrics::TENANT_KEY_OLDEST, &[], oldest);
    }

    fn rotation(&mut self, rotation: &Rotation) {
        let is_running = rotation.finished.is_none();
        self.figures.add_flag(&metrics::ROTATION_RUNNING, &[], is_running);
        self.figures.add(&metrics::ROTATION_STARTED, &[], rotation.created.unix());
        self.figures.add(&metrics::ROTATION_UNREADABLE, &[], rotation.progress.damaged);
    }

    fn shipments(&mut self, Measured { shipments, .. }: &Measured) {
        for one in shipments {
            self.figures.add(&metrics::AUDIT_SHIP_LAG_ENTRIES, &[&one.receiver], one.lag);
        }
        for one in shipments {
            self.figures.add(&metrics::AUDIT_SHIP_LAG, &[&one.receiver], one.lag_seconds);
        }
        for one in shipments {
            let is_failing = one.error.is_some();
            self.figures.add_flag(&metrics::AUDIT_SHIP_FAILING, &[&one.receiver], is_failing);
        }
    }
}
