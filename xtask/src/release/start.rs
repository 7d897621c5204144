//! How long a server takes until it listens.

use super::MINUTES;
use crate::step::Step;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long it may take at most.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts a server on a new store; the milliseconds until it says that it listens.
pub fn milliseconds(program: &Path) -> Result<u128, String> {
    let folder = std::env::temp_dir().join(format!("coffer-start-{}", std::process::id()));
    let failed = |e: std::io::Error| format!("cannot start {}: {e}", program.display());
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let outcome = started(program, &folder);
    let removed = std::fs::remove_dir_all(&folder).map_err(failed);
    let took = outcome?;
    removed.map(|()| took.as_millis())
}

fn started(program: &Path, folder: &Path) -> Result<Duration, String> {
    let failed = |e: std::io::Error| format!("cannot start {}: {e}", program.display());
    let (data, key) = (folder.join("data"), folder.join("root.key"));
    Step::new(program)
        .args(["init", "--data-dir"])
        .args([&data])
        .args(["--root-key"])
        .args([&key])
        .minutes(MINUTES)
        .capture()?;
    let place = folder.join("notify");
    let socket = UnixDatagram::bind(&place).map_err(failed)?;
    socket.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    let since = Instant::now();
    let server = Command::new(program)
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(&data)
        .arg("--root-key")
        .arg(&key)
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

/// A server that ends with this.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
