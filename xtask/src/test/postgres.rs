//! PostgreSQL for the tests: a server of their own, as an unprivileged user, in a private directory
//! and on a free port, beside whatever server the machine has already; stopped afterwards.

use super::clock;
use super::conformance::python_environment;
use super::memory::{self, Memory};
use super::packages::{self, is_root, may_install};
use super::workspace::{binary, in_memory};
use crate::root;
use crate::step::{self, Outcome, Step};
use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The account that Debian's package makes: the server refuses to run as root.
const USER: &str = "postgres";
/// Where Debian's pooler is, and others'.
const POOLER: [&str; 3] = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"];
/// How long a server may take to answer after its start.
const PATIENCE: Duration = Duration::from_secs(300);
/// Settings of a server whose data nobody needs after the tests.
const SETTINGS: [&str; 7] = [
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "autovacuum=off",
    "listen_addresses=127.0.0.1",
    "max_connections=400",
    "log_min_messages=error",
];

/// The tests that run on every engine, on this one.
pub fn engine() -> Outcome {
    let (server, memory) = (Server::start()?, Memory::take());
    let both = "package(coffer-tests) \
                & (binary(api) + binary(auth_matrix) + binary(model) + binary(upgrade))";
    // The whole workspace, since other features would have all of it compiled again.
    let workspace = |words: &[&str]| {
        let step = Step::new("cargo").args(words).args(["--workspace", "--no-fail-fast"]);
        let step = step.directory(&root()).env("COFFER_TEST_POSTGRES", server.url());
        Ok::<_, String>(in_memory(step, memory.as_ref()).env("COFFER_BIN", binary()?))
    };
    if step::need("cargo", &["nextest", "--version"], "").is_ok() {
        // Power failures and torn writes are simulated for files alone.
        let chosen = format!(
            "(package(coffer-storage) & test(postgres)) + ({both}) \
             - test(/^(simulation|corruption)::/)"
        );
        return workspace(&["nextest", "run", "-E", &chosen])?.run();
    }
    let storage = workspace(&["test", "--lib"])?.args(["--", "postgres"]).run();
    let tests = ["api", "auth_matrix", "model", "upgrade"].map(|test| ["--test", test]);
    let both = workspace(&[&["test"], tests.as_flattened()].concat())?;
    let both = both.args(["--", "--skip", "simulation::", "--skip", "corruption::"]).run();
    storage.and(both)
}

/// Every operation by everyone for every account, where a usual run takes one account for each.
pub fn matrix() -> Outcome {
    let server = Server::start()?;
    Step::new("cargo")
        .args(["test", "--workspace", "--test", "auth_matrix"])
        .directory(&root())
        .env("COFFER_TEST_POSTGRES", server.url())
        .env("COFFER_TEST_WHOLE_MATRIX", "yes")
        .env("COFFER_BIN", binary()?)
        .run()
}

/// Runs something beside a server: it is told the server's address and where PostgreSQL's programs
/// are.
pub fn with_server(run: impl FnOnce(&str, &Path) -> Outcome) -> Outcome {
    let server = Server::start()?;
    run(&server.url(), &server.programs)
}

/// What happens when databases, lines and servers fail.
pub fn outages() -> Outcome {
    programs()?;
    let python = python_environment("python", "requirements.txt")?;
    Step::new(&python)
        .args([root().join("tests/postgres/run.py")])
        .env("COFFER_BIN", binary()?)
        .env("LIBFAKETIME", clock::library()?)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .directory(&root())
        .minutes(90)
        .run()
}

/// Many points in time of a base backup with an archived log.
pub fn backups() -> Outcome {
    long("backup.py", &["--long"], 60)
}

/// An hour's load of events on three servers, one of which is always being killed.
pub fn webhooks() -> Outcome {
    long("webhooks.py", &["--minutes", "60"], 100)
}

/// Runs one of the programs against failing databases for longer than all of them usually take.
fn long(program: &str, words: &[&str], minutes: u64) -> Outcome {
    programs()?;
    let python = python_environment("python", "requirements.txt")?;
    Step::new(&python)
        .args([root().join("tests/postgres").join(program)])
        .args(words)
        .env("COFFER_BIN", binary()?)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .directory(&root())
        .minutes(minutes)
        .run()
}

/// Where PostgreSQL's programs are. They are installed with a pooler, if either is missing and we
/// may.
fn programs() -> Result<PathBuf, String> {
    let complete = installed().is_some() && POOLER.iter().any(|path| Path::new(path).is_file());
    if !complete && may_install() {
        packages::install(&["postgresql", "pgbouncer"])?;
    }
    let needed = "install PostgreSQL's server (Debian: apt-get install postgresql pgbouncer)";
    installed().ok_or_else(|| needed.to_owned())
}

/// The newest installed server's programs.
fn installed() -> Option<PathBuf> {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = debian.map(|entry| entry.path().join("bin")).collect();
    versions.sort_by_key(|path| version(path));
    let told = Step::new("pg_config").args(["--bindir"]).capture().ok().map(PathBuf::from);
    let mut places = versions.into_iter().rev().chain(told);
    places.find(|place| place.join("initdb").is_file() && place.join("postgres").is_file())
}

/// The number in `…/15/bin`.
fn version(path: &Path) -> u32 {
    let number = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// A running server, stopped and removed when it is dropped.
struct Server {
    process: Child,
    directory: PathBuf,
    programs: PathBuf,
    port: u16,
}

impl Server {
    /// Another program may take the port before PostgreSQL does: then another port is tried.
    fn start() -> Result<Self, String> {
        Self::start_once().or_else(|_| Self::start_once()).or_else(|_| Self::start_once())
    }

    fn start_once() -> Result<Self, String> {
        let programs = programs()?;
        let place = memory::place().map_or_else(std::env::temp_dir, Path::to_owned);
        let directory = place.join(format!("coffer-postgres-{}", std::process::id()));
        prepare(&directory).map_err(|e| format!("{}: {e}", directory.display()))?;
        let data = directory.join("data");
        as_user(&programs.join("initdb"))
            .args(["--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8"])
            .args([Path::new("--locale=C.UTF-8"), Path::new("--pgdata"), &data])
            .log(directory.join("initdb.log"))
            .run()?;
        let port = free_port()?;
        let mut command = command_as_user(&programs.join("postgres"));
        command.arg("-D").arg(&data).arg("-k").arg(&directory).args(["-p", &port.to_string()]);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        let process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| format!("PostgreSQL cannot be started: {e}"))?;
        let mut server = Self { process, directory, programs, port };
        server.wait()?;
        Ok(server)
    }

    fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}", self.port)
    }

    fn wait(&mut self) -> Outcome {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let ready = self.is_ready();
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(format!("PostgreSQL ended at its start: {status}"));
            }
            if ready {
                return Ok(());
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
        Err("PostgreSQL did not answer after its start".to_owned())
    }

    fn is_ready(&self) -> bool {
        let port = self.port.to_string();
        let asked = ["-q", "-h", "127.0.0.1", "-p", &port];
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
            && Step::new(self.programs.join("pg_isready")).args(asked).capture().is_ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let stop = as_user(&self.programs.join("pg_ctl"))
            .args([Path::new("-D"), &self.directory.join("data")])
            .args(["-m", "immediate", "-w", "stop"])
            .capture();
        if stop.is_err() {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// An empty directory that belongs to whoever runs the server.
fn prepare(directory: &Path) -> std::io::Result<()> {
    fs::create_dir(directory)?;
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    if is_root() {
        let status = Command::new("chown").arg(USER).arg(directory).status()?;
        if !status.success() {
            return Err(std::io::Error::other(format!("there is no user {USER}")));
        }
    }
    Ok(())
}

/// A step that runs `program` as somebody who is not root.
fn as_user(program: &Path) -> Step {
    if is_root() {
        return Step::new("runuser")
            .args(["-u", USER, "--"])
            .args([program])
            .directory(Path::new("/"));
    }
    Step::new(program)
}

/// The same, to be started and left running.
fn command_as_user(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", USER, "--"]).arg(program).current_dir("/");
    command
}

fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    address.map(|address| address.port()).map_err(|e| format!("no port is free: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_counts() {
        let of = |number: &str| Path::new("/usr/lib/postgresql").join(number).join("bin");
        assert!(version(&of("9")) < version(&of("15")) && version(&of("15")) < version(&of("17")));
        assert_eq!(version(Path::new("/usr/bin")), 0);
    }
}
