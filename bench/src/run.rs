//! The whole comparison, in the order in which it runs. The two sides alternate, slice by slice, so
//! that what the machine does meanwhile falls on both.

use crate::args::{Args, Result};
use crate::child::{Child, free_port, pause};
use crate::coffer::{Coffer, Writer};
use crate::goal::{self, Bound, Goal};
use crate::load::KEY_VARIABLE;
use crate::postgres::Cluster;
use crate::slice::{self, FOREIGN_SHARE, Figure, Server, Slice};
use crate::table::Line;
pub use postgres::PGBENCH;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

mod audit;
mod compare;
mod files;
mod growth;
mod neighbours;
mod postgres;
mod reserves;
mod rivals;
mod rotation;
mod traces;
mod webhooks;
mod written;

/// The options of a whole run.
pub const OPTIONS: &[&str] = &[
    "coffer",
    "directory",
    "rounds",
    "warm-ms",
    "measure-ms",
    "small",
    "memory-at",
    "stored",
    "programs",
    "redis",
];

/// The options of a run beside another revision.
pub const COMPARE_OPTIONS: &[&str] = &[
    "coffer",
    "against",
    "revision",
    "directory",
    "rounds",
    "warm-ms",
    "measure-ms",
    "small",
    "memory-at",
];

/// The options of a run on Reserves.
pub const RESERVES_OPTIONS: &[&str] =
    &["coffer", "directory", "rounds", "warm-ms", "measure-ms", "holds", "postings", "told"];

/// The options of a run on PostgreSQL.
pub const POSTGRES_OPTIONS: &[&str] =
    &["coffer", "directory", "rounds", "warm-ms", "measure-ms", "small", "programs"];

/// The options of a run beside neighbours.
pub const NEIGHBOURS_OPTIONS: &[&str] =
    &["coffer", "directory", "warm-ms", "measure-ms", "small", "programs", "attack"];

/// The options of a run of webhooks.
pub const WEBHOOKS_OPTIONS: &[&str] = &["coffer", "directory", "warm-ms", "measure-ms"];

/// The options of a run beside a rotation of keys.
pub const ROTATION_OPTIONS: &[&str] =
    &["coffer", "directory", "rounds", "warm-ms", "measure-ms", "small"];

/// The options of a run with traces.
pub const TRACES_OPTIONS: &[&str] =
    &["coffer", "directory", "rounds", "warm-ms", "measure-ms", "small"];

/// What a run with traces has if nothing else is said: a slice in which what was sampled is sent
/// away at least once, and more of them, since what is looked for is small.
pub const TRACES_DEFAULTS: [&str; 4] = ["--measure-ms", "10000", "--rounds", "7"];

/// The numbers of connections that are tried.
pub const CONNECTIONS: [u64; 3] = [1, 16, BUSIEST];

/// The most connections: those at which a server's ceiling shows.
const BUSIEST: u64 = 64;

/// Connections while rows are only stored for later: more share a commit.
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
    /// Transactions of the history that is imported.
    pub told: u64,
    /// Where PostgreSQL's programs are, if they are not where distributions keep them.
    pub programs: Option<PathBuf>,
    /// What the names of the attacks contain that are tried; all do if it is empty.
    pub attack: String,
    /// Redis's server.
    pub redis: PathBuf,
    /// The program of another revision, and what that is called.
    pub against: Option<(PathBuf, String)>,
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
            told: args.or("told", 1_000_000)?,
            programs: args.optional("programs")?,
            attack: args.or("attack", String::new())?,
            redis: args.or("redis", PathBuf::from("redis-server"))?,
            against: args.optional("against")?.zip(args.optional("revision")?),
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
    /// What was to be reached.
    pub goals: Vec<Goal>,
    /// Remarks: what was verified, and what disturbed.
    pub notes: Vec<String>,
}

impl Run {
    /// Nothing yet.
    pub fn new(settings: Settings, directory: &Path) -> Result<Self> {
        let itself = std::env::current_exe().map_err(|error| error.to_string())?;
        let directory = directory.to_owned();
        let (lines, goals, notes) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self {
            settings,
            directory,
            itself,
            seed: 0,
            repeats: REPEATS,
            disturbed: (0, 0.0),
            lines,
            goals,
            notes,
        })
    }

    /// All parts whose figures have goals, in their order.
    pub fn everything(&mut self) -> Result<()> {
        let cluster = self.cluster();
        let mut rivals = self.rivals(cluster.as_ref())?;
        let mut coffer = Coffer::create(&self.settings.coffer, &self.directory.join("store"))?;
        let [keyed, plain] = self.written_by_sets(&mut coffer)?;
        self.fill(&mut coffer, self.settings.small, true)?;
        self.finds(&rivals, &coffer)?;
        self.audited_finds("files", &mut coffer)?;
        coffer.stop()?;
        coffer.start()?;
        self.sets(&mut rivals, &mut coffer, &keyed)?;
        self.sets_without_key(&mut coffer, &plain)?;
        self.memory(&mut coffer)?;
        self.fill(&mut coffer, self.settings.stored, false)?;
        self.starts(&mut coffer)?;
        self.growth(&rivals.axum, &mut coffer)?;
        coffer.stop()?;
        rivals.stop()?;
        self.intake()?;
        match cluster {
            Some(cluster) => {
                self.on_postgres(&cluster)?;
                cluster.stop()?;
            }
            None => self.no_postgres(),
        }
        self.note_disturbances();
        Ok(())
    }

    /// A PostgreSQL of the run's own, where one is installed.
    fn cluster(&mut self) -> Option<Cluster> {
        let started = Cluster::start(self.settings.programs.clone(), &self.directory);
        let why = |error| self.notes.push(format!("PostgreSQL was not measured: {error}"));
        started.map_err(why).ok()
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
        let connections = coffer.connections_to_fill();
        let slice = self.store(coffer, missing, connections, keyed)?;
        let (seconds, rate) = (begun.elapsed().as_secs_f64(), slice.rate);
        self.notes.push(format!(
            "stored {missing} secrets through the API, {connections} connections, \
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

    fn group_note(&mut self, what: &str, connections: u64, groups: Vec<f64>, slices: &[Slice]) {
        let flushes: u64 = slices.iter().filter_map(|slice| slice.flushes).sum();
        let group = slice::median(groups);
        self.notes.push(format!(
            "{what}, {connections} connections: {group:.1} requests to a commit (median), \
             {flushes} disk flushes"
        ));
    }

    /// A line of the table, and the ratio that is to be reached, if there is one.
    fn line(&mut self, what: &str, conns: u64, coffer: Figure, other: Figure, least: Option<f64>) {
        let line = Line { what: what.to_owned(), connections: conns, coffer, baseline: other };
        if let Some(least) = least {
            let (what, ratio) = (in_words(what, conns), line.ratio());
            self.goal(&what, Some(ratio), Bound::AtLeast(least));
        }
        self.lines.push(line);
    }

    /// How many times as long as the other's 99th percentile Coffer's may be.
    fn p99(&mut self, what: &str, conns: u64, coffer: &Figure, other: &Figure, most: f64) {
        let what = format!("p99 of {}", in_words(what, conns));
        self.goal(&what, Some(goal::ratio(coffer.p99, other.p99)), Bound::AtMost(most));
    }

    fn goal(&mut self, what: &str, value: Option<f64>, bound: Bound) {
        self.goals.push(Goal { what: what.to_owned(), value, bound });
    }
}

/// A comparison as the goals have it.
fn in_words(what: &str, connections: u64) -> String {
    let connections = if connections == 1 {
        "1 connection".to_owned()
    } else {
        format!("{connections} connections")
    };
    format!("{what}, {connections}")
}

/// Gives a load what it needs to speak to Coffer.
fn authorize(command: &mut Command, coffer: &Coffer) {
    command.env(KEY_VARIABLE, &coffer.live_key).arg("--accounts").arg(coffer.accounts());
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
