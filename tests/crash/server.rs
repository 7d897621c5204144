//! A server to be killed: assembled from the library as the binary is, with a fault of choice.
//!
//! `coffer-crash-server DIRECTORY FAULT [admin]` founds or opens DIRECTORY, prints a new admin
//! key if it was asked for one, tells its address as the binary's log in JSON does, and serves
//! until it is told to stop or its standard input ends, as it does when whoever started it dies.
//! At the log level that `COFFER_LOG_LEVEL` names it also logs to standard error.

#![allow(clippy::disallowed_methods, reason = "the server is another process, with its own clock")]

use coffer::assemble::{self, AssembleError, AssembleOptions, Callers, RootSource, Stores};
use coffer::family_set::FamilySet;
use coffer::serve::{Address, ServeOptions, Server};
use coffer_base::{Clock, SystemClock, Timestamp};
use coffer_crypto::SystemRandom;
use coffer_kernel::Settings;
use coffer_storage::Faults;
use coffer_tests::notes;
use coffer_webhooks::{WEBHOOK_ALLOW, WEBHOOK_ALLOW_HTTP};
use std::io::Read;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, fault, rest @ ..] = arguments.as_slice() else {
        panic!("coffer-crash-server DIRECTORY FAULT [admin]");
    };
    if let Ok(level) = std::env::var("COFFER_LOG_LEVEL") {
        let level: tracing_subscriber::filter::LevelFilter = level.parse().unwrap();
        tracing_subscriber::fmt().json().with_max_level(level).with_writer(std::io::stderr).init();
    }
    let directory = PathBuf::from(directory);
    let faults = faults(fault, &directory);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let orphaned = Arc::new(Notify::new());
    let ended = Arc::clone(&orphaned);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        ended.notify_one();
    });
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).unwrap();
        let server = start(directory, faults, fault.starts_with("hold"), !rest.is_empty()).await;
        tokio::select! {
            _ = terminate.recv() => {}
            () = orphaned.notified() => {}
        }
        server.stop().await;
    });
}

async fn start(directory: PathBuf, faults: Faults, holds: bool, admin: bool) -> Server {
    let options = AssembleOptions {
        data_dir: directory.clone(),
        key_dir: None,
        root: RootSource::DataDir,
        database: coffer::assemble::Database::Embedded,
        developer: false,
        callers: Callers::default(),
        families: families(&directory),
        settings: settings(),
        clock: Arc::new(FragileClock(directory.join("panic"))),
        random: Arc::new(SystemRandom),
        faults,
    };
    let now = SystemClock.now();
    let stores = match assemble::init(&options).await {
        Ok(initialized) => initialized.stores,
        Err(AssembleError::AlreadyInitialized(..)) => {
            Stores::open_configured(&options, now).await.unwrap()
        }
        Err(error) => panic!("{error}"),
    };
    if admin {
        let key = assemble::create_admin_key(&options, &stores).await.unwrap();
        println!("{}", key.token().expose());
    }
    let mut installation = assemble::open_stores(options, stores).await.unwrap();
    if holds {
        // They commit, too: what is to be held is the request.
        installation.jobs.clear();
    }
    let listen = Some(Address::parse("127.0.0.1:0").unwrap());
    let serve = ServeOptions { listen, ..ServeOptions::default() };
    let server = Server::start(installation, serve).await.unwrap();
    eprintln!("{{\"address\":\"{}\"}}", server.address.as_ref().unwrap());
    server
}

/// As those have them who send webhooks to their own machine.
fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.set(&WEBHOOK_ALLOW, "127.0.0.1").unwrap();
    settings.set(&WEBHOOK_ALLOW_HTTP, "true").unwrap();
    settings
}

/// The product's families, and the tests' own one in a directory of that name.
fn families(directory: &Path) -> FamilySet {
    let product = FamilySet::default();
    match directory.file_name() {
        Some(name) if name == notes::FAMILY.name => product.with(notes::FAMILY),
        _ => product,
    }
}

/// The system's clock, and a panic whenever there is a file with this name.
struct FragileClock(PathBuf);

impl Clock for FragileClock {
    fn now(&self) -> Timestamp {
        assert!(!self.0.exists(), "somebody asked for a panic");
        SystemClock.now()
    }

    fn monotonic(&self) -> Duration {
        SystemClock.monotonic()
    }
}

fn faults(name: &str, directory: &Path) -> Faults {
    let none = Faults::none();
    match name {
        "none" => none,
        "acknowledge-before-commit" => none.acknowledge_before_commit(),
        "no-flush" => none.no_flush(),
        "slow-flush" => none.before_commit(Arc::new(|| {
            std::thread::sleep(Duration::from_millis(500));
        })),
        "drop-writes" => none.drop_writes(NonZeroU64::new(40).unwrap()),
        "hold-before-commit" => none.before_commit(hold(directory, |_| true)),
        "hold-after-commit" => none.after_commit(hold(directory, is_done)),
        "stop-at-commit" => none.before_commit(hold(directory, is_counted)),
        "hold-before-keys" => {
            none.with_keys(Faults::none().before_commit(hold(directory, |_| true)))
        }
        "hold-after-keys" => none.with_keys(Faults::none().after_commit(hold(directory, |_| true))),
        other => panic!("no fault is called {other}"),
    }
}

/// Holds the writer for good once there is a file `hold` and `here` agrees, and says so with a
/// file `held`.
fn hold(directory: &Path, here: fn(&Path) -> bool) -> Arc<dyn Fn() + Send + Sync> {
    let directory = directory.to_owned();
    Arc::new(move || {
        if directory.join("hold").exists() && here(&directory) {
            std::fs::write(directory.join("held"), "").unwrap();
            loop {
                std::thread::sleep(Duration::from_secs(60));
            }
        }
    })
}

/// Whether the operation was carried out that the file `hold` names, more often than it says:
/// background jobs commit, too.
fn is_done(directory: &Path) -> bool {
    let wanted = std::fs::read_to_string(directory.join("hold")).unwrap_or_default();
    let Some((operation, before)) = wanted.split_once(' ') else { return false };
    let data = rusqlite::Connection::open(directory.join(assemble::DATA_FILE)).unwrap();
    let sql = "SELECT count(*) FROM audit_entry WHERE outcome = 'done' AND operation = ?";
    let done: i64 = data.query_row(sql, [operation], |row| row.get(0)).unwrap();
    done > before.parse().unwrap()
}

/// Whether this is the commit that the file `hold` says, counted from when it was there.
fn is_counted(directory: &Path) -> bool {
    static COMMITS: AtomicUsize = AtomicUsize::new(0);
    let wanted = std::fs::read_to_string(directory.join("hold")).unwrap_or_default();
    let commits = COMMITS.fetch_add(1, Ordering::SeqCst) + 1;
    wanted.trim().parse().is_ok_and(|wanted: usize| commits >= wanted)
}
