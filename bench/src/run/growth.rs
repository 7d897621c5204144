//! The parts of a run that ask what size costs: memory, starts, and a hundred times the secrets.

use super::{Run, STARTS, authorize};
use crate::args::Result;
use crate::child::Child;
use crate::coffer::Coffer;
use crate::goal::Bound;
use crate::slice::{self, Figure, Server, Slice};
use crate::table::thousands;
use std::process::Stdio;

/// Connections in these parts.
const CONNECTIONS: u64 = 64;

/// What may be resident, in MiB.
const MEMORY: f64 = 64.0;

/// How many milliseconds a start may take.
const START: f64 = 100.0;

/// What a large store is to reach of a small one's rate.
const FIND: f64 = 0.90;
const SET: f64 = 0.40;

impl Run {
    /// Resident memory while finds and sets come in together.
    pub(super) fn memory(&mut self, coffer: &mut Coffer) -> Result<()> {
        let slice = self.loaded(coffer)?;
        let what = format!("MiB resident under finds and sets, {} secrets", coffer.stored);
        self.goal(&what, Some(slice.memory), Bound::AtMost(MEMORY));
        Ok(())
    }

    /// A slice of sets beside which finds come in, with as many secrets as memory is measured at.
    pub(super) fn loaded(&mut self, coffer: &mut Coffer) -> Result<Slice> {
        self.fill(coffer, self.settings.memory_at, true)?;
        let mut finds = self.timed("find", coffer.port, CONNECTIONS / 2);
        finds.args(["--stored", &coffer.stored.to_string()]).stdout(Stdio::null());
        authorize(&mut finds, coffer);
        let mut sets = self.timed("set", coffer.port, CONNECTIONS / 2);
        sets.args(["--first", &coffer.stored.to_string()]);
        authorize(&mut sets, coffer);
        let finding = Child::spawn(&mut finds)?;
        let slice = slice::measure(&mut sets, &coffer.pids()?, &self.directory)?;
        finding.finish()?;
        coffer.stored = slice.next;
        Ok(slice)
    }

    /// Time from the start of the process to the first secret that it gives out.
    pub(super) fn starts(&mut self, coffer: &mut Coffer) -> Result<()> {
        let mut times = Vec::new();
        for _ in 0..STARTS {
            coffer.stop()?;
            times.push(coffer.start()?.as_secs_f64() * 1e3);
        }
        let longest = times.iter().copied().fold(0.0, f64::max);
        let what = format!(
            "ms from start to the first find with {} secrets, longest of {STARTS} (median {:.0})",
            coffer.stored,
            slice::median(times)
        );
        self.goal(&what, Some(longest), Bound::AtMost(START));
        Ok(())
    }

    /// The large store beside small ones that are made for the purpose, in turns.
    pub(super) fn growth(&mut self, axum: &Server, large: &mut Coffer) -> Result<()> {
        let (mut finds, mut sets) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
        let mut bare = Vec::new();
        let stored = large.stored;
        for round in 0..self.settings.rounds {
            let directory = self.directory.join(format!("small-{round}"));
            let mut small = Coffer::create(&self.settings.coffer, &directory)?;
            self.fill(&mut small, self.settings.small, true)?;
            bare.push(self.find(Some(axum), large, CONNECTIONS)?);
            finds.0.push(self.find(None, large, CONNECTIONS)?);
            finds.1.push(self.find(None, &small, CONNECTIONS)?);
            sets.0.push(self.set(large, CONNECTIONS, true)?.0);
            sets.1.push(self.set(&mut small, CONNECTIONS, true)?.0);
            small.stop()?;
        }
        let what = |verb: &str| {
            format!("{verb}, {} secrets: {}", thousands(stored as f64), self.settings.small)
        };
        let rows = [
            (what("find"), &finds.0, &finds.1, Some(FIND)),
            (what("set"), &sets.0, &sets.1, Some(SET)),
            (
                format!("find, {} secrets: bare axum", thousands(stored as f64)),
                &finds.0,
                &bare,
                None,
            ),
        ];
        for (what, ours, other, least) in rows {
            self.line(&what, CONNECTIONS, Figure::of(ours), Figure::of(other), least);
        }
        Ok(())
    }
}
