//! A store in PostgreSQL: finds and sets beside pgbench, which sends the same statements to the
//! same tables of the same cluster.

use super::{BUSIEST, Run, in_words};
use crate::args::Result;
use crate::coffer::{ACCOUNTS, Coffer};
use crate::goal::Bound;
use crate::pgbench;
use crate::postgres::{Cluster, DATA};
use crate::slice::{self, Figure, Slice};
use crate::statements::{self, Page, Script, Sending, Statement};
use crate::unit::store::OPERATION;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

/// What the baseline is, for the head of a run.
pub const PGBENCH: &str = "pgbench: statements as PostgreSQL's log has them of Coffer, each \
     parsed anew (--protocol=extended) unless it says prepared, one thread, no HTTP, no \
     encryption; synchronous_commit=on, fsync=on";

/// Finds in a script, for one query that says which secrets they find: their keys must fit into
/// one row of a page, since a row that is stored in pieces takes as long to read as ten finds.
const FINDS: u64 = 80;

/// Scripts for sets, each with an account of its own: pgbench takes at most 128.
const SET_SCRIPTS: usize = 100;

/// The operations as the status counts them.
const FIND: &str = "apps.secrets.find";
const SET: &str = "apps.secrets.create";

/// What a find and a set are to reach of pgbench's rate, and a set of one that waits for each
/// statement.
const FIND_SHARE: f64 = 0.80;
const SET_SHARE: f64 = 0.80;
const UNPIPELINED_SHARE: f64 = 0.50;

/// Scripts of pgbench's in a directory, and how they are run.
pub(super) struct Baseline {
    /// As the table has it.
    pub what: &'static str,
    /// Where they are.
    pub scripts: PathBuf,
    /// Operations in a script.
    pub operations: u64,
    /// How statements are sent.
    pub protocol: &'static str,
    /// In which database they are carried out.
    pub database: &'static str,
}

/// Names of the baselines.
const FIND_EXTENDED: &str = "find: pgbench, same statement";
const FIND_PREPARED: &str = "find: pgbench, same statement, prepared";
const SET_ONE_BY_ONE: &str = "set: pgbench, a statement at a time";
const SET_PIPELINED: &str = "set: pgbench, pipelined as Coffer";

impl Run {
    /// The run on PostgreSQL alone.
    pub fn postgres(&mut self) -> Result<()> {
        let cluster = Cluster::start(self.settings.programs.clone(), &self.directory)?;
        self.on_postgres(&cluster)?;
        self.note_disturbances();
        cluster.stop()
    }

    /// All parts on PostgreSQL, in their order.
    pub(super) fn on_postgres(&mut self, cluster: &Cluster) -> Result<()> {
        let directory = self.directory.join("postgres-store");
        let database = Some(cluster.database());
        let mut coffer = Coffer::create_in(&self.settings.coffer, &directory, database)?;
        self.fill(&mut coffer, self.settings.small, true)?;
        let log = self.logged(cluster, &mut coffer)?;
        let finds = self.find_baselines(cluster, &log)?;
        let sets = self.set_baselines(&coffer, &log)?;
        cluster.sql("VACUUM ANALYZE")?;
        cluster.sql("CHECKPOINT")?;
        self.shared_finds(cluster, &coffer, &finds)?;
        self.shared_sets(cluster, &mut coffer, &sets)?;
        self.audited_finds("PostgreSQL", &mut coffer)?;
        coffer.stop()
    }

    /// The goals of a run that has no PostgreSQL.
    pub(super) fn no_postgres(&mut self) {
        let audited = super::audit::goals("PostgreSQL");
        let own = [(FIND_EXTENDED, FIND_SHARE), (SET_PIPELINED, SET_SHARE)];
        let own = own.map(|(what, least)| (what.to_owned(), least));
        for (what, least) in own.into_iter().chain(audited) {
            self.goal(&in_words(&what, BUSIEST), None, Bound::AtLeast(least));
        }
    }

    /// The statements of two finds and of two sets, as the database logged them.
    fn logged(&mut self, cluster: &Cluster, coffer: &mut Coffer) -> Result<Vec<Vec<Statement>>> {
        // What is set for a database holds for connections that are made afterwards.
        cluster.log_statements(true)?;
        coffer.stop()?;
        coffer.start()?;
        self.store(coffer, 2, 1, true)?;
        coffer.find_last()?;
        coffer.find(coffer.stored - 2)?;
        cluster.log_statements(false)?;
        coffer.stop()?;
        let log = cluster.log()?;
        coffer.start()?;
        Ok(statements::by_connection(&log))
    }

    /// The statement of a find, parsed anew each time and prepared.
    fn find_baselines(&self, cluster: &Cluster, log: &[Vec<Statement>]) -> Result<[Baseline; 2]> {
        let reads = log.iter().flatten().filter(|one| one.sql.contains(" FROM secret "));
        // A set reads what it replaces, and locks it.
        let reads = reads.filter(|one| !one.sql.contains(" FOR UPDATE"));
        let mut finds = reads.filter(|one| one.sql.contains("sealed") && one.is_lookup());
        let (Some(find), Some(other)) = (finds.next(), finds.next()) else {
            return Err("the database's log does not have two finds".to_owned());
        };
        let columns = statements::told_apart(find, other)?;
        let page = pages(cluster, self.settings.small, columns)?;
        let scripts = self.directory.join("finds");
        pgbench::write(&[statements::find_script(find, &page)?], &scripts)?;
        Ok([(FIND_EXTENDED, "extended"), (FIND_PREPARED, "prepared")].map(|(what, protocol)| {
            Baseline { what, scripts: scripts.clone(), operations: FINDS, protocol, database: DATA }
        }))
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
        let baseline = |what, scripts| Baseline {
            what,
            scripts,
            operations: 1,
            protocol: "extended",
            database: DATA,
        };
        Ok([
            baseline(SET_ONE_BY_ONE, written("sets", Sending::OneByOne)?),
            baseline(SET_PIPELINED, written("piped-sets", Sending::ByRoundTrip)?),
        ])
    }

    fn shared_finds(
        &mut self,
        cluster: &Cluster,
        coffer: &Coffer,
        baselines: &[Baseline; 2],
    ) -> Result<()> {
        let (mut ours, mut theirs) = (Vec::new(), [Vec::new(), Vec::new()]);
        let before = coffer.round_trips(FIND)?;
        for _ in 0..self.settings.rounds {
            ours.push(self.find(None, coffer, BUSIEST)?);
            for (baseline, slices) in baselines.iter().zip(&mut theirs) {
                slices.push(self.quiet(|run| run.pgbench(cluster, baseline, BUSIEST))?);
            }
        }
        self.round_trips_note(coffer, FIND, before)?;
        self.baseline_lines(&ours, baselines, &theirs, [Some(FIND_SHARE), None]);
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
        let mut each = BTreeMap::new();
        for _ in 0..self.settings.rounds {
            let (rows, stored) = (row_counts(cluster)?, coffer.stored);
            let slice = self.set_slice(coffer, BUSIEST, true)?;
            each = rows_of_one(&row_counts(cluster)?, &rows, coffer.stored - stored)?;
            self.check_flushed(&slice, coffer.stored - stored)?;
            ours.push(slice);
            for (baseline, slices) in baselines.iter().zip(&mut theirs) {
                slices.push(self.pgbench_sets(cluster, baseline, &each)?);
            }
        }
        self.round_trips_note(coffer, SET, before)?;
        let rows: Vec<String> =
            each.iter().map(|(table, rows)| format!("{rows} {table}")).collect();
        self.notes.push(format!(
            "verified: {} sets acknowledged, each added {}; so did each of pgbench's",
            coffer.stored - first,
            rows.join(", ")
        ));
        let flushes: u64 = ours.iter().filter_map(|slice| slice.flushes).sum();
        self.notes.push(format!("set, {BUSIEST} connections: {flushes} disk flushes"));
        let shares = [Some(UNPIPELINED_SHARE), Some(SET_SHARE)];
        self.baseline_lines(&ours, baselines, &theirs, shares);
        Ok(())
    }

    /// A slice of pgbench's sets, each of which must have added the rows that one of Coffer's does.
    fn pgbench_sets(
        &mut self,
        cluster: &Cluster,
        baseline: &Baseline,
        each: &BTreeMap<String, u64>,
    ) -> Result<Slice> {
        let before = row_counts(cluster)?;
        let slice = self.pgbench(cluster, baseline, BUSIEST)?;
        let added = rows_of_one(&row_counts(cluster)?, &before, slice.requests)?;
        if added != *each {
            return Err(format!(
                "each of pgbench's sets added {added:?}, each of Coffer's {each:?}"
            ));
        }
        self.check_flushed(&slice, slice.requests)?;
        Ok(slice)
    }

    pub(super) fn pgbench(
        &mut self,
        cluster: &Cluster,
        baseline: &Baseline,
        clients: u64,
    ) -> Result<Slice> {
        let mut command = Command::new(&self.itself);
        command.arg("pgbench").arg("--program").arg(cluster.program("pgbench"));
        command.args(["--address", &cluster.address(baseline.database)]);
        command.args(["--clients", &clients.to_string(), "--protocol", baseline.protocol]);
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

    fn baseline_lines(
        &mut self,
        ours: &[Slice],
        baselines: &[Baseline; 2],
        theirs: &[Vec<Slice>; 2],
        shares: [Option<f64>; 2],
    ) {
        for ((baseline, slices), share) in baselines.iter().zip(theirs).zip(shares) {
            self.line(baseline.what, BUSIEST, Figure::of(ours), Figure::of(slices), share);
        }
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
fn pages(cluster: &Cluster, stored: u64, columns: Vec<String>) -> Result<Page> {
    let page = Page { table: "bench.page", columns, pages: stored / FINDS, finds: FINDS };
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
         SELECT n / {FINDS} AS page, {} FROM (SELECT {}, \
         row_number() OVER (ORDER BY random()) - 1 AS n FROM secret) AS numbered GROUP BY 1; \
         ALTER TABLE {0} ADD PRIMARY KEY (page)",
        page.table,
        columns.join(", "),
        page.columns.join(", ")
    ))?;
    Ok(page)
}

/// How many rows each of Coffer's tables has; where rows say which operation they are of, those of
/// sets alone. The audit has entries of whoever asks meanwhile, such as the benchmark itself.
fn row_counts(cluster: &Cluster) -> Result<BTreeMap<String, u64>> {
    let names = cluster.sql(&format!(
        "SELECT t.table_name || CASE WHEN EXISTS (SELECT 1 FROM information_schema.columns c \
         WHERE c.table_schema = t.table_schema AND c.table_name = t.table_name \
         AND c.column_name = '{OPERATION}') THEN ' WHERE {OPERATION} = ''{SET}''' ELSE '' END \
         FROM information_schema.tables t WHERE t.table_schema = 'public' \
         AND t.table_type = 'BASE TABLE' ORDER BY t.table_name"
    ))?;
    let count = |from: &str| {
        let name = from.split(' ').next().unwrap_or(from);
        format!("SELECT '{name}', count(*) FROM {from}")
    };
    let counts: Vec<String> = names.lines().map(count).collect();
    let counts = cluster.sql(&counts.join(" UNION ALL "))?;
    let count = |line: &str| {
        let (name, count) = line.split_once('|')?;
        Some((name.to_owned(), count.parse().ok()?))
    };
    let lines = counts.lines().map(|line| count(line).ok_or_else(|| format!("no count: {line}")));
    lines.collect()
}

/// How many rows each of so many sets added to each table. What grew by less than a row for two
/// sets is not theirs, nor are rows to lock, which are made when they are first locked.
fn rows_of_one(
    now: &BTreeMap<String, u64>,
    before: &BTreeMap<String, u64>,
    sets: u64,
) -> Result<BTreeMap<String, u64>> {
    let mut each = BTreeMap::new();
    for (table, count) in now {
        let grown = count.saturating_sub(before.get(table).copied().unwrap_or(0));
        if sets == 0 || grown * 2 < sets || table == "scope_lock" {
            continue;
        }
        if grown % sets != 0 {
            return Err(format!("{sets} sets were acknowledged, but {table} grew by {grown}"));
        }
        each.insert(table.clone(), grown / sets);
    }
    if each.is_empty() { Err(format!("{sets} sets added no rows")) } else { Ok(each) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_must_have_its_rows() {
        let counts = |secret, audit, clock| {
            let counts = [("secret", secret), ("audit", audit), ("clock", clock)];
            counts.map(|(name, count)| (name.to_owned(), count)).into()
        };
        let before = counts(5, 7, 1);
        let each = rows_of_one(&counts(15, 27, 2), &before, 10).unwrap();
        assert_eq!(each, [("secret".to_owned(), 1), ("audit".to_owned(), 2)].into());
        assert!(rows_of_one(&counts(14, 27, 1), &before, 10).unwrap_err().contains("grew by 9"));
        assert!(rows_of_one(&before, &before, 10).is_err());
        assert!(rows_of_one(&counts(6, 7, 1), &before, 0).is_err());
    }
}
