//! The program `coffer`: parses the arguments, runs one verb, and ends with its exit code.

mod cli;
mod config;
mod telemetry;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
