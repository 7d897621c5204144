//! The parts of a run that ask what size costs: memory, starts, and a hundred times the secrets.

use super::{Run, STARTS, authorize, wait_for};
use crate::args::Result;
use crate::child::{Child, free_port};
use crate::coffer::Coffer;
use crate::slice::{self, Figure, Server};
use crate::table::{Check, Line, thousands};
use std::process::{Command, Stdio};

/// Connections in these parts.
const CONNECTIONS: u64 = 64;

impl Run {
    /// Resident memory while finds and sets come in together.
    pub(super) fn memory(&mut self, coffer: &mut Coffer) -> Result<()> {
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
        self.checks.push(Check {
            what: format!("MiB resident under finds and sets, {} secrets", coffer.stored),
            value: slice.memory,
            at_most: 64.0,
        });
        coffer.stored = slice.next;
        Ok(())
    }

    /// Time from the start of the process to the first secret that it gives out.
    pub(super) fn starts(&mut self, coffer: &mut Coffer) -> Result<()> {
        let mut times = Vec::new();
        for _ in 0..STARTS {
            coffer.stop()?;
            times.push(coffer.start()?.as_secs_f64() * 1e3);
        }
        let longest = times.iter().copied().fold(0.0, f64::max);
        self.checks.push(Check {
            what: format!(
                "ms from start to the first find with {} secrets, longest of {STARTS} (median \
                 {:.0})",
                coffer.stored,
                slice::median(times)
            ),
            value: longest,
            at_most: 100.0,
        });
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
            (what("find"), &finds.0, &finds.1, Some(0.75)),
            (what("set"), &sets.0, &sets.1, Some(0.40)),
            (
                format!("find, {} secrets: bare axum", thousands(stored as f64)),
                &finds.0,
                &bare,
                None,
            ),
        ];
        self.lines.extend(rows.map(|(what, ours, other, target)| Line {
            what,
            connections: CONNECTIONS,
            coffer: Figure::of(ours),
            baseline: Figure::of(other),
            target,
        }));
        Ok(())
    }

    /// Redis with a flush for each turn of its loop, if it is installed.
    pub(super) fn redis(&mut self) -> Result<()> {
        let port = free_port()?;
        let directory = self.directory.join("redis");
        std::fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
        command.args(["--appendonly", "yes", "--appendfsync", "always", "--dir"]);
        command.arg(&directory).stdout(Stdio::null());
        let Ok(child) = Child::spawn(&mut command) else {
            self.notes.push("Redis is not installed, so it was not measured".to_owned());
            return Ok(());
        };
        wait_for(port)?;
        let (pid, mut first) = (child.pid(), 0);
        for connections in super::CONNECTIONS {
            let mut sets = self.timed("redis-set", port, connections);
            sets.args(["--first", &first.to_string()]);
            let set = slice::measure(&mut sets, &[pid], &self.directory)?;
            first = set.next;
            let mut gets = self.timed("redis-get", port, connections);
            gets.args(["--stored", &first.to_string()]);
            let get = slice::measure(&mut gets, &[pid], &self.directory)?;
            for (verb, other) in [("find", get), ("set", set)] {
                let begins = format!("{verb}:");
                let ours = self
                    .lines
                    .iter()
                    .find(|line| line.connections == connections && line.what.starts_with(&begins));
                let Some(coffer) = ours.map(|line| line.coffer.clone()) else { continue };
                let what = format!("{verb}: Redis, appendfsync always (for information)");
                self.line(&what, connections, coffer, Figure::of(&[other]), None);
            }
        }
        child.stop()
    }
}
