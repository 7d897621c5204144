//! What a verb prints: its result on standard output, everything else on standard error.

use super::exit::{Exit, Failure};
use super::pager;
use rustix::termios::Winsize;
use serde_json::Value;
use std::io::{IsTerminal, Write};

/// How results are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Table,
    /// One JSON document, for programs.
    Json,
    /// A JSON document a line, of `coffer audit export`.
    Jsonl,
    /// Comma-separated values, of `coffer audit export`.
    Csv,
}

/// Where results go.
#[derive(Clone, Copy)]
pub struct Output {
    format: Format,
}

impl Output {
    /// Output in `format`.
    pub const fn new(format: Format) -> Self {
        Self { format }
    }

    /// Whether the output is for programs.
    pub fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Prints `json` as it is, or as the text that `table` makes of it, which goes through a pager
    /// if the terminal is shorter.
    ///
    /// # Errors
    /// If standard output cannot be written.
    pub fn show(self, json: &Value, table: impl FnOnce(&Value) -> String) -> Result<(), Failure> {
        if self.is_json() {
            return print(&format!("{json:#}"));
        }
        let text = table(json);
        if pager::has_shown(&text, height()) {
            return Ok(());
        }
        print(&text)
    }

    /// As [`Output::show`], for a key that can be shown only this once; `instead` says what to do
    /// if it could not be printed.
    ///
    /// # Errors
    /// If standard output cannot be written, also if only its reader is gone.
    pub fn show_once(
        self,
        json: &Value,
        table: impl FnOnce(&Value) -> String,
        instead: &str,
    ) -> Result<(), Failure> {
        let text = if self.is_json() { format!("{json:#}") } else { table(json) };
        print(&text).map_err(|_| {
            let lost = "the key was made and could not be printed, and it is shown only once";
            Failure::failed(format!("{lost}: {instead}"))
        })
    }
}

/// Prints `text` and a newline on standard output.
///
/// # Errors
/// If standard output cannot be written. Once its reader is gone, as with `head`, the failure has
/// no message and exits with 0.
pub fn print(text: &str) -> Result<(), Failure> {
    print_bytes(format!("{text}\n").as_bytes())
}

/// Prints bytes on standard output as they are.
pub fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| match error.kind() {
        std::io::ErrorKind::BrokenPipe => Failure::new(Exit::Done, ""),
        _ => Failure::failed(format!("the result could not be printed: {error}")),
    })
}

/// Prints `text` and a newline on standard error.
pub fn note(text: &str) {
    // It fails only if nobody reads standard error any more.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// How many characters a line of the terminal has; `None` if the output is none.
pub fn width() -> Option<usize> {
    size(|size| size.ws_col)
}

/// How many lines the terminal has; `None` if the output is none.
pub fn height() -> Option<usize> {
    size(|size| size.ws_row)
}

fn size(of: fn(Winsize) -> u16) -> Option<usize> {
    let stdout = std::io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let size = of(rustix::termios::tcgetwinsize(&stdout).ok()?);
    (size > 0).then_some(usize::from(size))
}
