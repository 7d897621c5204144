//! What a run has done, in numbers.

use std::collections::BTreeMap;
use std::fmt;

/// How often what happened.
#[derive(Clone, Default)]
pub struct Report(BTreeMap<&'static str, u64>);

impl Report {
    pub fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    pub fn add(&mut self, other: &Self) {
        for (what, times) in &other.0 {
            *self.0.entry(what).or_default() += times;
        }
    }

    /// The row of `docs/durability.md`: crashes, acknowledged writes, and what was lost.
    pub fn summary(&self) -> String {
        let crashes = self.0.iter().filter(|(what, _)| what.starts_with("crashes"));
        let crashes: u64 = crashes.map(|(_, times)| times).sum();
        let (seeds, writes) = (self.of("seeds"), self.of("acknowledged writes"));
        format!(
            "simulated power failures and torn writes, {seeds} seeds | {crashes} | {writes} | 0"
        )
    }

    pub fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(what, times)| writeln!(f, "{times:>9} {what}"))
    }
}
