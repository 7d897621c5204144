//! `coffer backup` and `coffer drill`: copies of stores, and whether they can be restored.

mod create;
mod plan;
mod progress;
mod restore;
mod runs;
mod schedule;
mod verify;

pub use plan::scheduled;
pub use verify::drill;

use super::args::Backup;
use super::exit::{Exit, Failure};
use super::output::Output;
use crate::config::Config;
use coffer::backup::{Input, Step, newest_set};
use coffer_base::{Clock, SystemClock};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Runs a verb of `coffer backup`.
///
/// # Errors
/// If there is no store or no backup, or if something cannot be read or written.
pub fn run(config: &Config, verb: &Backup, output: Output) -> Result<Exit, Failure> {
    match verb {
        Backup::Create(args) => create::run(config, args, output),
        Backup::Verify(args) => verify::run(config, args, output),
        Backup::Restore(args) => restore::run(config, args, output),
        Backup::Schedule => schedule::run(config, output),
    }
}

/// The backups that the arguments name; of directories, the newest set.
fn inputs(from: &[PathBuf]) -> Result<Vec<Input>, Failure> {
    let (directories, files): (Vec<_>, Vec<_>) = from.iter().partition(|path| path.is_dir());
    let input = |path: &PathBuf| match path.as_os_str().to_str() {
        Some("-") => Input::Stdin,
        _ => Input::File(path.clone()),
    };
    let mut inputs: Vec<Input> = files.into_iter().map(input).collect();
    if !directories.is_empty() {
        let directories: Vec<PathBuf> = directories.into_iter().cloned().collect();
        inputs.extend(newest_set(&directories, SystemClock.now())?);
    }
    Ok(inputs)
}

/// Steps as a document: names with milliseconds.
fn step_document(steps: &[Step]) -> Value {
    let steps = steps.iter().map(|step| {
        json!({ "step": step.name, "milliseconds": u64::try_from(step.took.as_millis()).ok() })
    });
    steps.collect()
}

/// Steps as lines.
fn step_lines(steps: &[Step]) -> impl Iterator<Item = String> {
    steps.iter().map(|step| format!("{:>9.3} s  {}", step.took.as_secs_f64(), step.name))
}
