//! Verifying PostgreSQL databases that were restored from a base backup, and having them restored
//! for a drill.

use super::examine::examine;
use super::steps::{OnProgress, Steps};
use super::verify::Verified;
use super::{file_error, refused};
use crate::assemble::{AssembleError, AssembleOptions, Database, Stores};
use coffer_storage::{Passwords, PostgresOptions};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Most bytes of an address that a drill's command prints.
const ADDRESS_BYTES: u64 = 4096;

/// Verifies the databases that `installation` names. It only reads.
///
/// # Errors
/// If they cannot be reached, have another schema than this build's, or have no root key.
pub async fn verify_databases(installation: &AssembleOptions) -> Result<Verified, AssembleError> {
    let mut steps = Steps::default();
    let stores = Stores::open_configured(installation, installation.clock.now()).await?;
    let found = examine(installation, &stores).await;
    stores.close().await;
    let found = found?;
    steps.done("opening and checking everything");
    let problems = found.problems.clone();
    let (headers, steps) = (Vec::new(), steps.end());
    Ok(Verified { headers, examination: Some(found), problems, steps })
}

/// Has `command` restore databases below `scratch`, verifies them, and has it end them.
///
/// # Errors
/// If the command fails, or as [`verify_databases`].
pub(super) async fn drill_databases(
    command: &str,
    scratch: &Path,
    installation: AssembleOptions,
    on_progress: OnProgress<'_>,
) -> Result<Verified, AssembleError> {
    let mut steps = Steps::default();
    let store = format!("drill-{}", std::process::id());
    let place = super::place::Place::make(scratch, &store)?;
    on_progress("restoring the databases", 0, 0).map_err(refused)?;
    let mut running = Running::start(command, &place.stores())?;
    let [data, keys] = running.addresses()?;
    steps.done("restoring the databases");
    on_progress("opening every record", 0, 0).map_err(refused)?;
    let restored = AssembleOptions { database: Database::Postgres { data, keys }, ..installation };
    let verified = verify_databases(&restored).await;
    running.end()?;
    let mut verified = verified?;
    let mut all = steps.end();
    all.append(&mut verified.steps);
    Ok(Verified { steps: all, ..verified })
}

/// The command, and what it has started.
struct Running {
    command: String,
    child: Child,
}

impl Running {
    fn start(command: &str, directory: &Path) -> Result<Self, AssembleError> {
        let child = Command::new("sh")
            .args(["-c", command])
            .env("COFFER_DRILL_DIR", directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(file_error(Path::new("sh")))?;
        Ok(Self { command: command.to_owned(), child })
    }

    /// The addresses of data and keys, which it prints once they can be used.
    fn addresses(&mut self) -> Result<[PostgresOptions; 2], AssembleError> {
        let Some(stdout) = self.child.stdout.take() else {
            return Err(refused("the command has no output"));
        };
        let mut lines = BufReader::new(stdout);
        let mut address = || {
            let mut line = String::new();
            let read = lines.by_ref().take(ADDRESS_BYTES).read_line(&mut line);
            match (read, line.trim()) {
                (Err(error), _) => Err(refused(format!("`{}`: {error}", self.command))),
                (_, "") => Err(refused(format!(
                    "`{}` ended, or printed an empty line, before it printed two addresses of \
                     databases: that of the data, and that of the keys",
                    self.command
                ))),
                (Ok(_), text) => Ok(PostgresOptions::parse(text, &Passwords::default())?),
            }
        };
        Ok([address()?, address()?])
    }

    /// Has it end what it has started, and waits for that.
    fn end(mut self) -> Result<(), AssembleError> {
        drop(self.child.stdin.take());
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => {
                Err(refused(format!("`{}` ended with {status} after the drill", self.command)))
            }
            Err(error) => Err(refused(format!("`{}`: {error}", self.command))),
        }
    }
}

/// Whatever came of the drill, nothing goes on running.
impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
