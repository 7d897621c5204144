//! A quiet app beside a neighbour that takes what it can: what the quiet one notices.
//!
//! The quiet app finds and sets at a fixed pace. Each attack runs beside it for some seconds, on a
//! server that is watched by requests to `/livez`, each on a connection of its own, on both of its
//! listeners.

use super::{KEY_VARIABLE, Run};
use crate::args::Result;
use crate::child::{Background, pause};
use crate::coffer::{Coffer, Neighbour};
use crate::fill;
use crate::goal::Bound;
use crate::http;
use crate::postgres::Cluster;
use crate::slice::{self, Slice};
use crate::table::in_columns;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Connections of the quiet app for each of its two kinds of request, and the time from one request
/// of a connection to its next: 200 finds and 100 sets a second.
const QUIET: [(&str, &str, &str); 2] = [("find", "4", "20"), ("set", "2", "20")];

/// After how many requests the quiet app makes a new connection, so that an attack on connections
/// reaches it too.
const RECONNECT_AFTER: &str = "20";

/// Events of the neighbour, among which there is none of the type that it asks for.
const EVENTS: u64 = 1_000_000;

/// Descriptors of the server: many, and as few as the attack on them takes.
const DESCRIPTORS: u64 = 8192;
const FEW_DESCRIPTORS: u64 = 1024;

/// Time between two probes.
const PROBE_EVERY: Duration = Duration::from_millis(20);

/// How long an attack runs before the quiet app is measured beside it.
const BEFORE: Duration = Duration::from_millis(1500);

/// How many times as long as alone the quiet app's 99th percentile may be, or how many
/// milliseconds if that is more.
const TIMES_ALONE: f64 = 5.0;
const OR_MILLIS: f64 = 25.0;

/// The longest that `/livez` may take, in milliseconds.
const LIVEZ_MILLIS: f64 = 100.0;

/// By how much the server's memory may grow in an attack, in MiB.
const MEMORY_MIB: f64 = 64.0;

/// One way to take what one can: its name, the words of the process that does it, and its
/// connections on files and on PostgreSQL.
type Attack = (&'static str, &'static str, [u64; 2]);

const ATTACKS: [Attack; 8] = [
    ("lists of a million events", "load --workload events", [32, 32]),
    ("holds on one ledger", "load --workload hold", [1500, 100]),
    (SILENT, "silent", [1100, 1100]),
    ("unfinished heads of 155 kB", "silent --head-bytes 155000", [800, 800]),
    ("random keys", "load --workload stranger", [60, 60]),
    ("random keys with a checksum", "load --workload guess", [60, 60]),
    ("finds without a pause", "load --workload find", [64, 64]),
    ("sets without a pause", "load --workload set", [64, 64]),
];

/// The attack that needs more connections than the server has places for.
const SILENT: &str = "silent connections";

/// A server with a quiet app and its neighbour.
struct House {
    engine: &'static str,
    coffer: Coffer,
    neighbour: Neighbour,
    /// The number of the next secret that the quiet app sets: one that is cut off may be missing.
    next: u64,
}

/// What was seen in some seconds.
struct Seen {
    find: Slice,
    set: Slice,
    /// The longest answers of `/livez`: of the API's listener and of the admin API's.
    livez: [f64; 2],
    memory: f64,
}

impl Run {
    /// All attacks, on files and, if that is wanted, on PostgreSQL.
    pub fn neighbours(&mut self) -> Result<()> {
        let mut rows = vec![HEADS.map(str::to_owned).to_vec()];
        self.neighbours_on("files", None, &mut rows)?;
        if self.settings.also_postgres {
            let cluster = Cluster::start(self.settings.programs.clone(), &self.directory)?;
            self.neighbours_on("PostgreSQL", Some(&cluster), &mut rows)?;
            cluster.stop()?;
        }
        self.notes.push(format!("\n{}\n", in_columns(&rows)));
        self.note_disturbances();
        Ok(())
    }

    fn neighbours_on(
        &mut self,
        engine: &'static str,
        cluster: Option<&Cluster>,
        rows: &mut Vec<Vec<String>>,
    ) -> Result<()> {
        let mut house = self.house(engine, cluster)?;
        let alone = self.seen(&mut house)?;
        rows.push(row(engine, "alone", &alone));
        let wanted = self.settings.attack.clone();
        let attacks = ATTACKS.iter().filter(|(name, ..)| name.contains(wanted.as_str()));
        for &(name, words, [on_files, on_postgres]) in attacks {
            // Each attack meets a server on which the one before has left nothing under way.
            house.coffer.stop()?;
            house.coffer.limited = Some(if name == SILENT { FEW_DESCRIPTORS } else { DESCRIPTORS });
            house.coffer.start()?;
            let connections = if cluster.is_some() { on_postgres } else { on_files };
            let attacked = self.attacked(&mut house, words, connections)?;
            rows.push(row(engine, name, &attacked));
            self.check(&format!("{engine}, {name}"), &alone, &attacked);
        }
        // Alone again: what the attacks have left in the store.
        let alone = self.seen(&mut house)?;
        rows.push(row(engine, "alone afterwards", &alone));
        house.coffer.stop()
    }

    /// A server with secrets of the quiet app, and events and money of its neighbour.
    fn house(&mut self, engine: &'static str, cluster: Option<&Cluster>) -> Result<House> {
        let directory = self.directory.join(format!("neighbours-{engine}"));
        let database = cluster.map(Cluster::database);
        let mut coffer = Coffer::create_in(&self.settings.coffer, &directory, database)?;
        let quiet = std::mem::take(&mut coffer.live_key);
        let neighbour = coffer.neighbour()?;
        coffer.live_key.clone_from(&neighbour.key);
        let plan = [
            ("percent", "1"),
            ("type", "rolling_release"),
            ("rolling_release[days_after_charge]", "30"),
        ];
        let account = neighbour.account.as_str();
        coffer.post(account, "/v1/reserve/plans", &plan)?;
        super::reserves::first_hold(&coffer, account, 10_000_000)?;
        coffer.live_key = quiet;
        self.fill(&mut coffer, self.settings.small, true)?;
        coffer.stop()?;
        match cluster {
            None => fill::events(&coffer.data_file(), account, EVENTS)?,
            Some(cluster) => cluster.events(account, EVENTS)?,
        }
        coffer.limited = Some(DESCRIPTORS);
        coffer.start()?;
        let file = self.directory.join(format!("neighbour-{engine}"));
        std::fs::write(file, format!("{account}\n")).map_err(|error| error.to_string())?;
        let next = coffer.stored;
        Ok(House { engine, coffer, neighbour, next })
    }

    /// The quiet app beside an attack.
    fn attacked(&mut self, house: &mut House, words: &str, connections: u64) -> Result<Seen> {
        let mut command = Command::new(&self.itself);
        command.args(words.split(' ')).args(["--connections", &connections.to_string()]);
        command.args(["--port", &house.coffer.port.to_string()]);
        if words.starts_with("load") {
            self.seed += 1;
            let accounts = self.directory.join(format!("neighbour-{}", house.engine));
            command.args(["--until-eof", "true", "--tolerant", "true"]);
            command.args(["--seed", &self.seed.to_string()]).arg("--accounts").arg(accounts);
            command.env(KEY_VARIABLE, &house.neighbour.key);
        }
        let attacker = Background::spawn(&mut command)?;
        pause(BEFORE);
        let seen = self.seen(house);
        attacker.cut()?;
        seen
    }

    /// Some seconds of the quiet app's finds and sets, with the probes beside them.
    fn seen(&mut self, house: &mut House) -> Result<Seen> {
        let [(find, finders, find_every), (set, setters, set_every)] = QUIET;
        let coffer = &mut house.coffer;
        let quiet = |run: &mut Self, workload, connections: &str, every: &str, coffer: &Coffer| {
            let mut load = run.timed(workload, coffer.port, connections.parse().unwrap_or(1));
            load.args(["--every-ms", every, "--tolerant", "true"]);
            load.args(["--reconnect-after", RECONNECT_AFTER]);
            load.arg("--accounts").arg(coffer.accounts()).env(KEY_VARIABLE, &coffer.live_key);
            load
        };
        let mut finds = quiet(self, find, finders, find_every, coffer);
        finds.args(["--stored", &self.settings.small.to_string()]);
        let mut sets = quiet(self, set, setters, set_every, coffer);
        sets.args(["--first", &house.next.to_string()]);
        let (pids, directory) = (coffer.pids()?, self.directory.clone());
        let probes = [Probe::start(coffer.port), Probe::start(coffer.admin_port)];
        let beside = pids.clone();
        let finding = std::thread::spawn(move || slice::measure(&mut finds, &beside, &directory));
        let set = slice::measure(&mut sets, &pids, &self.directory)?;
        let find = finding.join().map_err(|_| "a measurement panicked".to_owned())??;
        let [api, admin] = probes;
        let livez = [api.end()?, admin.end()?];
        house.next = set.next;
        let memory = find.memory.max(set.memory);
        Ok(Seen { find, set, livez, memory })
    }

    fn check(&mut self, what: &str, alone: &Seen, attacked: &Seen) {
        let mut at_most = |name: &str, value: f64, at_most: f64| {
            self.goal(&format!("{what}: {name}"), Some(value), Bound::AtMost(at_most));
        };
        let allowed = |slice: &Slice| (slice.p99 * TIMES_ALONE).max(OR_MILLIS);
        at_most("p99 of the quiet app's find in ms", attacked.find.p99, allowed(&alone.find));
        at_most("p99 of the quiet app's set in ms", attacked.set.p99, allowed(&alone.set));
        let refused = attacked.find.refused + attacked.set.refused;
        at_most("requests of the quiet app that were refused", refused as f64, 0.0);
        let [api, admin] = attacked.livez;
        at_most("longest /livez in ms", api.max(admin), LIVEZ_MILLIS);
        at_most("MiB more than alone", attacked.memory - alone.memory, MEMORY_MIB);
    }
}

/// Asks a listener for `/livez` again and again.
struct Probe {
    ended: Arc<AtomicBool>,
    thread: JoinHandle<f64>,
}

impl Probe {
    fn start(port: u16) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ended);
        let thread = std::thread::spawn(move || {
            let mut longest: f64 = 0.0;
            while !told.load(Ordering::Relaxed) {
                let taken = http::probe(port, "/livez");
                // Nobody who answers is worse than one who takes long.
                longest = longest.max(taken.map_or(f64::INFINITY, |time| time.as_secs_f64() * 1e3));
                pause(PROBE_EVERY);
            }
            longest
        });
        Self { ended, thread }
    }

    /// The longest answer in milliseconds.
    fn end(self) -> Result<f64> {
        self.ended.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "a probe panicked".to_owned())
    }
}

const HEADS: [&str; 9] = [
    "quiet app beside",
    "engine",
    "find p50/p99/longest ms",
    "set p50/p99/longest ms",
    "refused",
    "livez ms",
    "admin ms",
    "MiB",
    "sent",
];

fn row(engine: &str, attack: &str, seen: &Seen) -> Vec<String> {
    let times = |slice: &Slice| format!("{:.1}/{:.1}/{:.0}", slice.p50, slice.p99, slice.longest);
    let [api, admin] = seen.livez;
    vec![
        attack.to_owned(),
        engine.to_owned(),
        times(&seen.find),
        times(&seen.set),
        (seen.find.refused + seen.set.refused).to_string(),
        format!("{api:.0}"),
        format!("{admin:.0}"),
        format!("{:.0}", seen.memory),
        (seen.find.requests + seen.set.requests).to_string(),
    ]
}
