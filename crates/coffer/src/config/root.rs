//! Where the root of trust is.

use super::paths::config_home;
use super::{Config, ConfigError, Kind, ROOT_KEY, SETTING, Setting, Value};
use coffer::assemble::RootSource;
use coffer_base::SystemClock;
use coffer_crypto::root::{self, Ask, Means, RootError, RootSecret, Spec};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// What keeps the root key.
pub const ROOT: Setting = Setting {
    name: "root",
    env: "COFFER_ROOT",
    flag: Some("root"),
    default: Some("key"),
    kind: Kind::Text,
    about: "what keeps the root key: key (see root_key), passphrase, \
            pkcs11:token=TOKEN;object=KEY?module-path=FILE, transit:https://HOST/MOUNT/KEY or \
            aws-kms:KEY",
    ..SETTING
};

/// What opens that.
pub const ROOT_SECRET: Setting = Setting {
    name: "root_secret",
    env: "COFFER_ROOT_SECRET",
    flag: Some("root-secret"),
    kind: Kind::Secret,
    about: "passphrase, PIN or token that opens the root; /dev/fd/3 reads what the program was \
            started with",
    ..SETTING
};

/// Who vouches for a root on another server.
pub const ROOT_CA: Setting = Setting {
    name: "root_ca",
    env: "COFFER_ROOT_CA",
    flag: Some("root-ca"),
    kind: Kind::Path,
    about: "PEM file with the certificates that vouch for a root on another server; without it, \
            the public authorities",
    ..SETTING
};

/// How long it is waited for.
pub const ROOT_WAIT: Setting = Setting {
    name: "root_wait",
    env: "COFFER_ROOT_WAIT",
    flag: Some("root-wait"),
    default: Some("30"),
    kind: Kind::Number { from: 0, to: 600 },
    about: "seconds for which a root that cannot be reached is asked again",
    ..SETTING
};

impl Config {
    /// Where the root key is.
    ///
    /// # Errors
    /// If `COFFER_ROOT_KEY` is set and is no root key, or if the root cannot be understood.
    pub fn root_source(&self) -> Result<RootSource, ConfigError> {
        let spec = Spec::parse(self.text(&ROOT)).map_err(wrong)?;
        if spec == Spec::Key {
            return self.whole_key();
        }
        if self.value(&ROOT_KEY).is_some() {
            let kind = spec.kind();
            return Err(ConfigError(format!(
                "root is {kind} and root_key is set too: which one is meant?"
            )));
        }
        let secret = match self.value(&ROOT_SECRET) {
            Some(Value::Secret(text)) => RootSecret::given(text.clone()),
            Some(Value::SecretFile(path)) => RootSecret::file(path.clone()),
            _ => RootSecret::ask(ask),
        };
        self.kept(&spec, secret)
    }

    /// A root that `text` names, with the secret in the file `secret`, or that somebody types.
    ///
    /// # Errors
    /// If the text cannot be understood.
    pub fn other_root(
        &self,
        text: &str,
        key: Option<&Path>,
        secret: Option<&Path>,
        ask: Ask,
    ) -> Result<RootSource, ConfigError> {
        let spec = Spec::parse(text).map_err(wrong)?;
        if spec == Spec::Key {
            let explicit = key.map(Path::to_owned);
            let config_home = config_home();
            return Ok(RootSource::Search { explicit, credentials_directory: None, config_home });
        }
        if key.is_some() {
            let kind = spec.kind();
            return Err(ConfigError(format!("{kind} keeps the root key: it has no file")));
        }
        let secret =
            secret.map_or_else(|| RootSecret::ask(ask), |p| RootSecret::file(p.to_owned()));
        self.kept(&spec, secret)
    }

    fn kept(&self, spec: &Spec, secret: RootSecret) -> Result<RootSource, ConfigError> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let aws = ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
        let means = Means {
            secret,
            authorities: self.path(&ROOT_CA).map(Path::to_owned),
            aws: aws.map(|name| variable(name).map(Zeroizing::new)),
            clock: Arc::new(SystemClock),
        };
        let root = spec.root(means).map_err(wrong)?;
        let root = root.ok_or_else(|| ConfigError("root is key, which is a file".to_owned()))?;
        let seconds = match self.value(&ROOT_WAIT) {
            Some(Value::Number(seconds)) => u64::try_from(*seconds).unwrap_or_default(),
            _ => 0,
        };
        Ok(RootSource::Sealed { root, patience: Duration::from_secs(seconds) })
    }

    fn whole_key(&self) -> Result<RootSource, ConfigError> {
        let explicit = match self.value(&ROOT_KEY) {
            Some(Value::Secret(text)) => {
                let key = root::env::parse(text).map_err(|error| ConfigError(error.to_string()))?;
                return Ok(RootSource::Given(Arc::new(key)));
            }
            Some(Value::SecretFile(path)) => Some(path.clone()),
            _ => None,
        };
        let credentials_directory = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        Ok(RootSource::Search { explicit, credentials_directory, config_home: config_home() })
    }
}

fn wrong(error: RootError) -> ConfigError {
    ConfigError(format!("{}: {error}", ROOT.name))
}

/// Asks for a secret on the terminal, if there is one.
fn ask(what: &str) -> Option<std::io::Result<Zeroizing<String>>> {
    use std::io::IsTerminal;
    if !std::io::stdin().is_terminal() {
        return None;
    }
    let prompt = format!("Type {what} (not shown): ");
    Some(rpassword::prompt_password(prompt).map(Zeroizing::new))
}
