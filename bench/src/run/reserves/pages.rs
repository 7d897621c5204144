//! Pages of a processor's transactions, beside the loop that writes the same rows.

use super::super::{Run, authorize};
use super::verified;
use crate::args::Result;
use crate::coffer::{Coffer, Writer};
use crate::page::PAGE;
use crate::slice::{self, Figure, Slice};

/// Accounts that take turns. Few, since what a page writes is learned by looking at all that was
/// written so far, and a history is told account by account anyway.
const ACCOUNTS: usize = 8;

/// Pages that are stored before the first slice.
const FIRST_PAGES: u64 = 100;

/// One connection, as a feeder has, and as many as share commits.
const CONNECTIONS: [u64; 2] = [1, 16];

/// What transactions are to reach of the rate of the loop.
const LEAST: f64 = 0.5;

impl Run {
    /// How many transactions a second are told in pages, each page one transaction of the store.
    pub(super) fn pages(&mut self) -> Result<()> {
        let mut coffer = self.new_store("pages")?;
        coffer.keep_accounts(ACCOUNTS)?;
        for account in coffer.account_names()? {
            coffer.post(&account, "/v1/ledger/settings", &[("intake", "transactions")])?;
        }
        self.send(&mut coffer, "page", ACCOUNTS as u64, false)?;
        let written = self.written(&mut coffer, "page", false)?;
        let missing = FIRST_PAGES.saturating_sub(coffer.stored);
        self.send(&mut coffer, "page", missing, false)?;
        let (first, before) = (coffer.stored, written.counts(&coffer)?);
        for connections in CONNECTIONS {
            let (mut ours, mut same, mut groups) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..self.settings.rounds {
                let (slice, writer) = self.page_slice(&mut coffer, connections)?;
                same.push(self.rows_loop(&coffer, &written.unit, &slice, writer)?);
                groups.push(writer.group());
                ours.push(slice);
            }
            self.group_note("page", connections, groups, &ours);
            let figure = |slices: &[Slice]| Figure::of(slices).of_each(PAGE);
            let what = format!("transaction, pages of {PAGE}: loop, same rows");
            self.line(&what, connections, figure(&ours), figure(&same), Some(LEAST));
        }
        self.verify_growth(&coffer, &written, &before, coffer.stored - first, "pages")?;
        self.notes.push(verified(&coffer)?);
        coffer.stop()
    }

    /// A slice of pages that are new, and what the writer did meanwhile. Never measured again: its
    /// rows are there, and the baseline follows them.
    fn page_slice(&mut self, coffer: &mut Coffer, conns: u64) -> Result<(Slice, Writer)> {
        let before = coffer.writer()?;
        let mut load = self.timed("page", coffer.port, conns);
        load.args(["--first", &coffer.stored.to_string()]);
        authorize(&mut load, coffer);
        let slice = slice::measure(&mut load, &coffer.pids()?, &self.directory)?;
        let writer = coffer.writer()?.since(before);
        self.check_writer(&slice, writer, slice.next - coffer.stored)?;
        coffer.stored = slice.next;
        Ok((slice, writer))
    }
}
