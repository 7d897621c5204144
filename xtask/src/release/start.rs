//! How long a server takes until it listens, and a throw-away one until it serves.

use super::MINUTES;
use crate::step::{Outcome, Step};
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long it may take at most.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often each is started; the median counts.
const STARTS: usize = 5;

/// Starts a server on a store that is there; the milliseconds until it says that it listens.
pub fn until_it_listens(program: &Path) -> Result<u128, String> {
    in_folder(program, |folder| {
        let (data, key) = (folder.join("data"), folder.join("root.key"));
        made(program, &data, &key)?;
        median(|| listens(program, folder, &data, &key))
    })
}

/// Starts a throw-away server; the milliseconds until it prints where it serves.
pub fn until_it_serves(program: &Path) -> Result<u128, String> {
    in_folder(program, |_| median(|| serves(program)))
}

/// The median of some starts, in milliseconds.
fn median(start: impl Fn() -> Result<Duration, String>) -> Result<u128, String> {
    let mut all = (0..STARTS).map(|_| start()).collect::<Result<Vec<_>, _>>()?;
    all.sort_unstable();
    all.get(STARTS / 2).map(Duration::as_millis).ok_or_else(|| "nothing was started".to_owned())
}

/// What `act` gives, with a folder that is gone afterwards.
fn in_folder<T>(program: &Path, act: impl FnOnce(&Path) -> Result<T, String>) -> Result<T, String> {
    let folder = std::env::temp_dir().join(format!("coffer-start-{}", std::process::id()));
    let failed = |e: std::io::Error| format!("cannot start {}: {e}", program.display());
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let outcome = act(&folder);
    let removed = std::fs::remove_dir_all(&folder).map_err(failed);
    let found = outcome?;
    removed.map(|()| found)
}

fn made(program: &Path, data: &Path, key: &Path) -> Outcome {
    Step::new(program)
        .args(["init", "--data-dir"])
        .args([data])
        .args(["--root-key"])
        .args([key])
        .minutes(MINUTES)
        .capture()
        .map(drop)
}

fn listens(program: &Path, folder: &Path, data: &Path, key: &Path) -> Result<Duration, String> {
    let failed = |e: std::io::Error| format!("cannot start {}: {e}", program.display());
    let place = folder.join("notify");
    if place.exists() {
        std::fs::remove_file(&place).map_err(failed)?;
    }
    let socket = UnixDatagram::bind(&place).map_err(failed)?;
    socket.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    let since = Instant::now();
    let server = Command::new(program)
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(data)
        .arg("--root-key")
        .arg(key)
        .env("NOTIFY_SOCKET", &place)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _server = Ended(server.map_err(failed)?);
    let mut said = [0; 64];
    let length = socket.recv(&mut said).map_err(|e| format!("the server does not listen: {e}"))?;
    let took = since.elapsed();
    match said.get(..length) {
        Some(b"READY=1") => Ok(took),
        _ => Err("the server said something else than that it listens".to_owned()),
    }
}

fn serves(program: &Path) -> Result<Duration, String> {
    let since = Instant::now();
    throw_away(program).map(|_| since.elapsed())
}

/// A throw-away server that serves, and the variables by which it is reached.
pub fn throw_away(program: &Path) -> Result<(Ended, Vec<(String, String)>), String> {
    let failed = |e: std::io::Error| format!("cannot start {}: {e}", program.display());
    let server = Command::new(program)
        .args(["dev", "--temporary", "--port", "0", "--print-env", "--exit-with-parent"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let mut server = Ended(server.map_err(failed)?);
    let output = server.0.stdout.take().ok_or("the server has no output")?;
    let mut variables = Vec::new();
    let known =
        |variables: &[(String, String)], name: &str| variables.iter().any(|(of, _)| of == name);
    for line in BufReader::new(output).lines() {
        let line = line.map_err(failed)?;
        let (name, value) = line.split_once('=').ok_or_else(|| format!("it said {line:?}"))?;
        variables.push((name.to_owned(), value.to_owned()));
        if ["COFFER_URL", "COFFER_API_KEY"].iter().all(|name| known(&variables, name)) {
            return Ok((server, variables));
        }
    }
    Err("the server has ended".to_owned())
}

/// A server that ends with this.
pub struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
