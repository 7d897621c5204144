//! The arguments of `coffer health`.

use clap::Args;

/// Longest time to wait, in seconds: a health check that waits longer has its answer.
const TIMEOUT_CEILING: i64 = 60;

/// Without --url and --profile the server of this machine's settings is asked: at metrics_listen,
/// or else at listen. No key is needed.
#[derive(Args)]
#[command(after_help = "Examples:
  coffer health
  coffer health --live --url unix:/run/coffer/api
  coffer health --url https://coffer.example.com --timeout 10")]
pub struct HealthArgs {
    /// Ask only whether the process answers (/livez), not whether its stores and keys do (/readyz).
    #[arg(long)]
    pub live: bool,
    /// How many seconds the answer may take.
    #[arg(long, value_name = "SECONDS", default_value = "5")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=TIMEOUT_CEILING))]
    pub timeout: u32,
}
