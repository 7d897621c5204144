//! `coffer migrate-store`: from files to PostgreSQL, and back.

use super::args::MigrateStore;
use super::exit::{Exit, Failure};
use super::install;
use super::output::{self, Output};
use crate::config::Config;
use coffer::assemble::{AssembleOptions, Database, RootSource};
use coffer::moving::{self, Moved, Step};
use coffer_storage::{PostgresOptions, Progress};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Moves a store.
///
/// # Errors
/// If the two places do not fit, or the move is refused or cut; run again, it goes on.
pub fn run(config: &Config, wanted: &MigrateStore, output: Output) -> Result<Exit, Failure> {
    let from = side(config, "from", &wanted.from, wanted.from_keys.as_deref())?;
    let to = side(config, "to", &wanted.to, wanted.to_keys.as_deref())?;
    let mut bar = Bar::default();
    let mut tell = |step: Step, progress: Option<&Progress>| bar.tell(step, progress);
    let moved = install::runtime()?.block_on(moving::run(&from, &to, &mut tell));
    bar.clear();
    let moved = moved?;
    output.show(&document(&moved), lines)?;
    if !output.is_json() {
        output::note(
            "\nThe store was moved as it is, with its id; the root key stays where it was. The \
             source was left as it is: take it away once you no longer need it.",
        );
    }
    Ok(Exit::Done)
}

/// One side of the move.
fn side(
    config: &Config,
    name: &str,
    place: &str,
    keys: Option<&str>,
) -> Result<AssembleOptions, Failure> {
    let wrong = |why: &str| Failure::usage(format!("--{name}: {why}"));
    let mut options = install::options(config, RootSource::Beside, true)?;
    if let Some(directory) = place.strip_prefix("sqlite:") {
        if keys.is_some() {
            return Err(wrong("a directory has its keys in it"));
        }
        options.data_dir = PathBuf::from(directory);
    } else {
        let keys = keys.ok_or_else(|| wrong(&format!("--{name}-keys is missing")))?;
        let postgres = |url: &str| -> Result<PostgresOptions, Failure> {
            if PostgresOptions::has_password(url) {
                return Err(wrong(
                    "others can read a password there; put it into COFFER_DATABASE_PASSWORD_FILE \
                     or into the file that PGPASSFILE names",
                ));
            }
            let parsed = PostgresOptions::parse(url, &config.passwords()?);
            parsed.map_err(|error| wrong(&error.to_string()))
        };
        options.database = Database::Postgres { data: postgres(place)?, keys: postgres(keys)? };
    }
    // The root key of developer mode lies in the directory that its store is in.
    options.root = config.root_source()?;
    options.developer = false;
    Ok(options)
}

/// What is shown while it works, on a terminal.
#[derive(Default)]
struct Bar {
    shown: Option<(Step, String, ProgressBar)>,
}

impl Bar {
    fn tell(&mut self, step: Step, progress: Option<&Progress>) {
        let table = progress.map(|progress| progress.table.as_str()).unwrap_or_default();
        let same = |(of, on, _): &(Step, String, ProgressBar)| *of == step && on == table;
        if !self.shown.as_ref().is_some_and(same) {
            self.clear();
            let bar = ProgressBar::new(progress.map_or(0, |progress| progress.total));
            let style = ProgressStyle::with_template("{msg:40} {bar:30} {human_pos}/{human_len}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_message(format!("{step} {table}"));
            self.shown = Some((step, table.to_owned(), bar));
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

fn document(moved: &Moved) -> Value {
    let opened = moved.opened.iter().map(|(what, count)| (what.to_string(), json!(count)));
    json!({
        "store": moved.store_id,
        "rows": moved.data,
        "key_rows": moved.keys,
        "opened": opened.collect::<serde_json::Map<_, _>>(),
    })
}

fn lines(moved: &Value) -> String {
    let mut lines = vec![format!("moved and compared: {}", moved["store"].as_str().unwrap_or(""))];
    for of in ["rows", "key_rows"] {
        let tables = moved[of].as_object().into_iter().flatten();
        let tables = tables.filter(|(_, rows)| **rows != json!(0));
        lines.extend(tables.map(|(table, rows)| format!("{:>10}  {table}", rows.to_string())));
    }
    let opened = moved["opened"].as_object().into_iter().flatten();
    let opened = opened.map(|(what, count)| format!("{:>10}  {what} opened", count.to_string()));
    lines.extend(opened);
    lines.join("\n")
}
