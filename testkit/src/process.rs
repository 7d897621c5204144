//! A server as a process of its own, which can be killed.

use crate::PATIENCE;
use crate::client::Client;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server that runs as a process. Dropped, it is killed.
pub struct Process {
    child: Child,
    url: String,
}

impl Process {
    /// Runs `command`, whose standard error becomes the file `log`, and waits until that says
    /// `"address":"…"`, as the log in JSON does once the server listens.
    ///
    /// # Errors
    /// The log, if the process ends instead.
    #[allow(
        clippy::disallowed_methods,
        reason = "the server is another process, with its own clock"
    )]
    pub fn start(mut command: Command, log: &Path) -> Result<Self, String> {
        let file = File::create(log).unwrap();
        let child = command.stdin(Stdio::piped()).stderr(file).spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut process = Self { child, url: String::new() };
        let started = Instant::now();
        loop {
            let ended = process.child.try_wait().unwrap();
            let said = std::fs::read_to_string(log).unwrap();
            if let Some(address) = address(&said) {
                process.url = format!("http://{address}");
                return Ok(process);
            }
            if let Some(status) = ended {
                return Err(format!("the server does not start: {status}\n{said}"));
            }
            assert!(started.elapsed() < PATIENCE, "the server does not listen:\n{said}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Somebody without a key.
    pub fn anonymous(&self) -> Client {
        Client::anonymous(&self.url)
    }

    /// The process's directory under `/proc`.
    pub fn proc(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}", self.child.id()))
    }

    /// Its standard output, if the command said that it is piped.
    pub fn stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// Ends it with SIGKILL: nothing of its own runs any more.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it in an orderly way, with SIGTERM.
    pub fn stop(mut self) {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(asked.unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn address(log: &str) -> Option<&str> {
    let (_, rest) = log.split_once("\"address\":\"")?;
    rest.split_once('"').map(|(address, _)| address)
}

/// The binary `coffer`: `COFFER_BIN`, or else what stands beside the running test. Building the
/// workspace builds it; building one package does not, and then it may be absent or old.
pub fn coffer_binary() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("COFFER_BIN") {
        return Some(PathBuf::from(path));
    }
    let test = std::env::current_exe().unwrap();
    let path = test.parent()?.parent()?.join("coffer");
    path.exists().then_some(path)
}
