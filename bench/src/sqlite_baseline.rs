//! The ceiling for writes: one thread that writes the rows of Coffer's sets, or of its intakes of
//! charges, to a SQLite file with Coffer's tables and indexes, in groups as large as Coffer's, each
//! made durable by one flush. No HTTP, no authentication, no encryption, no queue.

use crate::args::{Args, Result};
use crate::data::Numbers;
use crate::latency::Latencies;
use crate::machine;
use crate::rows::{self, CHARGE, Charges, SECRET, Sets, Table, Unit, text};
use rusqlite::Connection;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// The options of `sqlite`.
pub const OPTIONS: &[&str] = &["file", "like", "variant", "group", "fill-to", "rows"];

/// Page cache in KiB: as large as that of Coffer's writer.
pub const CACHE_KIB: i64 = 16 * 1024;

/// How often the checkpointer copies the log into the file, off the loop's path, as Coffer does.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(500);

/// Units that share a commit while the file is only being filled.
const FILL_GROUP: f64 = 512.0;

/// Fills the file to `--fill-to` secrets or charges, then times `--rows` more and prints what it
/// found.
pub fn main(args: &Args) -> Result<()> {
    let file: PathBuf = args.required("file")?;
    let variant: String = args.required("variant")?;
    let (group, wanted): (f64, u64) = (args.required("group")?, args.required("rows")?);
    let source = rows::open(&args.required::<PathBuf>("like")?)?;
    let connection = open(&file, &source)?;
    let (stop, stopped) = channel::<()>();
    let checkpointer = checkpointer(&file, stopped)?;
    let (counted, unit) = unit(&variant, &source, &connection)?;
    let mut writer = Loop::new(unit, counted, &connection)?;
    let present = rows::count(&connection, counted)?;
    let missing = args.required::<u64>("fill-to")?.saturating_sub(present);
    writer.run(missing, FILL_GROUP)?;
    let begun = Instant::now();
    let (latencies, commits) = writer.run(wanted, group.max(1.0))?;
    let seconds = begun.elapsed().as_secs_f64();
    drop(stop);
    checkpointer.join().map_err(|_| "the checkpointer failed".to_owned())?;
    let grown = rows::count(&connection, counted)? - present - missing;
    if grown != wanted {
        return Err(format!("{wanted} units made {grown} rows of {}", counted.name));
    }
    let report = json!({
        "requests": wanted,
        "rate": wanted as f64 / seconds,
        "seconds": seconds,
        "commits": commits,
        "p50_ns": latencies.quantile(500),
        "p99_ns": latencies.quantile(990),
        "cpu_seconds": machine::own_cpu_seconds()?,
        "resident_kib": machine::resident_kib(std::process::id())?.0,
    });
    crate::print(&report.to_string())
}

/// Opens the file, and gives it Coffer's schema if it is new.
fn open(file: &Path, source: &Connection) -> Result<Connection> {
    let new = !file.exists();
    let connection = Connection::open(file).map_err(text)?;
    if new {
        rows::copy_schema(source, &connection)?;
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

/// What the loop writes, and the table that has one row for each.
fn unit<'c>(
    variant: &str,
    source: &Connection,
    connection: &'c Connection,
) -> Result<(&'static Table, Box<dyn Unit + 'c>)> {
    if variant == "charge" {
        return Ok((&CHARGE, Box::new(Charges::like(source, connection)?)));
    }
    let sets = Sets::like(rows::variant(variant)?, source, connection)?;
    Ok((&SECRET, Box::new(sets)))
}

/// The loop: units in groups.
struct Loop<'c> {
    connection: &'c Connection,
    unit: Box<dyn Unit + 'c>,
    numbers: Numbers,
}

impl<'c> Loop<'c> {
    fn new(unit: Box<dyn Unit + 'c>, counted: &Table, connection: &'c Connection) -> Result<Self> {
        // A seed for each state of the file, so that no run repeats the keys of an earlier one.
        let numbers = Numbers::new(rows::count(connection, counted)?.wrapping_add(1 << 40));
        Ok(Self { connection, unit, numbers })
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
                self.unit.write(&mut self.numbers)?;
            }
            self.connection.execute_batch("COMMIT").map_err(text)?;
            latencies.record(begun.elapsed());
            (commits, done) = (commits + 1, due);
        }
        Ok((latencies, commits))
    }
}
