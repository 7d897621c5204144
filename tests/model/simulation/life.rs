//! A server from its start to its end: the product's own parts, but for sockets and background
//! threads, on a disk of the simulation's.

use super::disk::Disk;
use super::gate::{Gate, Point};
use super::receivers::{HOST, Receivers};
use super::wire::{Request, Wire};
use coffer::assemble::{
    self, AssembleOptions, Callers, Database, Installation, RootSource, Stores,
};
use coffer::family_set::FamilySet;
use coffer_base::{Clock, Random, TestClock};
use coffer_kernel::Settings;
use coffer_secrets::{SECRET_EXPIRING_BEFORE, SECRET_EXPIRY_EVENTS};
use coffer_storage::{Fate, Faults, StorageError, Store, Tx, Work};
use coffer_testkit::{Answer, PATIENCE};
use coffer_webhooks::{WEBHOOK_ALLOW, WEBHOOK_ALLOW_HTTP, WEBHOOK_ENDPOINTS};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;
use tokio::task::JoinHandle;

/// Both stores, by what they hold.
pub const DATA: usize = 0;
pub const KEYS: usize = 1;

/// Free bytes of the disk.
const FREE_BYTES: u64 = 1 << 40;

/// Where a writer is stopped for good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    Nowhere,
    At(Point),
}

/// What a life needs of the world around it.
#[derive(Clone)]
pub struct Around {
    pub clock: Arc<TestClock>,
    pub random: Arc<dyn Random>,
    /// Where webhooks are sent to.
    pub receivers: Arc<Receivers>,
    /// What the build does wrong.
    pub canary: Faults,
}

pub struct Life {
    pub directory: PathBuf,
    pub installation: Installation,
    gates: [Arc<Gate>; 2],
}

/// Lets everything run that can, for so many rounds.
pub async fn settle(rounds: usize) {
    for _ in 0..rounds {
        tokio::task::yield_now().await;
    }
}

/// Rounds after which nothing can go on by itself: an answer passes some ten tasks.
pub const CALM: usize = 60;

impl Around {
    fn options(&self, directory: &Path, faults: Faults) -> AssembleOptions {
        AssembleOptions {
            data_dir: directory.to_owned(),
            key_dir: None,
            root: RootSource::DataDir,
            database: Database::Embedded,
            developer: false,
            callers: Callers::default(),
            families: FamilySet::default(),
            settings: settings(),
            clock: Arc::<TestClock>::clone(&self.clock),
            random: Arc::clone(&self.random),
            faults,
        }
    }

    /// Makes a new installation in `directory`, with an admin key; the key.
    pub async fn found(&self, directory: &Path) -> (Installation, String) {
        let options = self.options(directory, Faults::none());
        let stores = assemble::init(&options).await.unwrap().stores;
        let key = assemble::create_admin_key(&options, &stores).await.unwrap();
        let key = key.token().expose().clone();
        (assemble::open_stores(options, stores).await.unwrap(), key)
    }

    /// Starts a server on the files in `directory`.
    ///
    /// # Errors
    /// If it does not start, which no crash excuses.
    pub async fn start(&self, directory: &Path) -> Result<Life, String> {
        let gates = [Arc::new(Gate::default()), Arc::new(Gate::default())];
        let keys = gates[KEYS].faults(Faults::none());
        // There is always room: otherwise a thread that looks at the disk every now and then would
        // have its say in when writes are let in again after one that found none.
        let faults = self.canary.clone().free_space_of(Arc::new(AtomicU64::new(FREE_BYTES)));
        let faults = gates[DATA].faults(faults).with_keys(keys);
        let options = self.options(directory, faults);
        let now = self.clock.now();
        let opened = Stores::open_configured(&options, now).await;
        let stores = opened.map_err(|error| format!("the stores do not open: {error}"))?;
        let handles = [stores.data.clone(), stores.keys.clone()];
        for (gate, store) in gates.iter().zip(&handles) {
            gate.close();
            let (store, looked) = (store.clone(), store.clone());
            let written = tokio::spawn(async move { store.write(Nothing).await });
            settle(CALM).await;
            while !written.is_finished() {
                // It may be looking for work already, or wait at its first gate.
                if gate.stands() != Point::Batch || looked.stats().waiting > 0 {
                    gate.go_on();
                }
                settle(CALM).await;
            }
            // A build that acknowledges early is still to commit what it has acknowledged.
            if gate.stands() != Point::Batch {
                pass(gate, Cut::Nowhere);
            }
        }
        let mut opening = std::pin::pin!(assemble::open_stores(options, stores));
        let installation = loop {
            tokio::select! {
                biased;
                opened = &mut opening => break opened,
                () = settle(1) => {}
            }
            for (gate, store) in gates.iter().zip(&handles) {
                batch(gate, store, None, Cut::Nowhere);
            }
        };
        if installation.is_err() {
            gates.iter().for_each(|gate| gate.open());
        }
        let mut installation =
            installation.map_err(|error| format!("the installation does not open: {error}"))?;
        let receivers = Arc::<Receivers>::clone(&self.receivers);
        installation.context.http = installation.context.http.on(receivers);
        Ok(Life { directory: directory.to_owned(), installation, gates })
    }
}

/// As an operator has set them who lets webhooks go to a host of the same network.
fn settings() -> Settings {
    let mut settings = Settings::default();
    for (setting, value) in [
        (&WEBHOOK_ALLOW, HOST),
        (&WEBHOOK_ALLOW_HTTP, "true"),
        (&WEBHOOK_ENDPOINTS, "100"),
        (&SECRET_EXPIRY_EVENTS, "true"),
        (&SECRET_EXPIRING_BEFORE, "3600"),
    ] {
        settings.set(setting, value).unwrap();
    }
    settings
}

/// A unit of work that does nothing.
struct Nothing;

impl Work for Nothing {
    type Out = ();

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, _: &mut Tx<'_>) -> Result<(), StorageError> {
        Ok(())
    }
}

/// Lets a writer carry out a batch, if anything waits for it; whether it was stopped at the cut.
fn batch(gate: &Gate, store: &Store, fate: Option<Fate>, cut: Cut) -> bool {
    let stood = gate.stands();
    assert_eq!(stood, Point::Batch);
    if store.stats().waiting == 0 {
        return false;
    }
    gate.decide(fate);
    let stopped = pass(gate, cut);
    gate.decide(None);
    stopped
}

/// Lets a writer go on until it has ended its batch or stands at the cut; whether it does.
fn pass(gate: &Gate, cut: Cut) -> bool {
    loop {
        gate.go_on();
        match gate.stands() {
            at if cut == Cut::At(at) => return true,
            Point::Batch => return false,
            _ => {}
        }
    }
}

impl Life {
    pub fn store(&self, which: usize) -> &Store {
        let stores = &self.installation.stores;
        if which == DATA { &stores.data } else { &stores.keys }
    }

    pub fn wire(&self) -> Wire {
        let stop = self.installation.stop.subscribe();
        Wire { kernel: Arc::clone(&self.installation.kernel), stop }
    }

    /// As [`batch`].
    pub fn batch(&self, which: usize, fate: Option<Fate>, cut: Cut) -> bool {
        batch(&self.gates[which], self.store(which), fate, cut)
    }

    /// Copies the log of a store into its file and cuts it, after a batch of what waits.
    pub async fn checkpoint(&self, which: usize) {
        let store = self.store(which).clone();
        let asked = tokio::spawn(async move { store.checkpoint().await });
        while !asked.is_finished() {
            settle(CALM).await;
            if !asked.is_finished() {
                pass(&self.gates[which], Cut::Nowhere);
            }
        }
    }

    /// Starts a pass of the job that sends webhooks.
    pub fn send_webhooks(&self) -> JoinHandle<Result<u64, StorageError>> {
        let job = self.installation.jobs.iter().find(|job| job.name() == "send_webhooks");
        let (job, context) = (Arc::clone(job.unwrap()), self.installation.context.clone());
        tokio::spawn(async move { job.run(&context).await })
    }

    /// All that was recorded is taken into the audit's log, which then proves itself.
    pub async fn verify_audit(&self) -> Result<(), String> {
        let audit = Arc::clone(&self.installation.audit);
        let taken = tokio::spawn(async move {
            audit.catch_up().await?;
            audit.mark(true).await
        });
        while !taken.is_finished() {
            settle(CALM).await;
            self.batch(DATA, None, Cut::Nowhere);
            self.batch(KEYS, None, Cut::Nowhere);
        }
        taken.await.unwrap().map_err(|error| error.to_string())?;
        let wrong = self.installation.audit.health().why();
        if !wrong.is_empty() {
            return Err(wrong.join("; "));
        }
        let keyring = &self.installation.context.keyring;
        coffer_tests::verify_audit(self.store(DATA), keyring).await.map(drop)
    }

    pub fn disk(&self) -> Disk {
        Disk::read(&self.directory)
    }

    /// Sends a request that nothing disturbs. What waits is written meanwhile, unless it is a read.
    pub async fn ask(&self, key: &str, request: &Request) -> Result<Answer, String> {
        let (wire, key, asked) = (self.wire(), key.to_owned(), request.clone());
        let sent = tokio::spawn(async move { wire.send(&key, &asked).await });
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            settle(CALM).await;
            if sent.is_finished() {
                let answer = sent.await.unwrap();
                return answer.ok_or_else(|| format!("{request:?}: no answer"));
            }
            if request.method == "GET" {
                // A list is read on a thread of its own.
                std::thread::yield_now();
                continue;
            }
            self.batch(DATA, None, Cut::Nowhere);
            self.batch(KEYS, None, Cut::Nowhere);
        }
        Err(format!("{request:?}: never answered"))
    }

    /// Lets the writers go, so that the server can be taken down.
    pub fn release(&self) {
        self.gates.iter().for_each(|gate| gate.open());
    }
}
