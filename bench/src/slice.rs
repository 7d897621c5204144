//! One measurement: a child process under watch, and the medians of several.

use crate::args::Result;
use crate::child::{Child, pause};
use crate::machine::{self, Disk};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Share of the machine's processors that others may take before a slice is measured again.
pub const FOREIGN_SHARE: f64 = 0.05;

/// How often the server's memory is looked at.
const WATCH_EVERY: Duration = Duration::from_millis(50);

/// What one run of a load or of a baseline came to.
#[derive(Clone, Debug, Default)]
pub struct Slice {
    /// Requests that were measured.
    pub requests: u64,
    /// The number of the next secret that has not been set.
    pub next: u64,
    /// Requests a second.
    pub rate: f64,
    /// Median latency in milliseconds.
    pub p50: f64,
    /// 99th percentile of the latency in milliseconds.
    pub p99: f64,
    /// Longest latency in milliseconds.
    pub longest: f64,
    /// Requests that were not answered as expected, in a load that tolerates that.
    pub refused: u64,
    /// Largest resident memory of the server (or of the loop) that was seen, in MiB.
    pub memory: f64,
    /// Processor time of the servers (or of the loop) for each request, in microseconds, in user
    /// and kernel mode.
    pub cpu: f64,
    /// Share of the machine's processor time that went to others.
    pub foreign: f64,
    /// Transactions, where the process counted them.
    pub commits: u64,
    /// Flushes of the disk meanwhile, if they can be seen.
    pub flushes: Option<u64>,
}

/// Runs `command`, which prints a report, and watches `servers` meanwhile: the memory of the first,
/// and what all of them take of the processors.
pub fn measure(command: &mut Command, servers: &[u32], disk: &Path) -> Result<Slice> {
    let before = Before::take(servers, disk)?;
    let mut process =
        command.stdout(Stdio::piped()).spawn().map_err(|error| format!("no load: {error}"))?;
    let mut memory = 0;
    while process.try_wait().map_err(|error| error.to_string())?.is_none() {
        if let Some(pid) = servers.first() {
            memory = memory.max(machine::resident_kib(*pid)?.0);
        }
        pause(WATCH_EVERY);
    }
    let output = process.wait_with_output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err("a load or a baseline failed; what it said stands above".to_owned());
    }
    let report: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("a load did not report: {error}"))?;
    let number = |name: &str| report.get(name).and_then(Value::as_f64).unwrap_or(0.0);
    let count = |name: &str| report.get(name).and_then(Value::as_u64).unwrap_or(0);
    let flushes = match (machine::disk(disk)?, before.disk) {
        (Some(now), Some(then)) => Some(now.since(then).flushes),
        _ => None,
    };
    let requests = count("requests");
    let (busy, answered) = match servers {
        [] => (number("measured_cpu_seconds"), requests),
        _ => (before.servers(servers)?, count("answered").max(requests)),
    };
    Ok(Slice {
        requests,
        cpu: busy * 1e6 / answered.max(1) as f64,
        next: count("next"),
        rate: number("rate"),
        p50: number("p50_ns") / 1e6,
        p99: number("p99_ns") / 1e6,
        longest: number("max_ns") / 1e6,
        refused: count("refused"),
        memory: memory.max(count("resident_kib")) as f64 / 1024.0,
        foreign: before.foreign_share(number("cpu_seconds"), servers)?,
        commits: count("commits"),
        flushes,
    })
}

/// The counters at the start of a slice.
struct Before {
    begun: Instant,
    busy: f64,
    ours: f64,
    servers: f64,
    disk: Option<Disk>,
}

impl Before {
    fn take(servers: &[u32], disk: &Path) -> Result<Self> {
        Ok(Self {
            begun: Instant::now(),
            busy: busy()?,
            ours: ours(servers)?,
            servers: family(servers)?,
            disk: machine::disk(disk)?,
        })
    }

    /// Processor seconds of the servers since then.
    fn servers(&self, servers: &[u32]) -> Result<f64> {
        Ok(family(servers)? - self.servers)
    }

    /// The share of all processors that went neither to us nor to our children since then.
    fn foreign_share(&self, child: f64, servers: &[u32]) -> Result<f64> {
        let cores = std::thread::available_parallelism().map_or(1.0, |count| count.get() as f64);
        let foreign = (busy()? - self.busy) - (ours(servers)? - self.ours) - child;
        Ok((foreign / (self.begun.elapsed().as_secs_f64() * cores)).max(0.0))
    }
}

fn busy() -> Result<f64> {
    machine::busy_seconds().map(|(processes, stolen)| processes + stolen)
}

fn ours(servers: &[u32]) -> Result<f64> {
    Ok(machine::own_cpu_seconds()? + family(servers)?)
}

fn family(servers: &[u32]) -> Result<f64> {
    servers.iter().try_fold(0.0, |sum, pid| Ok(sum + machine::family_cpu_seconds(*pid)?))
}

/// A server that is measured beside Coffer.
pub struct Server {
    /// Its process.
    pub child: Child,
    /// Where it listens.
    pub port: u16,
}

/// What several slices came to: medians, and the largest memory.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Requests a second.
    pub rate: f64,
    /// Median latency in milliseconds.
    pub p50: f64,
    /// 99th percentile of the latency in milliseconds.
    pub p99: f64,
    /// Resident memory in MiB.
    pub memory: f64,
    /// Processor time for each request in microseconds.
    pub cpu: f64,
}

impl Figure {
    /// The medians of `slices`, each taken by itself.
    pub fn of(slices: &[Slice]) -> Self {
        let of = |value: fn(&Slice) -> f64| median(slices.iter().map(value).collect());
        Self {
            rate: of(|slice| slice.rate),
            p50: of(|slice| slice.p50),
            p99: of(|slice| slice.p99),
            cpu: of(|slice| slice.cpu),
            memory: slices.iter().map(|slice| slice.memory).fold(0.0, f64::max),
        }
    }

    /// The same where each request did something so many times: how often that was done, and what
    /// it cost. The latencies are still those of requests.
    pub fn of_each(self, times: u64) -> Self {
        let times = times as f64;
        Self { rate: self.rate * times, cpu: self.cpu / times, ..self }
    }
}

/// The middle one, or the lower of the two in the middle; 0 of none.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_a_value_that_was_measured() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.0);
        assert_eq!(median(vec![]), 0.0);
    }

    #[test]
    fn a_figure_takes_each_median_by_itself() {
        let slice = |rate, p99, memory| Slice { rate, p99, memory, ..Slice::default() };
        let figure =
            Figure::of(&[slice(1.0, 9.0, 5.0), slice(2.0, 7.0, 6.0), slice(3.0, 8.0, 4.0)]);
        assert_eq!((figure.rate, figure.p99, figure.memory), (2.0, 8.0, 6.0));
    }
}
