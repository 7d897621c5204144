//! `coffer migrate`: migrates PostgreSQL databases in two halves, between which servers of two
//! versions run side by side, and spreads one over many servers.

use super::args::Migrate;
use super::exit::{Exit, Failure};
use super::output::Output;
use super::runtime::Runtime;
use super::waiting::Waiting;
use crate::config::Config;
use coffer::assemble::{self, Database};
use coffer::family_set::FamilySet;
use coffer_base::{Clock, SystemClock};
use coffer_storage::MigrationReport;
use serde_json::{Value, json};

/// Applies one half of the pending migrations, or spreads the data.
///
/// # Errors
/// If the stores are files, which `coffer serve` migrates itself, or if a migration fails.
pub fn run(config: &Config, verb: &Migrate, output: Output) -> Result<Exit, Failure> {
    let database = config.database()?;
    if matches!(database, Database::Embedded) {
        return Err(Failure::usage(
            "this is for PostgreSQL (--database, --key-database): stores in files are brought up \
             to date when the server starts"
                .to_owned(),
        ));
    }
    let runtime = Runtime::new()?;
    let waiting = Waiting::begin("changing the schemas…");
    let (reports, next) = match verb {
        Migrate::Distribute { dry_run } => {
            let families = FamilySet::default();
            let distribution = assemble::distribute(&database, &families, *dry_run);
            let statements = runtime.block_on(distribution)?;
            drop(waiting);
            output.show(&json!({ "statements": statements }), |_| distributed(&statements))?;
            return Ok(Exit::Done);
        }
        Migrate::Up => (
            runtime.block_on(assemble::expand(&database, SystemClock.now()))?,
            "Servers of this version can be started beside those of the version before. Once none \
             of those runs any more: coffer migrate finish",
        ),
        Migrate::Finish => (
            runtime.block_on(assemble::finish(&database, SystemClock.now()))?,
            "servers of the version before are refused now",
        ),
    };
    drop(waiting);
    output.show(&document(&reports), |_| lines(&reports, next))?;
    Ok(Exit::Done)
}

/// The statements that were run, or would be.
fn distributed(statements: &[String]) -> String {
    if statements.is_empty() {
        return "nothing to do: every table is where it belongs".to_owned();
    }
    statements.iter().map(|statement| format!("{statement};")).collect::<Vec<_>>().join("\n")
}

fn document(reports: &[MigrationReport]) -> Value {
    let applied = reports.iter().flat_map(|report| &report.applied);
    let applied = applied
        .map(|one| json!({ "component": one.component, "version": one.version, "name": one.name }));
    json!({ "applied": applied.collect::<Vec<_>>() })
}

fn lines(reports: &[MigrationReport], next: &str) -> String {
    let applied = reports.iter().flat_map(|report| &report.applied);
    let mut lines: Vec<String> =
        applied.map(|one| format!("{} {}  {}", one.component, one.version, one.name)).collect();
    let next = if lines.is_empty() { "nothing to do" } else { next };
    lines.push(next.to_owned());
    lines.join("\n")
}
