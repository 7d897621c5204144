//! The table that is printed at the end, and the list of what was to be reached.

use crate::slice::Figure;

/// One comparison.
pub struct Line {
    /// What was done, and against what.
    pub what: String,
    /// Connections of the load generator; sets to a commit for the loops.
    pub connections: u64,
    /// Coffer's figure.
    pub coffer: Figure,
    /// The figure that it is held against.
    pub baseline: Figure,
    /// The ratio that is to be reached.
    pub target: Option<f64>,
}

/// Something to be reached that is not a ratio of rates.
pub struct Check {
    /// What it is, with its unit.
    pub what: String,
    /// What was measured.
    pub value: f64,
    /// The largest value that is good enough.
    pub at_most: f64,
}

impl Check {
    /// Whether it was reached.
    pub fn met(&self) -> bool {
        self.value <= self.at_most
    }
}

impl Line {
    /// Coffer's rate as a share of the baseline's.
    pub fn ratio(&self) -> f64 {
        self.coffer.rate / self.baseline.rate.max(f64::MIN_POSITIVE)
    }

    /// Whether the target was reached; without one, always.
    pub fn met(&self) -> bool {
        self.target.is_none_or(|target| self.ratio() >= target)
    }

    fn cells(&self) -> Vec<String> {
        // A baseline may not know how long each of its operations took.
        let pair = |figure: &Figure| match figure.p99 {
            0.0 => String::new(),
            p99 => format!("{:.2} / {p99:.2}", figure.p50),
        };
        let target = self.target.map_or(String::new(), |target| {
            format!(">= {target:.2} {}", if self.met() { "reached" } else { "MISSED" })
        });
        vec![
            self.what.clone(),
            self.connections.to_string(),
            thousands(self.coffer.rate),
            thousands(self.baseline.rate),
            format!("{:.2}", self.ratio()),
            target,
            pair(&self.coffer),
            pair(&self.baseline),
            format!("{:.0} / {:.0}", self.coffer.memory, self.baseline.memory),
        ]
    }
}

const HEADS: [&str; 9] = [
    "Coffer against",
    "conns",
    "Coffer/s",
    "other/s",
    "ratio",
    "to reach",
    "p50/p99 ms",
    "other p50/p99 ms",
    "MiB both",
];

/// The table of all lines.
pub fn table(lines: &[Line]) -> String {
    let mut rows = vec![HEADS.iter().map(|&head| head.to_owned()).collect::<Vec<_>>()];
    rows.extend(lines.iter().map(Line::cells));
    let widths: Vec<usize> = (0..HEADS.len())
        .map(|at| rows.iter().filter_map(|row| row.get(at)).map(String::len).max().unwrap_or(0))
        .collect();
    rows.iter().map(|row| aligned(row, &widths)).collect::<Vec<_>>().join("\n")
}

/// One row: the first column to the left, the others to the right.
pub fn aligned(row: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (at, (cell, &width)) in row.iter().zip(widths).enumerate() {
        match at {
            0 => line.push_str(&format!("{cell:<width$}")),
            _ => line.push_str(&format!("  {cell:>width$}")),
        }
    }
    line
}

/// The list of checks, one on a line.
pub fn checks(checks: &[Check]) -> String {
    let line = |check: &Check| {
        let verdict = if check.met() { "reached" } else { "MISSED" };
        format!("{verdict}  {}: {:.2} (to reach: <= {:.2})", check.what, check.value, check.at_most)
    };
    checks.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// A rate with three digits or in thousands.
pub fn thousands(rate: f64) -> String {
    if rate < 1000.0 { format!("{rate:.0}") } else { format!("{:.1}k", rate / 1000.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(coffer: f64, other: f64, target: Option<f64>) -> Line {
        let figure = |rate| Figure { rate, p50: 1.0, p99: 2.0, memory: 3.0 };
        Line {
            what: "find".into(),
            connections: 64,
            coffer: figure(coffer),
            baseline: figure(other),
            target,
        }
    }

    #[test]
    fn a_missed_target_is_said_aloud() {
        assert!(line(50.0, 100.0, Some(0.5)).met());
        assert!(!line(49.0, 100.0, Some(0.5)).met());
        let text = table(&[line(49_000.0, 100_000.0, Some(0.5)), line(1.0, 1.0, None)]);
        assert!(text.contains("MISSED") && text.contains("49.0k") && text.contains("0.49"));
        assert_eq!(text.lines().count(), 3);
        let widths: Vec<usize> = text.lines().map(str::len).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{text}");
    }

    #[test]
    fn a_check_holds_on_its_bound() {
        let check = |value| Check { what: "x".into(), value, at_most: 4.0 };
        assert!(check(4.0).met() && !check(4.1).met());
        assert!(checks(&[check(4.0), check(5.0)]).contains("MISSED"));
    }
}
