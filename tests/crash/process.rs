//! The servers that are killed.

use coffer_testkit::Process;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Which server.
#[derive(Clone)]
pub enum Program {
    /// The one for tests, with a fault.
    Test(&'static str),
    /// The binary itself.
    Coffer(PathBuf),
}

impl Program {
    /// Starts it on `directory`, and waits until it listens.
    pub fn start(&self, directory: &Path) -> Result<Process, String> {
        let command = match self {
            Self::Test(fault) => command(directory, fault),
            Self::Coffer(path) => {
                let mut command = Command::new(path);
                command.env_clear().env("COFFER_LOG_FORMAT", "json");
                command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(directory);
                command.arg("--root-key").arg(directory.join("root.key"));
                command
            }
        };
        begin(command)
    }
}

/// Starts a server whose log stands on another disk than its data, which may be full: a server that
/// cannot say where it listens ends.
fn begin(command: Command) -> Result<Process, String> {
    let log = tempfile::NamedTempFile::new().unwrap();
    Process::start(command, log.path())
}

/// Founds or opens `directory`; the server, and a new admin key.
pub fn start_with_admin(directory: &Path) -> (Process, String) {
    let mut command = command(directory, "none");
    command.arg("admin").stdout(Stdio::piped());
    let mut server = begin(command).unwrap();
    let mut key = String::new();
    BufReader::new(server.stdout().unwrap()).read_line(&mut key).unwrap();
    (server, key.trim().to_owned())
}

/// The server for tests.
pub fn command(directory: &Path, fault: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_coffer-crash-server"));
    command.arg(directory).arg(fault);
    command
}
