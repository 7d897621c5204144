//! PostgreSQL's own load generator with statements of Coffer's: no HTTP, no authentication, no
//! encryption. What it logs of each transaction is turned into a report like that of a load.

use crate::args::{Args, Result};
use crate::latency::Latencies;
use crate::machine;
use crate::statements::Script;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The options of `pgbench`.
pub const OPTIONS: &[&str] = &[
    "program",
    "address",
    "clients",
    "warm-ms",
    "measure-ms",
    "scripts",
    "operations",
    "protocol",
];

/// The file with the constants of a directory of scripts, `name=value` on each line.
const CONSTANTS: &str = "constants";

/// How the files begin that pgbench writes.
const LOG: &str = "transactions";

/// Writes scripts and their constants into the new directory `to`.
pub fn write(scripts: &[Script], to: &Path) -> Result<()> {
    let inner = || -> std::io::Result<()> {
        fs::create_dir_all(to)?;
        // What several scripts have in common is there once.
        let mut constants = BTreeSet::new();
        for (number, script) in scripts.iter().enumerate() {
            fs::write(to.join(format!("{number}.sql")), &script.text)?;
            constants
                .extend(script.constants.iter().map(|(name, value)| format!("{name}={value}\n")));
        }
        fs::write(to.join(CONSTANTS), constants.into_iter().collect::<String>())
    };
    inner().map_err(|error| format!("cannot write scripts to {}: {error}", to.display()))
}

/// Runs the scripts of a directory in random order, and prints what came of it.
pub fn main(args: &Args) -> Result<()> {
    let directory: PathBuf = args.required("scripts")?;
    let (warm, measure): (u64, u64) = (args.required("warm-ms")?, args.required("measure-ms")?);
    run(args, &directory, Duration::from_millis(warm + measure))?;
    let text = |error: std::io::Error| format!("cannot read what pgbench logged: {error}");
    let mut all = Vec::new();
    for entry in fs::read_dir(&directory).map_err(text)? {
        let path = entry.map_err(text)?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(LOG)) {
            all.extend(fs::read_to_string(&path).map_err(text)?.lines().filter_map(transaction));
            fs::remove_file(&path).map_err(text)?;
        }
    }
    let operations: u64 = args.required("operations")?;
    let begun = all.iter().map(|one| one.begun).min().ok_or("pgbench did nothing")?;
    let from = begun + warm * 1000;
    let until = from + measure * 1000;
    let mut latencies = Latencies::new()?;
    let inside = all.iter().filter(|one| (from..until).contains(&one.ended));
    inside.for_each(|one| latencies.record(Duration::from_micros(one.ended - one.begun)));
    // How long an operation took is only known where it is a transaction of its own.
    let quantile = |rank| if operations == 1 { latencies.quantile(rank) } else { 0 };
    let done: f64 = all.iter().map(|one| one.share(from, until)).sum::<f64>() * operations as f64;
    crate::print(
        &json!({
            "requests": all.len() as u64 * operations,
            "rate": done / (measure as f64 / 1e3),
            "p50_ns": quantile(500),
            "p99_ns": quantile(990),
            "cpu_seconds": machine::family_cpu_seconds(std::process::id())?,
        })
        .to_string(),
    )
}

/// Runs pgbench. By the protocol `extended`, which poolers in transaction mode pass on, each
/// statement is parsed, bound and executed without a name; by `prepared` each is parsed once.
fn run(args: &Args, directory: &Path, time: Duration) -> Result<()> {
    let program: PathBuf = args.required("program")?;
    let constants = fs::read_to_string(directory.join(CONSTANTS))
        .map_err(|error| format!("cannot read the scripts' constants: {error}"))?;
    let mut command = Command::new(&program);
    command.args(["--no-vacuum", "--jobs=1", "--log"]);
    command.args(["--protocol", &args.required::<String>("protocol")?]);
    command.arg("--log-prefix").arg(directory.join(LOG));
    command.args(["--client", &args.required::<String>("clients")?]);
    command.args(["--time", &time.as_secs_f64().ceil().to_string()]);
    for constant in constants.lines() {
        command.args(["--define", constant]);
    }
    for number in 0.. {
        let script = directory.join(format!("{number}.sql"));
        if !script.exists() {
            break;
        }
        command.arg("--file").arg(script);
    }
    command.arg(args.required::<String>("address")?).stdin(Stdio::null());
    let output =
        command.output().map_err(|error| format!("cannot run {}: {error}", program.display()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("pgbench: {}", String::from_utf8_lossy(&output.stderr)))
}

/// When a transaction began and ended, in microseconds of the time of day.
#[derive(Debug, PartialEq, Eq)]
struct Transaction {
    begun: u64,
    ended: u64,
}

/// A line of pgbench's log: client, number, microseconds that it took, script, and when it ended in
/// seconds and microseconds.
fn transaction(line: &str) -> Option<Transaction> {
    let numbers: Vec<u64> = line.split(' ').map_while(|field| field.parse().ok()).collect();
    let [_, _, took, _, seconds, micros] = *numbers.get(..6)? else { return None };
    let ended = seconds * 1_000_000 + micros;
    Some(Transaction { begun: ended.checked_sub(took)?, ended })
}

impl Transaction {
    /// The share of it that lies between two moments: one of many operations is rarely all inside.
    fn share(&self, from: u64, until: u64) -> f64 {
        let inside = self.ended.min(until).saturating_sub(self.begun.max(from));
        inside as f64 / (self.ended - self.begun).max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_shares_add_up() {
        let one = transaction("3 17 2500 99 1700000000 1000").unwrap();
        assert_eq!(one.ended - one.begun, 2500);
        assert_eq!(transaction("3 17 failed 99 1700000000 1000"), None);
        let one = Transaction { begun: 100, ended: 300 };
        assert_eq!(one.share(0, 1000), 1.0);
        assert_eq!(one.share(150, 200), 0.25);
        assert_eq!(one.share(200, 1000), 0.5);
        assert_eq!(one.share(300, 1000), 0.0);
    }
}
