//! The table that is printed at the end.

use crate::goal;
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
}

impl Line {
    /// Coffer's rate as a share of the baseline's.
    pub fn ratio(&self) -> f64 {
        goal::ratio(self.coffer.rate, self.baseline.rate)
    }

    fn cells(&self) -> Vec<String> {
        // A baseline may not know how long each of its operations took.
        let pair = |figure: &Figure| match figure.p99 {
            0.0 => String::new(),
            p99 => format!("{:.2} / {p99:.2}", figure.p50),
        };
        vec![
            self.what.clone(),
            self.connections.to_string(),
            thousands(self.coffer.rate),
            thousands(self.baseline.rate),
            format!("{:.2}", self.ratio()),
            pair(&self.coffer),
            pair(&self.baseline),
            format!("{:.0} / {:.0}", self.coffer.cpu, self.baseline.cpu),
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
    "p50/p99 ms",
    "other p50/p99 ms",
    "CPU us both",
    "MiB both",
];

/// The table of all lines.
pub fn table(lines: &[Line]) -> String {
    let mut rows = vec![HEADS.map(str::to_owned).to_vec()];
    rows.extend(lines.iter().map(Line::cells));
    in_columns(&rows)
}

/// Rows whose columns stand below each other.
pub fn in_columns(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |at| rows.iter().filter_map(|row| row.get(at)).map(String::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    rows.iter().map(|row| aligned(row, &widths)).collect::<Vec<_>>().join("\n")
}

/// One row: the first column to the left, the others to the right.
fn aligned(row: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (at, (cell, &width)) in row.iter().zip(widths).enumerate() {
        match at {
            0 => line.push_str(&format!("{cell:<width$}")),
            _ => line.push_str(&format!("  {cell:>width$}")),
        }
    }
    line
}

/// A rate with three digits or in thousands.
pub fn thousands(rate: f64) -> String {
    if rate < 1000.0 { format!("{rate:.0}") } else { format!("{:.1}k", rate / 1000.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let figure = |rate| Figure { rate, p50: 1.0, p99: 2.0, memory: 3.0, cpu: 20.4 };
        let line = |what: &str, other| Line {
            what: what.into(),
            connections: 64,
            coffer: figure(49_000.0),
            baseline: other,
        };
        let text = table(&[
            line("find", figure(100_000.0)),
            line("set: a long name", Figure { p99: 0.0, ..figure(1.0) }),
        ]);
        assert!(text.contains("49.0k") && text.contains("0.49") && text.contains("20 / 20"));
        assert_eq!(text.lines().count(), 3);
        let widths: Vec<usize> = text.lines().map(str::len).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{text}");
    }
}
