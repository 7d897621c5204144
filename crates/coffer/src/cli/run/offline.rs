//! A copy of what the server said last, for when it cannot be reached.
//!
//! It is sealed under a key that follows from the app's key, so that it opens for whoever has that
//! and for nobody else, and bound to the server, the scope, and the time when it was written.

use super::fetched::Fetched;
use crate::cli::args::ScopeArgs;
use crate::cli::client::Client;
use crate::cli::exit::Failure;
use crate::cli::private_file;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use coffer_crypto::{AssociatedData, SealingKey, SystemRandom, envelope, sha256};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// What the first line begins with.
const HEAD: &str = "coffer offline copy 1";

/// Seconds by which the clock may have gone back since a copy was written.
const SLACK_SECONDS: i64 = 300;

/// Longest copy that is read: a thousand secrets of the longest kind, sealed.
const BYTES: u64 = 64 * 1024 * 1024;

/// The copy of one scope.
pub struct Copy {
    path: PathBuf,
    key: SealingKey,
    /// What it is of: server, account, user.
    of: [String; 3],
}

impl Copy {
    /// The copy of a scope, whether or not it is there.
    ///
    /// # Errors
    /// If there is no directory for it: no HOME.
    pub fn of(client: &Client, scope: &ScopeArgs) -> Result<Self, Failure> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let of = [client.server(), text(&scope.account), text(&scope.user)];
        let key = client.key().as_bytes();
        let digest = sha256(&[
            b"coffer offline copy: name\0",
            key,
            b"\0",
            of[0].as_bytes(),
            b"\0",
            of[1].as_bytes(),
            b"\0",
            of[2].as_bytes(),
        ]);
        let mut name = String::new();
        for byte in digest.iter().take(16) {
            // Writing to a string cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        let path = cache_home()?.join("offline").join(name);
        let key = SealingKey::from_bytes(sha256(&[b"coffer offline copy: key\0", key]));
        Ok(Self { path, key, of })
    }

    /// Writes the secrets in the copy's place.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, secrets: &[Fetched], now: i64) -> Result<(), Failure> {
        let mut text = format!("{HEAD} {now} {}\n", secrets.len());
        for (number, secret) in secrets.iter().enumerate() {
            let Fetched { name, payload, expires_at } = secret;
            let plain = json!({ "name": name, "payload": **payload, "expires_at": expires_at });
            let plain = Zeroizing::new(plain.to_string());
            let data = self.bound(now, secrets.len(), number);
            let sealed = envelope::seal(&self.key, 1, &data, plain.as_bytes(), &SystemRandom);
            let sealed = sealed.map_err(|error| Failure::failed(format!("{error} (--offline)")))?;
            STANDARD.encode_string(sealed, &mut text);
            text.push('\n');
        }
        private_file::write(&self.path, text.as_bytes())
    }

    /// The secrets of the copy that have not expired since, and how old it is, in words.
    ///
    /// # Errors
    /// Why there is none that can be used.
    pub fn read(&self, now: i64, max_age: i64) -> Result<(Vec<Fetched>, String), String> {
        let text = private_file::read(&self.path, BYTES)
            .map_err(|_| "there is no copy for --offline yet".to_owned())?;
        let damaged = || "the copy for --offline is damaged, or another key wrote it".to_owned();
        let mut lines = text.lines();
        let head = lines.next().and_then(|line| line.strip_prefix(HEAD)).ok_or_else(damaged)?;
        let mut numbers = head.split_ascii_whitespace().map(str::parse::<i64>);
        let (Some(Ok(written)), Some(Ok(count))) = (numbers.next(), numbers.next()) else {
            return Err(damaged());
        };
        let count = usize::try_from(count).map_err(|_| damaged())?;
        let lines: Vec<&str> = lines.collect();
        if lines.len() != count {
            return Err(damaged());
        }
        let opened = lines.iter().enumerate().map(|(number, line)| {
            let sealed = STANDARD.decode(line).ok()?;
            let data = self.bound(written, count, number);
            let plain = envelope::open(&self.key, &data, &sealed).ok()?;
            Fetched::of(&serde_json::from_slice::<Value>(plain.expose()).ok()?)
        });
        let secrets = opened.collect::<Option<Vec<_>>>().ok_or_else(damaged)?;
        let age = now.saturating_sub(written);
        if age > max_age {
            return Err(format!("the copy for --offline is {} old (--max-age)", words(age)));
        }
        if age < -SLACK_SECONDS {
            return Err("the copy for --offline is of a time to come; is the clock right?".into());
        }
        let is_live = |secret: &Fetched| secret.expires_at.is_none_or(|at| at > now);
        Ok((secrets.into_iter().filter(is_live).collect(), format!("{} ago", words(age.max(0)))))
    }

    /// Takes the copy away: the key is refused now.
    pub fn remove(&self) {
        // If it cannot be removed, it still ends by its age.
        let _ = std::fs::remove_file(&self.path);
    }

    fn bound(&self, written: i64, count: usize, number: usize) -> AssociatedData {
        let [server, account, user] = &self.of;
        let int = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        AssociatedData::new("offline copy")
            .text(server)
            .text(account)
            .text(user)
            .int(written)
            .int(int(count))
            .int(int(number))
    }
}

/// A time that has passed, in the largest unit that says something.
fn words(seconds: i64) -> String {
    match seconds {
        0..=119 => format!("{seconds} seconds"),
        120..=7199 => format!("{} minutes", seconds / 60),
        7200..=172_799 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// `$XDG_CACHE_HOME/coffer`, else `~/.cache/coffer`.
fn cache_home() -> Result<PathBuf, Failure> {
    let directory = |name| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let home = || directory("HOME").map(|home| home.join(".cache"));
    let cache = directory("XDG_CACHE_HOME").or_else(home);
    cache.map(|cache| cache.join("coffer")).ok_or_else(|| {
        Failure::usage("--offline needs a place for its copy: set HOME or XDG_CACHE_HOME")
    })
}
