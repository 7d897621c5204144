//! Finds at full load while all keys rotate, beside finds alone.

use super::{BUSIEST, Run};
use crate::args::Result;
use crate::coffer::Coffer;
use crate::goal::{self, Bound};
use crate::slice::{self, Slice};

/// How many times as long as alone the 99th percentile of a find may be.
const TIMES_ALONE: f64 = 2.0;

impl Run {
    /// A store of its own, since a rotation has an end.
    pub fn rotation(&mut self) -> Result<()> {
        let directory = self.directory.join("rotated");
        let mut coffer = Coffer::create(&self.settings.coffer, &directory)?;
        self.fill(&mut coffer, self.settings.small, true)?;
        let alone = self.finds_of(&coffer)?;
        coffer.rotate()?;
        let beside = self.finds_of(&coffer)?;
        let resealed = coffer.is_rotating()?;
        let resealed = resealed.ok_or("the rotation ended before the finds; try --small")?;
        let p99 = |slices: &[Slice]| slice::median(slices.iter().map(|one| one.p99).collect());
        let (alone, beside) = (p99(&alone), p99(&beside));
        self.notes.push(format!(
            "find at {BUSIEST} connections: p99 {alone:.2} ms alone, {beside:.2} ms while keys \
             rotate; {resealed} records of {} secrets were sealed anew meanwhile",
            coffer.stored
        ));
        let what = "find's p99 while keys rotate: alone";
        self.goal(what, Some(goal::ratio(beside, alone)), Bound::AtMost(TIMES_ALONE));
        self.note_disturbances();
        coffer.stop()
    }

    fn finds_of(&mut self, coffer: &Coffer) -> Result<Vec<Slice>> {
        (0..self.settings.rounds).map(|_| self.find(None, coffer, BUSIEST)).collect()
    }
}
