//! `coffer migrate`: migrates PostgreSQL databases in two halves, between which servers of two
//! versions run side by side.

use super::args::Migrate;
use super::exit::{Exit, Failure};
use super::output::Output;
use super::setup;
use crate::config::Config;
use coffer::assemble::{self, Database};
use coffer_base::{Clock, SystemClock};
use coffer_storage::MigrationReport;
use serde_json::{Value, json};

/// Applies one half of the pending migrations.
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
    let reports = setup::runtime()?.block_on(async {
        match verb {
            Migrate::Up => assemble::expand(&database, SystemClock.now()).await,
            Migrate::Finish => assemble::finish(&database).await,
        }
    })?;
    output.show(&document(&reports), |_| lines(&reports, verb))?;
    Ok(Exit::Done)
}

fn document(reports: &[MigrationReport]) -> Value {
    let applied = reports.iter().flat_map(|report| &report.applied);
    let applied = applied
        .map(|one| json!({ "component": one.component, "version": one.version, "name": one.name }));
    json!({ "applied": applied.collect::<Vec<_>>() })
}

fn lines(reports: &[MigrationReport], verb: &Migrate) -> String {
    let applied = reports.iter().flat_map(|report| &report.applied);
    let mut lines: Vec<String> =
        applied.map(|one| format!("{} {}  {}", one.component, one.version, one.name)).collect();
    lines.push(match (lines.is_empty(), verb) {
        (true, _) => "nothing to do".to_owned(),
        (false, Migrate::Up) => {
            "Servers of this version can be started beside those of the version before. Once none \
             of those runs any more: coffer migrate finish"
                .to_owned()
        }
        (false, Migrate::Finish) => "servers of the version before are refused now".to_owned(),
    });
    lines.join("\n")
}
