//! `coffer login`, `logout` and `profiles`: servers and keys that are kept for later.

use super::client::profile::{DEFAULT, Profile, Profiles};
use super::client::{Client, Expected};
use super::exit::{Exit, Failure};
use super::output::{self, Output};
use super::{input, table};
use crate::config::{CA_CERT, Config, INSECURE_HTTP, PROFILE, Source, URL};
use serde_json::{Value, json};
use std::path::Path;

/// Asks for a key, tries it, and keeps it with the server's address.
///
/// # Errors
/// If the server does not know the key, or cannot be reached; nothing is kept then.
pub fn login(config: &Config, output: Output) -> Result<Exit, Failure> {
    let name = name(config);
    let mut all = Profiles::read()?;
    let before = all.take(name);
    let is_given = config.source(&URL).is_some_and(|source| *source != Source::Default);
    let url = match &before {
        Some(profile) if !is_given => profile.url.clone(),
        _ => config.text(&URL).to_owned(),
    };
    let ca_cert = config.path(&CA_CERT).map(absolute).transpose()?;
    let ca_cert = ca_cert.or_else(|| before.as_ref().and_then(|profile| profile.ca_cert.clone()));
    let key = input::key()?;
    let is_admin = key.starts_with("ak_");
    let insecure = config.is_on(&INSECURE_HTTP);
    let client = Client::of(&url, ca_cert.as_deref(), key.clone(), insecure)?;
    let (path, params) = match is_admin {
        true => ("/v1/admin/api_keys", &[("limit", "1")][..]),
        false => ("/v1/apps/secrets", &[("limit", "1"), ("scope[type]", "account")][..]),
    };
    client.get(path, params, Expected::object("list"))?;
    // Keys of another server are not kept with this one's address.
    let same = before.filter(|profile| profile.url == url).unwrap_or_default();
    let mut profile = Profile { url: url.clone(), ca_cert, ..same };
    if is_admin {
        profile.admin_key = Some(key);
    } else {
        profile.api_key = Some(key);
    }
    all.put(name, profile)?;
    all.write()?;
    let path = Profiles::path().display().to_string();
    let kept = if is_admin { "admin_key" } else { "api_key" };
    let made =
        json!({ "object": "profile", "profile": name, "url": url, "key": kept, "file": path });
    output.show(&made, table::object)?;
    Ok(Exit::Done)
}

/// Takes a profile with its keys away. The keys stay good: revoking is another verb.
///
/// # Errors
/// If it is not there.
pub fn logout(config: &Config) -> Result<Exit, Failure> {
    let name = name(config);
    let mut all = Profiles::read()?;
    if all.take(name).is_none() {
        return Err(all.missing(name));
    }
    all.write()?;
    output::note(&format!(
        "the profile {name} is gone; its keys are good until `coffer keys revoke`"
    ));
    Ok(Exit::Done)
}

/// Lists the profiles, with the ends of their keys.
///
/// # Errors
/// If their file cannot be read.
pub fn list(output: Output) -> Result<Exit, Failure> {
    let all = Profiles::read()?;
    let shown = all.all().iter().map(|(name, profile)| {
        let end = |key: &str| {
            let at = key.len().saturating_sub(4);
            format!("…{}", key.get(at..).unwrap_or_default())
        };
        json!({
            "name": name,
            "url": profile.url,
            "api_key": profile.api_key.as_ref().map(|key| end(key)),
            "admin_key": profile.admin_key.as_ref().map(|key| end(key)),
        })
    });
    let list = json!({ "object": "list", "data": shown.collect::<Vec<Value>>() });
    output.show(&list, |list| table::list(list, &["name", "url", "api_key", "admin_key"]))?;
    Ok(Exit::Done)
}

fn name(config: &Config) -> &str {
    match config.text(&PROFILE) {
        "" => DEFAULT,
        name => name,
    }
}

/// A path that holds wherever later verbs run.
fn absolute(path: &Path) -> Result<std::path::PathBuf, Failure> {
    std::path::absolute(path)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}
