//! `coffer secrets edit`: a value in an editor, and on no disk.

use super::{PATH, SECRET, client};
use crate::cli::args::ScopeArgs;
use crate::cli::exit::{Exit, Failure};
use crate::cli::{output, private_file};
use crate::config::Config;
use coffer_base::id::random_id;
use coffer_crypto::SystemRandom;
use serde_json::Value;
use std::fs::DirBuilder;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use zeroize::Zeroizing;

/// Longest value that an editor may leave.
const VALUE_BYTES: u64 = 1024 * 1024;

/// What statfs says of file systems in memory.
#[cfg(target_os = "linux")]
const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];

/// Opens the editor, and sets what it leaves, if nobody has set the secret meanwhile.
///
/// # Errors
/// If there is no such secret, no place in memory, or no editor; or if somebody was faster.
pub fn edit(config: &Config, name: &str, scope: &ScopeArgs) -> Result<Exit, Failure> {
    let client = client(config, scope)?;
    let mut params = scope.params(Some(name));
    params.push(("expand[]", "payload"));
    let found = client.get_versioned(&format!("{PATH}/find"), &params, SECRET)?;
    let value = found.object.get("payload").and_then(Value::as_str);
    let (Some(value), Some(version)) = (value, found.version) else {
        return Err(Failure::failed("the server does not say which version the secret has"));
    };
    let scratch = Scratch::make()?;
    let after = scratch.edited(value)?;
    if *after == value {
        output::note("nothing has changed");
        return Ok(Exit::Done);
    }
    if after.is_empty() {
        return Err(Failure::usage("the value is empty; to remove a secret there is `delete`"));
    }
    let expires_at = found.object.get("expires_at").and_then(Value::as_i64);
    let expires_at = expires_at.map(|at| at.to_string());
    let mut params = scope.params(Some(name));
    params.push(("payload", &after));
    params.extend(expires_at.as_deref().map(|at| ("expires_at", at)));
    client.post_if(PATH, &params, &version, SECRET)?;
    output::note("set");
    Ok(Exit::Done)
}

/// A directory in memory, for its owner alone; it goes with what is in it.
struct Scratch(PathBuf);

impl Scratch {
    fn make() -> Result<Self, Failure> {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let places = runtime.into_iter().chain([PathBuf::from("/dev/shm")]);
        let place = places.filter(|place| place.is_absolute()).find(|place| is_in_memory(place));
        let place = place.ok_or_else(|| {
            Failure::failed(
                "there is no directory in memory, neither $XDG_RUNTIME_DIR nor /dev/shm: use \
                 `coffer secrets set`, which reads standard input",
            )
        })?;
        let path = place.join(random_id("coffer", 16, &SystemRandom));
        DirBuilder::new().mode(0o700).create(&path).map_err(|error| {
            Failure::failed(format!("{} cannot be made: {error}", path.display()))
        })?;
        Ok(Self(path))
    }

    /// What the editor makes of a value. A newline that it adds at the end is not the value's.
    fn edited(&self, value: &str) -> Result<Zeroizing<String>, Failure> {
        let path = self.0.join("value");
        let failed = |error: std::io::Error| Failure::failed(format!("the value: {error}"));
        private_file::create(&path)
            .and_then(|mut file| file.write_all(value.as_bytes()))
            .map_err(failed)?;
        let editor = ["VISUAL", "EDITOR"].iter().find_map(std::env::var_os);
        let editor = editor.filter(|editor| !editor.is_empty()).unwrap_or_else(|| "vi".into());
        // An editor's setting may have arguments, which a shell takes apart.
        let mut command = Command::new("sh");
        command.arg("-c").arg("exec $0 \"$1\"").arg(&editor).arg(&path);
        let status = command.status().map_err(failed)?;
        if !status.success() {
            let message = format!("{} ended with {status}; nothing was set", editor.display());
            return Err(Failure::failed(message));
        }
        let mut after = private_file::read(&path, VALUE_BYTES).map_err(failed)?;
        if after.ends_with('\n') && !value.ends_with('\n') {
            after.pop();
        }
        Ok(after)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if std::fs::remove_dir_all(&self.0).is_err() {
            output::note(&format!("coffer: {} could not be removed", self.0.display()));
        }
    }
}

#[cfg(target_os = "linux")]
fn is_in_memory(place: &Path) -> bool {
    let Ok(system) = rustix::fs::statfs(place) else { return false };
    u64::try_from(system.f_type).is_ok_and(|kind| IN_MEMORY.contains(&kind))
}

#[cfg(not(target_os = "linux"))]
fn is_in_memory(_place: &Path) -> bool {
    false
}
