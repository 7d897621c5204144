//! Charges under an active plan, beside the loop that writes the same rows.

use super::super::{CONNECTIONS, FILL_CONNECTIONS, Run, authorize};
use super::{plan, row_counts, verified};
use crate::args::Result;
use crate::coffer::{Coffer, Writer};
use crate::rows::{self, charge_rows};
use crate::slice::{self, Figure, Slice};
use std::collections::BTreeMap;

/// Charges that are stored before the first slice, so that each account has some.
const FIRST_CHARGES: u64 = 4000;

/// The share of the loop's rate that is to be reached.
const SHARE: f64 = 0.40;

impl Run {
    pub(super) fn intake(&mut self) -> Result<()> {
        let mut coffer = self.new_store("charges")?;
        for account in coffer.account_names()? {
            plan(&coffer, &account)?;
        }
        coffer.stored = self.fill_charges(&coffer)?;
        let each = charge_rows(&rows::open(&coffer.data_file())?)?;
        self.notes.push(format!(
            "one charge under one active plan adds {}, and changes a row of ledger, \
             ledger_balance and event_sequence",
            each.iter()
                .map(|(table, rows)| format!("{rows} {table}"))
                .collect::<Vec<_>>()
                .join(", ")
        ));
        let (first, before) = (coffer.stored, row_counts(&coffer.data_file())?);
        for connections in CONNECTIONS {
            let (mut ours, mut other, mut groups) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..self.settings.rounds {
                let (slice, writer) = self.charges(&coffer, connections)?;
                coffer.stored = slice.next;
                other.push(self.rows_loop(&coffer, "charges", "charge", &slice, writer)?);
                groups.push(writer.group());
                ours.push(slice);
            }
            self.group_note("charge", connections, groups, &ours);
            let (figure, other) = (Figure::of(&ours), Figure::of(&other));
            self.line("charge, plan: loop, same rows", connections, figure, other, Some(SHARE));
        }
        self.verify_growth(&coffer, &before, &each, coffer.stored - first)?;
        self.notes.push(verified(&coffer)?);
        coffer.stop()
    }

    /// A slice of charges that are new, and what the writer did meanwhile. Never measured again:
    /// its rows are there, and the baseline follows them.
    fn charges(&mut self, coffer: &Coffer, conns: u64) -> Result<(Slice, Writer)> {
        let mut load = self.timed("charge", coffer.port, conns);
        load.args(["--first", &coffer.stored.to_string()]);
        authorize(&mut load, coffer);
        let before = coffer.writer()?;
        let slice = slice::measure(&mut load, &coffer.pids()?, &self.directory)?;
        let writer = coffer.writer()?.since(before);
        self.check_writer(&slice, writer, slice.next - coffer.stored)?;
        Ok((slice, writer))
    }

    /// The first charges, so many at a time as share commits best.
    fn fill_charges(&mut self, coffer: &Coffer) -> Result<u64> {
        let mut load = self.load("charge", coffer.port, FILL_CONNECTIONS);
        load.args(["--count", &FIRST_CHARGES.to_string()]);
        authorize(&mut load, coffer);
        let slice = slice::measure(&mut load, &coffer.pids()?, &self.directory)?;
        Ok(slice.next)
    }

    /// Compares the growth of every table with the charges that were acknowledged: what the loop
    /// writes for each of them, and nothing else.
    fn verify_growth(
        &mut self,
        coffer: &Coffer,
        before: &BTreeMap<String, u64>,
        each: &[(&str, u64)],
        charges: u64,
    ) -> Result<()> {
        for (table, now) in row_counts(&coffer.data_file())? {
            let grown = now - before.get(&table).copied().unwrap_or(0);
            let of_one = each.iter().find(|(name, _)| *name == table).map_or(0, |(_, rows)| *rows);
            if grown != of_one * charges {
                return Err(format!(
                    "{charges} charges were acknowledged, each with {of_one} rows of {table}, \
                     which grew by {grown}"
                ));
            }
        }
        self.notes.push(format!(
            "verified: {charges} charges acknowledged; every table grew by just as many times the \
             rows of one"
        ));
        Ok(())
    }
}
