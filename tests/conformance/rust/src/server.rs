//! Starts and stops the server, and sets up apps, accounts and keys on it.

use miniserde::{Deserialize, json};
use std::collections::BTreeMap;
use std::fs::{File, read_to_string};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use stripe::{AccountId, Client, ClientBuilder};
use stripe_client_core::{RequestBuilder, StripeMethod};
use tempfile::TempDir;

/// How long the server may take until it serves.
const STARTING: Duration = Duration::from_secs(300);
/// How often it is tried meanwhile.
const POLL: Duration = Duration::from_millis(50);

/// A server with a data directory of its own. Both end with this value.
pub struct Server {
    process: Child,
    _home: TempDir,
    /// Where it listens, such as `http://127.0.0.1:40123`.
    pub base: String,
    admin_key: String,
}

/// What `coffer init` prints, as far as it is used here.
#[derive(Deserialize)]
struct Initialized {
    admin_key: String,
}

/// What the admin API shows of an object that it has made.
#[derive(Deserialize)]
struct Made {
    id: String,
    key: Option<String>,
}

/// An app of its own: nothing that another scenario does can be seen in it.
pub struct App {
    /// The account of the app's developer.
    pub account: String,
    id: String,
    base: String,
    admin: Client,
}

impl Server {
    /// Founds an installation and serves it.
    pub fn found() -> Self {
        let home = TempDir::new().expect("a folder for the data");
        let out = coffer(home.path(), "init")
            .args(["--app", "conformance", "--format", "json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .output()
            .expect("coffer init can be started");
        assert!(out.status.success(), "coffer init: {}", out.status);
        let text = String::from_utf8(out.stdout).expect("text");
        let initialized: Initialized =
            json::from_str(&text).expect("what coffer init prints is JSON");
        Self::start(home, "serve", initialized.admin_key, &[])
    }

    /// Starts `coffer dev`.
    pub fn develop() -> Self {
        let home = TempDir::new().expect("a folder for the data");
        Self::start(home, "dev", String::new(), &[])
    }

    /// Starts `coffer dev` with the setting by which a delete answers the whole secret.
    pub fn develop_with_whole_deletes() -> Self {
        let home = TempDir::new().expect("a folder for the data");
        Self::start(home, "dev", String::new(), &[("COFFER_DELETE_RETURNS_SECRET", "true")])
    }

    fn start(
        home: TempDir,
        command: &str,
        admin_key: String,
        settings: &[(&str, &str)],
    ) -> Self {
        let log = home.path().join("log");
        let file = File::create(&log).expect("a file for the log");
        let process = coffer(home.path(), command)
            .args(["--listen", "127.0.0.1:0"])
            .envs(settings.iter().copied())
            .stdout(file.try_clone().expect("the file again"))
            .stderr(file)
            .spawn()
            .expect("coffer can be started");
        let mut server = Self { process, _home: home, base: String::new(), admin_key };
        let start = Instant::now();
        loop {
            let said = read_to_string(&log).unwrap_or_default();
            if let Some(base) = address(&said) {
                server.base = base;
                return server;
            }
            let ended = server.process.try_wait().expect("the state of the server");
            if ended.is_some() || start.elapsed() > STARTING {
                panic!("the server did not start: {said}");
            }
            std::thread::park_timeout(POLL);
        }
    }

    /// A new app with a developer's account.
    pub async fn app(&self) -> App {
        let admin = client(&self.base, &self.admin_key);
        let account = make(&admin, "/admin/accounts", &[("name", "Developer")]).await.id;
        let params = [("account", account.as_str()), ("name", "App")];
        let id = make(&admin, "/admin/apps", &params).await.id;
        App { account, id, base: self.base.clone(), admin }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Either fails only if the process has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl App {
    /// A client with a new key of the app, in this mode.
    pub async fn client(&self, mode: &str) -> Client {
        let params = [("app", self.id.as_str()), ("mode", mode)];
        let key = make(&self.admin, "/admin/api_keys", &params).await.key;
        client(&self.base, &key.expect("the new key is shown"))
    }

    /// A client with a key that is not the app's.
    pub fn stranger(&self, key: &str) -> Client {
        client(&self.base, key)
    }

    /// Installs the app on a new account.
    pub async fn install(&self) -> AccountId {
        let account = make(&self.admin, "/admin/accounts", &[("name", "Merchant")]).await.id;
        let params = [("app", self.id.as_str()), ("account", account.as_str())];
        make(&self.admin, "/admin/installs", &params).await;
        account.parse().expect("an account's id")
    }
}

/// async-stripe, pointed at a server.
pub fn client(base: &str, key: &str) -> Client {
    ClientBuilder::new(key).url(base).build().expect("a client")
}

/// Where the server says that it listens, once there is text behind the port's number.
fn address(said: &str) -> Option<String> {
    let (_, rest) = said.split_once("127.0.0.1:")?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit())?;
    Some(format!("http://127.0.0.1:{}", &rest[..end]))
}

async fn make(admin: &Client, path: &str, params: &[(&str, &str)]) -> Made {
    let form: BTreeMap<_, _> = params.iter().copied().collect();
    let request = RequestBuilder::new(StripeMethod::Post, path).form(&form);
    request.customize::<Made>().send(admin).await.expect(path)
}

fn coffer(home: &Path, command: &str) -> Command {
    let binary = std::env::var_os("COFFER_BIN").expect("COFFER_BIN says where the binary is");
    let mut coffer = Command::new(binary);
    // The settings of whoever runs the tests are not this server's.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("COFFER_") {
            coffer.env_remove(name);
        }
    }
    coffer
        .args([Path::new(command), Path::new("--data-dir"), &home.join("data")])
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home.join("config"))
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    coffer
}
