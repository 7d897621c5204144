//! The address of a database, its password, and how its server is authenticated.
//!
//! A password comes from the address, from the caller, or from a password file, and is in no
//! message and in no error.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use coffer_base::limit;
use percent_encoding::percent_decode_str;
use rustls::ClientConfig;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, LoadBalanceHosts, SslMode};
use zeroize::Zeroizing;

use super::{password_file, tls};
use crate::error::{Result, StorageError};
use crate::fault::Faults;

/// How many connections there may be if the address does not say, on a machine with so many
/// processors.
fn default_connections(processors: usize) -> usize {
    let connections = processors.saturating_mul(limit::POSTGRES_CONNECTIONS_PER_PROCESSOR);
    connections.clamp(limit::POSTGRES_CONNECTIONS_FLOOR, limit::POSTGRES_CONNECTIONS)
}

/// The address of a database, and how many connections to it there may be.
#[derive(Clone)]
pub struct PostgresOptions {
    pub(super) config: Arc<Config>,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) connections: usize,
    pub(super) pooler: Pooler,
    pub(super) faults: Faults,
}

/// What may stand between this program and the server.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) enum Pooler {
    /// A pooler that gives each transaction another session, or none: nothing outlives a
    /// transaction.
    #[default]
    Transaction,
    /// Nothing: the session is ours, and keeps timeouts and prepared statements.
    None,
}

/// Where a password comes from that is not in the address.
#[derive(Clone, Default)]
pub struct Passwords {
    /// The password itself.
    pub given: Option<Zeroizing<String>>,
    /// A file of lines `host:port:database:user:password`, as `PGPASSFILE` names one.
    pub file: Option<PathBuf>,
}

impl fmt::Debug for Passwords {
    /// Shows whether a password is given, never which.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passwords")
            .field("given", &self.given.is_some())
            .field("file", &self.file)
            .finish()
    }
}

impl fmt::Display for PostgresOptions {
    /// As an address, without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if let Some(user) = self.config.get_user() {
            write!(f, "{user}@")?;
        }
        for (at, (host, port)) in self.addresses().into_iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(f, "{comma}{host}:{port}")?;
        }
        write!(f, "/{}", self.config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresOptions({self}, {} connections)", self.connections)
    }
}

/// How a connection is secured.
enum Security {
    /// Not at all.
    Plain,
    /// Encrypted, and the server has a certificate for the host's name.
    Verified,
}

/// Parameters of an address that the driver does not know.
#[derive(Default)]
struct Extensions {
    security: Option<Security>,
    root_certificates: Option<PathBuf>,
    connections: Option<usize>,
    pooler: Pooler,
}

impl PostgresOptions {
    /// From `postgres://user@host:port/database?…`. `sslmode` is `verify-full`, which is the
    /// default beyond this machine, or `disable`; `sslrootcert` names a PEM file of authorities;
    /// `pool_size` is how many connections there may be; `pooler=none` says that no pooler stands
    /// in between.
    ///
    /// # Errors
    /// [`StorageError::Schema`] if it cannot be used, and why, without its password;
    /// [`StorageError::File`] if a file that it or `passwords` names cannot be used.
    pub fn parse(url: &str, passwords: &Passwords) -> Result<Self> {
        let (plain, extensions) = split(url)?;
        let mut config: Config = plain.parse().map_err(|error: tokio_postgres::Error| {
            // Only the text: the error itself may have parts of the address, and so of a password.
            let source = std::error::Error::source(&error).map(ToString::to_string);
            refused(&source.unwrap_or_else(|| error.to_string()))
        })?;
        require_complete(&config)?;
        require_supported(&config)?;
        let is_verified = match extensions.security {
            Some(Security::Verified) => true,
            Some(Security::Plain) => false,
            None => !config.get_hosts().iter().all(is_local),
        };
        config.ssl_mode(if is_verified { SslMode::Require } else { SslMode::Disable });
        config.connect_timeout(Duration::from_secs(limit::CONNECT_SECONDS));
        config.keepalives_idle(Duration::from_secs(limit::KEEPALIVE_SECONDS));
        config.tcp_user_timeout(Duration::from_secs(limit::COMMIT_SECONDS));
        config.application_name("coffer");
        let tls = tls::trusting(extensions.root_certificates.as_deref())?;
        let connections = extensions.connections.unwrap_or_else(|| {
            let processors = std::thread::available_parallelism().map_or(1, usize::from);
            default_connections(processors)
        });
        add_password(&mut config, passwords)?;
        let (config, pooler) = (Arc::new(config), extensions.pooler);
        Ok(Self { config, tls, connections, pooler, faults: Faults::none() })
    }

    /// The same with another number of connections at most.
    #[must_use]
    pub const fn with_connections(mut self, connections: usize) -> Self {
        self.connections = if connections == 0 { 1 } else { connections };
        self
    }

    /// The same with faults, which tests inject.
    #[must_use]
    pub fn with_faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Whether connections cross a network without encryption.
    pub fn is_unencrypted(&self) -> bool {
        self.config.get_ssl_mode() == SslMode::Disable
            && !self.config.get_hosts().iter().all(is_local)
    }

    /// Whether the text of an address has a password.
    pub fn has_password(url: &str) -> bool {
        split(url)
            .and_then(|(plain, _)| plain.parse::<Config>().map_err(|_| refused("")))
            .is_ok_and(|config| config.get_password().is_some())
    }

    /// Whether both are databases of one cluster, whose files hold both.
    pub fn same_cluster(&self, other: &Self) -> bool {
        self.addresses().iter().any(|address| other.addresses().contains(address))
    }

    /// The same for each host alone.
    pub(super) fn each_host(&self) -> Vec<Config> {
        let hosts = self.config.get_hosts().iter().zip(self.addresses());
        hosts.map(|(host, (_, port))| one_host(&self.config, host, port)).collect()
    }

    fn addresses(&self) -> Vec<(String, u16)> {
        addresses(&self.config)
    }
}

/// Refuses an address without a host, a database or a user.
fn require_complete(config: &Config) -> Result<()> {
    let is_empty = |text: Option<&str>| text.is_none_or(str::is_empty);
    let missing = [
        ("host", config.get_hosts().is_empty()),
        ("database", is_empty(config.get_dbname())),
        ("user", is_empty(config.get_user())),
    ];
    match missing.into_iter().find(|(_, is_missing)| *is_missing) {
        Some((what, _)) => Err(refused(&format!("no {what} stands in it"))),
        None => Ok(()),
    }
}

/// Refuses parameters that would change what this crate relies on.
fn require_supported(config: &Config) -> Result<()> {
    if config.get_options().is_some() {
        return Err(refused("poolers refuse 'options'; use ALTER ROLE … SET instead"));
    }
    if !config.get_hostaddrs().is_empty() {
        return Err(refused("'hostaddr' would lead elsewhere than the host's name says"));
    }
    if config.get_load_balance_hosts() != LoadBalanceHosts::Disable {
        return Err(refused("hosts are tried in their order, so 'load_balance_hosts' is out"));
    }
    Ok(())
}

/// All that an address can say, for one of its hosts.
fn one_host(all: &Config, host: &Host, port: u16) -> Config {
    let mut one = Config::new();
    match host {
        Host::Tcp(name) => one.host(name),
        Host::Unix(path) => one.host_path(path),
    };
    one.port(port)
        .user(all.get_user().unwrap_or_default())
        .dbname(all.get_dbname().unwrap_or_default())
        .application_name(all.get_application_name().unwrap_or_default())
        .ssl_mode(all.get_ssl_mode())
        .ssl_negotiation(all.get_ssl_negotiation())
        .channel_binding(all.get_channel_binding())
        .target_session_attrs(all.get_target_session_attrs())
        .keepalives(all.get_keepalives())
        .keepalives_idle(all.get_keepalives_idle());
    if let Some(password) = all.get_password() {
        one.password(password);
    }
    if let Some(time) = all.get_connect_timeout() {
        one.connect_timeout(*time);
    }
    if let Some(time) = all.get_tcp_user_timeout() {
        one.tcp_user_timeout(*time);
    }
    if let Some(time) = all.get_keepalives_interval() {
        one.keepalives_interval(time);
    }
    if let Some(count) = all.get_keepalives_retries() {
        one.keepalives_retries(count);
    }
    one
}

fn addresses(config: &Config) -> Vec<(String, u16)> {
    let ports = config.get_ports();
    let port = |at: usize| ports.get(at).or(ports.first()).copied().unwrap_or(DEFAULT_PORT);
    let hosts = config.get_hosts().iter().enumerate();
    hosts.map(|(at, host)| (name(host), port(at))).collect()
}

fn add_password(config: &mut Config, passwords: &Passwords) -> Result<()> {
    if config.get_password().is_some() {
        return Ok(());
    }
    if let Some(given) = &passwords.given {
        config.password(given.as_bytes());
        return Ok(());
    }
    let Some(path) = &passwords.file else { return Ok(()) };
    let (user, database) = (config.get_user(), config.get_dbname());
    let (user, database) = (user.unwrap_or_default(), database.unwrap_or_default());
    if let Some(found) = password_file::find(path, &addresses(config), database, user)? {
        config.password(found.as_bytes());
    }
    Ok(())
}

const DEFAULT_PORT: u16 = 5432;

fn refused(why: &str) -> StorageError {
    StorageError::Schema(format!("the database's address cannot be used: {why}").into())
}

fn name(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    }
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        Host::Unix(_) => true,
    }
}

/// Takes the parameters out of the address that the driver does not know.
fn split(url: &str) -> Result<(String, Extensions)> {
    if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(refused("it does not begin with postgres://"));
    }
    require_encoded(url)?;
    let Some((base, query)) = url.split_once('?') else {
        return Ok((url.to_owned(), Extensions::default()));
    };
    let mut extensions = Extensions::default();
    let mut rest = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decode_str(value).decode_utf8_lossy();
        match name {
            "sslmode" => extensions.security = Some(security(&value)?),
            "sslrootcert" => extensions.root_certificates = Some(Path::new(&*value).to_owned()),
            "pool_size" => extensions.connections = Some(pool_size(&value)?),
            "pooler" => extensions.pooler = pooler(&value)?,
            _ => rest.push(pair),
        }
    }
    if rest.is_empty() {
        return Ok((base.to_owned(), extensions));
    }
    Ok((format!("{base}?{}", rest.join("&")), extensions))
}

/// Refuses an address in which a user, a password or a parameter has a character that ends it: what
/// follows would be taken for the host, and shown as one.
fn require_encoded(url: &str) -> Result<()> {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let before_host = after_scheme.rsplit_once('@').map_or("", |(user, _)| user);
    if before_host.contains(['/', '?', '#', '@']) || after_scheme.contains('#') {
        return Err(refused(
            "one of / ? # @ in a user, a password or a parameter must be written as %2F, %3F, %23 \
             or %40",
        ));
    }
    Ok(())
}

fn security(word: &str) -> Result<Security> {
    match word {
        "disable" => Ok(Security::Plain),
        "verify-full" => Ok(Security::Verified),
        "allow" | "prefer" | "require" | "verify-ca" => Err(refused(&format!(
            "sslmode={word} would not check whom it talks to; use verify-full, with sslrootcert \
             if its authority is not a public one, or disable"
        ))),
        _ => Err(refused("sslmode is verify-full or disable")),
    }
}

fn pooler(word: &str) -> Result<Pooler> {
    match word {
        "transaction" => Ok(Pooler::Transaction),
        "none" => Ok(Pooler::None),
        _ => Err(refused("pooler is none, if none stands in between, or transaction")),
    }
}

fn pool_size(text: &str) -> Result<usize> {
    let most = limit::POSTGRES_CONNECTIONS_CEILING;
    let number = text.parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| refused(&format!("pool_size is a whole number from 1 to {most}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<PostgresOptions> {
        PostgresOptions::parse(url, &Passwords::default())
    }

    fn encrypted(url: &str) -> bool {
        parse(url).unwrap().config.get_ssl_mode() == SslMode::Require
    }

    #[test]
    fn a_small_machine_opens_few_connections() {
        assert_eq!([1, 2, 4, 6, 64].map(default_connections), [8, 8, 16, 24, 24]);
        let asked = parse("postgres://u@127.0.0.1/d?pool_size=30").unwrap();
        assert_eq!(asked.connections, 30);
    }

    #[test]
    fn remote_connections_are_encrypted_and_verified_by_default() {
        assert!(encrypted("postgres://u@db.example/d"));
        assert!(encrypted("postgres://u@127.0.0.1,db.example/d"));
        assert!(encrypted("postgres://u@127.0.0.1/d?sslmode=verify-full"));
        for plain in ["127.0.0.1", "localhost", "[::1]", "%2Frun%2Fpostgresql"] {
            assert!(!encrypted(&format!("postgres://u@{plain}/d")), "{plain}");
        }
        let open = parse("postgres://u@db.example/d?sslmode=disable").unwrap();
        assert!(open.is_unencrypted());
        assert!(!parse("postgres://u@127.0.0.1/d").unwrap().is_unencrypted());
        for half in ["prefer", "require", "verify-ca"] {
            let error = parse(&format!("postgres://u@h/d?sslmode={half}")).unwrap_err();
            assert!(error.to_string().contains("verify-full"), "{error}");
        }
    }

    #[test]
    fn an_error_says_what_an_address_lacks() {
        for (url, lacks) in [
            ("mysql://u@h/d", "postgres://"),
            ("postgres://u@h/", "database"),
            ("postgres://h/d", "user"),
            ("postgres:///d?user=u", "host"),
            ("postgres://u@h/d?options=-c", "ALTER ROLE"),
            ("postgres://u@h/d?pool_size=0", "pool_size"),
            ("postgres://u@h/d?pooler=session", "pooler"),
            ("postgres://u@h/d?sslmode=verify-full&sslrootcert=/nowhere/ca.pem", "/nowhere/ca.pem"),
        ] {
            let error = parse(url).unwrap_err().to_string();
            assert!(error.contains(lacks), "{url}: {error}");
        }
    }

    #[test]
    fn an_address_shows_no_password_anywhere() {
        let url = "postgres://u:hunter2@127.0.0.1:6432/d";
        let options = parse(url).unwrap();
        assert_eq!(options.to_string(), "postgres://u@127.0.0.1:6432/d");
        assert!(!format!("{options:?}").contains("hunter2"));
        let given = Passwords { given: Some(Zeroizing::new("hunter2".to_owned())), file: None };
        assert!(!format!("{given:?}").contains("hunter2"));
        assert!(PostgresOptions::has_password(url));
        assert!(!PostgresOptions::has_password("postgres://u@127.0.0.1/d"));
        for wrong in
            ["postgres://u:hunter2@127.0.0.1:port/d", "postgres://u:hunter2@h/d?options=-c"]
        {
            let error = parse(wrong).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_password_that_ends_the_address_early_is_refused_and_not_shown() {
        for password in ["hun#ter2", "hun/ter2", "hun?ter2", "hun@ter2", "#hunter2", "hunter2/"] {
            let url = format!("postgres://u:{password}@127.0.0.1:6432/d");
            let error = parse(&url).unwrap_err().to_string();
            assert!(error.contains("%2F") && !error.contains("ter2"), "{url}: {error}");
            let encoded =
                percent_encoding::utf8_percent_encode(password, percent_encoding::NON_ALPHANUMERIC);
            let options = parse(&format!("postgres://u:{encoded}@127.0.0.1:6432/d")).unwrap();
            assert_eq!(options.config.get_password(), Some(password.as_bytes()));
            assert_eq!(options.to_string(), "postgres://u@127.0.0.1:6432/d");
        }
        let error = parse("postgres://h/d?user=u&password=hun@ter2").unwrap_err().to_string();
        assert!(!error.contains("ter2"), "{error}");
    }

    #[test]
    fn a_password_comes_from_the_address_or_the_caller_or_a_file() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pgpass");
        std::fs::write(&path, "127.0.0.1:*:d:u:from\\:file\n").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        let file = Passwords { given: None, file: Some(path) };
        let both = Passwords { given: Some(Zeroizing::new("given".to_owned())), ..file.clone() };
        let password = |url: &str, passwords| {
            let config = PostgresOptions::parse(url, passwords).unwrap().config;
            config.get_password().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        };
        assert_eq!(password("postgres://u:own@127.0.0.1/d", &both).unwrap(), "own");
        assert_eq!(password("postgres://u@127.0.0.1/d", &both).unwrap(), "given");
        assert_eq!(password("postgres://u@127.0.0.1/d", &file).unwrap(), "from:file");
        assert_eq!(password("postgres://other@127.0.0.1/d", &file), None);
    }

    #[test]
    fn two_databases_of_one_cluster_are_detected() {
        let of = |url: &str| parse(url).unwrap();
        assert!(of("postgres://u@h1,h2/a").same_cluster(&of("postgres://v@h2/b")));
        assert!(!of("postgres://u@h1/a").same_cluster(&of("postgres://u@h1:5433/a")));
    }
}
