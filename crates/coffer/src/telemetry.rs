//! Logs, on standard error and, if somebody wants them there, by OTLP.
//!
//! No request waits for the log, and none fails with it: a line that cannot be written, because
//! the disk is full or nobody reads any more, is counted, and the count is logged once lines can
//! be written again.

use crate::config::{Config, LOG_FORMAT, LOG_LEVEL};
use coffer::otlp::KeepLines;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, fmt, reload};

/// How much is logged, which can be changed while the program runs.
pub struct LogLevel(reload::Handle<LevelFilter, Registry>);

impl LogLevel {
    /// Logs as much as `config` says from now on.
    ///
    /// # Errors
    /// If the log has ended.
    pub fn set(&self, config: &Config) -> Result<(), String> {
        self.0.reload(level(config)).map_err(|error| error.to_string())
    }
}

/// Starts to log with the configured level and format, and keeps all lines in `kept` as well. No
/// secret can reach the log: types that hold one do not print it.
pub fn start(config: &Config, kept: Option<KeepLines>) -> LogLevel {
    let is_terminal = io::stderr().is_terminal();
    let is_json = match config.text(&LOG_FORMAT) {
        "json" => true,
        "text" => false,
        _ => !is_terminal,
    };
    let colour = is_terminal && knows_colours();
    let (filter, handle) = reload::Layer::new(level(config));
    let lines = fmt::layer()
        .with_writer(Lines { has_priority: is_journal() })
        .with_target(false)
        .with_ansi(colour)
        // Its own report goes to standard error too, and ends the thread if that fails.
        .log_internal_errors(false);
    let lines = if is_json { lines.json().flatten_event(true).boxed() } else { lines.boxed() };
    let lines = match kept {
        Some(kept) => lines.and_then(kept).boxed(),
        None => lines,
    };
    // It fails only if a subscriber is installed already, which then stays.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
    LogLevel(handle)
}

/// Whether the terminal shows colours and the user wants them.
fn knows_colours() -> bool {
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !no_colour && std::env::var_os("TERM").is_none_or(|value| value != "dumb")
}

fn level(config: &Config) -> LevelFilter {
    config.text(&LOG_LEVEL).parse().unwrap_or(LevelFilter::INFO)
}

/// Milliseconds that a line waits for a reader that is merely slow. After one that waited in vain,
/// none waits until one is written.
const PATIENCE: i64 = 10;

/// What one write puts into a pipe that has room, without waiting (PIPE_BUF on Linux).
const ATOMIC_BYTES: usize = 4096;

/// Where lines of the log go, and what became of them.
#[derive(Debug, Default)]
struct State {
    /// Lines that were lost since the last that was written.
    lost: u64,
    /// Whether the last line waited in vain.
    stalled: bool,
    /// Whether the last line was written in part, so that the next begins a new one.
    cut: bool,
}

static STATE: Mutex<State> = Mutex::new(State { lost: 0, stalled: false, cut: false });

/// Standard error as a place for lines that never fails.
#[derive(Clone, Copy)]
struct Lines {
    /// Whether the journal reads them, and takes a number before each for its priority.
    has_priority: bool,
}

/// The same for one line.
struct Line {
    /// What stands before it.
    priority: &'static str,
}

impl MakeWriter<'_> for Lines {
    type Writer = Line;

    fn make_writer(&self) -> Line {
        Line { priority: "" }
    }

    fn make_writer_for(&self, meta: &Metadata<'_>) -> Line {
        let priority = if self.has_priority { priority_of(*meta.level()) } else { "" };
        Line { priority }
    }
}

/// The priority of a line as the journal reads it (sd-daemon(3)): that of an error, a warning,
/// information, or what is for debugging.
fn priority_of(level: Level) -> &'static str {
    match level {
        Level::ERROR => "<3>",
        Level::WARN => "<4>",
        Level::INFO => "<6>",
        _ => "<7>",
    }
}

/// Whether standard error leads to the journal: its variable names the very stream.
fn is_journal() -> bool {
    let Some(stream) = std::env::var_os("JOURNAL_STREAM") else { return false };
    let Ok(found) = rustix::fs::fstat(io::stderr()) else { return false };
    stream.to_str() == Some(&format!("{}:{}", found.st_dev, found.st_ino))
}

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let lost = {
            let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
            state.put(self.priority.as_bytes(), line)
        };
        if lost > 0 {
            tracing::warn!(lines = lost, "lines of the log could not be written and are lost");
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl State {
    /// Writes a line, or counts it. Returns how many were lost before one that was written.
    fn put(&mut self, priority: &[u8], line: &[u8]) -> u64 {
        let mut written = !self.cut || self.write_all(b"\n");
        self.cut = !written;
        if written && !priority.is_empty() {
            written = self.write_all(priority);
            // A line is to follow.
            self.cut = true;
        }
        written = written && self.write_all(line);
        if written {
            return std::mem::take(&mut self.lost);
        }
        self.lost = self.lost.saturating_add(1);
        0
    }

    fn write_all(&mut self, bytes: &[u8]) -> bool {
        let stderr = io::stderr();
        for chunk in bytes.chunks(ATOMIC_BYTES) {
            let mut rest = chunk;
            while !rest.is_empty() {
                if !self.is_ready() {
                    return false;
                }
                match rustix::io::write(&stderr, rest) {
                    Ok(count) if count > 0 => {
                        self.cut = true;
                        rest = rest.get(count..).unwrap_or_default();
                    }
                    Err(rustix::io::Errno::INTR) => {}
                    Ok(_) | Err(_) => return false,
                }
            }
        }
        self.cut = false;
        true
    }

    /// Whether standard error takes bytes without letting this thread wait.
    fn is_ready(&mut self) -> bool {
        let stderr = io::stderr();
        let patience = if self.stalled { 0 } else { PATIENCE * 1_000_000 };
        let patience = Timespec { tv_sec: 0, tv_nsec: patience };
        let mut polled = [PollFd::new(&stderr, PollFlags::OUT)];
        // An error is found by the write.
        let ready = poll(&mut polled, Some(&patience)).map_or(true, |ready| ready > 0);
        self.stalled = !ready;
        ready
    }
}
