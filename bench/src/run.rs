//! The whole comparison, in the order in which it runs. The two sides alternate, slice by slice, so
//! that what the machine does meanwhile falls on both.

use crate::args::{Args, Result};
use crate::child::{Child, free_port, pause};
use crate::coffer::{Coffer, Writer};
use crate::load::KEY_VARIABLE;
use crate::slice::{self, FOREIGN_SHARE, Figure, Server, Slice};
use crate::table::{Check, Line};
pub use postgres::PGBENCH;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

mod growth;
mod neighbours;
mod postgres;
mod reserves;

/// The options of a whole run.
pub const OPTIONS: &[&str] =
    &["coffer", "directory", "rounds", "warm-ms", "measure-ms", "small", "memory-at", "stored"];

/// The options of a run on Reserves.
pub const RESERVES_OPTIONS: &[&str] =
    &["coffer", "directory", "rounds", "warm-ms", "measure-ms", "holds", "postings"];

/// The options of a run on PostgreSQL.
pub const POSTGRES_OPTIONS: &[&str] =
    &["coffer", "directory", "rounds", "warm-ms", "measure-ms", "small", "programs"];

/// The options of a run beside neighbours.
pub const NEIGHBOURS_OPTIONS: &[&str] =
    &["coffer", "directory", "warm-ms", "measure-ms", "small", "programs", "attack"];

/// The numbers of connections that are tried.
pub const CONNECTIONS: [u64; 3] = [1, 16, BUSIEST];

/// The most connections: those at which a server's ceiling shows.
const BUSIEST: u64 = 64;

/// Connections while secrets are only stored for later: more share a commit.
const FILL_CONNECTIONS: u64 = 256;

/// How many slices are measured again because others used the machine: half a minute at most.
const REPEATS: u32 = 10;

/// How often the time to the first answer is taken.
const STARTS: usize = 5;

/// Everything that can be chosen.
pub struct Settings {
    /// The program under test.
    pub coffer: PathBuf,
    /// Slices of each kind.
    pub rounds: u32,
    /// Milliseconds of each slice before the measurement.
    pub warm: u64,
    /// Milliseconds of each measurement.
    pub measure: u64,
    /// Secrets in the small store.
    pub small: u64,
    /// Secrets at which memory is measured, at least.
    pub memory_at: u64,
    /// Secrets in the large store.
    pub stored: u64,
    /// Holds that are due at one midnight.
    pub holds: u64,
    /// Postings of the account that has many.
    pub postings: u64,
    /// Where PostgreSQL's programs are, if they are not where distributions keep them.
    pub programs: Option<PathBuf>,
    /// What the names of the attacks contain that are tried; all do if it is empty.
    pub attack: String,
    /// Whether neighbours are tried on PostgreSQL as well.
    pub also_postgres: bool,
}

impl Settings {
    /// Reads them from the command line.
    pub fn read(args: &Args) -> Result<Self> {
        let beside = std::env::current_exe().map_err(|error| error.to_string())?;
        Ok(Self {
            coffer: args.or("coffer", beside.with_file_name("coffer"))?,
            rounds: args.or("rounds", 3)?,
            warm: args.or("warm-ms", 400)?,
            measure: args.or("measure-ms", 2500)?,
            small: args.or("small", 10_000)?,
            memory_at: args.or("memory-at", 100_000)?,
            stored: args.or("stored", 1_000_000)?,
            holds: args.or("holds", 1_000_000)?,
            postings: args.or("postings", 1_000_000)?,
            programs: args.optional("programs")?,
            attack: args.or("attack", String::new())?,
            also_postgres: false,
        })
    }
}

/// What has been found so far.
pub struct Run {
    settings: Settings,
    directory: PathBuf,
    itself: PathBuf,
    seed: u64,
    repeats: u32,
    disturbed: (u32, f64),
    /// The table's lines.
    pub lines: Vec<Line>,
    /// What else was to be reached.
    pub checks: Vec<Check>,
    /// Remarks: what was verified, and what disturbed.
    pub notes: Vec<String>,
}

impl Run {
    /// Nothing yet.
    pub fn new(settings: Settings, directory: &Path) -> Result<Self> {
        let itself = std::env::current_exe().map_err(|error| error.to_string())?;
        let directory = directory.to_owned();
        let (lines, checks, notes) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self {
            settings,
            directory,
            itself,
            seed: 0,
            repeats: REPEATS,
            disturbed: (0, 0.0),
            lines,
            checks,
            notes,
        })
    }

    /// All parts, in their order.
    pub fn everything(&mut self) -> Result<()> {
        let axum = self.axum()?;
        let mut coffer = Coffer::create(&self.settings.coffer, &self.directory.join("store"))?;
        self.fill(&mut coffer, self.settings.small, true)?;
        self.finds(&axum, &coffer)?;
        self.sets_with_record(&mut coffer)?;
        self.sets_without_record(&mut coffer)?;
        self.redis()?;
        self.memory(&mut coffer)?;
        self.fill(&mut coffer, self.settings.stored, false)?;
        self.starts(&mut coffer)?;
        self.growth(&axum, &mut coffer)?;
        coffer.stop()?;
        self.note_disturbances();
        axum.child.stop()
    }

    /// Remarks how quiet the machine was.
    fn note_disturbances(&mut self) {
        let (count, worst) = self.disturbed;
        self.notes.push(format!(
            "slices in which others took over {:.0} % of the processors: {count} (at most {:.0} %)",
            FOREIGN_SHARE * 100.0,
            worst * 100.0
        ));
    }

    fn axum(&self) -> Result<Server> {
        let port = free_port()?;
        let mut command = Command::new(&self.itself);
        command.args(["axum", "--port", &port.to_string()]);
        let child = Child::spawn(&mut command)?;
        wait_for(port)?;
        Ok(Server { child, port })
    }

    /// A load with a seed of its own.
    fn load(&mut self, workload: &str, port: u16, connections: u64) -> Command {
        self.seed += 1;
        let mut command = Command::new(&self.itself);
        command.args(["load", "--workload", workload, "--seed", &self.seed.to_string()]);
        command.args(["--port", &port.to_string(), "--connections", &connections.to_string()]);
        command
    }

    /// The same for a slice's time.
    fn timed(&mut self, workload: &str, port: u16, connections: u64) -> Command {
        let mut command = self.load(workload, port, connections);
        command.args(["--warm-ms", &self.settings.warm.to_string()]);
        command.args(["--measure-ms", &self.settings.measure.to_string()]);
        command
    }

    /// Measures; again if others took too much of the machine meanwhile, and keeps the quietest.
    fn quiet(&mut self, mut once: impl FnMut(&mut Self) -> Result<Slice>) -> Result<Slice> {
        let mut best = once(self)?;
        while best.foreign > FOREIGN_SHARE && self.repeats > 0 {
            self.repeats -= 1;
            let again = once(self)?;
            if again.foreign < best.foreign {
                best = again;
            }
        }
        self.disturbed(&best);
        Ok(best)
    }

    /// Remembers a slice that others disturbed.
    fn disturbed(&mut self, slice: &Slice) {
        if slice.foreign > FOREIGN_SHARE {
            let (count, worst) = self.disturbed;
            self.disturbed = (count + 1, worst.max(slice.foreign));
        }
    }

    /// A slice of finds over all that is stored, or of the same requests at the bare server.
    fn find(&mut self, server: Option<&Server>, coffer: &Coffer, conns: u64) -> Result<Slice> {
        self.quiet(|run| {
            let (workload, port, pids) = match server {
                Some(server) => ("axum", server.port, vec![server.child.pid()]),
                None => ("find", coffer.port, coffer.pids()?),
            };
            let mut load = run.timed(workload, port, conns);
            load.args(["--stored", &coffer.stored.to_string()]);
            authorize(&mut load, coffer);
            slice::measure(&mut load, &pids, &run.directory)
        })
    }

    /// A slice of sets of new secrets, and what the writer did meanwhile. Never measured again:
    /// its rows are there, and the baseline follows them.
    fn set(&mut self, coffer: &mut Coffer, conns: u64, keyed: bool) -> Result<(Slice, Writer)> {
        let (before, first) = (coffer.writer()?, coffer.stored);
        let slice = self.set_slice(coffer, conns, keyed)?;
        let writer = coffer.writer()?.since(before);
        self.check_writer(&slice, writer, coffer.stored - first)?;
        Ok((slice, writer))
    }

    fn set_slice(&mut self, coffer: &mut Coffer, conns: u64, keyed: bool) -> Result<Slice> {
        let mut load = self.timed("set", coffer.port, conns);
        load.args(["--first", &coffer.stored.to_string(), "--idempotency", &keyed.to_string()]);
        authorize(&mut load, coffer);
        let slice = slice::measure(&mut load, &coffer.pids()?, &self.directory)?;
        coffer.stored = slice.next;
        Ok(slice)
    }

    /// Checks that the writer counted what was acknowledged, and flushed the disk for its commits.
    fn check_writer(&mut self, slice: &Slice, writer: Writer, acknowledged: u64) -> Result<()> {
        if writer.units < acknowledged {
            let counted = writer.units;
            return Err(format!(
                "{acknowledged} were acknowledged, but the writer counted {counted}"
            ));
        }
        if slice.flushes.is_some_and(|flushes| (flushes as f64) < 0.9 * writer.commits as f64) {
            let flushes = slice.flushes.unwrap_or(0);
            return Err(format!("{} commits, but only {flushes} flushes", writer.commits));
        }
        self.disturbed(slice);
        Ok(())
    }

    /// Stores new secrets through the API until there are `wanted`.
    fn fill(&mut self, coffer: &mut Coffer, wanted: u64, keyed: bool) -> Result<()> {
        let missing = wanted.saturating_sub(coffer.stored);
        if missing == 0 {
            return Ok(());
        }
        let begun = Instant::now();
        let slice = self.store(coffer, missing, FILL_CONNECTIONS, keyed)?;
        let (seconds, rate) = (begun.elapsed().as_secs_f64(), slice.rate);
        self.notes.push(format!(
            "stored {missing} secrets through the API, {FILL_CONNECTIONS} connections, \
             idempotency keys: {keyed}: {seconds:.1} s, {rate:.0}/s"
        ));
        Ok(())
    }

    /// Stores `count` new secrets through the API.
    fn store(&mut self, coffer: &mut Coffer, count: u64, conns: u64, keyed: bool) -> Result<Slice> {
        let mut load = self.load("set", coffer.port, conns);
        load.args(["--first", &coffer.stored.to_string(), "--count", &count.to_string()]);
        load.args(["--idempotency", &keyed.to_string()]);
        authorize(&mut load, coffer);
        let slice = slice::measure(&mut load, &coffer.pids()?, &self.directory)?;
        coffer.stored = slice.next;
        Ok(slice)
    }

    fn finds(&mut self, axum: &Server, coffer: &Coffer) -> Result<()> {
        for connections in CONNECTIONS {
            let (mut bare, mut ours) = (Vec::new(), Vec::new());
            for _ in 0..self.settings.rounds {
                bare.push(self.find(Some(axum), coffer, connections)?);
                ours.push(self.find(None, coffer, connections)?);
            }
            let (coffer, baseline) = (Figure::of(&ours), Figure::of(&bare));
            if connections == 64 {
                self.checks.push(Check {
                    what: "p99 of find at 64 connections, as a multiple of bare axum's".to_owned(),
                    value: coffer.p99 / baseline.p99.max(f64::MIN_POSITIVE),
                    at_most: 4.0,
                });
            }
            // Held to its goal where the goal was set, at the load that keeps both cores busy.
            let target = (connections == BUSIEST).then_some(0.50);
            self.line("find: bare axum", connections, coffer, baseline, target);
        }
        Ok(())
    }

    /// Sets with idempotency keys, the loop with the same four rows, and the loop with the
    /// secret's row alone.
    fn sets_with_record(&mut self, coffer: &mut Coffer) -> Result<()> {
        let (rows, first) = (coffer.rows()?, coffer.stored);
        for connections in CONNECTIONS {
            let (mut ours, mut full, mut alone) = (Vec::new(), Vec::new(), Vec::new());
            let mut groups = Vec::new();
            for _ in 0..self.settings.rounds {
                let (slice, writer) = self.set(coffer, connections, true)?;
                full.push(self.rows_loop(coffer, "full", "full", &slice, writer)?);
                alone.push(self.rows_loop(coffer, "alone", "secret-alone", &slice, writer)?);
                groups.push(writer.group());
                ours.push(slice);
            }
            self.group_note("set", connections, groups, &ours);
            let figure = Figure::of(&ours);
            let what = "set: loop, same rows";
            self.line(what, connections, figure.clone(), Figure::of(&full), Some(0.60));
            self.line("set: loop, secret alone", connections, figure, Figure::of(&alone), None);
        }
        self.verify_rows(coffer, rows, first, true)
    }

    /// Sets without idempotency keys, and the loop without the record.
    fn sets_without_record(&mut self, coffer: &mut Coffer) -> Result<()> {
        let (rows, first) = (coffer.rows()?, coffer.stored);
        for connections in CONNECTIONS {
            let (mut ours, mut other, mut groups) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..self.settings.rounds {
                let (slice, writer) = self.set(coffer, connections, false)?;
                other.push(self.rows_loop(coffer, "full", "no-record", &slice, writer)?);
                groups.push(writer.group());
                ours.push(slice);
            }
            self.group_note("set without a key", connections, groups, &ours);
            let (figure, other) = (Figure::of(&ours), Figure::of(&other));
            self.line("set without a key: loop, no record", connections, figure, other, None);
        }
        self.verify_rows(coffer, rows, first, false)
    }

    /// The bare loop: as many rows as Coffer has just written, on top of as many as it had.
    fn rows_loop(
        &mut self,
        coffer: &Coffer,
        file: &str,
        variant: &str,
        slice: &Slice,
        writer: Writer,
    ) -> Result<Slice> {
        let mut command = Command::new(&self.itself);
        command.arg("sqlite").arg("--file").arg(self.directory.join(file).with_extension("db"));
        command.arg("--like").arg(coffer.data_file()).args(["--variant", variant]);
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

    /// Compares the rows in Coffer's tables with the sets that were acknowledged.
    fn verify_rows(
        &mut self,
        coffer: &Coffer,
        before: [u64; 4],
        first: u64,
        keyed: bool,
    ) -> Result<()> {
        self.compare_rows(coffer.stored - first, since(coffer.rows()?, before), keyed)
    }

    /// Compares by how many rows the tables grew with the sets that were acknowledged.
    fn compare_rows(&mut self, sets: u64, grown: [u64; 4], keyed: bool) -> Result<()> {
        let wanted = [sets, sets, sets, if keyed { sets } else { 0 }];
        if grown != wanted {
            return Err(format!("{sets} sets were acknowledged, but tables grew by {grown:?}"));
        }
        self.notes.push(format!(
            "verified: {sets} sets acknowledged; rows of secret, scope, audit, record grew by \
             {grown:?}"
        ));
        Ok(())
    }

    fn group_note(&mut self, what: &str, connections: u64, groups: Vec<f64>, slices: &[Slice]) {
        let flushes: u64 = slices.iter().filter_map(|slice| slice.flushes).sum();
        let group = slice::median(groups);
        self.notes.push(format!(
            "{what}, {connections} connections: {group:.1} requests to a commit (median), \
             {flushes} disk flushes"
        ));
    }

    fn line(&mut self, what: &str, conns: u64, coffer: Figure, other: Figure, target: Option<f64>) {
        let what = what.to_owned();
        self.lines.push(Line { what, connections: conns, coffer, baseline: other, target });
    }
}

/// Gives a load what it needs to speak to Coffer.
fn authorize(command: &mut Command, coffer: &Coffer) {
    command.env(KEY_VARIABLE, &coffer.live_key).arg("--accounts").arg(coffer.accounts());
}

/// By how much counts have grown.
fn since(now: [u64; 4], before: [u64; 4]) -> [u64; 4] {
    let mut grown = now;
    grown.iter_mut().zip(before).for_each(|(to, less)| *to -= less);
    grown
}

/// Waits until something listens on `port`.
fn wait_for(port: u16) -> Result<()> {
    let begun = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        if begun.elapsed() > Duration::from_secs(5) {
            return Err(format!("nothing listens on port {port}"));
        }
        pause(Duration::from_millis(5));
    }
    Ok(())
}
