//! `coffer backup schedule`: what the server does by itself, and what came of it.

use super::super::exit::{Exit, Failure};
use super::super::output::Output;
use super::plan::plan;
use super::runs::last_runs;
use crate::cli::runtime::Runtime;
use crate::cli::table::time;
use crate::config::Config;
use coffer::backup::Plan;
use coffer_base::{Clock, SystemClock, Timestamp};
use coffer_keyring::{LastRun, RunKind};
use serde_json::{Map, Value, json};

/// Shows it.
///
/// # Errors
/// If there is no key store, or if it cannot be read.
pub(super) fn run(config: &Config, output: Output) -> Result<Exit, Failure> {
    let plan = plan(config);
    let runs = Runtime::new()?.block_on(last_runs(config))?;
    let documents = runs
        .iter()
        .map(|(kind, last)| (kind.as_str().to_owned(), document(&plan, *kind, last.as_ref())));
    let directories = plan.directories();
    let directories: Vec<String> =
        directories.iter().map(|path| path.display().to_string()).collect();
    let mut whole: Map<String, Value> = documents.collect();
    whole.insert("directories".to_owned(), json!(directories));
    output.show(&Value::Object(whole), |_| {
        let lines = runs.iter().map(|(kind, last)| line(&plan, *kind, last.as_ref()));
        lines.collect::<Vec<_>>().join("\n")
    })?;
    Ok(Exit::Done)
}

fn document(plan: &Plan, kind: RunKind, last: Option<&LastRun>) -> Value {
    json!({
        "every": plan.every(kind),
        "due": plan.due(kind, last, SystemClock.now()).map(Timestamp::unix),
        "tried": last.map(|last| last.at.unix()),
        "ok": last.map(|last| last.is_good),
        "outcome": last.map(|last| &last.outcome),
        "succeeded": last.and_then(|last| last.succeeded).map(Timestamp::unix),
    })
}

fn line(plan: &Plan, kind: RunKind, last: Option<&LastRun>) -> String {
    let every = match plan.every(kind) {
        Some(every) => format!("every {every} s"),
        None => "not by schedule".to_owned(),
    };
    let last_one = match last {
        None => "never tried".to_owned(),
        Some(last) if last.is_good => {
            format!("succeeded at {}: {}", time(last.at.unix()), last.outcome)
        }
        Some(last) => format!("FAILED at {}: {}", time(last.at.unix()), last.outcome),
    };
    let due = match plan.due(kind, last, SystemClock.now()) {
        Some(due) if due.unix() == 0 => "; due now".to_owned(),
        Some(due) => format!("; due at {}", time(due.unix())),
        None => String::new(),
    };
    format!("{:6}  {every}; {last_one}{due}", kind.as_str())
}
