//! Logs, on standard error.

use crate::config::{Config, LOG_FORMAT, LOG_LEVEL};
use std::io::IsTerminal;
use tracing::level_filters::LevelFilter;

/// Starts to log with the configured level and format. No secret can reach the log: types that
/// hold one do not print it.
pub fn start(config: &Config) {
    let level = config.text(&LOG_LEVEL).parse().unwrap_or(LevelFilter::INFO);
    let is_terminal = std::io::stderr().is_terminal();
    let is_json = match config.text(&LOG_FORMAT) {
        "json" => true,
        "text" => false,
        _ => !is_terminal,
    };
    let colour = is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let logs = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(colour)
        // A log on a full disk is lost; saying so on the same stream would end the request.
        .log_internal_errors(false);
    // It fails only if a subscriber is installed already, which then stays.
    let _ = if is_json { logs.json().flatten_event(true).try_init() } else { logs.try_init() };
}
