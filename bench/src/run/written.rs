//! What requests write, and the loops that write the same.

use super::Run;
use crate::args::Result;
use crate::child::pause;
use crate::coffer::{ACCOUNTS, Coffer, Writer};
use crate::slice::{self, Slice};
use crate::unit::learn::{Learned, learn};
use crate::unit::store::{self, Change, Layout};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a kind of request was seen to write.
pub(super) struct Written {
    /// The unit for the loop.
    pub unit: PathBuf,
    learned: Learned,
    layout: Layout,
}

/// Tables that have one row for a second of an account, whatever happens in it: requests that come
/// one at a time make a row each, and those that come together share it.
const SHARED: [&str; 2] = ["ledger_balance_at", "ledger_figure_at"];

/// Tables that the server writes by itself, behind requests: the log that audit entries are taken
/// into, many at once.
const BEHIND: [&str; 2] = ["audit_tile", "audit_head"];

/// Fewer accounts than this are looked at one second after the other, since few requests do not
/// show by their number what is usual where rows are shared by a second.
const FEW_ACCOUNTS: usize = 32;

impl Written {
    /// How many rows each table of the store has, without those that name another operation.
    pub fn counts(&self, coffer: &Coffer) -> Result<BTreeMap<String, u64>> {
        let operation = self.learned.operation.as_deref();
        self.layout.counts(&store::open(&coffer.data_file())?, operation)
    }
}

/// How long it takes until another second begins.
#[expect(clippy::disallowed_methods, reason = "the server under test goes by this clock too")]
fn rest_of_second() -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Duration::from_nanos(1_000_000_000 - u64::from(now.subsec_nanos()))
}

impl Run {
    /// What a set writes with an idempotency key, and without one.
    pub(super) fn written_by_sets(&mut self, coffer: &mut Coffer) -> Result<[Written; 2]> {
        // Each account's first request makes what the others find.
        self.send(coffer, "set", ACCOUNTS as u64, false)?;
        let keyed = self.written(coffer, "set", true)?;
        Ok([keyed, self.written(coffer, "set", false)?])
    }

    /// Looks at what each of two requests on each account writes. The store is still small, and
    /// each account has sent as many requests as the others.
    pub(super) fn written(
        &mut self,
        coffer: &mut Coffer,
        workload: &str,
        keyed: bool,
    ) -> Result<Written> {
        let data = store::open(&coffer.data_file())?;
        let layout = Layout::read(&data)?;
        let mut before = layout.snapshot(&data)?;
        let mut requests = Vec::new();
        let accounts = coffer.account_names()?.len();
        for _ in 0..2 * accounts {
            if accounts < FEW_ACCOUNTS {
                pause(rest_of_second());
            }
            self.send(coffer, workload, 1, keyed)?;
            let now = layout.snapshot(&data)?;
            let mut request = now.since(&before);
            let behind = layout.tables.iter().map(|table| BEHIND.contains(&table.name.as_str()));
            for (change, _) in request.iter_mut().zip(behind).filter(|(_, behind)| *behind) {
                *change = Change::default();
            }
            requests.push(request);
            before = now;
        }
        let learned = learn(&layout, &requests)
            .map_err(|error| format!("what a {workload} writes is not clear: {error}"))?;
        let key = if keyed { "" } else { " without a key" };
        self.notes.push(format!("one {workload}{key} {}", learned.words()));
        let unit = self.frozen(&format!("{workload}-{keyed}"), &learned.text)?;
        Ok(Written { unit, learned, layout })
    }

    /// Sends requests, one after the other.
    pub(super) fn send(
        &mut self,
        coffer: &mut Coffer,
        workload: &str,
        count: u64,
        keyed: bool,
    ) -> Result<()> {
        let mut load = self.load(workload, coffer.port, 1);
        load.args(["--first", &coffer.stored.to_string(), "--count", &count.to_string()]);
        load.args(["--idempotency", &keyed.to_string()]).stdout(Stdio::null());
        super::authorize(&mut load, coffer);
        let sent = load.status().map_err(|error| format!("no load: {error}"))?;
        if !sent.success() {
            return Err("a load failed; what it said stands above".to_owned());
        }
        coffer.stored += count;
        Ok(())
    }

    /// Puts the text of a unit into the run's directory.
    pub(super) fn frozen(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.directory.join(name).with_extension("sql");
        std::fs::write(&path, text).map_err(|error| error.to_string())?;
        Ok(path)
    }

    /// The bare loop: as many units as Coffer has just answered requests, on top of as many as it
    /// had.
    pub(super) fn rows_loop(
        &mut self,
        coffer: &Coffer,
        unit: &Path,
        slice: &Slice,
        writer: Writer,
    ) -> Result<Slice> {
        let mut command = Command::new(&self.itself);
        command.arg("sqlite").arg("--unit").arg(unit);
        command.arg("--file").arg(unit.with_extension("db"));
        command.args(["--group", &writer.group().to_string()]);
        command.args(["--fill-to", &(coffer.stored - slice.requests).to_string()]);
        command.args(["--rows", &slice.requests.to_string()]);
        let found = slice::measure(&mut command, &[], &self.directory)?;
        if found.flushes.is_some_and(|flushes| (flushes as f64) < 0.9 * found.commits as f64) {
            return Err(format!("the loop's {} commits were not flushed", found.commits));
        }
        self.disturbed(&found);
        Ok(found)
    }

    /// Compares by how many rows the tables grew with the requests that were acknowledged.
    pub(super) fn verify_growth(
        &mut self,
        coffer: &Coffer,
        written: &Written,
        before: &BTreeMap<String, u64>,
        requests: u64,
        what: &str,
    ) -> Result<()> {
        let now = written.counts(coffer)?;
        for (table, rows) in &written.learned.added {
            let count = |counts: &BTreeMap<String, u64>| counts.get(table).copied().unwrap_or(0);
            let grown = count(&now) - count(before);
            let fewer = SHARED.contains(&table.as_str()) && grown < rows * requests;
            if fewer {
                self.notes.push(format!("{requests} {what} shared {grown} rows of {table}"));
            } else if grown != rows * requests {
                return Err(format!(
                    "{requests} {what} were acknowledged, each with {rows} rows of {table}, which \
                     grew by {grown}"
                ));
            }
        }
        self.notes.push(format!(
            "verified: {requests} {what} acknowledged; every table grew by just as many times the \
             rows of one"
        ));
        Ok(())
    }
}
