//! `coffer dev`: a server for development, which needs no configuration, and for test suites.

mod command;
mod environment;
mod ready;
mod seed;

use super::args::DevArgs;
use super::client::key;
use super::exit::{Exit, Failure};
use super::reload::Reload;
use super::runtime::Runtime;
use super::signals::Signals;
use super::{output, serve, setup, signals, snippet};
use crate::config::{
    ALLOW_HOST, ALLOW_ORIGIN, Config, DATA_DIR, DEV_KEY, LISTEN, LOG_LEVEL, Source,
};
use crate::telemetry;
use coffer::assemble::{self, AssembleError, AssembleOptions, Callers, Installation};
use coffer::serve::{Address, ServeOptions, Server};
use coffer_base::{Redacted, id::random_base62};
use coffer_crypto::KernelRandom;
use coffer_storage::Faults;
use environment::ClientEnvironment;
use ready::ReadyFile;
use seed::Seed;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// What keys are called behind their prefix, if nothing else is said: developer mode takes every
/// test key.
const EXAMPLE: &str = "example";

/// Fewest characters of a run's own key: whoever can reach the server could try them.
const DEV_KEY_CHARACTERS: usize = 16;

/// Serves in developer mode until a signal, or the end of the command that it was started for, ends
/// it.
///
/// # Errors
/// If the address can be reached from elsewhere and no host is allowed, if the data directory holds
/// a production store, if the seed has a mistake, or if the server cannot start.
pub fn run(config: Config, args: &DevArgs) -> Result<Exit, Failure> {
    let config = &for_command(config, args)?;
    let ready = args.ready_file.as_deref().map(ReadyFile::new).transpose()?;
    let seed = args.seed.as_deref().map(Seed::read).transpose()?;
    let listen = listen(config, args);
    let callers = callers(config, listen.as_ref())?;
    let traffic = config.traffic(None)?;
    let place = Place::of(config, args)?;
    let reload = Reload::new(config).log_level(telemetry::start(config, None));
    let runtime = Runtime::new()?;
    let result = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        if args.exit_with_parent {
            signals = signals.with_parent();
        }
        let installation = open(config, &callers, &place, seed.is_some()).await?;
        serve::log_migrations(&installation.stores.migrations);
        installation.dashboard.set_settings(setup::setting_rows(config));
        keep_out_of_git(&place.data_dir);
        let is_open = !callers.hosts.is_empty();
        let options = ServeOptions {
            listen,
            traffic,
            insecure_http: is_open,
            admin_beside_api: is_open,
            ..ServeOptions::default()
        };
        let mut reload = reload.traffic(Arc::clone(&installation.kernel), None);
        let server = signals::start(installation, options).await?;
        let started = Started { args, callers: &callers, place: &place, ready: ready.as_ref() };
        let served = started.serve(&server, seed, &mut signals, move || reload.run()).await;
        let stopped = signals::stop(server, signals).await;
        match served? {
            Exit::Done => stopped,
            exit => Ok(exit),
        }
    });
    runtime.shutdown_background();
    result
}

/// The configuration of a server for one command: on a free port, so that many can run at once,
/// and with a log that does not get between the command's own lines.
fn for_command(config: Config, args: &DevArgs) -> Result<Config, Failure> {
    if args.command.is_empty() {
        return Ok(config);
    }
    Ok(config.with_default(&LISTEN, "127.0.0.1:0")?.with_default(&LOG_LEVEL, "warn")?)
}

/// Where to listen.
fn listen(config: &Config, args: &DevArgs) -> Option<Address> {
    match args.port {
        Some(port) => Some(Address::Tcp((Ipv4Addr::LOCALHOST, port).into())),
        None => config.address(&LISTEN).cloned(),
    }
}

/// Where the store is.
struct Place {
    data_dir: PathBuf,
    /// Removes it at the end, if it is there for one run.
    throwaway: Option<TempDir>,
}

impl Place {
    /// The data directory that is named, or for a command or a seed one that is gone at the end.
    fn of(config: &Config, args: &DevArgs) -> Result<Self, Failure> {
        let is_default = matches!(config.source(&DATA_DIR), Some(Source::Default));
        if !is_default || !args.is_throwaway() {
            return Ok(Self { data_dir: config.data_dir(), throwaway: None });
        }
        let made = tempfile::Builder::new().prefix("coffer-dev-").tempdir();
        let throwaway = made.map_err(|error| {
            Failure::failed(format!(
                "no directory can be made for this run: {error}; name one with --data-dir"
            ))
        })?;
        let data_dir = throwaway.path().join("data");
        Ok(Self { data_dir, throwaway: Some(throwaway) })
    }

    /// What a power failure may do to it: a store that is gone at the end has none to outlive, and
    /// is flushed to no disk.
    fn faults(&self) -> Faults {
        let none = Faults::none();
        if self.throwaway.is_none() {
            return none;
        }
        none.no_flush().with_keys(Faults::none().no_flush())
    }
}

/// A server that has started, and what it was started for.
struct Started<'a> {
    args: &'a DevArgs,
    callers: &'a Callers,
    place: &'a Place,
    ready: Option<&'a ReadyFile>,
}

impl Started<'_> {
    /// Makes the seed, says that it serves, and runs the command, or waits for a signal.
    async fn serve(
        &self,
        server: &Server,
        seed: Option<Seed>,
        signals: &mut Signals,
        reload: impl FnMut(),
    ) -> Result<Exit, Failure> {
        let clients = self.clients(server, seed.as_ref().and_then(Seed::key));
        if let Some(seed) = seed {
            let clients = clients.clone();
            let making = tokio::task::spawn_blocking(move || seed.make(&clients));
            let made = tokio::select! {
                made = making => made.map_err(|error| Failure::failed(error.to_string()))??,
                () = signals.stop() => return Ok(Exit::Done),
            };
            tracing::info!(entries = made, "the seed is made");
        }
        if let Some(ready) = self.ready {
            ready.write(&clients.lines())?;
        }
        if self.args.print_env {
            output::print_bytes(clients.lines().as_bytes())?;
        }
        if !self.args.command.is_empty() {
            return command::run(&self.args.command, &clients, signals).await;
        }
        // It serves all the same: a pipe that closes is no reason to end.
        if !self.args.print_env && output::print(&self.banner(server, &clients)).is_err() {
            let address = server.address.as_ref().map(ToString::to_string);
            tracing::warn!(address, "it serves, and how to use it could not be printed");
        }
        signals.reload_until_stop(reload).await;
        Ok(Exit::Done)
    }

    fn banner(&self, server: &Server, clients: &ClientEnvironment) -> String {
        let callers = self.callers;
        let address = server.address.as_ref().map(ToString::to_string).unwrap_or_default();
        let base = match (callers.hosts.first(), &server.address) {
            (Some(host), Some(Address::Tcp(address))) => {
                format!("http://{host}:{}", address.port())
            }
            _ => format!("http://{address}"),
        };
        let keys = match callers.run_key.as_ref().map(|key| key.expose()) {
            None => "Any sk_test_… key is an app of its own".to_owned(),
            Some(key) => format!("Any sk_test_{key}_… key is an app of its own"),
        };
        let gone = if self.place.throwaway.is_some() { ", gone at the end" } else { "" };
        format!(
            "Coffer {version}, developer mode: test mode only, not for production.\n\
             {keys}, and any acct_… has it installed.\n{open}\n  \
             API   {base}\n  Docs  {base}/docs\n  Data  {data}{gone}\n\n\
             Dashboard, by a link that signs one browser in:\n\n  {base}{dashboard}\n\n\
             Try it:\n\n{snippets}\n\nCtrl-C stops it.\n",
            version = coffer::VERSION,
            open = warning(callers, &address),
            dashboard = server.installation().dashboard.link().unwrap_or_default(),
            data = self.place.data_dir.display(),
            snippets = snippet::all(&base, &clients.api_key),
        )
    }

    /// What clients on this machine need.
    fn clients(&self, server: &Server, key: Option<&Redacted<String>>) -> ClientEnvironment {
        let address = match &server.address {
            Some(Address::Tcp(address)) => *address,
            // Developer mode listens on nothing else.
            _ => (Ipv4Addr::LOCALHOST, 0).into(),
        };
        let (run, key) = (self.callers.run_key.as_ref(), key.map(|key| key.expose().clone()));
        let run = run.map_or(EXAMPLE, |key| key.expose().as_str());
        let api_key = key.unwrap_or_else(|| format!("sk_test_{run}"));
        ClientEnvironment::new(address, api_key, format!("ak_coffer_{run}"))
    }
}

/// Who may call: this machine, and others if a host is allowed, but then only with the run's key. A
/// name that is allowed is one that others use, on whatever address: a tunnel or a proxy on this
/// machine brings them in by loopback.
///
/// # Errors
/// If other machines can reach the address and no host is allowed, or if the key is too short.
fn callers(config: &Config, listen: Option<&Address>) -> Result<Callers, Failure> {
    let hosts = config.list(&ALLOW_HOST).to_vec();
    let is_local = matches!(listen, Some(address @ Address::Tcp(_)) if address.is_local());
    if !is_local && (hosts.is_empty() || !matches!(listen, Some(Address::Tcp(_)))) {
        let source = config.source(&LISTEN).map(ToString::to_string).unwrap_or_default();
        return Err(Failure::usage(format!(
            "developer mode lets everybody in, so it listens on this machine only: \
             127.0.0.1:PORT or [::1]:PORT (listen: {source}); --allow-host NAME lets it listen \
             elsewhere and answer to NAME, as in a compose file, and production is `coffer serve`"
        )));
    }
    let run_key = match config.value(&DEV_KEY) {
        Some(_) => Some(run_key(config)?),
        None if hosts.is_empty() => None,
        None => Some(random_base62(&KernelRandom, DEV_KEY_CHARACTERS)),
    };
    let origins = config.list(&ALLOW_ORIGIN).to_vec();
    Ok(Callers { hosts, origins, run_key: run_key.map(Redacted::new) })
}

/// The key that is set.
fn run_key(config: &Config) -> Result<String, Failure> {
    let key = key(config, &DEV_KEY).map_err(|failure| Failure::usage(failure.message))?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if key.len() < DEV_KEY_CHARACTERS || !key.bytes().all(is_plain) {
        let source = config.source(&DEV_KEY).map(ToString::to_string).unwrap_or_default();
        return Err(Failure::usage(format!(
            "dev_key ({source}) needs at least {DEV_KEY_CHARACTERS} letters, digits, dashes or \
             underscores, without the 'sk_test_' before it"
        )));
    }
    Ok(key.to_string())
}

/// Opens the store of developer mode, or initializes it.
///
/// # Errors
/// If there is one and a new one is needed, or if it cannot be opened.
async fn open(
    config: &Config,
    callers: &Callers,
    place: &Place,
    needs_new: bool,
) -> Result<Installation, Failure> {
    let options = || AssembleOptions {
        data_dir: place.data_dir.clone(),
        faults: place.faults(),
        random: Arc::new(KernelRandom),
        ..setup::developer(config, callers)
    };
    match assemble::open_existing(&options()).await {
        Ok(stores) if needs_new => {
            stores.close().await;
            Err(Failure::usage(format!(
                "{} holds a store already, and a seed is for a new one: name another directory, or \
                 leave --data-dir out for one that is gone at the end",
                place.data_dir.display()
            )))
        }
        Ok(stores) => Ok(assemble::open_stores(options(), stores).await?),
        Err(AssembleError::NoStore(..)) => {
            let mut initialized = assemble::init(&options()).await?;
            // Every new store is migrated to the first schema: nothing to log.
            initialized.stores.migrations.clear();
            Ok(assemble::open_stores(options(), initialized.stores).await?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Keeps the data directory, which has the root key in it, out of the repository around it.
fn keep_out_of_git(data_dir: &Path) {
    let file = std::fs::File::create_new(data_dir.join(".gitignore"));
    // It fails if the file exists, which is fine, or cannot be written, which stops no server.
    let _ = file.and_then(|mut file| file.write_all(b"*\n"));
}

/// What it means that a host is allowed; empty if none is.
fn warning(callers: &Callers, address: &str) -> String {
    let (false, Some(key)) = (callers.hosts.is_empty(), &callers.run_key) else {
        return String::new();
    };
    let (hosts, key) = (callers.hosts.join(", "), key.expose());
    let rule = "*".repeat(79);
    format!(
        "\n{rule}\n\
         OPEN: it listens on {address}, in plain HTTP, and answers to {hosts}.\n\
         Whoever reaches it is let in with a key that begins with sk_test_{key}, rk_test_{key} or \
         ak_coffer_{key},\n\
         to read, change and administer all that is kept here. Keep no real secret in it.\n\
         {rule}\n"
    )
}
