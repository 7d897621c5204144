//! Logs: what happens, on standard error.

use crate::config::{Config, LOG_FORMAT, LOG_LEVEL};
use std::io::IsTerminal;
use tracing::level_filters::LevelFilter;

/// Starts to log as the configuration says. Never logs a secret: nothing that holds one can be
/// printed.
pub fn start(config: &Config) {
    let level = config.text(&LOG_LEVEL).parse().unwrap_or(LevelFilter::INFO);
    let terminal = std::io::stderr().is_terminal();
    let json = match config.text(&LOG_FORMAT) {
        "json" => true,
        "text" => false,
        _ => !terminal,
    };
    let colour = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let logs = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(colour);
    // It fails only if logs were started before, and then they go on as they are.
    let _ = if json { logs.json().flatten_event(true).try_init() } else { logs.try_init() };
}
