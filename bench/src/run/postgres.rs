//! A store in PostgreSQL: finds and sets beside pgbench, which sends the same statements to the
//! same tables of the same cluster.

use super::{BUSIEST, Run, since};
use crate::args::Result;
use crate::coffer::{ACCOUNTS, Coffer};
use crate::pgbench;
use crate::postgres::Cluster;
use crate::rows;
use crate::slice::{self, Figure, Slice};
use crate::statements::{self, Page, Script, Sending, Statement};
use std::path::PathBuf;
use std::process::Command;

/// What the baseline is, for the head of a run.
pub const PGBENCH: &str = "pgbench: statements as PostgreSQL's log has them of Coffer, each \
     parsed anew as for Coffer (--protocol=extended), one thread, no HTTP, no encryption; \
     synchronous_commit=on, fsync=on";

/// Finds in a script, for one query that says which secrets they find: their keys must fit into
/// one row of a page, since a row that is stored in pieces takes as long to read as ten finds.
const FINDS: u64 = 80;

/// Scripts for sets, each with an account of its own: pgbench takes at most 128.
const SET_SCRIPTS: usize = 100;

/// The operations as the status counts them.
const FIND: &str = "apps.secrets.find";
const SET: &str = "apps.secrets.create";

/// Scripts of pgbench's in a directory, and how they are run.
struct Baseline {
    what: &'static str,
    scripts: PathBuf,
    /// Operations in a script.
    operations: u64,
}

impl Run {
    /// All parts on PostgreSQL, in their order.
    pub fn postgres(&mut self) -> Result<()> {
        let cluster = Cluster::start(self.settings.programs.clone(), &self.directory)?;
        let directory = self.directory.join("store");
        let database = Some(cluster.database());
        let mut coffer = Coffer::create_in(&self.settings.coffer, &directory, database)?;
        self.fill(&mut coffer, self.settings.small, true)?;
        let log = self.logged(&cluster, &mut coffer)?;
        let (find, sets) =
            (self.find_baseline(&cluster, &log)?, self.set_baselines(&coffer, &log)?);
        cluster.sql("VACUUM ANALYZE")?;
        cluster.sql("CHECKPOINT")?;
        self.shared_finds(&cluster, &coffer, &find)?;
        self.shared_sets(&cluster, &mut coffer, &sets)?;
        coffer.stop()?;
        self.note_disturbances();
        cluster.stop()
    }

    /// The statements of a find and of two sets, as the database logged them.
    fn logged(&mut self, cluster: &Cluster, coffer: &mut Coffer) -> Result<Vec<Vec<Statement>>> {
        // What is set for a database holds for connections that are made afterwards.
        cluster.log_statements(true)?;
        coffer.stop()?;
        coffer.start()?;
        self.store(coffer, 2, 1, true)?;
        coffer.find_one()?;
        cluster.log_statements(false)?;
        coffer.stop()?;
        let log = cluster.log()?;
        coffer.start()?;
        Ok(statements::by_connection(&log))
    }

    fn find_baseline(&self, cluster: &Cluster, log: &[Vec<Statement>]) -> Result<Baseline> {
        let reads = log.iter().flatten().filter(|one| one.sql.contains(" FROM secret WHERE "));
        let mut finds = reads.filter(|one| one.sql.contains("sealed"));
        let find = finds.next().ok_or("the database's log does not have a find")?;
        let page = pages(cluster, self.settings.small)?;
        let scripts = self.directory.join("finds");
        pgbench::write(&[statements::find_script(find, &page)?], &scripts)?;
        Ok(Baseline { what: "find: pgbench, same statement", scripts, operations: FINDS })
    }

    fn set_baselines(&self, coffer: &Coffer, log: &[Vec<Statement>]) -> Result<[Baseline; 2]> {
        let mut transactions = statements::transactions(log, "INSERT INTO secret ").into_iter();
        let (Some(one), Some(other)) = (transactions.next(), transactions.next()) else {
            return Err("the database's log does not have two sets".to_owned());
        };
        let accounts = coffer.account_names()?;
        let written = |name: &str, sending| {
            let (script, to) =
                (statements::set_script(&one, &other, sending)?, self.directory.join(name));
            let accounts = accounts.iter().take(SET_SCRIPTS).zip(0..);
            let scripts = accounts.map(|(account, number)| on_account(&script, account, number));
            pgbench::write(&scripts.collect::<Vec<_>>(), &to).map(|()| to)
        };
        let baseline = |what, scripts| Baseline { what, scripts, operations: 1 };
        Ok([
            baseline("set: pgbench, a statement at a time", written("sets", Sending::OneByOne)?),
            baseline(
                "set: pgbench, pipelined as Coffer",
                written("piped-sets", Sending::ByRoundTrip)?,
            ),
        ])
    }

    fn shared_finds(
        &mut self,
        cluster: &Cluster,
        coffer: &Coffer,
        baseline: &Baseline,
    ) -> Result<()> {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let before = coffer.round_trips(FIND)?;
        for _ in 0..self.settings.rounds {
            ours.push(self.find(None, coffer, BUSIEST)?);
            theirs.push(self.quiet(|run| run.pgbench(cluster, baseline))?);
        }
        self.round_trips_note(coffer, FIND, before)?;
        self.baseline_line(&ours, baseline, &theirs);
        Ok(())
    }

    fn shared_sets(
        &mut self,
        cluster: &Cluster,
        coffer: &mut Coffer,
        baselines: &[Baseline; 2],
    ) -> Result<()> {
        let (mut ours, mut theirs) = (Vec::new(), [Vec::new(), Vec::new()]);
        let (before, first) = (coffer.round_trips(SET)?, coffer.stored);
        let mut grown = [0; 4];
        for _ in 0..self.settings.rounds {
            let (rows, stored) = (row_counts(cluster)?, coffer.stored);
            let slice = self.set_slice(coffer, BUSIEST, true)?;
            grown = sum(grown, since(row_counts(cluster)?, rows));
            self.check_flushed(&slice, coffer.stored - stored)?;
            ours.push(slice);
            for (baseline, slices) in baselines.iter().zip(&mut theirs) {
                slices.push(self.pgbench_sets(cluster, baseline)?);
            }
        }
        self.round_trips_note(coffer, SET, before)?;
        self.compare_rows(coffer.stored - first, grown, true)?;
        let flushes: u64 = ours.iter().filter_map(|slice| slice.flushes).sum();
        self.notes.push(format!("set, {BUSIEST} connections: {flushes} disk flushes"));
        for (baseline, slices) in baselines.iter().zip(&theirs) {
            self.baseline_line(&ours, baseline, slices);
        }
        Ok(())
    }

    /// A slice of pgbench's sets, whose rows must be there afterwards.
    fn pgbench_sets(&mut self, cluster: &Cluster, baseline: &Baseline) -> Result<Slice> {
        let before = row_counts(cluster)?;
        let slice = self.pgbench(cluster, baseline)?;
        let (grown, sets) = (since(row_counts(cluster)?, before), slice.requests);
        if grown != [sets; 4] {
            return Err(format!("pgbench made {sets} sets, but tables grew by {grown:?}"));
        }
        self.check_flushed(&slice, sets)?;
        Ok(slice)
    }

    fn pgbench(&mut self, cluster: &Cluster, baseline: &Baseline) -> Result<Slice> {
        let mut command = Command::new(&self.itself);
        command.arg("pgbench").arg("--program").arg(cluster.program("pgbench"));
        command.args(["--address", &cluster.data(), "--clients", &BUSIEST.to_string()]);
        command.args(["--warm-ms", &self.settings.warm.to_string()]);
        command.args(["--measure-ms", &self.settings.measure.to_string()]);
        command.arg("--scripts").arg(&baseline.scripts);
        command.args(["--operations", &baseline.operations.to_string()]);
        slice::measure(&mut command, &[cluster.database().pid], &self.directory)
    }

    /// Checks that the disk was flushed as often as it must be if each flush makes the commits of
    /// all connections durable, and remembers whether others disturbed.
    fn check_flushed(&mut self, slice: &Slice, commits: u64) -> Result<()> {
        self.disturbed(slice);
        match slice.flushes {
            Some(flushes) if flushes * BUSIEST < commits => {
                Err(format!("{commits} commits, but only {flushes} flushes"))
            }
            _ => Ok(()),
        }
    }

    /// Remarks how often Coffer waited for the database for each operation.
    fn round_trips_note(&mut self, coffer: &Coffer, name: &str, before: (u64, u64)) -> Result<()> {
        let (trips, answered) = coffer.round_trips(name)?;
        let (trips, answered) = (trips - before.0, answered - before.1);
        let each = trips as f64 / answered.max(1) as f64;
        self.notes.push(format!(
            "{name}: {trips} round trips to the database of the data for {answered} requests, \
             {each:.2} each, with the lookups of key, app and install, once a second for each of \
             {ACCOUNTS} accounts"
        ));
        Ok(())
    }

    fn baseline_line(&mut self, ours: &[Slice], baseline: &Baseline, theirs: &[Slice]) {
        let (coffer, other) = (Figure::of(ours), Figure::of(theirs));
        self.line(baseline.what, BUSIEST, coffer, other, Some(0.50));
    }
}

/// The script with the account that its sets are made on.
fn on_account(script: &Script, account: &str, number: usize) -> Script {
    let name = format!("account_{number}");
    let mut constants = script.constants.clone();
    constants.insert(name.clone(), account.to_owned());
    Script { text: script.text.replace(":account", &format!(":{name}")), constants }
}

/// Makes a table whose rows have the keys of so many secrets that a script of finds needs.
fn pages(cluster: &Cluster, stored: u64) -> Result<Page> {
    let page = Page {
        table: "bench.page",
        columns: &["account", "scope", "name_key"],
        pages: stored / FINDS,
        finds: FINDS,
    };
    if page.pages == 0 {
        return Err(format!("--small must be {FINDS} at least"));
    }
    let column = |number: u64, name: &str| {
        format!("max({name}::text) FILTER (WHERE n % {FINDS} = {number}) AS {name}_{number}")
    };
    let columns = (0..FINDS).flat_map(|n| page.columns.iter().map(move |name| column(n, name)));
    let columns: Vec<String> = columns.collect();
    cluster.sql(&format!(
        "CREATE SCHEMA bench; CREATE TABLE {} WITH (toast_tuple_target = 8160) AS \
         SELECT n / {FINDS} AS page, {} FROM (SELECT account, scope, name_key, \
         row_number() OVER (ORDER BY random()) - 1 AS n FROM secret) AS numbered GROUP BY 1; \
         ALTER TABLE {0} ADD PRIMARY KEY (page)",
        page.table,
        columns.join(", ")
    ))?;
    Ok(page)
}

/// Rows of the tables that sets write to: secret, scope, audit, record.
fn row_counts(cluster: &Cluster) -> Result<[u64; 4]> {
    let mut counts = [0; 4];
    let tables = [rows::SECRET, rows::SCOPE, rows::AUDIT, rows::RECORD];
    for (count, table) in counts.iter_mut().zip(&tables) {
        let text = cluster.sql(&format!("SELECT count(*) FROM {}", table.name))?;
        *count = text.parse().map_err(|_| format!("{} has {text} rows", table.name))?;
    }
    Ok(counts)
}

fn sum(one: [u64; 4], other: [u64; 4]) -> [u64; 4] {
    let mut both = one;
    both.iter_mut().zip(other).for_each(|(to, more)| *to += more);
    both
}
