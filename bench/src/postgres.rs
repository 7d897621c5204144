//! A PostgreSQL cluster of the benchmark's own, on the disk that is measured, durable as the
//! defaults have it. It listens on this machine alone, and is gone afterwards.

use crate::args::Result;
use crate::child::{Child, free_port, pause};
use crate::coffer::Database;
use crate::fill;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Whom PostgreSQL runs as if we are root, whom it refuses.
const ACCOUNT: &str = "postgres";

/// Where distributions keep its programs, which are rarely in the path.
const INSTALLED: &str = "/usr/lib/postgresql";

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// What differs from the defaults: room for the baselines' connections and for what they write, and
/// no checkpoint of its own in the middle of somebody's slice.
const SETTINGS: [&str; 9] = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=200",
    "shared_buffers=512MB",
    "max_wal_size=8GB",
    "checkpoint_timeout=1h",
    "log_line_prefix=%p ",
    "fsync=on",
    "synchronous_commit=on",
];

/// The databases of data and keys.
const DATABASES: [&str; 2] = [DATA, "coffer_keys"];

/// The database of the data.
pub const DATA: &str = "coffer_data";

/// One that Coffer does not know, for what is measured beside it.
pub const RIVAL: &str = "bench_rival";

/// A running cluster.
pub struct Cluster {
    programs: PathBuf,
    log: PathBuf,
    port: u16,
    server: Child,
}

impl Cluster {
    /// Makes one in `directory` and starts it. `programs` is where PostgreSQL's programs are.
    pub fn start(programs: Option<PathBuf>, directory: &Path) -> Result<Self> {
        let programs = programs.map_or_else(installed, Ok)?;
        let user = unprivileged(directory)?;
        let cluster = directory.join("cluster");
        let (log, port) = (directory.join("postgres.log"), free_port()?);
        make(&cluster, user).map_err(|error| format!("cannot make a directory: {error}"))?;
        let program = |name: &str| {
            let mut command = Command::new(programs.join(name));
            if let Some((uid, gid)) = user {
                command.uid(uid).gid(gid);
            }
            command.current_dir("/").arg("-D").arg(&cluster).stdin(Stdio::null());
            command
        };
        let mut init = program("initdb");
        init.args(["--username", ACCOUNT, "--auth", "trust", "--encoding", "UTF8", "--no-locale"]);
        text_of(&mut init)?;
        let mut server = program("postgres");
        server.args(["-p", &port.to_string()]);
        SETTINGS.iter().for_each(|setting| {
            server.args(["-c", setting]);
        });
        let file = fs::File::create(&log).map_err(|error| error.to_string())?;
        server.stdout(Stdio::null()).stderr(file);
        let cluster = Self { programs, log, port, server: Child::spawn(&mut server)? };
        cluster.wait()?;
        for name in DATABASES.into_iter().chain([RIVAL]) {
            cluster.sql_in("postgres", &format!("CREATE DATABASE {name}"))?;
        }
        Ok(cluster)
    }

    fn wait(&self) -> Result<()> {
        let begun = Instant::now();
        while let Err(error) = self.sql_in("postgres", "SELECT 1") {
            if begun.elapsed() > PATIENCE {
                let log = fs::read_to_string(&self.log).unwrap_or_default();
                return Err(format!("PostgreSQL does not answer: {error}{log}"));
            }
            pause(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Ends it in good order, once nobody is connected.
    pub fn stop(self) -> Result<()> {
        self.server.stop()
    }

    /// What a store in it needs to know.
    pub fn database(&self) -> Database {
        // Nothing stands in between, as nothing does for the rivals.
        let addresses = DATABASES.map(|name| format!("{}?pooler=none", self.address(name)));
        Database { addresses, pid: self.server.pid() }
    }

    /// The address of a database, as its programs and Coffer read it.
    pub fn address(&self, database: &str) -> String {
        format!("postgres://{ACCOUNT}@127.0.0.1:{}/{database}", self.port)
    }

    /// One of its programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// What its log says so far.
    pub fn log(&self) -> Result<String> {
        let bytes = fs::read(&self.log).map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Whether it logs the statements of connections to the data that are made from now on.
    pub fn log_statements(&self, all: bool) -> Result<()> {
        let what = if all { "all" } else { "none" };
        self.sql(&format!("ALTER DATABASE {DATA} SET log_statement = '{what}'")).map(drop)
    }

    /// Carries out statements on the data, and answers the rows of the last one, with `|` between
    /// columns.
    pub fn sql(&self, statement: &str) -> Result<String> {
        self.sql_in(DATA, statement)
    }

    /// Copies the one event of an account until it has `count`.
    pub fn events(&self, account: &str, count: u64) -> Result<()> {
        let names = self.sql(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'event' \
             ORDER BY ordinal_position",
        )?;
        let names: Vec<String> = names.lines().map(str::to_owned).collect();
        for statement in fill::event_copies(&names, account, count, "md5(random()::text)") {
            self.sql(&statement)?;
        }
        self.sql("VACUUM ANALYZE").map(drop)
    }

    /// The same in a database of its own.
    pub fn sql_in(&self, database: &str, statement: &str) -> Result<String> {
        let mut command = Command::new(self.program("psql"));
        command.args(["--no-psqlrc", "--tuples-only", "--no-align", "--quiet"]);
        command.args(["--set", "ON_ERROR_STOP=1", "--command", statement]);
        command.arg(self.address(database));
        text_of(&mut command)
    }
}

/// The programs of the newest PostgreSQL that is installed.
fn installed() -> Result<PathBuf> {
    let versions = fs::read_dir(INSTALLED).into_iter().flatten().flatten();
    let programs = versions.filter_map(|version| {
        let number: u32 = version.file_name().to_str()?.parse().ok()?;
        let programs = version.path().join("bin");
        programs.join("initdb").exists().then_some((number, programs))
    });
    let newest = programs.max().map(|(_, programs)| programs);
    newest.ok_or_else(|| format!("PostgreSQL is not in {INSTALLED}: say where by --programs"))
}

/// The user and the group of PostgreSQL's account if we are root, in whose name it does not run.
fn unprivileged(directory: &Path) -> Result<Option<(u32, u32)>> {
    let owner = fs::metadata(directory).map_err(|error| error.to_string())?.uid();
    if owner != 0 {
        return Ok(None);
    }
    let id = |option: &str| -> Result<u32> {
        let text = text_of(Command::new("id").args([option, ACCOUNT]))?;
        text.parse().map_err(|_| format!("{ACCOUNT} has no number: {text}"))
    };
    Ok(Some((id("-u")?, id("-g")?)))
}

/// Makes the cluster's directory, which its user can reach.
fn make(cluster: &Path, user: Option<(u32, u32)>) -> std::io::Result<()> {
    fs::create_dir(cluster)?;
    fs::set_permissions(cluster, fs::Permissions::from_mode(0o700))?;
    let (Some((uid, gid)), Some(parent)) = (user, cluster.parent()) else { return Ok(()) };
    fs::set_permissions(parent, fs::Permissions::from_mode(0o711))?;
    chown(cluster, Some(uid), Some(gid))
}

/// What a program prints, without the white space around it; an error if it fails.
fn text_of(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("cannot run {name}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)))
}
