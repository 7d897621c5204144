//! `coffer audit verify`.

use super::checkpoints;
use crate::cli::args::VerifyArgs;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::Output;
use crate::cli::runtime::Runtime;
use crate::cli::{setup, table};
use crate::config::{AUDIT_ANCHOR, Config};
use coffer::audit::Anchor;
use coffer_audit::checkpoint::VerifierKey;
use coffer_audit::{Expected, OfflineVerifier, Report};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// Verifies the store's log, or an export of it; [`Exit::Failed`] if something is wrong.
///
/// # Errors
/// If there is no store, or if it cannot be read.
pub(super) fn run(config: &Config, args: &VerifyArgs, output: Output) -> Result<Exit, Failure> {
    let key = args.key.as_deref().map(str::parse::<VerifierKey>).transpose();
    let key = key.map_err(|error| Failure::usage(format!("--key: {error}")))?;
    let runtime = Runtime::new()?;
    if let Some(file) = &args.offline {
        let key = match key {
            Some(key) => key,
            None => runtime.block_on(async {
                let store = setup::open_read_only(config).await?;
                super::derived_key(config, &store).await
            })?,
        };
        return offline(file, key, output);
    }
    let report = runtime.block_on(async {
        let store = setup::open_read_only(config).await?;
        let anchors = anchors(config, args)?;
        let expected = match key {
            Some(key) => Expected::new(key, anchors),
            None => {
                let (key, mark) = super::known(config, &store).await?;
                Expected::new(key, anchors).beside(mark)
            }
        };
        let bar = new_bar();
        let on_progress = |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        };
        let report = coffer_audit::verify(&store, &expected, on_progress).await;
        bar.finish_and_clear();
        Ok::<_, Failure>(report?)
    })?;
    output.show(&document(&report), |_| lines(&report))?;
    Ok(if report.problems.is_empty() { Exit::Done } else { Exit::Failed })
}

/// The checkpoints that were anchored: in the files that are named, and in the file where a server
/// with this configuration puts them.
fn anchors(config: &Config, args: &VerifyArgs) -> Result<Vec<(String, String)>, Failure> {
    let mut files = args.anchored.clone();
    if let Ok(Anchor::File(path)) = config.text(&AUDIT_ANCHOR).parse()
        && path.exists()
    {
        files.push(path);
    }
    let mut anchors = Vec::new();
    for file in files {
        let place = file.display().to_string();
        let notes = checkpoints::in_file(&file)?.into_iter();
        anchors.extend(notes.map(|note| (place.clone(), note)));
    }
    Ok(anchors)
}

fn new_bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{msg:20} {bar:40} {human_pos}/{human_len}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message("verifying entries");
    bar
}

fn document(report: &Report) -> Value {
    let problems = report.problems.iter().map(ToString::to_string).collect::<Vec<_>>();
    json!({
        "ok": report.problems.is_empty(),
        "entries": report.size,
        "pruned": report.pruned,
        "pending": report.pending,
        "anchors": report.anchors,
        "problems": problems,
        "unnamed": report.unnamed,
    })
}

fn lines(report: &Report) -> String {
    let Report { size, pruned, pending, anchors, problems, unnamed } = report;
    let mut lines = vec![format!("{size} entries in the log, {pending} not in it yet")];
    if *pruned > 0 {
        lines.push(format!("entries up to {pruned} were pruned; their hashes are verified"));
    }
    if problems.is_empty() {
        lines.push("ok    every entry is as it was signed".to_owned());
    }
    if *anchors > 0 {
        lines.push(format!("ok    {anchors} anchored checkpoints are of this log"));
    }
    lines.extend(problems.iter().map(|one| format!("FAIL  {}", table::plain(&one.to_string()))));
    if *unnamed > 0 {
        lines.push(format!("FAIL  {unnamed} more entries are wrong"));
    }
    lines.join("\n")
}

/// Verifies an export.
fn offline(path: &Path, key: VerifierKey, output: Output) -> Result<Exit, Failure> {
    let name = path.display();
    let unreadable = |error: std::io::Error| Failure::failed(format!("{name}: {error}"));
    let file = File::open(path).map_err(unreadable)?;
    let bar = ProgressBar::new(file.metadata().map_or(0, |metadata| metadata.len()));
    let style = ProgressStyle::with_template("verifying {bar:40} {bytes}/{total_bytes}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut lines = BufReader::new(file);
    let (mut verifier, mut line, mut number) = (OfflineVerifier::new(key), String::new(), 0u64);
    let most = u64::try_from(coffer_audit::limits::EXPORT_LINE_BYTES).unwrap_or(u64::MAX);
    let verified = loop {
        line.clear();
        // A line that is longer than any is not read to its end.
        let read = lines.by_ref().take(most.saturating_add(2)).read_line(&mut line);
        let read = read.map_err(unreadable)?;
        if read == 0 {
            break verifier.finish().map_err(|error| error.to_string());
        }
        bar.inc(u64::try_from(read).unwrap_or(0));
        number = number.saturating_add(1);
        if let Err(error) = verifier.line(line.trim_end_matches('\n')) {
            break Err(format!("line {number}: {error}"));
        }
    };
    bar.finish_and_clear();
    let (json, text, exit) = match verified {
        Ok(tree) => {
            let text = format!("ok    every entry up to {} is as it was signed", tree.size);
            (json!({ "ok": true, "entries": tree.size }), text, Exit::Done)
        }
        Err(why) => {
            (json!({ "ok": false, "problems": [why] }), format!("FAIL  {why}"), Exit::Failed)
        }
    };
    output.show(&json, |_| text)?;
    Ok(exit)
}
