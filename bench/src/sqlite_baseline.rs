//! The ceiling for writes: one thread that writes the rows of a unit to a SQLite file, in groups as
//! large as Coffer's, each made durable by one flush. No HTTP, no authentication, no encryption, no
//! queue.

use crate::args::{Args, Result};
use crate::data::Numbers;
use crate::latency::Latencies;
use crate::machine;
use crate::unit::{Parts, Unit, store, text};
use rusqlite::Connection;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// The options of `sqlite`.
pub const OPTIONS: &[&str] = &["file", "unit", "group", "fill-to", "rows"];

/// Page cache in KiB: as large as that of Coffer's writer.
pub const CACHE_KIB: i64 = 16 * 1024;

/// How often the checkpointer copies the log into the file, off the loop's path, as Coffer does.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(500);

/// Units that share a commit while the file is only being filled.
const FILL_GROUP: f64 = 512.0;

/// Carries out units until the file has `--fill-to`, then times `--rows` more and prints what it
/// found.
pub fn main(args: &Args) -> Result<()> {
    let file: PathBuf = args.required("file")?;
    let (group, wanted): (f64, u64) = (args.required("group")?, args.required("rows")?);
    let unit: PathBuf = args.required("unit")?;
    let unit = std::fs::read_to_string(&unit)
        .map_err(|error| format!("cannot read {}: {error}", unit.display()))?;
    let parts = Parts::of(&unit)?;
    let connection = open(&file, &parts)?;
    let (stop, stopped) = channel::<()>();
    let checkpointer = checkpointer(&file, stopped)?;
    let present = count(&connection, &parts)?;
    let mut writer = Loop::new(&parts, present, &connection)?;
    let missing = args.required::<u64>("fill-to")?.saturating_sub(present);
    writer.run(missing, FILL_GROUP)?;
    let (begun, cpu) = (Instant::now(), machine::own_cpu_seconds()?);
    let (latencies, commits) = writer.run(wanted, group.max(1.0))?;
    let seconds = begun.elapsed().as_secs_f64();
    let cpu = machine::own_cpu_seconds()? - cpu;
    drop(stop);
    checkpointer.join().map_err(|_| "the checkpointer failed".to_owned())?;
    let grown = count(&connection, &parts)? - present - missing;
    if grown != wanted {
        return Err(format!("{wanted} units are there {grown} times"));
    }
    let report = json!({
        "requests": wanted,
        "rate": wanted as f64 / seconds,
        "seconds": seconds,
        "commits": commits,
        "p50_ns": latencies.quantile(500),
        "p99_ns": latencies.quantile(990),
        "cpu_seconds": machine::own_cpu_seconds()?,
        "measured_cpu_seconds": cpu,
        "resident_kib": machine::resident_kib(std::process::id())?.0,
    });
    crate::print(&report.to_string())
}

/// How many units the file has.
fn count(connection: &Connection, parts: &Parts<'_>) -> Result<u64> {
    let (table, each) = parts.counted()?;
    let rows = store::one_number(connection, &format!("SELECT count(*) FROM {table}"))?;
    if rows % each == 0 {
        Ok(rows / each)
    } else {
        Err(format!("{rows} rows of {table} are no whole number of units of {each}"))
    }
}

/// Opens the file, and gives it the unit's tables if it is new.
fn open(file: &Path, parts: &Parts<'_>) -> Result<Connection> {
    let new = !file.exists();
    let connection = Connection::open(file).map_err(text)?;
    if new {
        connection.execute_batch(parts.schema).map_err(text)?;
    }
    for (pragma, value) in
        [("journal_mode", "WAL"), ("synchronous", "FULL"), ("foreign_keys", "OFF")]
    {
        connection.pragma_update(None, pragma, value).map_err(text)?;
    }
    connection.pragma_update(None, "cache_size", -CACHE_KIB).map_err(text)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0).map_err(text)?;
    let level: i64 =
        connection.query_row("PRAGMA synchronous", [], |row| row.get(0)).map_err(text)?;
    if level == 2 { Ok(connection) } else { Err(format!("synchronous is {level}, not 2 (FULL)")) }
}

/// Starts the thread that copies the log into the file, until `stopped` is cut.
fn checkpointer(file: &Path, stopped: Receiver<()>) -> Result<std::thread::JoinHandle<()>> {
    let connection = Connection::open(file).map_err(text)?;
    Ok(std::thread::spawn(move || {
        while stopped.recv_timeout(CHECKPOINT_EVERY) == Err(RecvTimeoutError::Timeout) {
            // One that could not finish leaves the rest to the next.
            drop(connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())));
        }
    }))
}

/// The loop: units in groups.
struct Loop<'c> {
    connection: &'c Connection,
    unit: Unit<'c>,
    numbers: Numbers,
    /// How many units there are.
    present: u64,
}

impl<'c> Loop<'c> {
    fn new(parts: &Parts<'_>, present: u64, connection: &'c Connection) -> Result<Self> {
        // A seed for each state of the file, so that no run repeats the keys of an earlier one.
        let numbers = Numbers::new(present.wrapping_add(1 << 40));
        Ok(Self { connection, unit: Unit::prepare(parts, connection)?, numbers, present })
    }

    /// Writes `wanted` units in groups of `group` on average. Returns how long the groups took,
    /// commit included, and how many there were.
    fn run(&mut self, wanted: u64, group: f64) -> Result<(Latencies, u64)> {
        let (mut latencies, mut commits, mut done) = (Latencies::new()?, 0_u64, 0_u64);
        while done < wanted {
            // A mean of 18.7 is met by groups of 18 and of 19.
            let due = ((commits + 1) as f64 * group).round() as u64;
            let due = due.clamp(done + 1, wanted);
            let begun = Instant::now();
            self.connection.execute_batch("BEGIN IMMEDIATE").map_err(text)?;
            for _ in done..due {
                self.unit.write(self.present, &mut self.numbers)?;
                self.present += 1;
            }
            self.connection.execute_batch("COMMIT").map_err(text)?;
            latencies.record(begun.elapsed());
            (commits, done) = (commits + 1, due);
        }
        Ok((latencies, commits))
    }
}
