//! `coffer dev`: a server for development, which needs no configuration.

use super::client::key;
use super::exit::{Exit, Failure};
use super::reload::Reload;
use super::signals::Signals;
use super::{output, serve, setup, signals, snippet};
use crate::config::{ALLOW_HOST, ALLOW_ORIGIN, Config, DEV_KEY, LISTEN};
use crate::telemetry;
use coffer::assemble::{self, AssembleError, Callers, Installation};
use coffer::serve::{Address, ServeOptions, Server};
use coffer_base::{Redacted, id::random_base62};
use coffer_crypto::SystemRandom;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// A key that any developer may use: developer mode takes every test key.
const EXAMPLE_KEY: &str = "sk_test_example";

/// Fewest characters of a run's own key: whoever can reach the server could try them.
const DEV_KEY_CHARACTERS: usize = 16;

/// Serves in developer mode until a signal ends it.
///
/// # Errors
/// If the address can be reached from elsewhere and no host is allowed, if the data directory holds
/// a production store, or if the server cannot start.
pub fn run(config: &Config) -> Result<Exit, Failure> {
    let listen = config.address(&LISTEN).cloned();
    let callers = callers(config, listen.as_ref())?;
    let traffic = config.traffic(None)?;
    let reload = Reload::new(config).log_level(telemetry::start(config));
    let runtime = setup::runtime()?;
    let result = runtime.block_on(async {
        let signals = Signals::listen()?;
        let installation = open(config, &callers).await?;
        serve::log_migrations(&installation.stores.migrations);
        installation.dashboard.set_settings(setup::setting_rows(config));
        keep_out_of_git(&config.data_dir());
        let is_open = !callers.hosts.is_empty();
        let options = ServeOptions {
            listen,
            traffic,
            insecure_http: is_open,
            admin_beside_api: is_open,
            ..ServeOptions::default()
        };
        let started = |server: &Server| {
            // It serves all the same: a pipe that closes is no reason to end.
            if output::print(&banner(config, &callers, server)).is_err() {
                let address = server.address.as_ref().map(ToString::to_string);
                tracing::warn!(address, "it serves, and how to use it could not be printed");
            }
        };
        let mut reload = reload.traffic(Arc::clone(&installation.kernel), None);
        let reload = move || reload.run();
        signals::serve_until_signal(signals, installation, options, started, reload).await
    });
    runtime.shutdown_background();
    result
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
        None => Some(random_base62(&SystemRandom, DEV_KEY_CHARACTERS)),
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
async fn open(config: &Config, callers: &Callers) -> Result<Installation, Failure> {
    match assemble::open(setup::developer(config, callers)).await {
        Ok(installation) => Ok(installation),
        Err(AssembleError::NoStore(..)) => {
            let mut initialized = assemble::init(&setup::developer(config, callers)).await?;
            // Every new store is migrated to the first schema: nothing to log.
            initialized.stores.migrations.clear();
            Ok(assemble::open_stores(setup::developer(config, callers), initialized.stores).await?)
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

fn banner(config: &Config, callers: &Callers, server: &Server) -> String {
    let address = server.address.as_ref().map(ToString::to_string).unwrap_or_default();
    let base = match (callers.hosts.first(), &server.address) {
        (Some(host), Some(Address::Tcp(address))) => format!("http://{host}:{}", address.port()),
        _ => format!("http://{address}"),
    };
    let run_key = callers.run_key.as_ref().map(|key| key.expose().as_str());
    let example = run_key.map_or(EXAMPLE_KEY.to_owned(), |key| format!("sk_test_{key}"));
    let keys = match run_key {
        None => "Any sk_test_… key is an app of its own".to_owned(),
        Some(key) => format!("Any sk_test_{key}_… key is an app of its own"),
    };
    format!(
        "Coffer {version}, developer mode: test mode only, not for production.\n\
         {keys}, and any acct_… has it installed.\n{open}\n  \
         API   {base}\n  Data  {data}\n\n\
         Dashboard, by a link that signs one browser in:\n\n  {base}{dashboard}\n\n\
         Try it:\n\n{snippets}\n\nCtrl-C stops it.\n",
        version = coffer::VERSION,
        open = warning(callers, &address),
        dashboard = server.installation().dashboard.link().unwrap_or_default(),
        data = config.data_dir().display(),
        snippets = snippet::all(&base, &example),
    )
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
