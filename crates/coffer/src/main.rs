//! The program `coffer`: reads what is asked for, does it, and says how it ended.

mod cli;
mod config;
mod telemetry;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
