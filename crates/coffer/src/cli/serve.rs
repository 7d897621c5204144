//! `coffer serve`.

use super::exit::{Exit, Failure};
use super::{install, running};
use crate::config::{ADMIN_LISTEN, Config, INSECURE_HTTP, LISTEN};
use crate::telemetry;
use coffer::assemble::{self, AssembleError, DEVELOPER_ROOT_FILE, Database};
use coffer::serve::{Address, ServeOptions, Server};
use coffer_crypto::root::RootError;
use coffer_storage::MigrationReport;

/// Serves until it is told to stop.
///
/// # Errors
/// Whatever keeps the installation from being opened or served.
pub fn run(config: &Config) -> Result<Exit, Failure> {
    let options = ServeOptions {
        listen: config.address(&LISTEN).cloned(),
        admin_listen: config.address(&ADMIN_LISTEN).cloned(),
        tls: install::tls(config)?,
        insecure_http: config.is_on(&INSECURE_HTTP),
    };
    let tls = options.tls.is_some();
    telemetry::start(config);
    let assemble = install::options(config, config.root_source()?, false)?;
    warn_of_databases(&assemble.database);
    let database = place(config, &assemble.database);
    let runtime = install::runtime()?;
    let ended = runtime.block_on(async {
        let installation =
            assemble::open(assemble).await.map_err(|error| explain(config, error))?;
        tell_migrations(&installation.stores.migrations);
        let started = |server: &Server| {
            tell_start(&database, server, tls);
            Ok(())
        };
        running::until_stopped(installation, options, started).await
    });
    runtime.shutdown_background();
    ended
}

fn explain(config: &Config, error: AssembleError) -> Failure {
    let data_dir = config.data_dir();
    let missing = matches!(error, AssembleError::Root(RootError::Missing { .. }));
    if missing && data_dir.join(DEVELOPER_ROOT_FILE).exists() {
        return Failure::failed(format!(
            "{} holds a store of developer mode; serve it with `coffer dev`, or make another with \
             `coffer init --data-dir`",
            data_dir.display()
        ));
    }
    error.into()
}

/// Where the data is, for the log.
fn place(config: &Config, database: &Database) -> String {
    match database {
        Database::Embedded => config.data_dir().display().to_string(),
        Database::Postgres { data, .. } => data.to_string(),
    }
}

/// Says what is weaker than it could be about the databases.
fn warn_of_databases(database: &Database) {
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

fn tell_start(place: &str, server: &Server, tls: bool) {
    let installation = server.installation();
    let root_key = match &installation.root_path {
        Some(path) => path.display().to_string(),
        None => "environment COFFER_ROOT_KEY".to_owned(),
    };
    tracing::info!(
        address = server.address.as_ref().map(display),
        admin_address = server.admin_address.as_ref().map(display),
        tls,
        data = place,
        root_key = %root_key,
        store = %installation.store_id,
        version = %coffer::VERSION,
        "serving"
    );
    let is_open = server.address.as_ref().is_some_and(|address| !address.is_local());
    if is_open && server.admin_address.is_none() {
        tracing::info!("the admin API is not served; that takes admin_listen");
    }
    let open = [&server.address, &server.admin_address].into_iter().flatten();
    if !tls && open.into_iter().any(|address: &Address| !address.is_local()) {
        tracing::warn!("keys and secrets cross the network unencrypted (insecure_http)");
    }
}

/// Says what was changed about the schemas, and where the copy from before is.
pub fn tell_migrations(reports: &[MigrationReport]) {
    for report in reports {
        for applied in &report.applied {
            let (room, version, name) = (applied.component, applied.version, applied.name);
            tracing::info!(room, version, name, "the schema was changed");
        }
        if let Some(copy) = &report.copy {
            let copy = copy.display();
            tracing::info!(%copy, "the data from before the change is kept; remove it in time");
        }
    }
}
