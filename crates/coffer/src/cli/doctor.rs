//! `coffer doctor`: checks the stores, the keys and the machine.
//!
//! It changes nothing, and works with or without a running server. What it saves of a damaged store
//! goes into a directory of its own.

mod clock;
mod databases;
mod files;
mod machine;
mod repair;
mod root_key;
mod runs;

pub use repair::repair;

use super::exit::{Exit, Failure};
use super::output::Output;
use super::runtime::Runtime;
use super::table;
use crate::config::Config;
use coffer::assemble::{DATA_FILE, Database, KEYS_FILE};
use coffer::store_place;
use serde_json::{Value, json};

/// The result of a check.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and should be changed.
    Warn,
    /// It does not work.
    Fail,
}

/// What a check found.
pub struct Finding {
    check: &'static str,
    verdict: Verdict,
    /// What was found.
    found: String,
    /// What to do; empty if nothing.
    advice: String,
}

impl Finding {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Ok, found: found.into(), advice: String::new() }
    }

    fn warn(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        let (found, advice) = (found.into(), advice.into());
        Self { check, verdict: Verdict::Warn, found, advice }
    }

    fn fail(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        let (found, advice) = (found.into(), advice.into());
        Self { check, verdict: Verdict::Fail, found, advice }
    }

    fn json(&self) -> Value {
        let verdict = match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        };
        json!({
            "check": self.check,
            "verdict": verdict,
            "found": self.found,
            "advice": self.advice,
        })
    }
}

/// Runs all checks; [`Exit::Failed`] if one fails.
///
/// # Errors
/// If the configuration does not say where the stores are, or if the findings cannot be printed.
pub fn run(config: &Config, output: Output) -> Result<Exit, Failure> {
    let findings = check(config)?;
    let failed = findings.iter().any(|finding| finding.verdict == Verdict::Fail);
    let json = json!({
        "ok": !failed,
        "checks": findings.iter().map(Finding::json).collect::<Vec<_>>(),
    });
    output.show(&json, |_| lines(&findings))?;
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

fn check(config: &Config) -> Result<Vec<Finding>, Failure> {
    let data_dir = config.data_dir();
    if let Database::Postgres { data, keys } = config.database()? {
        let mut findings = Runtime::new()?.block_on(databases::check(config, data, keys));
        findings.push(machine::descriptors());
        return Ok(findings);
    }
    if let Err(why) = store_place::find(&data_dir) {
        return Ok(vec![Finding::fail("store", why.to_string(), "")]);
    }
    let databases = [data_dir.join(DATA_FILE), config.key_dir().join(KEYS_FILE)];
    let mut findings = machine::modes(&databases);
    findings.push(machine::writable(&databases));
    findings.push(machine::fsync(&data_dir));
    findings.push(machine::space(&data_dir));
    findings.push(machine::descriptors());
    findings.extend(Runtime::new()?.block_on(files::check(config, &data_dir)));
    Ok(findings)
}

fn lines(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.check.len()).max().unwrap_or_default();
    let lines = findings.iter().map(|finding| {
        let verdict = match finding.verdict {
            Verdict::Ok => "ok  ",
            Verdict::Warn => "WARN",
            Verdict::Fail => "FAIL",
        };
        let mut line =
            format!("{verdict}  {:<width$}  {}", finding.check, table::plain(&finding.found));
        if !finding.advice.is_empty() {
            line.push_str(&format!("\n      {:<width$}  {}", "", table::plain(&finding.advice)));
        }
        line
    });
    lines.collect::<Vec<_>>().join("\n")
}
