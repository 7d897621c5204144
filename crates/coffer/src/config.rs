//! Configuration: every setting is declared once, here or by the family that reads it, and
//! everything else follows from the table: flags, variables, the file's keys, `coffer config
//! print`, and the table in docs/cli.md.
//!
//! A flag wins over the environment, the environment over the file, the file over the default.
//! What is not known is an error, since a setting with a typing error is a setting that is not
//! made. This module reads the environment and the configuration file and nothing else.

mod audit;
mod backup;
mod client;
mod database;
mod duration;
mod environment;
mod families;
mod file;
mod flags;
mod nearest;
mod oidc;
mod otlp;
mod paths;
mod root;
mod service_link;
#[cfg(test)]
mod tests;
mod traffic;
mod value;

pub use audit::{AUDIT_ANCHOR, AUDIT_SHIP, AUDIT_SHIP_TOKEN};
pub use backup::{
    BACKUP_EVERY, BACKUP_KEEP, BACKUP_KEEP_DAYS, BACKUP_KEYS_TO, BACKUP_SCRATCH, BACKUP_TO,
    DRILL_COMMAND, DRILL_EVERY, HEAD_FILE, KEEPING,
};
pub use client::{ADMIN_KEY, API_KEY, CA_CERT, PROFILE, URL};
pub use database::{DATABASE, DATABASE_PASSWORD, KEY_DATABASE, KEY_DIR};
pub use duration::seconds;
pub use environment::{Environment, environment};
pub use families::declared_by_families;
pub use flags::Flags;
pub use oidc::{OIDC_CA, OIDC_CLIENT_SECRET, SIGNING_IN, SignInSettings};
pub use otlp::otlp;
pub use paths::config_home;
pub use root::{ROOT, ROOT_CA, ROOT_SECRET, ROOT_WAIT};
pub use traffic::{
    AUDIT_NAMES, AUDIT_READS, LOG_REQUESTS, METRICS_LISTEN, RATE_LIMIT, TRUSTED_PROXY,
};
pub use value::{Kind, Source, Value, at_home};

use coffer::serve::Address;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// What all variables of ours begin with.
pub const PREFIX: &str = "COFFER_";

/// A setting.
pub struct Setting {
    /// Its name in the file and in `coffer config print`.
    pub name: &'static str,
    /// Its variable. A secret's text; with `_FILE` after it, the path of a file that holds it.
    pub env: &'static str,
    /// Its flag, without the dashes. A secret's flag takes a path: arguments are no place for
    /// secrets, since every process of the machine can read them.
    pub flag: Option<&'static str>,
    /// Whether it can stand in the file. A secret's key takes a path there.
    pub in_file: bool,
    /// What it is if nobody says otherwise.
    pub default: Option<&'static str>,
    /// What it can be.
    pub kind: Kind,
    /// What it is for.
    pub about: &'static str,
}

/// What most settings have in common.
const SETTING: Setting = Setting {
    name: "",
    env: "",
    flag: None,
    in_file: true,
    default: None,
    kind: Kind::Text,
    about: "",
};

/// The configuration file.
pub const CONFIG: Setting = Setting {
    name: "config",
    env: "COFFER_CONFIG",
    flag: Some("config"),
    in_file: false,
    kind: Kind::Path,
    about: "TOML file with settings",
    ..SETTING
};

/// The directory of the stores.
pub const DATA_DIR: Setting = Setting {
    name: "data_dir",
    env: "COFFER_DATA_DIR",
    flag: Some("data-dir"),
    default: Some("./coffer-data"),
    kind: Kind::Path,
    about: "directory of the stores",
    ..SETTING
};

/// Where the API is served.
pub const LISTEN: Setting = Setting {
    name: "listen",
    env: "COFFER_LISTEN",
    flag: Some("listen"),
    default: Some("127.0.0.1:4747"),
    kind: Kind::Address,
    about: "where the API is served: HOST:PORT or unix:PATH",
    ..SETTING
};

/// Where the admin API is served.
pub const ADMIN_LISTEN: Setting = Setting {
    name: "admin_listen",
    env: "COFFER_ADMIN_LISTEN",
    flag: Some("admin-listen"),
    kind: Kind::Address,
    about: "where the admin API is served too; without it only beside an API on this machine",
    ..SETTING
};

/// The certificate chain for TLS.
pub const TLS_CERT: Setting = Setting {
    name: "tls_cert",
    env: "COFFER_TLS_CERT",
    flag: Some("tls-cert"),
    kind: Kind::Path,
    about: "PEM file with the certificate chain for TLS",
    ..SETTING
};

/// The certificate's key.
pub const TLS_KEY: Setting = Setting {
    name: "tls_key",
    env: "COFFER_TLS_KEY",
    flag: Some("tls-key"),
    kind: Kind::Path,
    about: "PEM file with the certificate's private key",
    ..SETTING
};

/// The root key.
pub const ROOT_KEY: Setting = Setting {
    name: "root_key",
    env: coffer_crypto::root::env::VARIABLE,
    flag: Some("root-key"),
    kind: Kind::Secret,
    about: "root key; without it the service manager's credential coffer-root, or keys/STORE.root \
            in the configuration directory",
    ..SETTING
};

/// Plain HTTP beyond this machine.
pub const INSECURE_HTTP: Setting = Setting {
    name: "insecure_http",
    env: "COFFER_INSECURE_HTTP",
    flag: Some("insecure-http"),
    default: Some("false"),
    kind: Kind::Switch,
    about: "allow plain HTTP beyond this machine, where others can read keys and secrets",
    ..SETTING
};

/// Under which names developer mode answers.
pub const ALLOW_HOST: Setting = Setting {
    name: "allow_host",
    env: "COFFER_ALLOW_HOST",
    flag: Some("allow-host"),
    kind: Kind::Hosts,
    about: "name under which developer mode answers besides localhost, such as that of a compose \
            service; also lets it listen for other machines. Repeatable, or with commas",
    ..SETTING
};

/// Whose pages may call.
pub const ALLOW_ORIGIN: Setting = Setting {
    name: "allow_origin",
    env: "COFFER_ALLOW_ORIGIN",
    flag: Some("allow-origin"),
    kind: Kind::Origins,
    about: "origin whose pages may call, such as http://localhost:3000; all others are refused. \
            Repeatable, or with commas",
    ..SETTING
};

/// What keys begin with in developer mode.
pub const DEV_KEY: Setting = Setting {
    name: "dev_key",
    env: "COFFER_DEV_KEY",
    flag: Some("dev-key"),
    kind: Kind::Secret,
    about: "KEY with which keys begin in developer mode, sk_test_KEY; without it any key is taken, \
            or, with allow_host, a new KEY is printed at each start",
    ..SETTING
};

/// How much is logged.
pub const LOG_LEVEL: Setting = Setting {
    name: "log_level",
    env: "COFFER_LOG_LEVEL",
    flag: Some("log-level"),
    default: Some("info"),
    kind: Kind::Choice(&["error", "warn", "info", "debug", "trace"]),
    about: "how much is logged: error, warn, info, debug or trace",
    ..SETTING
};

/// How it is logged.
pub const LOG_FORMAT: Setting = Setting {
    name: "log_format",
    env: "COFFER_LOG_FORMAT",
    flag: Some("log-format"),
    default: Some("auto"),
    kind: Kind::Choice(&["auto", "json", "text"]),
    about: "how it is logged: json, text, or auto, which is text on a terminal and json elsewhere",
    ..SETTING
};

/// Settings of the program that are shown before those of the families.
const FIRST: [&Setting; 27] = [
    &CONFIG,
    &DATA_DIR,
    &KEY_DIR,
    &DATABASE,
    &KEY_DATABASE,
    &DATABASE_PASSWORD,
    &LISTEN,
    &ADMIN_LISTEN,
    &METRICS_LISTEN,
    &TLS_CERT,
    &TLS_KEY,
    &ROOT_KEY,
    &ROOT,
    &ROOT_SECRET,
    &ROOT_CA,
    &ROOT_WAIT,
    &INSECURE_HTTP,
    &TRUSTED_PROXY,
    &RATE_LIMIT,
    &AUDIT_READS,
    &AUDIT_NAMES,
    &ALLOW_ORIGIN,
    &ALLOW_HOST,
    &DEV_KEY,
    &AUDIT_ANCHOR,
    &AUDIT_SHIP,
    &AUDIT_SHIP_TOKEN,
];

/// Those that are shown after them.
const LAST: [&Setting; 8] =
    [&LOG_LEVEL, &LOG_FORMAT, &LOG_REQUESTS, &PROFILE, &URL, &CA_CERT, &API_KEY, &ADMIN_KEY];

/// All settings, in the order in which they are shown: the program's own, and what the families
/// declare.
pub static ALL: LazyLock<Vec<&'static Setting>> = LazyLock::new(|| {
    let families = families::declared_by_families();
    FIRST.into_iter().chain(families.iter()).chain(KEEPING).chain(SIGNING_IN).chain(LAST).collect()
});

/// What is wrong with the configuration: a sentence for the person who wrote it, which never
/// repeats a secret.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError(pub String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The settings of one run, each with where it came from.
pub struct Config {
    flags: Flags,
    chosen: Vec<(&'static Setting, Option<(Value, Source)>)>,
}

impl Config {
    /// Puts together what flags, environment and file say.
    ///
    /// # Errors
    /// [`ConfigError`] if anything is unknown or cannot be what it is said to be.
    pub fn load(flags: &Flags, environment: &Environment) -> Result<Self, ConfigError> {
        environment::require_known(environment)?;
        let mut file = file::File::default();
        let mut config = Self { flags: flags.clone(), chosen: Vec::new() };
        for setting in ALL.iter().copied() {
            config.chosen.push((setting, choose(setting, flags, environment, &file)?));
            if setting.name == CONFIG.name
                && let Some(path) = config.path(&CONFIG)
            {
                file = file::File::read(path)?;
            }
        }
        Ok(config)
    }

    /// The same, with `text` for a setting that neither flags nor environment nor file make.
    ///
    /// # Errors
    /// If the setting cannot be that.
    pub fn with_default(
        mut self,
        setting: &'static Setting,
        text: &str,
    ) -> Result<Self, ConfigError> {
        for (known, chosen) in &mut self.chosen {
            let is_made = matches!(chosen, Some((_, source)) if *source != Source::Default);
            if known.name == setting.name && !is_made {
                *chosen = Some(setting.given(text, Source::Default)?);
            }
        }
        Ok(self)
    }

    /// What flags, environment and file say now.
    ///
    /// # Errors
    /// If the environment or the file has a setting that [`Config::load`] would refuse.
    pub fn again(&self) -> Result<Self, ConfigError> {
        Self::load(&self.flags, &environment()?)
    }

    /// The value of `setting` for people, without a secret; `None` if it is not set.
    pub fn shown(&self, setting: &Setting) -> Option<String> {
        self.value(setting).map(Value::to_string)
    }

    /// The names of the settings that are not the same in `other`.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let all = self.chosen.iter().map(|(setting, _)| *setting);
        all.filter(|setting| self.shown(setting) != other.shown(setting))
            .map(|setting| setting.name)
            .collect()
    }

    /// All settings, with value and source.
    pub fn all(&self) -> impl Iterator<Item = (&'static Setting, Option<&(Value, Source)>)> {
        self.chosen.iter().map(|(setting, chosen)| (*setting, chosen.as_ref()))
    }

    /// The value of `setting`, if it has one.
    pub fn value(&self, setting: &Setting) -> Option<&Value> {
        self.found(setting).map(|(value, _)| value)
    }

    /// Where the value of `setting` came from.
    pub fn source(&self, setting: &Setting) -> Option<&Source> {
        self.found(setting).map(|(_, source)| source)
    }

    fn found(&self, setting: &Setting) -> Option<&(Value, Source)> {
        let mut chosen = self.chosen.iter();
        chosen.find(|(known, _)| known.name == setting.name)?.1.as_ref()
    }

    /// A path.
    pub fn path(&self, setting: &Setting) -> Option<&Path> {
        match self.value(setting)? {
            Value::Path(path) => Some(path),
            _ => None,
        }
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.path(&DATA_DIR).map(Path::to_owned).unwrap_or_default()
    }

    /// An address.
    pub fn address(&self, setting: &Setting) -> Option<&Address> {
        match self.value(setting)? {
            Value::Address(address) => Some(address),
            _ => None,
        }
    }

    /// A text, or the word that was chosen.
    pub fn text(&self, setting: &Setting) -> &str {
        match self.value(setting) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    /// A number.
    pub fn number(&self, setting: &Setting) -> Option<i64> {
        match self.value(setting)? {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// A duration, in seconds.
    pub fn seconds(&self, setting: &Setting) -> Option<i64> {
        seconds(self.text(setting)).ok()
    }

    /// The elements of a list; none, if it is not set.
    pub fn list(&self, setting: &Setting) -> &[String] {
        match self.value(setting) {
            Some(Value::List(list)) => list,
            _ => &[],
        }
    }

    /// Whether a switch is on.
    pub fn is_on(&self, setting: &Setting) -> bool {
        matches!(self.value(setting), Some(Value::Switch(true)))
    }

    /// What does not fit together.
    ///
    /// # Errors
    /// [`ConfigError`] if only one half of TLS is given, if one address is for both listeners, or
    /// if a receiver of the audit or an identity provider is not understood.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.audit_receivers()?;
        self.sign_in()?;
        let [api, admin] = [&LISTEN, &ADMIN_LISTEN].map(|setting| self.address(setting));
        if admin.is_some_and(|admin| Some(admin) == api && !admin.is_chosen_by_system()) {
            return Err(ConfigError(
                "listen and admin_listen are the same; on this machine the admin API is served \
                 beside the API, so leave admin_listen out, or give it another port"
                    .to_owned(),
            ));
        }
        let metrics = self.address(&METRICS_LISTEN).filter(|at| !at.is_chosen_by_system());
        if metrics.is_some_and(|metrics| [api, admin].contains(&Some(metrics))) {
            return Err(ConfigError(
                "metrics_listen is the address of another listener: give it a port of its own"
                    .to_owned(),
            ));
        }
        let half = match (self.path(&TLS_CERT), self.path(&TLS_KEY)) {
            (Some(_), None) => ["tls_cert", "tls_key"],
            (None, Some(_)) => ["tls_key", "tls_cert"],
            _ => return Ok(()),
        };
        let [given, missing] = half;
        Err(ConfigError(format!("{given} is set and {missing} is not: TLS needs both")))
    }
}

impl Setting {
    /// The variable that gives the path of a file with a secret.
    pub fn file_variable(&self) -> String {
        format!("{}_FILE", self.env)
    }
}

fn choose(
    setting: &'static Setting,
    flags: &Flags,
    environment: &Environment,
    file: &file::File,
) -> Result<Option<(Value, Source)>, ConfigError> {
    let variable = |name: &str| {
        let found = environment.iter().find(|(known, _)| known == name);
        // An empty variable is one that is not set: shells cannot pass on the difference.
        found.map(|(_, value)| value).filter(|value| !value.is_empty())
    };
    if let (Some(text), Some(flag)) = (flags.get(setting.name), setting.flag) {
        return setting.given(text, Source::Flag(flag)).map(Some);
    }
    if setting.kind == Kind::Secret {
        let name = setting.file_variable();
        match (variable(setting.env), variable(&name)) {
            (Some(_), Some(_)) => {
                let env = setting.env;
                let message = format!("{env} and {name} are both set; which one is meant?");
                return Err(ConfigError(message));
            }
            (Some(text), None) => {
                let source = Source::Environment(setting.env.to_owned());
                return Ok(Some((Value::Secret(text.clone()), source)));
            }
            (None, Some(path)) => {
                return setting.given(path, Source::Environment(name)).map(Some);
            }
            (None, None) => {}
        }
    } else if let Some(text) = variable(setting.env) {
        return setting.given(text, Source::Environment(setting.env.to_owned())).map(Some);
    }
    if let Some(text) = file.get(setting.name) {
        return setting.given(text, Source::File(file.path().to_owned())).map(Some);
    }
    setting.default.map(|text| setting.given(text, Source::Default)).transpose()
}
