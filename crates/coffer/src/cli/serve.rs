//! `coffer serve`.

use super::activation;
use super::args::ServeArgs;
use super::backup;
use super::exit::{Exit, Failure};
use super::reload::Reload;
use super::runtime::Runtime;
use super::signals::Signals;
use super::{setup, signals};
use crate::config::{
    self, ADMIN_LISTEN, AUDIT_ANCHOR, Config, HEAD_FILE, INSECURE_HTTP, LISTEN, METRICS_LISTEN,
};
use crate::telemetry;
use coffer::assemble::{self, AssembleError, AssembleOptions, Database, Installation};
use coffer::head::{self, Checked, HeadKeeper};
use coffer::otlp::{KeepLines, LogLines};
use coffer::serve::{Address, HandedSockets, ServeOptions, Server};
use coffer::tls::Certificate;
use coffer_crypto::SystemRandom;
use coffer_kernel::limits::APP_REQUESTS_PER_SECOND;
use coffer_storage::{MigrationReport, StorageError};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Serves until a signal ends it.
///
/// # Errors
/// If the configuration cannot be used, if there is no store, if its root key does not open it,
/// or if the server cannot start.
pub fn run(config: &Config, args: &ServeArgs) -> Result<Exit, Failure> {
    let _seeding = SystemRandom::seed_beside();
    let handed = activation::sockets()?;
    let certificate = setup::tls(config)?;
    let options = ServeOptions { handed, ..serve_options(config, certificate.as_ref())? };
    let tls = options.tls.is_some();
    let otlp = config::otlp().map_err(Failure::from)?;
    let lines = Arc::new(LogLines::default());
    let kept = otlp.logs.is_some().then(|| KeepLines(Arc::clone(&lines)));
    let level = telemetry::start(config, kept);
    let reload = Reload::new(config).log_level(level).certificate(certificate);
    let database = setup::production(config)?.database;
    warn_about(&database);
    let data = data_location(config, &database);
    let (receivers, token) = setup::audit_receivers(config)?;
    let sign_in = setup::sign_in(config)?;
    let backups = backup::scheduled(config)?;
    let runtime = Runtime::new()?;
    let result = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let opened = open(config, args.accept_rollback, &mut signals).await?;
        let Some(mut installation) = opened else { return Ok(Exit::Done) };
        if let Some(backups) = backups {
            installation.jobs.push(Arc::new(backups));
        }
        log_migrations(&installation.stores.migrations);
        installation.ship_audit(receivers, token.as_ref())?;
        installation.export(otlp, &lines);
        if let Some((provider, roles)) = sign_in {
            installation.dashboard.sign_in_at(provider, roles);
        }
        installation.dashboard.set_settings(setup::setting_rows(config));
        let on_start = |server: &Server| {
            log_start(&data, server, tls);
            warn_about_listeners(server, tls);
        };
        let kernel = Arc::clone(&installation.kernel);
        let mut reload = reload.traffic(kernel, Some(APP_REQUESTS_PER_SECOND));
        let reload = move || reload.run();
        signals::serve_until_signal(signals, installation, options, on_start, reload).await
    });
    runtime.shutdown_background();
    result
}

/// Opens the installation; `None` if a signal came first.
async fn open(
    config: &Config,
    accept_rollback: bool,
    signals: &mut Signals,
) -> Result<Option<Installation>, Failure> {
    tokio::select! {
        opened = wait_for_database(config, accept_rollback) => opened.map(|installation| {
            if let Ok(anchor) = config.text(&AUDIT_ANCHOR).parse() {
                installation.audit.anchor_at(anchor);
            }
            Some(installation)
        }),
        () = signals.stop() => {
            tracing::info!("stopped before the database answered");
            Ok(None)
        }
    }
}

/// Opens the installation, and waits for its database within bounds: after a restart of all
/// machines it may come up last. A host that is off does not even refuse, so what is waited for is
/// said first.
async fn wait_for_database(
    config: &Config,
    accept_rollback: bool,
) -> Result<Installation, Failure> {
    let head = config.path(&HEAD_FILE);
    let open = || async {
        Ok::<_, Failure>(open_checked(setup::production(config)?, head, accept_rollback).await)
    };
    let Database::Postgres { data, keys } = config.database()? else {
        return Ok(open().await??);
    };
    let most = DATABASE_PATIENCE.as_secs();
    tracing::info!(
        database = %data,
        key_database = %keys,
        "connecting; databases that do not answer are waited for, {most} s at most, unless Ctrl-C \
         or TERM ends the wait"
    );
    let end = Instant::now() + DATABASE_PATIENCE;
    let mut said = String::new();
    loop {
        let error = match open().await? {
            Err(error @ AssembleError::Storage(StorageError::Unavailable(_))) => error.to_string(),
            opened => return Ok(opened?),
        };
        if Instant::now() >= end {
            return Err(Failure::failed(format!("{error}; it was waited for {most} s")));
        }
        if said != error {
            tracing::warn!(error, "the database cannot be used yet; it is tried again");
            said = error;
        }
        tokio::time::sleep(DATABASE_PAUSE).await;
    }
}

/// Opens the installation, if its stores are not older than the head file says; from then on the
/// file is kept.
async fn open_checked(
    options: AssembleOptions,
    head: Option<&Path>,
    accept_rollback: bool,
) -> Result<Installation, AssembleError> {
    if head.is_none() && !accept_rollback {
        return assemble::open(options).await;
    }
    let stores = assemble::open_existing(&options).await?;
    let Some(path) = head else {
        if let Err(error) = head::accept(&options, &stores).await {
            stores.close().await;
            return Err(error);
        }
        return assemble::open_stores(options, stores).await;
    };
    match head::check(&options, &stores, path, accept_rollback).await {
        Ok(checked) => log_head(&checked, path),
        Err(error) => {
            stores.close().await;
            return Err(error);
        }
    }
    let mut installation = assemble::open_stores(options, stores).await?;
    let keeper = HeadKeeper::new(path.to_owned(), installation.store_id.clone());
    installation.jobs.push(Arc::new(keeper));
    Ok(installation)
}

fn log_head(checked: &Checked, path: &Path) {
    let head_file = path.display();
    match checked {
        Checked::Right => tracing::info!(%head_file, "the stores are not older than the head file"),
        Checked::First => tracing::warn!(
            %head_file,
            "there is no head file yet, so nobody knows whether the stores were put back; it is \
             made now, and from the next start on it has to be there"
        ),
        Checked::Without(heads) => tracing::warn!(
            %head_file,
            %heads,
            "the head file was missing, and the stores are served because --accept-rollback was \
             given"
        ),
        Checked::Accepted(rollback) => tracing::warn!(
            %head_file,
            %rollback,
            "the stores were put back, and are served because --accept-rollback was given"
        ),
    }
}

/// How long a server that starts waits for a database that does not answer: PostgreSQL is up in a
/// few seconds, and a service manager starts this one again in the end.
const DATABASE_PATIENCE: Duration = Duration::from_secs(20);

/// How long it waits between two attempts.
const DATABASE_PAUSE: Duration = Duration::from_secs(1);

fn serve_options(
    config: &Config,
    certificate: Option<&Arc<Certificate>>,
) -> Result<ServeOptions, Failure> {
    let acceptor = certificate.map(Certificate::acceptor).transpose();
    Ok(ServeOptions {
        listen: config.address(&LISTEN).cloned(),
        admin_listen: config.address(&ADMIN_LISTEN).cloned(),
        metrics_listen: config.address(&METRICS_LISTEN).cloned(),
        handed: HandedSockets::default(),
        tls: acceptor.map_err(|error| Failure::failed(error.to_string()))?,
        insecure_http: config.is_on(&INSECURE_HTTP),
        traffic: config.traffic(Some(APP_REQUESTS_PER_SECOND)).map_err(Failure::from)?,
        connections: None,
        admin_beside_api: false,
    })
}

/// Where the data is, for the log.
fn data_location(config: &Config, database: &Database) -> String {
    match database {
        Database::Embedded => config.data_dir().display().to_string(),
        Database::Postgres { data, .. } => data.to_string(),
    }
}

/// Warns if data and keys share a cluster, or if a connection is not encrypted.
fn warn_about(database: &Database) {
    let Database::Postgres { data, keys } = database else { return };
    if data.same_cluster(keys) {
        tracing::warn!(
            "data and keys are in one cluster: whoever has a copy of it lacks only the root key"
        );
    }
    for each in [data, keys] {
        if each.is_unencrypted() {
            let database = each.to_string();
            tracing::warn!(database, "what the database is sent crosses the network unencrypted");
        }
    }
}

fn log_start(data: &str, server: &Server, tls: bool) {
    let installation = server.installation();
    tracing::info!(
        address = server.address.as_ref().map(display),
        admin_address = server.admin_address.as_ref().map(display),
        metrics_address = server.metrics_address.as_ref().map(display),
        tls,
        data,
        root_key = %installation.root_place,
        store = %installation.store_id,
        version = %coffer::VERSION,
        "serving"
    );
}

fn warn_about_listeners(server: &Server, tls: bool) {
    let is_open = server.address.as_ref().is_some_and(|address| !address.is_local());
    if is_open && server.admin_address.is_none() {
        tracing::info!("the admin API is not served; that takes admin_listen");
    }
    let mut addresses = [&server.address, &server.admin_address].into_iter().flatten();
    if !tls && addresses.any(|address: &Address| !address.is_local()) {
        tracing::warn!("keys and secrets cross the network unencrypted (insecure_http)");
    }
}

/// Logs the migrations that were applied, and where the copy from before them is.
pub fn log_migrations(reports: &[MigrationReport]) {
    for report in reports {
        for applied in &report.applied {
            let (version, name) = (applied.version, applied.name);
            tracing::info!(component = applied.component, version, name, "the schema was changed");
        }
        if let Some(copy) = &report.copy {
            let copy = copy.display();
            tracing::info!(%copy, "the data from before the change is kept; remove it in time");
        }
    }
}
