//! `coffer backup restore`.

use super::super::args::RestoreArgs;
use super::super::exit::{Exit, Failure};
use super::super::output::{self, Output};
use super::progress::Bar;
use super::runs::record_restore;
use super::{inputs, step_document, step_lines};
use crate::cli::runtime::Runtime;
use crate::cli::table::time;
use crate::config::{Config, HEAD_FILE};
use coffer::assemble::Database;
use coffer::backup::{RestoreOptions, Restored, restore};
use coffer_base::{Clock, SystemClock};
use serde_json::json;

/// Puts backups in the place of a store.
///
/// # Errors
/// If the stores are PostgreSQL databases, if the place is in use or not empty, or if a backup
/// cannot be used.
pub(super) fn run(config: &Config, args: &RestoreArgs, output: Output) -> Result<Exit, Failure> {
    if let Database::Postgres { .. } = config.database()? {
        return Err(Failure::failed(
            "a PostgreSQL database is restored with PostgreSQL's own tools; `coffer backup \
             verify` then verifies it",
        ));
    }
    let options = RestoreOptions {
        from: inputs(&args.from)?,
        data_dir: config.data_dir(),
        key_dir: config.key_dir(),
        move_aside: args.move_aside,
        now: SystemClock.now(),
    };
    let mut bar = Bar::default();
    let mut on_progress = |step: &str, done, all| bar.update(step, done, all);
    let restored = Runtime::new()?.block_on(async {
        let restored = restore(&options, &mut on_progress).await;
        if let Ok(Restored { parts, .. }) = &restored
            && let [(header, _), ..] = parts.as_slice()
        {
            record_restore(config, &header.set).await;
        }
        restored
    });
    bar.clear();
    let restored = restored?;
    let moved = restored.moved.iter().map(
        |(from, to)| json!({ "from": from.display().to_string(), "to": to.display().to_string() }),
    );
    let parts = restored.parts.iter().map(|(header, to)| {
        json!({
            "contents": header.contents.as_str(),
            "store": header.store,
            "created": header.created,
            "file": to.display().to_string(),
        })
    });
    let document = json!({
        "restored": parts.collect::<Vec<_>>(),
        "moved": moved.collect::<Vec<_>>(),
        "steps": step_document(&restored.steps),
    });
    output.show(&document, |_| lines(&restored))?;
    if !output.is_json() {
        output::note("\nRun `coffer doctor` before a server is started.");
        if let Some(head) = config.path(&HEAD_FILE) {
            output::note(&format!(
                "The head file {} knows of a later state: start the server once with \
                 --accept-rollback.",
                head.display()
            ));
        }
    }
    Ok(Exit::Done)
}

fn lines(restored: &Restored) -> String {
    let mut lines = Vec::new();
    for (header, to) in &restored.parts {
        let made = time(header.created);
        lines.push(format!("{}: {}, as it was at {made}", header.contents, to.display()));
    }
    for (from, to) in &restored.moved {
        lines.push(format!("moved aside: {} to {}", from.display(), to.display()));
    }
    lines.extend(step_lines(&restored.steps));
    lines.join("\n")
}
