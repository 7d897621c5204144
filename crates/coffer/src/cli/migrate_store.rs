//! `coffer migrate-store`: moves a store from files to PostgreSQL, or back.

use super::args::MigrateStoreArgs;
use super::exit::{Exit, Failure};
use super::output::{self, Output};
use super::runtime::Runtime;
use super::setup;
use crate::config::{Config, at_home};
use coffer::assemble::{AssembleOptions, Database};
use coffer::store_transfer::{self, Phase, TransferReport};
use coffer_storage::{Passwords, PostgresOptions, Progress};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Moves a store.
///
/// # Errors
/// If a store is not described completely, or if the transfer is refused or interrupted; run
/// again, it continues.
pub fn run(config: &Config, args: &MigrateStoreArgs, output: Output) -> Result<Exit, Failure> {
    let from = location(config, "from", &args.from, args.from_keys.as_deref())?;
    let to = location(config, "to", &args.to, args.to_keys.as_deref())?;
    let mut bar = Bar::default();
    let mut on_progress = |phase: Phase, progress: Option<&Progress>| bar.update(phase, progress);
    let result = Runtime::new()?.block_on(store_transfer::run(&from, &to, &mut on_progress));
    bar.clear();
    output.show(&document(&result?), lines)?;
    if !output.is_json() {
        output::note(
            "\nThe store was moved as it is, with its id; the root key stays where it was. The \
             source was left as it is: take it away once you no longer need it.",
        );
    }
    Ok(Exit::Done)
}

/// The installation at one end of the transfer, as the flags `--NAME` and `--NAME-keys` describe
/// it.
fn location(
    config: &Config,
    name: &str,
    store: &str,
    keys: Option<&str>,
) -> Result<AssembleOptions, Failure> {
    let wrong = |why: &str| Failure::usage(format!("--{name}: {why}"));
    let root = config.root_source()?;
    match (store.strip_prefix("sqlite:"), keys) {
        (Some(of_data), keys) => {
            let directory = |text: &str| directory(text).map_err(|why| wrong(&why));
            let key_dir = match keys.map(|keys| keys.strip_prefix("sqlite:")) {
                None => None,
                Some(Some(of_keys)) => Some(directory(of_keys)?),
                Some(None) => return Err(wrong("the keys of files are in files: sqlite:DIR")),
            };
            let options = setup::options(config, Database::Embedded, root);
            Ok(AssembleOptions { data_dir: directory(of_data)?, key_dir, ..options })
        }
        (None, None) => Err(wrong(&format!("--{name}-keys is missing"))),
        (None, Some(keys)) => {
            let passwords = config.passwords()?;
            let postgres = |url| postgres(url, &passwords).map_err(|why| wrong(&why));
            let database = Database::Postgres { data: postgres(store)?, keys: postgres(keys)? };
            Ok(setup::options(config, database, root))
        }
    }
}

/// A directory, with the home directory for `~`: a shell leaves that alone behind `sqlite:`.
fn directory(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() {
        return Err("a directory is missing after sqlite:".to_owned());
    }
    at_home(text)
}

fn postgres(url: &str, passwords: &Passwords) -> Result<PostgresOptions, String> {
    if PostgresOptions::has_password(url) {
        return Err("others can read a password there; put it into \
                    COFFER_DATABASE_PASSWORD_FILE or into the file that PGPASSFILE names"
            .to_owned());
    }
    PostgresOptions::parse(url, passwords).map_err(|error| error.to_string())
}

/// The progress bar of the table in hand, on a terminal.
#[derive(Default)]
struct Bar {
    shown: Option<(Phase, String, ProgressBar)>,
}

impl Bar {
    fn update(&mut self, phase: Phase, progress: Option<&Progress>) {
        let table = progress.map(|progress| progress.table.as_str()).unwrap_or_default();
        let is_same = |(of, on, _): &(Phase, String, ProgressBar)| *of == phase && on == table;
        if !self.shown.as_ref().is_some_and(is_same) {
            self.clear();
            let bar = new_bar(phase, table, progress.map_or(0, |progress| progress.total));
            self.shown = Some((phase, table.to_owned(), bar));
        }
        if let (Some((_, _, bar)), Some(progress)) = (&self.shown, progress) {
            bar.set_position(progress.done);
        }
    }

    fn clear(&mut self) {
        if let Some((_, _, bar)) = self.shown.take() {
            bar.finish_and_clear();
        }
    }
}

fn new_bar(phase: Phase, table: &str, rows: u64) -> ProgressBar {
    let bar = ProgressBar::new(rows);
    let style = ProgressStyle::with_template("{msg:40} {bar:30} {human_pos}/{human_len}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(format!("{phase} {table}"));
    bar
}

fn document(report: &TransferReport) -> Value {
    let opened = report.opened.iter().map(|(what, count)| (what.to_string(), json!(count)));
    json!({
        "store": report.store_id,
        "rows": report.data,
        "key_rows": report.keys,
        "opened": opened.collect::<serde_json::Map<_, _>>(),
    })
}

fn lines(report: &Value) -> String {
    let mut lines = vec![format!("moved and compared: {}", report["store"].as_str().unwrap_or(""))];
    for of in ["rows", "key_rows"] {
        let tables = report[of].as_object().into_iter().flatten();
        let tables = tables.filter(|(_, rows)| **rows != json!(0));
        lines.extend(tables.map(|(table, rows)| format!("{:>10}  {table}", rows.to_string())));
    }
    let opened = report["opened"].as_object().into_iter().flatten();
    let opened = opened.map(|(what, count)| format!("{:>10}  {what} opened", count.to_string()));
    lines.extend(opened);
    lines.join("\n")
}
