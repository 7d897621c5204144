//! Profiles: servers and keys for them, in a file that only its owner can read.

use super::connect;
use crate::cli::exit::{Exit, Failure};
use crate::cli::private_file;
use crate::config::{self, ADMIN_KEY, CA_CERT, Config, PROFILE, Setting, Source, URL};
use coffer_secretfile as secretfile;
use serde_json::Value;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// The profile that is used if none is named.
pub const DEFAULT: &str = "default";

/// Longest file of profiles.
const FILE_BYTES: usize = 256 * 1024;

/// Longest name of a profile, in characters.
const NAME_CHARACTERS: usize = 64;

/// A server, and keys for it.
#[derive(Clone, Default)]
pub struct Profile {
    pub url: String,
    pub ca_cert: Option<PathBuf>,
    pub api_key: Option<Zeroizing<String>>,
    pub admin_key: Option<Zeroizing<String>>,
}

impl Profile {
    /// The key for what `setting` is the key of.
    pub fn key(&self, setting: &Setting) -> Option<&Zeroizing<String>> {
        if setting.name == ADMIN_KEY.name { self.admin_key.as_ref() } else { self.api_key.as_ref() }
    }
}

/// What a client needs to know.
pub struct Access {
    pub url: String,
    pub ca_cert: Option<PathBuf>,
    pub key: Zeroizing<String>,
}

/// Puts together what the profile and the settings say. A key of a profile is only ever sent to the
/// profile's server.
///
/// # Errors
/// If a profile is named that is not there, or has another server than the flag says, or if there
/// is no key.
pub fn access(config: &Config, setting: &Setting) -> Result<Access, Failure> {
    let url = config.text(&URL).to_owned();
    let ca_cert = config.path(&CA_CERT).map(std::path::Path::to_owned);
    let named = config.text(&PROFILE);
    let is_given = |setting| config.source(setting).is_some_and(|from| *from != Source::Default);
    if named.is_empty() {
        if !is_given(&URL) && config.value(setting).is_none() {
            let mut all = Profiles::read()?;
            if let Some(profile) = all.take(DEFAULT)
                && let Some(key) = profile.key(setting).cloned()
            {
                let ca_cert = ca_cert.or(profile.ca_cert);
                return Ok(Access { url: profile.url, ca_cert, key });
            }
        }
        return Ok(Access { url, ca_cert, key: connect::key(config, setting)? });
    }
    let mut all = Profiles::read()?;
    let Some(profile) = all.take(named) else { return Err(all.missing(named)) };
    if matches!(config.source(&URL), Some(Source::Flag(_))) && url != profile.url {
        return Err(Failure::usage(format!(
            "the profile {named} is of {}, and --url names another server: leave one of them out",
            profile.url
        )));
    }
    let key = match profile.key(setting) {
        Some(key) => key.clone(),
        None => connect::key(config, setting).map_err(|_| {
            let which =
                if setting.name == ADMIN_KEY.name { "an admin key" } else { "an app's key" };
            let message = format!(
                "the profile {named} has no key for this, {which}: `coffer login --profile {named}`"
            );
            Failure::new(Exit::Refused, message)
        })?,
    };
    Ok(Access { url: profile.url, ca_cert: ca_cert.or(profile.ca_cert), key })
}

/// All profiles.
#[derive(Default)]
pub struct Profiles(Vec<(String, Profile)>);

impl Profiles {
    /// Where they are.
    pub fn path() -> PathBuf {
        config::config_home().join("profiles.toml")
    }

    /// Those of the file; none, if it is not there.
    ///
    /// # Errors
    /// If others could read the file, or it is none of profiles.
    pub fn read() -> Result<Self, Failure> {
        let path = Self::path();
        if !path.exists() {
            return Ok(Self::default());
        }
        let failed = |why: String| Failure::usage(format!("{}: {why}", path.display()));
        let text = secretfile::read_text(&path, FILE_BYTES)
            .map_err(|error| Failure::usage(error.to_string()))?;
        let table = text.parse::<toml::Table>();
        // The error's own text shows the line, which may hold a key.
        let table = table.map_err(|error| failed(error.message().to_owned()))?;
        let profiles = table.into_iter().map(|(name, value)| {
            let field = |field: &str| value.get(field).and_then(toml::Value::as_str);
            let key = |name: &str| field(name).map(|key| Zeroizing::new(key.to_owned()));
            let url = field("url").ok_or_else(|| failed(format!("{name} has no url")))?.to_owned();
            let ca_cert = field("ca_cert").map(PathBuf::from);
            let (api_key, admin_key) = (key("api_key"), key("admin_key"));
            Ok((name, Profile { url, ca_cert, api_key, admin_key }))
        });
        profiles.collect::<Result<_, Failure>>().map(Self)
    }

    /// Writes the file anew.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self) -> Result<(), Failure> {
        let quoted = |text: &str| Value::String(text.to_owned()).to_string();
        let mut text = Zeroizing::new(String::from("# Made by `coffer login`.\n"));
        for (name, profile) in &self.0 {
            text.push_str(&format!("\n[{name}]\nurl = {}\n", quoted(&profile.url)));
            if let Some(path) = &profile.ca_cert {
                text.push_str(&format!("ca_cert = {}\n", quoted(&path.display().to_string())));
            }
            for (field, key) in [("api_key", &profile.api_key), ("admin_key", &profile.admin_key)] {
                if let Some(key) = key {
                    text.push_str(&format!("{field} = {}\n", quoted(key)));
                }
            }
        }
        private_file::write(&Self::path(), text.as_bytes())
    }

    /// Takes one out.
    pub fn take(&mut self, name: &str) -> Option<Profile> {
        let at = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(at).1)
    }

    /// Adds one, in the order of names.
    ///
    /// # Errors
    /// If it has a name that none can have.
    pub fn put(&mut self, name: &str, profile: Profile) -> Result<(), Failure> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || name.len() > NAME_CHARACTERS || !name.chars().all(is_part) {
            return Err(Failure::usage(format!(
                "a profile's name has 1 to {NAME_CHARACTERS} letters, digits, - and _"
            )));
        }
        self.take(name);
        self.0.push((name.to_owned(), profile));
        self.0.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(())
    }

    /// All, with their names.
    pub fn all(&self) -> &[(String, Profile)] {
        &self.0
    }

    /// What is said if there is none of that name.
    pub fn missing(&self, name: &str) -> Failure {
        let known: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        let known = match known.as_slice() {
            [] => "there is none yet".to_owned(),
            known => format!("there are: {}", known.join(", ")),
        };
        Failure::usage(format!(
            "there is no profile {name}; {known}. `coffer login --profile {name}` makes it"
        ))
    }
}
