//! Processes that the benchmark starts, and only those.

use crate::args::Result;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a process may take to end after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process that ends with this value, if it was not ended before.
pub struct Child(std::process::Child);

impl Child {
    /// Starts a process.
    pub fn spawn(command: &mut Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        command.spawn().map(Self).map_err(|error| format!("cannot start {name}: {error}"))
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Waits until it has ended by itself, in success.
    pub fn finish(mut self) -> Result<()> {
        let status = self.0.wait().map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("a process failed: {status}")) }
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(mut self) -> Result<()> {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        sent.map_err(|error| format!("cannot run kill: {error}"))?;
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if self.0.try_wait().map_err(|error| error.to_string())?.is_some() {
                return Ok(());
            }
            pause(Duration::from_millis(2));
        }
        Err(format!("process {pid} did not end within {} s", PATIENCE.as_secs()))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended by itself; then there is nothing to do.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A process that runs until its standard input is closed, and then reports.
pub struct Background(Option<std::process::Child>);

impl Background {
    /// Starts it.
    pub fn spawn(command: &mut Command) -> Result<Self> {
        let process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        process.map(|process| Self(Some(process))).map_err(|error| format!("no load: {error}"))
    }

    /// Ends it where it stands; an error if it had ended by itself.
    pub fn cut(mut self) -> Result<()> {
        let ended = self.0.as_mut().map(std::process::Child::try_wait);
        match ended {
            Some(Ok(None)) => Ok(()),
            _ => Err("a load ended by itself; what it said stands above".to_owned()),
        }
    }

    /// Asks it to end, and answers what it printed.
    pub fn end(mut self) -> Result<Vec<u8>> {
        let Some(mut process) = self.0.take() else { return Err("it has ended".to_owned()) };
        drop(process.stdin.take());
        let output = process.wait_with_output().map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err("a load failed; what it said stands above".to_owned())
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(process) = &mut self.0 {
            // It may have ended by itself; then there is nothing to do.
            drop(process.kill());
            drop(process.wait());
        }
    }
}

/// A port that is free now.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(|error| error.to_string())?;
    listener.local_addr().map(|address| address.port()).map_err(|error| error.to_string())
}

/// Waits by the wall clock, which is what a benchmark measures.
pub fn pause(duration: Duration) {
    #[expect(clippy::disallowed_methods, reason = "a benchmark waits for real processes")]
    std::thread::sleep(duration);
}
