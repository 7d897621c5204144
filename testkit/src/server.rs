//! A server in this process.

use crate::app::App;
use crate::client::Client;
use crate::home::home;
use crate::postgres::{self, Databases};
use crate::raw::Raw;
use coffer::assemble::{self, AssembleOptions, Callers, RootSource, Stores};
use coffer::family_set::FamilySet;
use coffer::otlp::{LogLines, OtlpSettings};
use coffer::serve::{Address, ServeOptions, Server};
use coffer::ship::Receiver;
use coffer_base::{Clock, Random, Reading, Redacted, TestClock, Timestamp};
use coffer_crypto::SystemRandom;
use coffer_kernel::{Family, Job, Setting, Settings};
use coffer_storage::Faults;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// When the clock of a test server stands at its start: 2027-01-15 08:00:00 UTC.
pub const START: Timestamp = Timestamp::from_unix(1_800_000_000);

/// How a test server is made.
pub struct Builder {
    developer: bool,
    callers: Callers,
    embedded: bool,
    families: FamilySet,
    settings: Settings,
    faults: Faults,
    admin_listener: bool,
    metrics_listener: bool,
    beyond_loopback: bool,
    directory: Option<PathBuf>,
    random: Arc<dyn Random>,
    clock_hook: Option<Hook>,
    background: bool,
    starts_at: Timestamp,
    receivers: Vec<Receiver>,
    otlp: OtlpSettings,
}

/// Something of a test's that runs inside the server.
type Hook = Arc<dyn Fn() + Send + Sync>;

/// The clock, and what happens whenever somebody looks at it.
struct HookedClock(Arc<TestClock>, Option<Hook>);

impl Clock for HookedClock {
    fn now(&self) -> Timestamp {
        if let Some(hook) = &self.1 {
            hook();
        }
        self.0.now()
    }

    fn monotonic(&self) -> Duration {
        self.0.monotonic()
    }

    /// Both at one moment, whoever moves the clock meanwhile.
    fn read(&self) -> Reading {
        if let Some(hook) = &self.1 {
            hook();
        }
        self.0.read()
    }
}

/// A server in this process, its clock, and its data directory, which goes with it.
pub struct TestServer {
    runtime: Runtime,
    server: Option<Server>,
    pub(crate) jobs: Vec<Arc<dyn Job>>,
    /// The server's clock: it stands still until the test moves it.
    pub clock: Arc<TestClock>,
    data_dir: PathBuf,
    databases: Databases,
    _kept: Option<TempDir>,
    base: String,
    admin_base: String,
    admin_key: String,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            developer: false,
            callers: Callers::default(),
            embedded: false,
            families: FamilySet::default(),
            settings: Settings::default(),
            faults: Faults::none(),
            admin_listener: false,
            metrics_listener: false,
            beyond_loopback: false,
            directory: None,
            random: Arc::new(SystemRandom),
            clock_hook: None,
            background: true,
            starts_at: START,
            receivers: Vec::new(),
            otlp: OtlpSettings::default(),
        }
    }
}

impl Builder {
    /// Developer mode.
    pub fn developer(mut self) -> Self {
        self.developer = true;
        self
    }

    /// A name under which developer mode answers besides.
    pub fn allow_host(mut self, host: &str) -> Self {
        self.callers.hosts.push(host.to_owned());
        self
    }

    /// An origin whose pages may call.
    pub fn allow_origin(mut self, origin: &str) -> Self {
        self.callers.origins.push(origin.to_owned());
        self
    }

    /// What keys begin with in developer mode.
    pub fn run_key(mut self, key: &str) -> Self {
        self.callers.run_key = Some(Redacted::new(key.to_owned()));
        self
    }

    /// In files of its directory, whatever the engine of this run is: for tests about the files.
    pub fn embedded(mut self) -> Self {
        self.embedded = true;
        self
    }

    /// Another value of a family's setting, written as an operator would.
    pub fn set(mut self, setting: &Setting, value: &str) -> Self {
        self.settings.set(setting, value).unwrap();
        self
    }

    /// One more family.
    pub fn family(mut self, family: Family) -> Self {
        self.families = self.families.with(family);
        self
    }

    /// Faults of the data store.
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// A listener of its own for the admin API as well.
    pub fn admin_listener(mut self) -> Self {
        self.admin_listener = true;
        self
    }

    /// A listener for metrics as well.
    pub fn metrics_listener(mut self) -> Self {
        self.metrics_listener = true;
        self
    }

    /// The API listens on all of the machine's addresses, in plain HTTP, and the admin API on a
    /// listener of its own.
    pub fn beyond_loopback(mut self) -> Self {
        self.beyond_loopback = true;
        self.admin_listener = true;
        self
    }

    /// Another source of random bytes.
    pub fn random(mut self, random: Arc<dyn Random>) -> Self {
        self.random = random;
        self
    }

    /// Something that happens whenever the server looks at its clock.
    pub fn clock_hook(mut self, hook: Arc<dyn Fn() + Send + Sync>) -> Self {
        self.clock_hook = Some(hook);
        self
    }

    /// A data directory that the test keeps; it may hold an installation already.
    pub fn data_dir(mut self, directory: &Path) -> Self {
        self.directory = Some(directory.to_owned());
        self
    }

    /// No background jobs: they run when the test calls [`TestServer::run_jobs`], and only then.
    pub fn without_background_jobs(mut self) -> Self {
        self.background = false;
        self
    }

    /// Somebody who receives the audit, as an operator would write it.
    pub fn ship_audit_to(mut self, receiver: &str) -> Self {
        self.receivers.push(Receiver::parse(receiver).unwrap());
        self
    }

    /// Traces and metrics go out as these variables of OpenTelemetry say. The log of all servers of
    /// this process is one, and goes out by none of them.
    pub fn otlp(mut self, variables: &[(&str, &str)]) -> Self {
        let of = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        self.otlp = OtlpSettings::of(of).unwrap();
        self
    }

    /// When the clock stands at the server's start; [`START`] otherwise.
    pub fn starts_at(mut self, now: Timestamp) -> Self {
        self.starts_at = now;
        self
    }

    /// Starts the server.
    pub fn start(self) -> TestServer {
        let kept = self.directory.is_none().then(home);
        let data_dir = match (&self.directory, &kept) {
            (Some(directory), _) => directory.clone(),
            (None, Some(kept)) => kept.path().join("data"),
            (None, None) => unreachable!("one of them was just made"),
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let clock = Arc::new(TestClock::at(self.starts_at));
        let random = self.random;
        let initialized = postgres::is_initialized(&data_dir);
        // Developer mode is for one machine, and always embedded.
        let databases = if self.developer || self.embedded {
            Databases::embedded()
        } else {
            runtime.block_on(postgres::databases(&data_dir, Some(&self.families)))
        };
        let options = AssembleOptions {
            data_dir: data_dir.clone(),
            key_dir: None,
            database: databases.database.clone(),
            root: RootSource::DataDir,
            developer: self.developer,
            callers: self.callers,
            families: self.families,
            settings: self.settings,
            clock: Arc::new(HookedClock(Arc::clone(&clock), self.clock_hook)),
            random: Arc::clone(&random),
            faults: self.faults,
        };
        let wanted = Wanted {
            background: self.background,
            admin_listener: self.admin_listener,
            metrics_listener: self.metrics_listener,
            beyond_loopback: self.beyond_loopback,
            receivers: self.receivers,
            otlp: self.otlp,
        };
        let (server, jobs, admin_key) = runtime.block_on(open(options, initialized, wanted));
        let base = url_of(server.address.as_ref());
        let admin_base = match &server.admin_address {
            Some(address) => url_of(Some(address)),
            None => base.clone(),
        };
        TestServer {
            runtime,
            server: Some(server),
            jobs,
            clock,
            data_dir,
            databases,
            _kept: kept,
            base,
            admin_base,
            admin_key,
        }
    }
}

/// What is wanted of a server, beside what it is put together from.
struct Wanted {
    background: bool,
    admin_listener: bool,
    metrics_listener: bool,
    beyond_loopback: bool,
    receivers: Vec<Receiver>,
    otlp: OtlpSettings,
}

/// Opens the installation, which is initialized first if it is a new one, and serves it. Answers
/// the server, its jobs, and a new admin key.
async fn open(
    options: AssembleOptions,
    initialized: bool,
    wanted: Wanted,
) -> (Server, Vec<Arc<dyn Job>>, String) {
    let now = options.clock.now();
    let stores = if initialized {
        Stores::open_configured(&options, now).await.unwrap()
    } else {
        let stores = assemble::init(&options).await.unwrap().stores;
        if postgres::is_spread() {
            let families = &options.families;
            assemble::distribute(&options.database, families, false).await.unwrap();
        }
        stores
    };
    let key = assemble::create_admin_key(&options, &stores).await.unwrap();
    let admin_key = key.token().expose().clone();
    let mut installation = assemble::open_stores(options, stores).await.unwrap();
    let token = Redacted::new("audit-token".to_owned());
    installation.ship_audit(wanted.receivers, Some(&token)).unwrap();
    installation.export(wanted.otlp, &Arc::new(LogLines::default()));
    let jobs = installation.jobs.clone();
    if !wanted.background {
        installation.jobs.clear();
    }
    let local = Some(Address::parse("127.0.0.1:0").unwrap());
    let admin_listen = if wanted.admin_listener { local.clone() } else { None };
    let metrics_listen = if wanted.metrics_listener { local.clone() } else { None };
    let insecure_http = wanted.beyond_loopback;
    let listen = if insecure_http { Address::parse("0.0.0.0:0").ok() } else { local };
    let serve = ServeOptions {
        listen,
        admin_listen,
        metrics_listen,
        insecure_http,
        ..ServeOptions::default()
    };
    let server = Server::start(installation, serve).await.unwrap();
    // What a start leaves in the audit comes before whatever a test counts or holds up.
    server.installation().kernel.flush_audit().await;
    (server, jobs, admin_key)
}

/// How this machine reaches `address`.
pub(crate) fn url_of(address: Option<&Address>) -> String {
    match address {
        Some(Address::Tcp(address)) => format!("http://127.0.0.1:{}", address.port()),
        other => panic!("a test server does not listen on {other:?}"),
    }
}

impl TestServer {
    /// A server as in production, just initialized.
    pub fn start() -> Self {
        Builder::default().start()
    }

    /// A server made otherwise.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Where it listens, such as `http://127.0.0.1:40123`.
    pub fn url(&self) -> &str {
        &self.base
    }

    /// Where the admin API listens: the same, unless it has a listener of its own.
    pub fn admin_url(&self) -> &str {
        &self.admin_base
    }

    /// A connection on which the test writes bytes itself.
    pub fn raw(&self) -> Raw {
        Raw::connect(self.socket())
    }

    /// Where it listens, as an address.
    pub fn socket(&self) -> SocketAddr {
        self.base.trim_start_matches("http://").parse().unwrap()
    }

    /// Where its data is.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The flags with which `coffer` finds the server's stores.
    pub fn store_flags(&self) -> Vec<OsString> {
        match self.databases.urls() {
            Some([data, keys]) => {
                ["--database", &data, "--key-database", &keys].map(OsString::from).to_vec()
            }
            None => vec!["--data-dir".into(), self.data_dir.clone().into()],
        }
    }

    /// The addresses of the data and of the keys, on PostgreSQL.
    pub(crate) fn database_urls(&self) -> Option<[String; 2]> {
        self.databases.urls()
    }

    /// The server itself.
    pub fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    /// Somebody without a key.
    pub fn anonymous(&self) -> Client {
        Client::anonymous(&self.base)
    }

    /// The operator.
    pub fn admin(&self) -> Client {
        Client::anonymous(&self.admin_base).with_key(&self.admin_key)
    }

    /// A new account.
    pub fn account(&self) -> String {
        let answer = self.admin().post("/v1/admin/accounts", &[]);
        answer.ok();
        answer.text("id")
    }

    /// A new app of a new account, with a test and a live key.
    pub fn app(&self) -> App {
        let account = self.account();
        let admin = self.admin();
        let app = admin.post("/v1/admin/apps", &[("account", &account), ("name", "app")]);
        app.ok();
        let id = app.text("id");
        let key = |mode| {
            let answer = admin.post("/v1/admin/api_keys", &[("app", &id), ("mode", mode)]);
            answer.ok();
            answer.text("key")
        };
        let (test_key, live_key) = (key("test"), key("live"));
        App { id, account, test_key, live_key, anonymous: self.anonymous() }
    }

    /// Installs `app` on `account`; the install's id.
    pub fn install(&self, app: &App, account: &str) -> String {
        let params = [("app", app.id.as_str()), ("account", account)];
        let answer = self.admin().post("/v1/admin/installs", &params);
        answer.ok();
        answer.text("id")
    }

    /// A new account with `app` installed, and the app's backend in test mode that speaks for it.
    pub fn connected(&self, app: &App) -> (String, Client) {
        let account = self.account();
        self.install(app, &account);
        let client = app.client().for_account(&account);
        (account, client)
    }

    /// Makes a restricted test key of `app` with these permissions; the caller that shows it.
    pub fn restricted(&self, app: &App, permissions: &[&str]) -> Client {
        let mut params = vec![("app", app.id.as_str()), ("mode", "test")];
        params.extend(permissions.iter().map(|permission| ("permissions[]", *permission)));
        let answer = self.admin().post("/v1/admin/api_keys", &params);
        answer.ok();
        self.anonymous().with_key(&answer.text("key"))
    }

    /// Runs something of the server's own in its runtime.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Stops the server in an orderly way.
    pub fn stop(mut self) {
        self.stop_server();
    }

    fn stop_server(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.stop());
        }
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop_server();
        if self._kept.is_some() {
            self.databases.clear();
        }
    }
}
