//! A sign of life on the terminal for what takes longer than a second.

use indicatif::ProgressBar;
use std::io::IsTerminal;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long nobody wonders.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often the sign changes.
const TICK: Duration = Duration::from_millis(120);

/// The sign: it appears after [`PATIENCE`] on standard error, if that is a terminal, and is gone
/// when this is dropped.
pub struct Waiting {
    ending: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Waiting {
    /// Begins to wait for `what`.
    pub fn begin(what: impl Into<String>) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { ending: None, thread: None };
        }
        let what = what.into();
        let (ending, ended) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            if ended.recv_timeout(PATIENCE) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            let sign = ProgressBar::new_spinner().with_message(what);
            sign.enable_steady_tick(TICK);
            // Nothing is ever sent: it ends with the sender.
            let _ = ended.recv();
            sign.finish_and_clear();
        });
        Self { ending: Some(ending), thread: Some(thread) }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        drop(self.ending.take());
        if let Some(thread) = self.thread.take() {
            // It has nothing to tell.
            let _ = thread.join();
        }
    }
}
