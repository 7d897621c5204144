//! `coffer dev`: a server for development, which needs no configuration.

use super::exit::{Exit, Failure};
use super::reload::Reload;
use super::signals::Signals;
use super::{output, serve, setup, signals, snippet};
use crate::config::{Config, LISTEN};
use crate::telemetry;
use coffer::assemble::{self, AssembleError, Installation};
use coffer::serve::{Address, ServeOptions, Server};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// A key that any developer may use: developer mode takes every test key.
const EXAMPLE_KEY: &str = "sk_test_example";

/// Serves in developer mode until a signal ends it.
///
/// # Errors
/// If the address is not this machine's, if the data directory holds a production store, or if
/// the server cannot start.
pub fn run(config: &Config) -> Result<Exit, Failure> {
    let listen = config.address(&LISTEN).cloned();
    if !matches!(&listen, Some(address @ Address::Tcp(_)) if address.is_local()) {
        let source = config.source(&LISTEN).map(ToString::to_string).unwrap_or_default();
        return Err(Failure::usage(format!(
            "developer mode lets everybody in, so it listens on this machine only: \
             127.0.0.1:PORT or [::1]:PORT (listen: {source}); for others there is `coffer serve`"
        )));
    }
    let traffic = config.traffic(None)?;
    let reload = Reload::new(config).log_level(telemetry::start(config));
    let runtime = setup::runtime()?;
    let result = runtime.block_on(async {
        let signals = Signals::listen()?;
        let installation = open(config).await?;
        serve::log_migrations(&installation.stores.migrations);
        keep_out_of_git(&config.data_dir());
        let options = ServeOptions { listen, traffic, ..ServeOptions::default() };
        let started = |server: &Server| output::print(&banner(config, server));
        let mut reload = reload.traffic(Arc::clone(&installation.kernel), None);
        let reload = move || reload.run();
        signals::serve_until_signal(signals, installation, options, started, reload).await
    });
    runtime.shutdown_background();
    result
}

/// Opens the store of developer mode, or initializes it.
async fn open(config: &Config) -> Result<Installation, Failure> {
    match assemble::open(setup::developer(config)).await {
        Ok(installation) => Ok(installation),
        Err(AssembleError::NoStore(..)) => {
            let mut initialized = assemble::init(&setup::developer(config)).await?;
            // Every new store is migrated to the first schema: nothing to log.
            initialized.stores.migrations.clear();
            Ok(assemble::open_stores(setup::developer(config), initialized.stores).await?)
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

fn banner(config: &Config, server: &Server) -> String {
    let address = server.address.as_ref().map(ToString::to_string).unwrap_or_default();
    let base = format!("http://{address}");
    format!(
        "Coffer {version}, developer mode: test mode only, not for production.\n\
         Any sk_test_… key is an app of its own, and any acct_… has it installed.\n\n  \
         API   {base}\n  Data  {data}\n\nTry it:\n\n{snippets}\n\nCtrl-C stops it.\n",
        version = coffer::VERSION,
        data = config.data_dir().display(),
        snippets = snippet::all(&base, EXAMPLE_KEY),
    )
}
