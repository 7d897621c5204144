//! A Coffer of the test's own, and a feeder of it.

use coffer_testkit::stripe::{Account, StripeStandIn};
use coffer_testkit::{Client, PATIENCE, coffer_binary};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The key at the stand-in. Nobody may print it.
pub const STRIPE_KEY: &str = "rk_test_of_the_feeder_0123456789";

/// A server in developer mode, and a directory for whatever feeds it.
pub struct Coffer {
    server: Child,
    binary: PathBuf,
    pub home: TempDir,
    url: String,
    key: String,
}

impl Coffer {
    /// Starts one; none, where the binary was not built.
    pub fn start() -> Option<Self> {
        let Some(binary) = coffer_binary() else {
            println!("skipped: there is no `coffer` beside this test; COFFER_BIN can name one");
            return None;
        };
        let home = TempDir::new().unwrap();
        let ready = home.path().join("ready");
        let log = std::fs::File::create(home.path().join("log")).unwrap();
        let mut command = Command::new(&binary);
        command.args(["dev", "--port", "0", "--temporary", "--exit-with-parent", "--ready-file"]);
        command.arg(&ready).env_clear().env("HOME", home.path());
        let server = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        let mut coffer =
            Self { server: server.unwrap(), binary, home, url: String::new(), key: String::new() };
        let started = Instant::now();
        while !ready.exists() {
            assert!(coffer.server.try_wait().unwrap().is_none(), "{}", coffer.said());
            assert!(started.elapsed() < PATIENCE, "the server does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        let said = std::fs::read_to_string(&ready).unwrap();
        let of = |name: &str| {
            let line = said.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_once('=').unwrap().1.trim_matches(['\'', '"']).to_owned()
        };
        coffer.url = of("COFFER_URL=");
        coffer.key = of("COFFER_API_KEY=");
        let key = coffer.home.path().join("stripe.key");
        coffer.private(&key, STRIPE_KEY);
        Some(coffer)
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.home.path().join("log")).unwrap()
    }

    /// Writes a file that only its owner can read.
    pub fn private(&self, path: &Path, text: &str) {
        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// A command of the client, whose home is the test's.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.env_clear().env("HOME", self.home.path()).current_dir(self.home.path());
        command.env("XDG_CONFIG_HOME", self.home.path().join("config"));
        command.env("COFFER_URL", &self.url).env("COFFER_API_KEY", &self.key);
        command.args(args).stdin(Stdio::null());
        command
    }

    /// `coffer ledger pull` of all accounts, with a pace for tests.
    pub fn pull(&self, stripe: &StripeStandIn, more: &[&str]) -> Command {
        let mut command = self.pull_found(stripe, more);
        for account in &stripe.month().accounts {
            command.args(["--account", &account.id]);
        }
        command
    }

    /// The same of the accounts that it finds by itself.
    pub fn pull_found(&self, stripe: &StripeStandIn, more: &[&str]) -> Command {
        let url = stripe.url();
        let mut command = self.command(&["ledger", "pull", "--stripe-key-file", "stripe.key"]);
        command.args(["--stripe-url", &url, "--stripe-rate", "100", "--format", "json"]);
        command.args(more);
        command
    }

    /// What the ledger of an account has, by currency: available and pending.
    pub fn balances(&self, account: &str) -> BTreeMap<String, (i64, i64)> {
        let client = Client::anonymous(&self.url).with_key(&self.key).for_account(account);
        let balance = client.get("/v1/balance", &[]).ok();
        let mut sums = BTreeMap::<String, (i64, i64)>::new();
        for (bucket, is_pending) in [("available", false), ("pending", true)] {
            for row in balance[bucket].as_array().unwrap() {
                let of = sums.entry(row["currency"].as_str().unwrap().to_owned()).or_default();
                let sum = if is_pending { &mut of.1 } else { &mut of.0 };
                *sum += row["amount"].as_i64().unwrap();
            }
        }
        sums.retain(|_, sums| *sums != (0, 0));
        sums
    }

    /// Fails unless every account has what it should.
    #[track_caller]
    pub fn must_be_right(&self, stripe: &StripeStandIn) {
        for account in &stripe.month().accounts {
            assert_eq!(self.balances(&account.id), right(account), "{}", account.id);
        }
    }

    /// A caller for an account.
    pub fn client(&self, account: &str) -> Client {
        Client::anonymous(&self.url).with_key(&self.key).for_account(account)
    }
}

impl Drop for Coffer {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// What an account should have.
pub fn right(account: &Account) -> BTreeMap<String, (i64, i64)> {
    let all = account.right.by_currency().into_iter();
    let mut all: BTreeMap<_, _> =
        all.map(|(currency, sums)| (currency, (sums.available, sums.pending))).collect();
    all.retain(|_, sums| *sums != (0, 0));
    all
}

/// Runs a command to its end, which must be good; its result.
#[track_caller]
pub fn run(command: &mut Command) -> Value {
    let output = command.output().unwrap();
    let said = said(&output);
    assert!(output.status.success(), "{:?}: {said}", command.get_args().collect::<Vec<&OsStr>>());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {said}"))
}

/// Everything that a command has printed, which has no key in it.
#[track_caller]
pub fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(!said.contains(STRIPE_KEY), "the key was printed: {said}");
    said
}
