//! `coffer health`: whether a server is well, for the health checks of containers and for scripts.

use super::args::HealthArgs;
use super::client::probe::Probe;
use super::exit::{Exit, Failure};
use super::output::Output;
use crate::config::Config;
use serde_json::json;
use std::time::Duration;

/// Asks a server, and ends with 0 or 1, whatever is wrong: health checks know no other codes.
///
/// # Errors
/// If it is not known whom to ask, or if the result cannot be printed.
pub fn run(config: &Config, args: &HealthArgs, output: Output) -> Result<Exit, Failure> {
    let (path, word) = if args.live { ("/livez", "ok") } else { ("/readyz", "ready") };
    let patience = Duration::from_secs(u64::from(args.timeout));
    let health = Probe::new(config)?.ask(path, word, patience);
    let what = if args.live { "alive" } else { "ready" };
    let document = json!({
        "object": "health",
        "check": what,
        "ok": health.reason.is_none(),
        "server": health.server,
        "reason": health.reason,
    });
    output.show(&document, |_| match &health.reason {
        None => format!("{what}: {}", health.server),
        Some(reason) => format!("not {what}: {}: {reason}", health.server),
    })?;
    Ok(if health.reason.is_none() { Exit::Done } else { Exit::Failed })
}
