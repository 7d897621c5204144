//! Checks of backups and drills, and of the head file.

use super::Finding;
use crate::cli::table::time;
use crate::config::{Config, HEAD_FILE};
use coffer::head::Heads;
use coffer_keyring::{LastRun, RunKind};
use coffer_storage::{StorageError, Store};
use std::path::Path;

/// What came of the last backup and the last drill. `coffer` itself backs up stores in files only.
pub(super) async fn check(keys: &Store, is_embedded: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let backup = coffer_keyring::last_run(keys, RunKind::Backup).await;
    let drill = coffer_keyring::last_run(keys, RunKind::Drill).await;
    for (check, found, never, advice) in [
        (
            "backup",
            backup,
            is_embedded.then_some("the data was never backed up"),
            "run `coffer backup create`, or set backup_to and backup_every",
        ),
        (
            "drill",
            drill,
            Some("no backup was ever restored, so nobody knows whether one can be"),
            "run `coffer drill`, or set drill_every",
        ),
    ] {
        match (found, never) {
            (Err(error), _) => findings.push(Finding::fail(check, error.to_string(), "")),
            (Ok(Some(last)), _) => findings.push(judge(check, &last)),
            (Ok(None), Some(never)) => findings.push(Finding::warn(check, never, advice)),
            (Ok(None), None) => {}
        }
    }
    findings
}

fn judge(check: &'static str, last: &LastRun) -> Finding {
    let at = time(last.at.unix());
    if last.is_good {
        return Finding::ok(check, format!("{at}: {}", last.outcome));
    }
    let before = match last.succeeded {
        Some(succeeded) => format!("the last good one is of {}", time(succeeded.unix())),
        None => "there is no good one".to_owned(),
    };
    Finding::fail(check, format!("{at}: it failed: {}", last.outcome), before)
}

/// Whether the stores are where the head file says, if there is one.
pub(super) async fn head(config: &Config, data: &Store, keys: &Store) -> Option<Finding> {
    const CHECK: &str = "head";
    let path = config.path(&HEAD_FILE)?;
    let found = async {
        let (data, keys) = (coffer_keyring::head(data).await?, coffer_keyring::head(keys).await?);
        Ok::<_, StorageError>((data, keys))
    };
    let found = found.await;
    let kept = match Heads::read(path) {
        Ok(Some(kept)) => kept,
        Ok(None) => {
            let is_kept = found.is_ok_and(|(data, keys)| data.sequence > 0 || keys.sequence > 0);
            return Some(missing(CHECK, path, is_kept));
        }
        Err(error) => return Some(Finding::fail(CHECK, error.to_string(), "")),
    };
    let found = found.map(|(data, keys)| Heads { data, keys, ..kept.clone() });
    Some(match found {
        Err(error) => Finding::fail(CHECK, error.to_string(), ""),
        Ok(found) if found.is_behind(&kept) => Finding::fail(
            CHECK,
            format!("the stores are at {found}, and {} says {kept}", path.display()),
            "somebody has put back an older copy; if that was you, start the server once with \
             --accept-rollback",
        ),
        Ok(found) => {
            Finding::ok(CHECK, format!("{found}, as far as {} or further", path.display()))
        }
    })
}

/// A head file that is missing: before the first start with it, or since somebody took it away.
fn missing(check: &'static str, path: &Path, is_kept: bool) -> Finding {
    let found = format!("{} is missing", path.display());
    if !is_kept {
        return Finding::warn(check, found, "a server makes it at its first start with it");
    }
    let advice = "one was kept for this store, and a start is refused: mount its disk; if it is \
                  gone, find out who took it away, and start the server once with \
                  --accept-rollback";
    Finding::fail(check, found, advice)
}
