//! The installation from which every seed begins: made once, and copied.

use super::disk::Disk;
use super::life::Around;
use super::receivers::{CONNECT, HOST, OWN, Receivers};
use super::wire::{Request, Wire};
use coffer_base::{TestClock, TestRandom, Timestamp};
use coffer_storage::Faults;
use coffer_testkit::Answer;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use tempfile::TempDir;

/// Accounts with books.
const ACCOUNTS: usize = 2;

pub struct Template {
    pub disk: Disk,
    pub now: i64,
    /// The operator's key.
    pub admin: String,
    /// The app's key.
    pub key: String,
    /// The accounts that have installed the app.
    pub accounts: Vec<String>,
}

/// A new directory on a disk that is as fast as memory, if there is one: what it keeps of what is
/// flushed is the simulation's business.
pub fn home() -> TempDir {
    let memory = PathBuf::from("/dev/shm");
    let made = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    made.unwrap()
}

/// The template.
pub fn template() -> &'static Template {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    TEMPLATE.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_time().build().unwrap();
        let of = |path: &str, connect| Endpoint { account: None, path: path.to_owned(), connect };
        runtime.block_on(make(ACCOUNTS, |_| vec![of(OWN, "false"), of(CONNECT, "true")]))
    })
}

/// An endpoint that an installation has from the start.
pub struct Endpoint {
    /// Whose; the platform's without one.
    pub account: Option<String>,
    pub path: String,
    pub connect: &'static str,
}

/// A new installation with so many accounts, and these endpoints.
pub async fn make(accounts: usize, endpoints: impl Fn(&[String]) -> Vec<Endpoint>) -> Template {
    let home = home();
    let directory = home.path().join("data");
    let now = 1_772_359_200;
    let around = Around {
        clock: Arc::new(TestClock::at(Timestamp::from_unix(now))),
        random: Arc::new(TestRandom::seeded(0)),
        receivers: Arc::new(Receivers::new(0)),
        canary: Faults::none(),
    };
    let (installation, admin) = around.found(&directory).await;
    let kernel = Arc::clone(&installation.kernel);
    let wire = Wire { kernel, stop: installation.stop.subscribe() };
    let ask = async |path: &str, params: &[(&'static str, &str)]| -> Answer {
        let answer = wire.send(&admin, &Request::new("POST", path, params)).await.unwrap();
        answer.ok();
        answer
    };
    let owner = ask("/v1/admin/accounts", &[]).await.text("id");
    let app = ask("/v1/admin/apps", &[("account", &owner)]).await.text("id");
    let key = ask("/v1/admin/api_keys", &[("app", &app), ("mode", "test")]).await.text("key");
    let (wanted, mut accounts) = (accounts, Vec::new());
    for _ in 0..wanted {
        let account = ask("/v1/admin/accounts", &[]).await.text("id");
        ask("/v1/admin/installs", &[("app", &app), ("account", &account)]).await;
        accounts.push(account);
    }
    for Endpoint { account, path, connect } in endpoints(&accounts) {
        let url = format!("http://{HOST}{path}");
        let params = [
            ("url", &*url),
            ("connect", connect),
            ("enabled_events[0]", "*"),
            ("enabled_events[1]", "apps.secret.expiring"),
            ("enabled_events[2]", "apps.secret.expired"),
        ];
        let request = Request::new("POST", "/v1/webhook_endpoints", &params);
        let request = Request { account, ..request };
        wire.send(&key, &request).await.unwrap().ok();
    }
    installation.stores.close().await;
    drop((wire, installation));
    Template { disk: Disk::read(&directory), now, admin, key, accounts }
}
