//! Finds with each way in which the audit records them: not at all, in batches behind the answers,
//! and before each answer.

use super::{BUSIEST, Run};
use crate::args::Result;
use crate::coffer::Coffer;
use crate::slice::{Figure, Slice};

/// What `audit_reads` can be, and what a find is then to reach of its rate without it.
const WAYS: [(&str, f64); 2] = [("relaxed", 0.9), ("strict", 0.3)];

/// The way that the others are held against.
const OFF: &str = "off";

/// What is to be reached on an engine, as the lines name it.
pub(super) fn goals(engine: &str) -> [(String, f64); WAYS.len()] {
    let what = |way| format!("find, {engine}: audit_reads={way} beside off");
    WAYS.map(|(way, least)| (what(way), least))
}

impl Run {
    /// One store, whose server is started anew for each slice, in turns.
    pub(super) fn audited_finds(&mut self, engine: &str, coffer: &mut Coffer) -> Result<()> {
        let mut slices = [const { Vec::new() }; WAYS.len()];
        let mut off = Vec::new();
        for _ in 0..self.settings.rounds {
            off.push(self.audited_find(OFF, coffer)?);
            for ((way, _), slices) in WAYS.iter().zip(&mut slices) {
                slices.push(self.audited_find(way, coffer)?);
            }
        }
        coffer.audit_reads = None;
        let off = Figure::of(&off);
        for ((what, least), slices) in goals(engine).into_iter().zip(&slices) {
            self.line(&what, BUSIEST, Figure::of(slices), off.clone(), Some(least));
        }
        Ok(())
    }

    fn audited_find(&mut self, way: &'static str, coffer: &mut Coffer) -> Result<Slice> {
        coffer.stop()?;
        coffer.audit_reads = Some(way);
        coffer.start()?;
        self.find(None, coffer, BUSIEST)
    }
}
