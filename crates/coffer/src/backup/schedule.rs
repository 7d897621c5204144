//! Backups and drills by schedule, made by the server itself.
//!
//! When they are due follows from what the key store has recorded of the last ones, so a restart
//! neither repeats nor forgets one. They run on a thread of their own: other jobs go on meanwhile.

use super::databases::drill_databases;
use super::verify::{Verified, VerifyOptions, verify};
use super::{
    CreateOptions, Created, Destination, Keep, OnProgress, Sources, create, newest_set, refused,
};
use crate::assemble::{AssembleError, AssembleOptions, Database};
use crate::limits;
use coffer_backup::Contents;
use coffer_base::civil::readable;
use coffer_base::{Clock, SystemClock, Timestamp};
use coffer_crypto::SystemRandom;
use coffer_kernel::{BoxFuture, Job, JobContext};
use coffer_keyring::{KeyBackup, LastRun, RunKind};
use coffer_storage::{StorageError, Store};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// What is done by schedule.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The directory of the data's backups, and of the keys' if those have none of their own.
    pub to: Option<PathBuf>,
    /// The directory of the keys' backups.
    pub keys_to: Option<PathBuf>,
    /// Other directories in which backups are.
    pub more: Vec<PathBuf>,
    /// Seconds between two backups; none are made without it.
    pub every: Option<i64>,
    /// Which of the older ones are kept.
    pub keep: Keep,
    /// Seconds between two drills; none are made without it.
    pub drill_every: Option<i64>,
    /// How a drill has databases restored.
    pub drill_command: Option<String>,
    /// Where a drill restores to; without it, into the directory of the backups.
    pub scratch: Option<PathBuf>,
}

impl Plan {
    /// The directories in which backups are.
    pub fn directories(&self) -> Vec<PathBuf> {
        self.to.iter().chain(&self.keys_to).chain(&self.more).cloned().collect()
    }

    /// Seconds between two of a kind.
    pub const fn every(&self, kind: RunKind) -> Option<i64> {
        match kind {
            RunKind::Backup => self.every,
            RunKind::Drill => self.drill_every,
        }
    }

    /// When the next of a kind is due, after the last one; `None` if none is planned.
    pub fn due(&self, kind: RunKind, last: Option<&LastRun>) -> Option<Timestamp> {
        let every = self.every(kind)?;
        let Some(last) = last else { return Some(Timestamp::from_unix(0)) };
        let pause = if last.is_good { every } else { every.min(limits::BACKUP_RETRY_SECONDS) };
        Some(last.at.plus(pause))
    }

    /// Makes a backup of both stores.
    ///
    /// # Errors
    /// If it is not said where backups go, or if one cannot be made.
    pub async fn back_up(
        &self,
        sources: Sources,
        on_progress: OnProgress<'_>,
    ) -> Result<Vec<Created>, AssembleError> {
        let to = self.to.clone().ok_or(refused("it is not said where backups go (backup_to)"))?;
        let keys_to = self.keys_to.clone().unwrap_or_else(|| to.clone());
        let options = CreateOptions {
            sources,
            to: vec![
                (Contents::Data, Destination::Directory(to)),
                (Contents::Keys, Destination::Directory(keys_to)),
            ],
            keep: self.keep,
            scratch: None,
            now: SystemClock.now(),
            random: Arc::new(SystemRandom),
        };
        create(&options, on_progress).await
    }

    /// Restores the newest backup into a place of its own, and verifies it.
    ///
    /// # Errors
    /// If there is no backup, or if it is damaged or cannot be opened.
    pub async fn drill(
        &self,
        installation: AssembleOptions,
        on_progress: OnProgress<'_>,
    ) -> Result<Verified, AssembleError> {
        let scratch = self.scratch.as_ref().or(self.to.as_ref());
        let scratch = scratch.cloned().unwrap_or_else(std::env::temp_dir);
        if matches!(installation.database, Database::Postgres { .. }) {
            let command = self
                .drill_command
                .as_deref()
                .ok_or(refused("databases are restored by a command: --with, or drill_command"))?;
            return drill_databases(command, &scratch, installation, on_progress).await;
        }
        let from = newest_set(&self.directories())?;
        verify(VerifyOptions { from, installation, scratch }, on_progress).await
    }
}

impl Verified {
    /// What came of it, in words; an error if anything is wrong.
    pub fn outcome(&self) -> Result<String, String> {
        if let Some(problem) = self.problems.first() {
            let more = self.problems.len().saturating_sub(1);
            let more = if more > 0 { format!(", and {more} more problems") } else { String::new() };
            return Err(format!("{problem}{more}"));
        }
        let Some(found) = &self.examination else {
            return Err("there was no data with keys, so nothing was opened".to_owned());
        };
        let made = self.headers.iter().map(|header| header.created).min();
        let opened: Vec<String> =
            found.opened.iter().map(|(what, count)| format!("{count} {what}")).collect();
        let what = match made {
            Some(made) => format!("the backup of {} was", readable(Timestamp::from_unix(made))),
            None => "the databases were".to_owned(),
        };
        Ok(format!("{what} restored, and {} opened", opened.join(", ")))
    }
}

/// What came of a backup, in words.
pub(super) fn made(created: &[Created]) -> String {
    let places: Vec<&str> = created.iter().map(|each| each.place.as_str()).collect();
    places.join(", ")
}

/// Makes the installation's options, again for each drill.
pub type Installations = Arc<dyn Fn() -> Result<AssembleOptions, String> + Send + Sync>;

/// The job.
pub struct ScheduledBackups {
    /// What is done.
    pub plan: Plan,
    /// The files; `None` for databases, which are backed up elsewhere.
    pub sources: Option<Sources>,
    /// The installation that is drilled.
    pub installation: Installations,
}

impl Job for ScheduledBackups {
    fn name(&self) -> &'static str {
        "backups"
    }

    fn every(&self) -> Duration {
        Duration::from_secs(limits::BACKUP_LOOK_SECONDS)
    }

    fn run<'a>(&'a self, context: &'a JobContext) -> BoxFuture<'a, Result<u64, StorageError>> {
        Box::pin(async move {
            let keys = context.keyring.store();
            let mut done = 0u64;
            for kind in [RunKind::Backup, RunKind::Drill] {
                let last = coffer_keyring::last_run(keys, kind).await?;
                let now = SystemClock.now();
                if self.plan.due(kind, last.as_ref()).is_none_or(|due| due > now) {
                    continue;
                }
                let Some(outcome) = self.run_apart(kind, context.stop.clone()).await else {
                    return Ok(done);
                };
                record(keys, kind, outcome).await?;
                done = done.saturating_add(1);
            }
            Ok(done)
        })
    }
}

/// What came of one: in words, and how many keys were backed up.
type Outcome = Result<(String, Option<i64>), String>;

impl ScheduledBackups {
    /// Runs one on a thread of its own; `None` if the server stops.
    async fn run_apart(&self, kind: RunKind, stop: watch::Receiver<bool>) -> Option<Outcome> {
        let (plan, sources) = (self.plan.clone(), self.sources.clone());
        let installation = Arc::clone(&self.installation);
        let (answer, outcome) = oneshot::channel();
        let stopped = stop.clone();
        let thread = std::thread::Builder::new().name("coffer-backup".to_owned());
        let spawned = thread.spawn(move || {
            let _ = answer.send(run(kind, &plan, sources, &installation, &stop));
        });
        if let Err(error) = spawned {
            return Some(Err(format!("no thread could be started: {error}")));
        }
        let outcome = outcome.await.unwrap_or_else(|_| Err("it panicked".to_owned()));
        if *stopped.borrow() { None } else { Some(outcome) }
    }
}

fn run(
    kind: RunKind,
    plan: &Plan,
    sources: Option<Sources>,
    installation: &Installations,
    stop: &watch::Receiver<bool>,
) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let mut on_progress = |_: &str, _, _| {
        if *stop.borrow() { Err("the server stops") } else { Ok(()) }
    };
    let text = |error: AssembleError| error.to_string();
    match (kind, sources) {
        (RunKind::Backup, Some(sources)) => {
            let made = runtime.block_on(plan.back_up(sources, &mut on_progress)).map_err(text)?;
            let keys = made.iter().find_map(|each| each.keys);
            Ok((self::made(&made), keys))
        }
        (RunKind::Backup, None) => {
            Err(refused("databases are backed up with their own tools").to_string())
        }
        (RunKind::Drill, _) => {
            let drill = plan.drill(installation()?, &mut on_progress);
            Ok((runtime.block_on(drill).map_err(text)?.outcome()?, None))
        }
    }
}

/// Records what came of one, and says it in the log.
async fn record(keys: &Store, kind: RunKind, outcome: Outcome) -> Result<(), StorageError> {
    let at = SystemClock.now();
    if let Ok((_, Some(count))) = outcome {
        // What the keys' own check of `coffer doctor` goes by.
        let recorded = coffer_keyring::record_backup(keys, KeyBackup { at, keys: count }).await;
        if let Err(error) = recorded {
            tracing::error!(%error, "the backup of the keys could not be recorded");
        }
    }
    let outcome = outcome.map(|(words, _)| words);
    coffer_keyring::record_run(keys, kind, at, outcome.clone()).await?;
    match outcome {
        Ok(words) => tracing::info!(kind = kind.as_str(), outcome = words, "done by schedule"),
        Err(why) => tracing::error!(kind = kind.as_str(), why, "failed; it is tried again"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_due_when_its_time_has_passed_and_sooner_after_a_failure() {
        let plan = Plan {
            to: None,
            keys_to: None,
            more: Vec::new(),
            every: Some(86_400),
            keep: Keep::default(),
            drill_every: None,
            drill_command: None,
            scratch: None,
        };
        let last = |succeeded| LastRun {
            at: Timestamp::from_unix(1_000_000),
            outcome: String::new(),
            is_good: succeeded == Some(Timestamp::from_unix(1_000_000)),
            succeeded,
        };
        let due = |last: Option<&LastRun>| plan.due(RunKind::Backup, last).map(Timestamp::unix);
        assert_eq!(due(None), Some(0));
        let good = last(Some(Timestamp::from_unix(1_000_000)));
        assert_eq!(due(Some(&good)), Some(1_086_400));
        let retry = 1_000_000 + limits::BACKUP_RETRY_SECONDS;
        assert_eq!(due(Some(&last(None))), Some(retry));
        assert_eq!(due(Some(&last(Some(Timestamp::from_unix(5))))), Some(retry));
        assert_eq!(plan.due(RunKind::Drill, Some(&good)), None);
    }
}
