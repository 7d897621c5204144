//! What came of the parts: a table with the minutes of each, the failures, and a closing line.

use crate::step::Outcome;
use std::fmt;
use std::time::Duration;

/// The results so far, in the order in which the parts ran.
#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
    whole: Duration,
}

struct Row {
    name: &'static str,
    took: Duration,
    outcome: Outcome,
}

impl Report {
    /// Notes how a part ended.
    pub fn add(&mut self, name: &'static str, took: Duration, outcome: Outcome) {
        self.rows.push(Row { name, took, outcome });
    }

    /// Notes how long the run took: less than its parts together, of which two run at a time.
    pub fn took(&mut self, whole: Duration) {
        self.whole = whole;
    }

    /// Whether the part of that name has run and failed.
    pub fn failed(&self, name: &str) -> bool {
        self.rows.iter().any(|row| row.name == name && row.outcome.is_err())
    }

    /// Whether at least one part has run and none has failed.
    pub fn passed(&self) -> bool {
        !self.rows.is_empty() && self.rows.iter().all(|row| row.outcome.is_ok())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{:20} {:>7}  result", "part", "minutes")?;
        for row in &self.rows {
            let result = if row.outcome.is_ok() { "passed" } else { "FAILED" };
            writeln!(f, "{:20} {:>7.1}  {result}", row.name, minutes(row.took))?;
        }
        writeln!(f, "{:20} {:>7.1}\n", "all", minutes(self.whole))?;
        for row in &self.rows {
            if let Err(message) = &row.outcome {
                writeln!(f, "{}: {message}", row.name)?;
            }
        }
        let failed = self.rows.iter().filter(|row| row.outcome.is_err()).count();
        write!(f, "{} passed, {failed} failed", self.rows.len() - failed)
    }
}

fn minutes(time: Duration) -> f64 {
    time.as_secs_f64() / 60.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_and_the_last_line_counts() {
        let mut report = Report::default();
        assert!(!report.passed(), "a run of nothing proves nothing");
        report.add("format", Duration::from_secs(6), Ok(()));
        assert!(report.passed());
        report.add("clippy", Duration::from_secs(90), Err("one warning".to_owned()));
        assert!(!report.passed() && report.failed("clippy") && !report.failed("format"));
        report.took(Duration::from_secs(93));
        let text = report.to_string();
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(
            lines,
            [
                "part                 minutes  result",
                "format                   0.1  passed",
                "clippy                   1.5  FAILED",
                "all                      1.6",
                "",
                "clippy: one warning",
                "1 passed, 1 failed",
            ]
        );
    }
}
