//! `coffer doctor`: what could go wrong, found before it does.
//!
//! It changes nothing and needs no server; beside a running one it reads the stores.

mod checks;
mod databases;
mod keys;

use super::exit::{Exit, Failure};
use super::output::Output;
use super::{install, table};
use crate::config::Config;
use coffer::assemble::{DATA_FILE, Database};
use serde_json::{Value, json};

/// How a check came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and somebody should look at it.
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
/// If the findings cannot be printed.
pub fn run(config: &Config, output: Output) -> Result<Exit, Failure> {
    let data_dir = config.data_dir();
    let mut findings = Vec::new();
    if let Database::Postgres { data, keys } = config.database()? {
        findings.extend(install::runtime()?.block_on(databases::stores(config, data, keys)));
    } else if data_dir.join(DATA_FILE).exists() {
        findings.extend(checks::modes(&data_dir));
        findings.push(checks::flushing(&data_dir));
        findings.push(checks::space(&data_dir));
        findings.extend(install::runtime()?.block_on(keys::stores(config, &data_dir)));
    } else {
        findings.push(Finding::fail(
            "store",
            format!("there is no store in {}", data_dir.display()),
            "make one with `coffer init`, or say where it is with --data-dir",
        ));
    }
    let failed = findings.iter().any(|finding| finding.verdict == Verdict::Fail);
    let json = json!({
        "ok": !failed,
        "checks": findings.iter().map(Finding::json).collect::<Vec<_>>(),
    });
    output.show(&json, |_| lines(&findings))?;
    Ok(if failed { Exit::Failed } else { Exit::Done })
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
