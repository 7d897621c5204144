//! `coffer serve`.

use super::exit::{Exit, Failure};
use super::{setup, signals};
use crate::config::{ADMIN_LISTEN, Config, INSECURE_HTTP, LISTEN};
use crate::telemetry;
use coffer::assemble::{self, Database};
use coffer::serve::{Address, ServeOptions, Server};
use coffer_storage::MigrationReport;

/// Serves until a signal ends it.
///
/// # Errors
/// If the configuration cannot be used, if there is no store, if its root key does not open it,
/// or if the server cannot start.
pub fn run(config: &Config) -> Result<Exit, Failure> {
    let options = serve_options(config)?;
    let tls = options.tls.is_some();
    telemetry::start(config);
    let assemble = setup::production(config)?;
    warn_about(&assemble.database);
    let data = data_location(config, &assemble.database);
    let runtime = setup::runtime()?;
    let result = runtime.block_on(async {
        let installation = assemble::open(assemble).await?;
        log_migrations(&installation.stores.migrations);
        let on_start = |server: &Server| {
            log_start(&data, server, tls);
            warn_about_listeners(server, tls);
            Ok(())
        };
        signals::serve_until_signal(installation, options, on_start).await
    });
    runtime.shutdown_background();
    result
}

fn serve_options(config: &Config) -> Result<ServeOptions, Failure> {
    Ok(ServeOptions {
        listen: config.address(&LISTEN).cloned(),
        admin_listen: config.address(&ADMIN_LISTEN).cloned(),
        tls: setup::tls(config)?,
        insecure_http: config.is_on(&INSECURE_HTTP),
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
    let root_key = match &installation.root_path {
        Some(path) => path.display().to_string(),
        None => "environment COFFER_ROOT_KEY".to_owned(),
    };
    tracing::info!(
        address = server.address.as_ref().map(display),
        admin_address = server.admin_address.as_ref().map(display),
        tls,
        data,
        root_key = %root_key,
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
