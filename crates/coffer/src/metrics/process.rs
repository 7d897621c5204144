//! What the system says of this process, under the names that all programs have for it.

use coffer_metrics::{Figures, catalogue as metrics};
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

/// Adds the figures; what the system does not say is left out.
pub(super) fn add(figures: &mut Figures) {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    let used = used.tv_sec as f64 + used.tv_nsec as f64 / 1e9;
    figures.add(&metrics::PROCESS_CPU, &[], used);
    figures.add_some(&metrics::PROCESS_MEMORY, &[], resident_bytes());
    let open = std::fs::read_dir("/proc/self/fd").ok().map(Iterator::count);
    figures.add_some(&metrics::PROCESS_OPEN_FDS, &[], open);
    figures.add_some(&metrics::PROCESS_MAX_FDS, &[], getrlimit(Resource::Nofile).current);
}

fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}
