//! Charges under an active plan, beside the loop that writes the same rows.

use super::super::{BUSIEST, CONNECTIONS, FILL_CONNECTIONS, Run, authorize};
use super::{plan, verified};
use crate::args::Result;
use crate::coffer::{ACCOUNTS, Coffer, Writer};
use crate::slice::{self, Figure, Slice};
use crate::unit::frozen;

/// Charges that are stored before the first slice, so that each account has some.
const FIRST_CHARGES: u64 = 4000;

/// What a charge is to reach of the rate of the loop with the same rows: where requests share
/// commits, and where few do.
const SHARED: f64 = 0.70;
const ALONE: f64 = 0.40;

/// How many times as long as a group of the loop the slowest hundredth of charges may take.
const P99: f64 = 2.5;

impl Run {
    pub(in super::super) fn intake(&mut self) -> Result<()> {
        let mut coffer = self.new_store("charges")?;
        for account in coffer.account_names()? {
            plan(&coffer, &account)?;
        }
        self.send(&mut coffer, "charge", ACCOUNTS as u64, true)?;
        let written = self.written(&mut coffer, "charge", true)?;
        let frozen = self.frozen("frozen-charges", frozen::CHARGE)?;
        self.fill_charges(&mut coffer)?;
        let (first, before) = (coffer.stored, written.counts(&coffer)?);
        for connections in CONNECTIONS {
            let (mut ours, mut same, mut old) = (Vec::new(), Vec::new(), Vec::new());
            let mut groups = Vec::new();
            for _ in 0..self.settings.rounds {
                let (slice, writer) = self.charges(&mut coffer, connections)?;
                same.push(self.rows_loop(&coffer, &written.unit, &slice, writer)?);
                old.push(self.rows_loop(&coffer, &frozen, &slice, writer)?);
                groups.push(writer.group());
                ours.push(slice);
            }
            self.group_note("charge", connections, groups, &ours);
            let (ours, same) = (Figure::of(&ours), Figure::of(&same));
            let what = "charge, plan: loop, same rows";
            let least = if connections == BUSIEST { SHARED } else { ALONE };
            if connections == BUSIEST {
                self.p99(what, connections, &ours, &same, P99);
            }
            self.line(what, connections, ours.clone(), same, Some(least));
            let what = "charge, plan: loop, rows of 0.1.0";
            self.line(what, connections, ours, Figure::of(&old), None);
        }
        self.verify_growth(&coffer, &written, &before, coffer.stored - first, "charges")?;
        self.notes.push(verified(&coffer)?);
        coffer.stop()
    }

    /// A slice of charges that are new, and what the writer did meanwhile. Never measured again:
    /// its rows are there, and the baseline follows them.
    fn charges(&mut self, coffer: &mut Coffer, conns: u64) -> Result<(Slice, Writer)> {
        let (before, mut next) = (coffer.writer()?, coffer.stored);
        let slice = self.charges_from(coffer, &mut next, conns)?;
        let writer = coffer.writer()?.since(before);
        self.check_writer(&slice, writer, next - coffer.stored)?;
        coffer.stored = next;
        Ok((slice, writer))
    }

    /// A slice of charges from number `next` on.
    pub(in super::super) fn charges_from(
        &mut self,
        coffer: &Coffer,
        next: &mut u64,
        conns: u64,
    ) -> Result<Slice> {
        let mut load = self.timed("charge", coffer.port, conns);
        load.args(["--first", &next.to_string()]);
        authorize(&mut load, coffer);
        let slice = slice::measure(&mut load, &coffer.pids()?, &self.directory)?;
        *next = slice.next;
        Ok(slice)
    }

    /// The first charges, so many at a time as share commits best.
    fn fill_charges(&mut self, coffer: &mut Coffer) -> Result<()> {
        let mut load = self.load("charge", coffer.port, FILL_CONNECTIONS);
        let missing = FIRST_CHARGES.saturating_sub(coffer.stored);
        load.args(["--first", &coffer.stored.to_string(), "--count", &missing.to_string()]);
        authorize(&mut load, coffer);
        let slice = slice::measure(&mut load, &coffer.pids()?, &self.directory)?;
        coffer.stored = slice.next;
        Ok(())
    }
}
