//! What several verbs need to open an installation as the configuration describes it.

use super::client;
use super::exit::Failure;
use crate::config::{
    ALLOW_ORIGIN, AUDIT_SHIP_TOKEN, Config, KEY_DIR, OIDC_CA, OIDC_CLIENT_SECRET, SignInSettings,
    TLS_CERT, TLS_KEY,
};
use coffer::assemble::{self, AssembleOptions, Callers, DATA_FILE, Database, RootSource, Stores};
use coffer::family_set::FamilySet;
use coffer::ship::Receiver;
use coffer::store_place;
use coffer::tls::Certificate;
use coffer_base::{Redacted, SystemClock};
use coffer_crypto::SystemRandom;
use coffer_dashboard::{Roles, SettingRow};
use coffer_oidc::{Provider, ProviderOptions, ProviderSettings};
use coffer_storage::{Faults, Store};
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The options of a production installation.
///
/// # Errors
/// If the configuration names only one of the two databases, or holds a malformed root key.
pub fn production(config: &Config) -> Result<AssembleOptions, Failure> {
    Ok(options(config, config.database()?, config.root_source()?))
}

/// Who receives the audit, and the token for those over HTTP.
///
/// # Errors
/// If one of them is not understood, or the token's file cannot be read.
pub fn audit_receivers(
    config: &Config,
) -> Result<(Vec<Receiver>, Option<Redacted<String>>), Failure> {
    let token = match config.value(&AUDIT_SHIP_TOKEN) {
        Some(_) => Some(Redacted::new(client::key(config, &AUDIT_SHIP_TOKEN)?.to_string())),
        None => None,
    };
    Ok((config.audit_receivers()?, token))
}

/// The identity provider at which people sign in to the dashboard, and who has which role; `None`
/// if there is none.
///
/// # Errors
/// If the settings do not fit together, or a file that they name cannot be read or used.
pub fn sign_in(config: &Config) -> Result<Option<(Provider, Roles)>, Failure> {
    let Some(SignInSettings { issuer, client_id, return_to, scopes, roles }) = config.sign_in()?
    else {
        return Ok(None);
    };
    let secret = client::key(config, &OIDC_CLIENT_SECRET)?;
    let client_secret = Redacted::new(secret.trim().to_owned());
    let unread = |path: &Path, error: String| {
        Failure::usage(format!("{}: {}: {error}", OIDC_CA.name, path.display()))
    };
    let authorities = match config.path(&OIDC_CA) {
        Some(path) => Some(std::fs::read(path).map_err(|error| unread(path, error.to_string()))?),
        None => None,
    };
    let provider = Provider::new(ProviderOptions {
        settings: ProviderSettings { issuer, client_id, client_secret, return_to, scopes },
        authorities,
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
    });
    let path = config.path(&OIDC_CA).unwrap_or(Path::new(""));
    Ok(Some((provider.map_err(|error| unread(path, error))?, roles)))
}

/// The options of a developer mode installation: in files, with the root key beside them.
pub fn developer(config: &Config, callers: &Callers) -> AssembleOptions {
    let options = options(config, Database::Embedded, RootSource::DataDir);
    AssembleOptions { developer: true, callers: callers.clone(), key_dir: None, ..options }
}

/// The options of a production installation with its stores at `database` and its root key at
/// `root`.
pub fn options(config: &Config, database: Database, root: RootSource) -> AssembleOptions {
    AssembleOptions {
        data_dir: config.data_dir(),
        key_dir: config.path(&KEY_DIR).map(Path::to_owned),
        database,
        root,
        developer: false,
        callers: Callers { origins: config.list(&ALLOW_ORIGIN).to_vec(), ..Callers::default() },
        families: FamilySet::default(),
        settings: config.settings(),
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        faults: Faults::none(),
    }
}

/// Opens the data store read-only, which works while a server runs.
///
/// # Errors
/// If there is no store, or if it has another schema than this build's.
pub async fn open_read_only(config: &Config) -> Result<Store, Failure> {
    if let Database::Postgres { data, .. } = config.database()? {
        return Ok(Store::open_postgres(data, &FamilySet::default().migrations()).await?);
    }
    store_place::find(&config.data_dir())?;
    let path = config.data_dir().join(DATA_FILE);
    Ok(Store::open_sqlite_read_only(&path, &FamilySet::default().migrations())?)
}

/// Creates an admin key in the store itself; returns its id, and the token to show.
pub async fn create_admin_key(
    options: &AssembleOptions,
    stores: &Stores,
) -> Result<(String, Zeroizing<String>), Failure> {
    let key = assemble::create_admin_key(options, stores).await?;
    Ok((key.id().to_owned(), Zeroizing::new(key.token().expose().clone())))
}

/// The certificate for TLS, if it is configured.
///
/// # Errors
/// If only one of certificate and key is set, or if the files cannot be used.
pub fn tls(config: &Config) -> Result<Option<Arc<Certificate>>, Failure> {
    config.check()?;
    match (config.path(&TLS_CERT), config.path(&TLS_KEY)) {
        (Some(chain), Some(key)) => Certificate::load(chain, key)
            .map(Some)
            .map_err(|error| Failure::usage(error.to_string())),
        _ => Ok(None),
    }
}

/// All settings, as the dashboard shows them.
pub fn setting_rows(config: &Config) -> Vec<SettingRow> {
    let rows = config.all().map(|(setting, chosen)| SettingRow {
        name: setting.name.to_owned(),
        value: chosen.map(|(value, _)| value.to_string()),
        source: chosen.map(|(_, source)| source.to_string()),
        about: setting.about.to_owned(),
    });
    rows.collect()
}
