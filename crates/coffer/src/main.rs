//! The program `coffer`: parses the arguments, runs one verb, and ends with its exit code.

mod cli;
mod config;
mod telemetry;

use std::process::ExitCode;

/// The allocator of the whole program, the embedded database included. The system's keeps what one
/// thread gave back where no other thread finds it, which takes half as much memory again.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    cli::run()
}
