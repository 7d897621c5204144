//! The program `coffer`: parses the arguments, runs one verb, and ends with its exit code.

mod cli;
mod config;
mod telemetry;

use std::process::ExitCode;

/// Serves the C libraries too, which ask it by the names that all programs use.
#[cfg(all(feature = "jemalloc", target_os = "linux", target_arch = "x86_64"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    cli::run()
}
