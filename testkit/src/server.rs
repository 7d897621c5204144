//! A server in this process.

use crate::client::Client;
use coffer::assemble::{self, AssembleOptions, RootSource, Stores};
use coffer::serve::{Address, ServeOptions, Server};
use coffer_base::{Clock, Random, TestClock, Timestamp};
use coffer_crypto::SystemRandom;
use coffer_secrets::Settings;
use coffer_storage::Faults;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// When the clock of a test server stands at its start: 2027-01-15 08:00:00 UTC.
pub const START: Timestamp = Timestamp::from_unix(1_800_000_000);

/// How a test server is made.
pub struct Builder {
    developer: bool,
    settings: Settings,
    faults: Faults,
    admin_listener: bool,
    directory: Option<PathBuf>,
}

/// A server in this process, its clock, and its data directory, which goes with it.
pub struct TestServer {
    runtime: Runtime,
    server: Option<Server>,
    /// The server's clock: it stands still until the test moves it.
    pub clock: Arc<TestClock>,
    data_dir: PathBuf,
    _kept: Option<TempDir>,
    base: String,
    admin_key: String,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            developer: false,
            settings: Settings::default(),
            faults: Faults::none(),
            admin_listener: false,
            directory: None,
        }
    }
}

impl Builder {
    /// Developer mode.
    pub fn developer(mut self) -> Self {
        self.developer = true;
        self
    }

    /// Other settings of the Secret Store.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
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

    /// A data directory that the test keeps; it may hold an installation already.
    pub fn data_dir(mut self, directory: &Path) -> Self {
        self.directory = Some(directory.to_owned());
        self
    }

    /// Starts the server.
    pub fn start(self) -> TestServer {
        let kept = self.directory.is_none().then(|| TempDir::new().unwrap());
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
        let clock = Arc::new(TestClock::at(START));
        let random: Arc<dyn Random> = Arc::new(SystemRandom);
        let options = AssembleOptions {
            data_dir: data_dir.clone(),
            root: RootSource::Beside,
            developer: self.developer,
            secrets: self.settings,
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            random: Arc::clone(&random),
            faults: self.faults.clone(),
        };
        let (server, admin_key) = runtime.block_on(async {
            let stores = if data_dir.join(assemble::DATA_FILE).exists() {
                Stores::open(&data_dir, clock.now(), self.faults).unwrap()
            } else {
                assemble::found(&options).await.unwrap().stores
            };
            let key = coffer_identity::create_admin_key(&stores.data, &*random, clock.now())
                .await
                .unwrap();
            let admin_key = key.token().expose().clone();
            let installation = assemble::open_stores(options, stores).await.unwrap();
            let any = Some(Address::parse("127.0.0.1:0").unwrap());
            let admin_listen = if self.admin_listener { any.clone() } else { None };
            let serve = ServeOptions { listen: any, admin_listen, ..ServeOptions::default() };
            (Server::start(installation, serve).await.unwrap(), admin_key)
        });
        let address = server.address.clone().unwrap();
        let base = format!("http://{address}");
        TestServer { runtime, server: Some(server), clock, data_dir, _kept: kept, base, admin_key }
    }
}

impl TestServer {
    /// A server as in production, just founded.
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

    /// Where its data is.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
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
        self.anonymous().with_key(&self.admin_key)
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

    /// Makes a restricted test key of `app` with these permissions; the caller that shows it.
    pub fn restricted(&self, app: &App, permissions: &[&str]) -> Client {
        let mut params = vec![("app", app.id.as_str()), ("mode", "test")];
        params.extend(permissions.iter().map(|permission| ("permissions[]", *permission)));
        let answer = self.admin().post("/v1/admin/api_keys", &params);
        answer.ok();
        self.anonymous().with_key(&answer.text("key"))
    }

    /// Runs each background job once, now.
    pub fn run_jobs(&self) {
        let installation = self.server().installation();
        self.runtime.block_on(async {
            for job in &installation.jobs {
                job.run(&installation.stores.data, self.clock.now()).await.unwrap();
            }
        });
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
    }
}

/// An app with its keys.
pub struct App {
    /// Its id.
    pub id: String,
    /// The account that made it.
    pub account: String,
    /// Its key for test mode.
    pub test_key: String,
    /// Its key for live mode.
    pub live_key: String,
    anonymous: Client,
}

impl App {
    /// The app's backend, in test mode, on the app's own account.
    pub fn client(&self) -> Client {
        self.anonymous.with_key(&self.test_key)
    }

    /// The app's backend in live mode.
    pub fn live(&self) -> Client {
        self.anonymous.with_key(&self.live_key)
    }
}
