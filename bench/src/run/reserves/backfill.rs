//! A whole history of one account, told by `coffer ledger import` from a file.

use super::super::Run;
use super::verified;
use crate::args::Result;
use crate::child::pause;
use crate::coffer::Coffer;
use crate::goal::Bound;
use crate::machine;
use crate::page;
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Minutes that a history of a million transactions may take.
const MINUTES: f64 = 10.0;

/// The history that these minutes are for.
const MILLION: f64 = 1e6;

/// MiB by which the memory of a process may grow once a tenth of the time has passed: a process
/// that kept twenty bytes of each transaction of a million would grow by more.
const GROWTH: f64 = 16.0;

/// How often both processes are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Resident memory of the server and of the import at one moment, in MiB.
#[derive(Clone, Copy, Default)]
struct Memory {
    after: Duration,
    server: f64,
    import: f64,
}

impl Run {
    pub(super) fn backfill(&mut self) -> Result<()> {
        let told = self.settings.told;
        let mut coffer = self.new_store("backfill")?;
        let account = coffer.account_names()?.into_iter().next().ok_or("there is no account")?;
        let file = self.directory.join("history.jsonl");
        page::write_history(&file, told)?;
        let begun = Instant::now();
        let seen = import(&coffer, &account, &file, told)?;
        let took = begun.elapsed();
        std::fs::remove_file(&file).map_err(|error| error.to_string())?;
        let first = seen.iter().find(|memory| memory.after >= took / 10);
        let (first, last) =
            (first.copied().unwrap_or_default(), seen.last().copied().unwrap_or_default());
        let highest = |of: fn(&Memory) -> f64| seen.iter().map(of).fold(0.0, f64::max);
        let seconds = took.as_secs_f64();
        self.notes.push(format!(
            "coffer ledger import told {told} transactions of one account from a file in \
             {seconds:.1} s ({:.0}/s), each page on the disk before the next; resident after a \
             tenth of the time, at the end and at most: the server {:.0}, {:.0}, {:.0} MiB, the \
             import {:.0}, {:.0}, {:.0} MiB",
            told as f64 / seconds,
            first.server,
            last.server,
            highest(|memory| memory.server),
            first.import,
            last.import,
            highest(|memory| memory.import),
        ));
        let most = MINUTES * told as f64 / MILLION;
        let what = format!("minutes for a history of {told} transactions");
        self.goal(&what, Some(seconds / 60.0), Bound::AtMost(most));
        for (who, grown) in
            [("server", last.server - first.server), ("import", last.import - first.import)]
        {
            let what = format!("MiB by which the {who} grew over nine tenths of the history");
            self.goal(&what, Some(grown), Bound::AtMost(GROWTH));
        }
        self.notes.push(verified(&coffer)?);
        coffer.stop()
    }
}

/// Imports a file, and answers what both processes had in memory meanwhile.
fn import(coffer: &Coffer, account: &str, file: &Path, told: u64) -> Result<Vec<Memory>> {
    let server = coffer.pid()?;
    let begun = Instant::now();
    let mut process = coffer
        .import(account, file)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run coffer ledger import: {error}"))?;
    let mut seen = Vec::new();
    let mib = |(now, _): (u64, u64)| now as f64 / 1024.0;
    while process.try_wait().map_err(|error| error.to_string())?.is_none() {
        // Between these two looks it may have ended.
        if let Ok(import) = machine::resident_kib(process.id()) {
            let server = mib(machine::resident_kib(server)?);
            seen.push(Memory { after: begun.elapsed(), server, import: mib(import) });
        }
        pause(LOOK_EVERY);
    }
    let output = process.wait_with_output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let found: Value = serde_json::from_str(&said)
        .map_err(|error| format!("coffer ledger import did not print JSON: {error}: {said}"))?;
    match found.get("recorded").and_then(Value::as_u64) {
        Some(recorded) if output.status.success() && recorded == told => Ok(seen),
        _ => Err(format!("coffer ledger import did not tell {told} transactions: {said}")),
    }
}
