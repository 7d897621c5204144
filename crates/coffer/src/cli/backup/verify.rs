//! `coffer backup verify` and `coffer drill`.

use super::super::args::{DrillArgs, VerifyBackupArgs};
use super::super::exit::{Exit, Failure};
use super::super::output::Output;
use super::super::{keyring, setup, table};
use super::plan::{plan, scratch};
use super::progress::Bar;
use super::runs::{About, record};
use super::{inputs, step_document, step_lines};
use crate::cli::runtime::Runtime;
use crate::cli::table::time;
use crate::config::Config;
use coffer::assemble::Database;
use coffer::backup::{Plan, Verified, VerifyOptions, verify, verify_databases};
use coffer_keyring::RunKind;
use serde_json::{Map, Value, json};

/// Verifies backups, or databases that were restored from some.
///
/// # Errors
/// If a backup cannot be used, or if there is no root key to open it with.
pub(super) fn run(
    config: &Config,
    args: &VerifyBackupArgs,
    output: Output,
) -> Result<Exit, Failure> {
    let installation = setup::production(config)?;
    let is_shared = matches!(installation.database, Database::Postgres { .. });
    let verified = Runtime::new()?.block_on(async {
        if is_shared && args.from.is_empty() {
            return Ok::<_, Failure>(verify_databases(&installation).await?);
        }
        let mut from = args.from.clone();
        if from.is_empty() {
            from = plan(config).directories();
        }
        if from.is_empty() {
            return Err(Failure::usage("name a backup, or set backup_to"));
        }
        let scratch = scratch(config, args.scratch.as_ref());
        let from = inputs(&from)?;
        let options = VerifyOptions { from, installation, scratch, export: None };
        let mut bar = Bar::default();
        let verified = verify(options, &mut |step, done, all| bar.update(step, done, all)).await;
        bar.clear();
        Ok(verified?)
    })?;
    report(&verified, output)
}

/// Restores the newest backup into a place of its own, verifies it, and records what came of it.
///
/// # Errors
/// If there is no backup, or if it cannot be used.
pub fn drill(config: &Config, args: &DrillArgs, output: Output) -> Result<Exit, Failure> {
    let mut plan = plan(config);
    if let [first, rest @ ..] = args.from.as_slice() {
        plan = Plan { to: Some(first.clone()), more: rest.to_vec(), ..plan };
    }
    if args.with.is_some() {
        plan.drill_command.clone_from(&args.with);
    }
    plan.scratch = Some(scratch(config, args.scratch.as_ref()));
    let installation = setup::production(config)?;
    let export = match &args.keyring {
        Some(path) => Some(keyring::exported(config, path, args.passphrase.as_deref())?),
        None => None,
    };
    Runtime::new()?.block_on(async {
        let mut bar = Bar::default();
        let mut on_progress = |step: &str, done, all| bar.update(step, done, all);
        let drilled = plan.drill(installation, export, &mut on_progress).await;
        bar.clear();
        let outcome = match &drilled {
            Ok(verified) => verified.outcome(),
            Err(error) => Err(error.to_string()),
        };
        let is_good = outcome.is_ok();
        let headers = drilled.as_ref().map(|verified| verified.headers.as_slice());
        let set = headers.ok().and_then(<[_]>::first).map(|header| header.set.clone());
        let about = About { set: set.unwrap_or_default(), keys: None };
        record(config, RunKind::Drill, outcome, about).await;
        let exit = report(&drilled?, output)?;
        Ok(if is_good { exit } else { Exit::Failed })
    })
}

fn report(verified: &Verified, output: Output) -> Result<Exit, Failure> {
    output.show(&document(verified), |_| lines(verified))?;
    Ok(if verified.problems.is_empty() { Exit::Done } else { Exit::Failed })
}

fn document(verified: &Verified) -> Value {
    let backups = verified.headers.iter().map(|header| {
        json!({
            "contents": header.contents.as_str(),
            "store": header.store,
            "set": header.set,
            "created": header.created,
            "bytes": header.bytes,
            "rows": header.rows.values().sum::<u64>(),
        })
    });
    let counts = |counts: &[(&'static str, u64)]| {
        let counts = counts.iter().map(|(name, count)| ((*name).to_owned(), json!(count)));
        Value::Object(counts.collect::<Map<_, _>>())
    };
    let found = verified.examination.as_ref();
    json!({
        "ok": verified.problems.is_empty(),
        "backups": backups.collect::<Vec<_>>(),
        "store": found.map(|found| &found.store),
        "opened": found.map(|found| counts(&found.opened)),
        "destroyed": found.map(|found| found.destroyed),
        "identities": found.map(|found| found.identities),
        "outdated": found.map(|found| found.outdated),
        "audited": found.map(|found| found.audited),
        "books": found.map(|found| counts(&found.books)),
        "data_head": found.map(|found| found.heads.0.sequence),
        "keys_head": found.map(|found| found.heads.1.sequence),
        "problems": verified.problems,
        "steps": step_document(&verified.steps),
    })
}

fn lines(verified: &Verified) -> String {
    let mut lines = Vec::new();
    for header in &verified.headers {
        let rows: u64 = header.rows.values().sum();
        let (contents, made) = (header.contents, time(header.created));
        lines.push(format!("{contents} of {}, made at {made}: {rows} rows", header.store));
    }
    if let Some(found) = &verified.examination {
        let named = |counts: &[(&'static str, u64)]| {
            let named = counts.iter().map(|(name, count)| format!("{count} {name}"));
            named.collect::<Vec<_>>().join(", ")
        };
        lines.push(format!("opened: {}", named(&found.opened)));
        let (identities, audited) = (found.identities, found.audited);
        let books = named(&found.books);
        lines.push(format!("checked: {identities} identities, {audited} audit entries, {books}"));
        let (data, keys) = &found.heads;
        lines.push(format!("heads: data {}, keys {}", data.sequence, keys.sequence));
        if found.destroyed > 0 {
            let text = "tenants' records open for nobody any more: their keys were destroyed";
            lines.push(format!("{} {text}", found.destroyed));
        }
        if found.outdated > 0 {
            let text = "keys, apps or accounts were revoked or changed after the data was copied";
            lines.push(format!("{} {text}", found.outdated));
        }
    } else {
        lines.push("nothing was opened: that takes a backup of the data, and the keys".to_owned());
    }
    lines.extend(step_lines(&verified.steps));
    let problems = verified.problems.iter();
    lines.extend(problems.map(|problem| format!("FAIL  {}", table::plain(problem))));
    if verified.problems.is_empty() {
        lines.push("ok".to_owned());
    }
    lines.join("\n")
}
