//! What the machine is and what it was doing, read from `/proc` and `/sys`: a figure without
//! these is no figure.

use crate::args::Result;
use crate::latency::Latencies;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Instant;

/// Clock ticks a second in `/proc`: 100 on every Linux that Rust supports.
const TICKS: f64 = 100.0;

/// Appends and flushes that are timed to learn the disk's speed.
const FLUSHES: usize = 400;

fn read(path: &str) -> Result<String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}"))
}

/// The value behind `name` and a colon in a file of such lines.
fn field<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim())
}

/// Processor, cores, memory and kernel, in one line.
pub fn description() -> Result<String> {
    let (cpu, memory) = (read("/proc/cpuinfo")?, read("/proc/meminfo")?);
    let model = field(&cpu, "model name").unwrap_or("unknown processor").to_owned();
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let kib: f64 = field(&memory, "MemTotal")
        .and_then(|text| text.split(' ').next()?.parse().ok())
        .unwrap_or(0.0);
    let kernel = read("/proc/sys/kernel/osrelease")?;
    let gib = kib / 1_048_576.0;
    Ok(format!("{model}, {cores} cores, {gib:.0} GiB, Linux {}", kernel.trim()))
}

/// Median and 99th percentile of appending 4 KiB and `fdatasync`, in microseconds.
pub fn flush_micros(directory: &Path) -> Result<(f64, f64)> {
    let path = directory.join("flush-probe");
    let mut latencies = Latencies::new()?;
    let mut inner = || -> std::io::Result<()> {
        let mut file = fs::File::create(&path)?;
        for number in 0..FLUSHES {
            let begun = Instant::now();
            file.write_all(&[number as u8; 4096])?;
            file.sync_data()?;
            latencies.record(begun.elapsed());
        }
        Ok(())
    };
    inner().map_err(|error| format!("cannot time the disk: {error}"))?;
    fs::remove_file(&path).map_err(|error| error.to_string())?;
    Ok((latencies.quantile(500) as f64 / 1e3, latencies.quantile(990) as f64 / 1e3))
}

/// Resident memory of a process in KiB: now, and at its highest.
pub fn resident_kib(pid: u32) -> Result<(u64, u64)> {
    let status = read(&format!("/proc/{pid}/status"))?;
    let kib = |name| field(&status, name).and_then(|text| text.split(' ').next()?.parse().ok());
    kib("VmRSS").zip(kib("VmHWM")).ok_or_else(|| format!("process {pid} has no memory figures"))
}

/// Processor seconds that a process and its children have used, in user and kernel mode, those
/// included that have ended.
pub fn family_cpu_seconds(pid: u32) -> Result<f64> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    // One that ends meanwhile is counted with its parent a moment later.
    let running = children.unwrap_or_default();
    let running = running.split_whitespace().filter_map(|child| {
        let stat = fs::read_to_string(format!("/proc/{child}/stat")).ok()?;
        process_cpu(&stat, ITSELF).ok()
    });
    let parent = process_cpu(&read(&format!("/proc/{pid}/stat"))?, AND_ENDED_CHILDREN)?;
    Ok(parent + running.sum::<f64>())
}

/// The same for this process alone.
pub fn own_cpu_seconds() -> Result<f64> {
    process_cpu(&read("/proc/self/stat")?, ITSELF)
}

/// How many of the times in a process's stat file are its own: in user and in kernel mode.
const ITSELF: usize = 2;

/// The same with those of its children that have ended.
const AND_ENDED_CHILDREN: usize = 4;

fn process_cpu(stat: &str, times: usize) -> Result<f64> {
    // The second field is a name in parentheses that may hold spaces; the rest is numbers.
    let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields = rest.split_whitespace().skip(11).take(times);
    let ticks: Vec<f64> = fields.filter_map(|field| field.parse().ok()).collect();
    if ticks.len() == times {
        Ok(ticks.iter().sum::<f64>() / TICKS)
    } else {
        Err("a process's stat file has no processor times".to_owned())
    }
}

/// Seconds that all processes of the machine have run, and that the host took for others.
/// Interrupts are counted in: the kernel charges them to the process that they interrupt, and
/// over loopback that is where much of a request's cost lies.
pub fn busy_seconds() -> Result<(f64, f64)> {
    let stat = read("/proc/stat")?;
    let numbers: Vec<f64> = stat
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(1)
        .filter_map(|text| text.parse().ok())
        .collect();
    let at = |index: usize| numbers.get(index).copied().unwrap_or(0.0);
    Ok(((at(0) + at(1) + at(2) + at(5) + at(6)) / TICKS, at(7) / TICKS))
}

/// What the device under a directory has done so far.
#[derive(Clone, Copy)]
pub struct Disk {
    /// Writes that were completed.
    pub writes: u64,
    /// Flushes of its cache that were completed.
    pub flushes: u64,
}

impl Disk {
    /// What was done since `earlier`.
    pub fn since(self, earlier: Self) -> Self {
        Self { writes: self.writes - earlier.writes, flushes: self.flushes - earlier.flushes }
    }
}

/// The counters of the device that holds `directory`; `None` where there is no such device
/// (memory and network file systems).
pub fn disk(directory: &Path) -> Result<Option<Disk>> {
    let device = fs::metadata(directory).map_err(|error| error.to_string())?.dev();
    // glibc's layout of a device number.
    let major = (device >> 8) & 0xfff;
    let minor = (device & 0xff) | ((device >> 12) & 0xffff_ff00);
    let node = format!("/sys/dev/block/{major}:{minor}");
    // Flushes are counted for the whole disk, not for its partitions.
    let whole = if Path::new(&node).join("partition").exists() { "/.." } else { "" };
    let Ok(stat) = fs::read_to_string(format!("{node}{whole}/stat")) else { return Ok(None) };
    let numbers: Vec<u64> = stat.split_whitespace().filter_map(|text| text.parse().ok()).collect();
    let flushes = numbers.get(15).copied();
    Ok(numbers.get(4).copied().zip(flushes).map(|(writes, flushes)| Disk { writes, flushes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_times_come_after_the_name() {
        let stat = "1 (a) b) S 1 1 1 0 -1 4194304 2 0 0 0 150 50 70 30 20 0 3 0 9";
        assert_eq!(process_cpu(stat, ITSELF), Ok(2.0));
        assert_eq!(process_cpu(stat, AND_ENDED_CHILDREN), Ok(3.0));
        assert!(process_cpu("1 (a) S 1", ITSELF).is_err());
    }

    #[test]
    fn this_process_has_memory_and_this_machine_a_processor() {
        let (now, highest) = resident_kib(std::process::id()).unwrap();
        assert!(now > 0 && highest >= now);
        assert!(family_cpu_seconds(std::process::id()).is_ok());
        assert!(description().unwrap().contains("cores"));
        assert!(busy_seconds().unwrap().0 > 0.0);
    }
}
