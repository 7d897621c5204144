//! Coffer as a child process in production mode, and what it takes to put load on it: all that
//! this program knows of Coffer's command line and admin API stands here.

use crate::args::Result;
use crate::child::{Child, free_port, pause};
use crate::data;
use crate::http;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Accounts that have the app installed, and share the secrets evenly.
pub const ACCOUNTS: usize = 200;

/// The data file's name in the data directory.
const DATA_FILE: &str = "coffer.db";

/// How long a start may take before it counts as failed.
const START_PATIENCE: Duration = Duration::from_secs(20);

/// A store of Coffer's with its server, and what opens it.
pub struct Coffer {
    program: PathBuf,
    directory: PathBuf,
    database: Option<Database>,
    admin_key: String,
    /// The app's live key, or what takes its place.
    pub live_key: String,
    /// The app's key in test mode.
    test_key: String,
    /// Where the server listens.
    pub port: u16,
    /// Where the admin API listens; only while `limited` is set.
    pub admin_port: u16,
    /// Descriptors that the server may have, with a listener of its own for the admin API; without
    /// it, those of whoever runs the benchmark, and one listener.
    pub limited: Option<u64>,
    /// How many secrets were written; numbers below this one are stored.
    pub stored: u64,
    /// Whether the program has a limit of requests, which is out of the way while it is measured.
    limits_rates: bool,
    /// How the next start has the audit record reads, if not by default.
    pub audit_reads: Option<&'static str>,
    /// More of the next start's environment.
    pub environment: Vec<(&'static str, String)>,
    server: Option<Child>,
}

/// Another app on the same server, with one account.
pub struct Neighbour {
    /// Its live key.
    pub key: String,
    /// The account that has it installed.
    pub account: String,
}

/// The database server that keeps a store, if it is not kept in files.
#[derive(Clone)]
pub struct Database {
    /// The addresses of data and keys.
    pub addresses: [String; 2],
    /// The server's first process.
    pub pid: u32,
}

/// What the writer has done so far.
#[derive(Clone, Copy)]
pub struct Writer {
    /// Transactions that were committed.
    pub commits: u64,
    /// Requests that shared them.
    pub units: u64,
}

impl Writer {
    /// What was done since `earlier`.
    pub fn since(self, earlier: Self) -> Self {
        Self { commits: self.commits - earlier.commits, units: self.units - earlier.units }
    }

    /// Requests to a commit, on average.
    pub fn group(self) -> f64 {
        self.units as f64 / self.commits.max(1) as f64
    }
}

impl Coffer {
    /// Makes a new store in `directory`, starts its server, and installs the app on
    /// [`ACCOUNTS`] accounts, which are written to the file `accounts` in the directory.
    pub fn create(program: &Path, directory: &Path) -> Result<Self> {
        Self::create_in(program, directory, None)
    }

    /// The same with the store in `database`, if there is one.
    pub fn create_in(program: &Path, directory: &Path, database: Option<Database>) -> Result<Self> {
        std::fs::create_dir_all(directory).map_err(|error| error.to_string())?;
        let output = command(program, directory, database.as_ref(), "init")
            .args(["--app", "bench", "--format", "json"])
            .output()
            .map_err(|error| format!("cannot run {}: {error}", program.display()))?;
        if !output.status.success() {
            return Err(format!("coffer init: {}", String::from_utf8_lossy(&output.stderr)));
        }
        let made: Value = serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("coffer init did not print JSON: {error}"))?;
        let mut coffer = Self {
            program: program.to_owned(),
            directory: directory.to_owned(),
            database,
            admin_key: text(&made, "admin_key")?,
            live_key: text(&made, "live_key")?,
            test_key: text(&made, "test_key")?,
            port: 0,
            admin_port: 0,
            limited: None,
            stored: 0,
            limits_rates: knows(program, "--rate-limit"),
            audit_reads: None,
            environment: Vec::new(),
            server: None,
        };
        coffer.start()?;
        coffer.install(&text(&made, "app")?)?;
        Ok(coffer)
    }

    /// Starts the server and waits until it answers: a find of a stored secret if there is one,
    /// otherwise the admin API. Returns the time from the start of the process to that answer.
    pub fn start(&mut self) -> Result<Duration> {
        self.port = free_port()?;
        let listen = format!("127.0.0.1:{}", self.port);
        let log = std::fs::File::create(self.directory.join("server.log"))
            .map_err(|error| error.to_string())?;
        let mut command = command(&self.program, &self.directory, self.database.as_ref(), "serve");
        command.args(["--listen", &listen]);
        if self.limited.is_none() && self.limits_rates {
            // One app sends as much as the server can answer: that is what is measured.
            command.env("COFFER_RATE_LIMIT", "1000000");
        }
        if let Some(way) = self.audit_reads {
            command.env("COFFER_AUDIT_READS", way);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(descriptors) = self.limited {
            self.admin_port = free_port()?;
            command.args(["--admin-listen", &format!("127.0.0.1:{}", self.admin_port)]);
            command = with_descriptors(&command, descriptors);
        }
        command.stdout(Stdio::null()).stderr(log);
        let begun = Instant::now();
        self.server = Some(Child::spawn(&mut command)?);
        loop {
            let answer = if self.stored > 0 { self.find_last() } else { self.status() };
            match answer {
                Ok(_) => return Ok(begun.elapsed()),
                Err(error) if begun.elapsed() > START_PATIENCE => {
                    return Err(format!("coffer serve does not answer: {error}"));
                }
                Err(_) => pause(Duration::from_millis(1)),
            }
        }
    }

    /// Has everything go on in test mode.
    pub fn use_test_mode(&mut self) {
        self.live_key.clone_from(&self.test_key);
    }

    /// Ends the server in good order.
    pub fn stop(&mut self) -> Result<()> {
        self.server.take().map_or(Ok(()), Child::stop)
    }

    /// The server's process.
    pub fn pid(&self) -> Result<u32> {
        self.server.as_ref().map(Child::pid).ok_or_else(|| "Coffer is not running".to_owned())
    }

    /// The processes of the server and of its database's, if it has one.
    pub fn pids(&self) -> Result<Vec<u32>> {
        let database = self.database.as_ref().map(|database| database.pid);
        Ok([self.pid()?].into_iter().chain(database).collect())
    }

    /// Connections while secrets are only stored for later: in files more of them share a commit;
    /// a database serves no more than it has connections, and the others would wait too long.
    pub fn connections_to_fill(&self) -> u64 {
        if self.database.is_some() { 32 } else { 256 }
    }

    /// The file with the names of the accounts, one on a line.
    pub fn accounts(&self) -> PathBuf {
        self.directory.join("accounts")
    }

    /// The data file.
    pub fn data_file(&self) -> PathBuf {
        self.directory.join("data").join(DATA_FILE)
    }

    /// What the writer has done since the start.
    pub fn writer(&self) -> Result<Writer> {
        let status = self.status()?;
        let count = |name: &str| {
            status
                .get("writer")
                .and_then(|writer| writer.get(name)?.as_u64())
                .ok_or_else(|| format!("the status has no writer.{name}: {status}"))
        };
        Ok(Writer { commits: count("commits")?, units: count("units")? })
    }

    /// How often the server has waited for its database since the start, and how many requests
    /// of the operation it has answered.
    pub fn round_trips(&self, operation: &str) -> Result<(u64, u64)> {
        let status = self.status()?;
        let trips = status.pointer("/writer/round_trips").and_then(Value::as_u64);
        let counts = status.get("operations").and_then(|counts| counts.get(operation));
        let answered = counts.and_then(|counts| counts.get("answered")?.as_u64());
        let trips = trips.ok_or_else(|| format!("the status has no round trips: {status}"))?;
        Ok((trips, answered.unwrap_or(0)))
    }

    /// A call of the API for an account.
    pub fn post(&self, account: &str, path: &str, form: &[(&str, &str)]) -> Result<Value> {
        let headers = format!("Stripe-Account: {account}\r\n");
        http::call(self.port, &self.live_key, "POST", path, &headers, form)
    }

    /// The names of the accounts.
    pub fn account_names(&self) -> Result<Vec<String>> {
        let names = std::fs::read_to_string(self.accounts()).map_err(|error| error.to_string())?;
        Ok(names.lines().map(str::to_owned).collect())
    }

    /// Has loads use the first `count` of the accounts alone.
    pub fn keep_accounts(&self, count: usize) -> Result<()> {
        let names: String =
            self.account_names()?.iter().take(count).map(|name| format!("{name}\n")).collect();
        std::fs::write(self.accounts(), names).map_err(|error| error.to_string())
    }

    /// The command that tells an account's ledger what is in a file.
    pub fn import(&self, account: &str, file: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env_clear()
            .env("HOME", &self.directory)
            .env("XDG_CONFIG_HOME", self.directory.join("config"))
            .env("COFFER_URL", format!("http://127.0.0.1:{}", self.port))
            .env("COFFER_API_KEY", &self.live_key)
            .args(["ledger", "import", "--format", "json", "--account", account, "--stripe"])
            .arg(file);
        command
    }

    /// What `coffer ledger verify` found; an error if a figure does not follow from the others.
    pub fn verify_ledger(&self) -> Result<Value> {
        let output = Command::new(&self.program)
            .env_clear()
            .env("COFFER_DATA_DIR", self.directory.join("data"))
            .args(["ledger", "verify", "--format", "json"])
            .output()
            .map_err(|error| format!("cannot run coffer ledger verify: {error}"))?;
        let said = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            return Err(format!("coffer ledger verify: {said}{errors}"));
        }
        serde_json::from_str(&said).map_err(|error| format!("coffer ledger verify: {error}"))
    }

    /// Begins to rotate all keys.
    pub fn rotate(&self) -> Result<()> {
        let path = "/v1/admin/keyring/rotate";
        http::call(self.port, &self.admin_key, "POST", path, "", &[("keys", "all")]).map(drop)
    }

    /// How many records a rotation that is under way has sealed anew; `None` if none is.
    pub fn is_rotating(&self) -> Result<Option<u64>> {
        let path = "/v1/admin/keyring";
        let keyring = http::call(self.port, &self.admin_key, "GET", path, "", &[])?;
        let rotation = keyring.get("rotation");
        let rotation = rotation.filter(|rotation| rotation.get("finished") == Some(&Value::Null));
        Ok(rotation.and_then(|rotation| rotation.get("resealed")?.as_u64()))
    }

    fn status(&self) -> Result<Value> {
        http::call(self.port, &self.admin_key, "GET", "/v1/admin/status", "", &[])
    }

    /// Makes the accounts and installs the app on them.
    fn install(&self, app: &str) -> Result<()> {
        let mut names = String::new();
        let post = |path: &str, form: &[(&str, &str)]| {
            http::call(self.port, &self.admin_key, "POST", path, "", form)
        };
        for number in 0..ACCOUNTS {
            let name = format!("bench-{number}");
            let account = text(&post("/v1/admin/accounts", &[("name", &name)])?, "id")?;
            post("/v1/admin/installs", &[("app", app), ("account", &account)])?;
            names.push_str(&account);
            names.push('\n');
        }
        std::fs::write(self.accounts(), names).map_err(|error| error.to_string())
    }

    /// Makes another app and installs it on an account of its own.
    pub fn neighbour(&self) -> Result<Neighbour> {
        let post = |path: &str, form: &[(&str, &str)]| {
            http::call(self.port, &self.admin_key, "POST", path, "", form)
        };
        let account = |name| text(&post("/v1/admin/accounts", &[("name", name)])?, "id");
        let (developer, account) = (account("neighbour")?, account("neighbours-merchant")?);
        let named = [("account", developer.as_str()), ("name", "neighbour")];
        let app = text(&post("/v1/admin/apps", &named)?, "id")?;
        let key = text(&post("/v1/admin/api_keys", &[("app", &app), ("mode", "live")])?, "key")?;
        post("/v1/admin/installs", &[("app", &app), ("account", &account)])?;
        Ok(Neighbour { key, account })
    }

    /// Finds the last secret that was stored.
    pub fn find_last(&self) -> Result<Value> {
        self.find(self.stored.saturating_sub(1))
    }

    /// Finds secret number `index`.
    pub fn find(&self, index: u64) -> Result<Value> {
        let names = std::fs::read_to_string(self.accounts()).map_err(|error| error.to_string())?;
        let account = names.lines().nth(usize::try_from(index).unwrap_or(0) % ACCOUNTS);
        let mut target = b"/v1/apps/secrets/find?name=".to_vec();
        data::push_name(&mut target, index);
        target.extend_from_slice(b"&scope[type]=user&scope[user]=");
        data::push_user(&mut target, index);
        let headers = format!("Stripe-Account: {}\r\n", account.unwrap_or_default());
        let target = String::from_utf8_lossy(&target).into_owned();
        http::call(self.port, &self.live_key, "GET", &target, &headers, &[])
    }
}

/// Whether the server has an option: another revision may not know it, and refuses what it does not
/// know.
fn knows(program: &Path, option: &str) -> bool {
    let help = Command::new(program).env_clear().args(["serve", "--help"]).output();
    help.is_ok_and(|help| String::from_utf8_lossy(&help.stdout).contains(option))
}

/// A command of Coffer's on the store in `directory`. Nothing of it, its root key included,
/// lies outside that directory.
fn command(program: &Path, directory: &Path, database: Option<&Database>, verb: &str) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    if let Some(Database { addresses: [data, keys], .. }) = database {
        command.env("COFFER_DATABASE_URL", data).env("COFFER_KEY_DATABASE_URL", keys);
    }
    command
        .env("XDG_CONFIG_HOME", directory.join("config"))
        .arg(verb)
        .arg("--data-dir")
        .arg(directory.join("data"))
        .arg("--root-key")
        .arg(directory.join("root.key"));
    command
}

/// The same command with a limit of descriptors, both the soft and, since a server may raise the
/// soft one itself, a hard one that leaves it little more.
fn with_descriptors(command: &Command, descriptors: u64) -> Command {
    let mut limited = Command::new("prlimit");
    limited.arg(format!("--nofile={descriptors}:{descriptors}")).arg(command.get_program());
    limited.args(command.get_args()).env_clear();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            limited.env(name, value);
        }
    }
    limited
}

/// A text in a JSON object.
fn text(object: &Value, name: &str) -> Result<String> {
    let text = object.get(name).and_then(Value::as_str).map(str::to_owned);
    text.ok_or_else(|| format!("there is no text {name:?} in what Coffer answered"))
}
