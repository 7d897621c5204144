//! Backups and drills by schedule, made by the server itself.
//!
//! When they are due follows from what the key store has recorded of the last ones, so a restart
//! neither repeats nor forgets one. They run on a thread of their own: other jobs go on meanwhile.
//! While the clock may be wrong none is made, and until it was watched for a while none is removed
//! for its age.

use super::databases::drill_databases;
use super::verify::{Export, Verified, VerifyOptions, verify};
use super::{
    CreateOptions, Created, Destination, Keep, OnProgress, Sources, create, newest_set, refused,
};
use crate::assemble::{AssembleError, AssembleOptions, Database};
use crate::limits;
use crate::root_events::scheduled;
use coffer_backup::Contents;
use coffer_base::civil::readable;
use coffer_base::{Timestamp, limit};
use coffer_crypto::SystemRandom;
use coffer_kernel::{BoxFuture, ClockState, Job, JobContext};
use coffer_keyring::{KeyBackup, LastRun, RunKind};
use coffer_storage::StorageError;
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

    /// When the next of a kind is due, after the last one, when it is `now`; `None` if none is
    /// planned. If the last one lies ahead, a clock was wrong then or is now, and nobody knows how
    /// long ago it was: one is due at once.
    pub fn due(&self, kind: RunKind, last: Option<&LastRun>, now: Timestamp) -> Option<Timestamp> {
        let every = self.every(kind)?;
        let latest = now.plus(limit::CLOCK_TOLERANCE_SECONDS);
        let Some(last) = last.filter(|last| last.at <= latest) else {
            return Some(Timestamp::from_unix(0));
        };
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
        now: Timestamp,
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
            now,
            random: Arc::new(SystemRandom),
        };
        create(&options, on_progress).await
    }

    /// Restores the newest backup into a place of its own, and verifies it; with an export of the
    /// keyring as if the root key were lost.
    ///
    /// # Errors
    /// If there is no backup, or if it is damaged or cannot be opened.
    pub async fn drill(
        &self,
        installation: AssembleOptions,
        export: Option<Export>,
        on_progress: OnProgress<'_>,
    ) -> Result<Verified, AssembleError> {
        let scratch = self.scratch.as_ref().or(self.to.as_ref());
        let scratch = scratch.cloned().unwrap_or_else(std::env::temp_dir);
        if matches!(installation.database, Database::Postgres { .. }) {
            if export.is_some() {
                return Err(refused("an export of the keyring is tried on backups of files only"));
            }
            let command = self
                .drill_command
                .as_deref()
                .ok_or(refused("databases are restored by a command: --with, or drill_command"))?;
            return drill_databases(command, &scratch, installation, on_progress).await;
        }
        let from = newest_set(&self.directories(), installation.clock.now())?;
        verify(VerifyOptions { from, installation, scratch, export }, on_progress).await
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
            let mut done = 0u64;
            for kind in [RunKind::Backup, RunKind::Drill] {
                let state = context.guard.look(&context.store).await?;
                let now = context.guard.now();
                let last = coffer_keyring::last_run(context.keyring.store(), kind).await?;
                let due = self.plan.due(kind, last.as_ref(), now);
                let Some(plan) = believed(&self.plan, state).filter(|_| is_past(due, now)) else {
                    continue;
                };
                let Some(outcome) = self.run_apart(kind, plan, now, context).await else {
                    return Ok(done);
                };
                record(context, kind, outcome).await?;
                done = done.saturating_add(1);
            }
            Ok(done)
        })
    }
}

/// What of a plan is done by a clock in this state: nothing while it may be wrong. While it is only
/// watched, a backup does no harm; what is too old for one that is ahead may be all there is.
fn believed(plan: &Plan, state: ClockState) -> Option<Plan> {
    match state {
        ClockState::Right(_) => Some(plan.clone()),
        ClockState::Settling => {
            let keep = Keep { days: None, ..plan.keep };
            Some(Plan { keep, ..plan.clone() })
        }
        ClockState::Doubtful(_) => None,
    }
}

/// Whether something is due when it is `now`.
fn is_past(due: Option<Timestamp>, now: Timestamp) -> bool {
    due.is_some_and(|due| due <= now)
}

/// What came of one.
type Outcome = Result<Done, String>;

/// One that succeeded.
struct Done {
    /// What came of it, in words.
    words: String,
    /// The set that was made or restored.
    set: Option<String>,
    /// How many keys were backed up.
    keys: Option<i64>,
}

impl ScheduledBackups {
    /// Runs one on a thread of its own; `None` if the server stops.
    async fn run_apart(
        &self,
        kind: RunKind,
        plan: Plan,
        now: Timestamp,
        context: &JobContext,
    ) -> Option<Outcome> {
        let sources = self.sources.clone();
        let installation = Arc::clone(&self.installation);
        let (answer, outcome) = oneshot::channel();
        let (stop, stopped) = (context.stop.clone(), context.stop.clone());
        let thread = std::thread::Builder::new().name("coffer-backup".to_owned());
        let spawned = thread.spawn(move || {
            let _ = answer.send(run(kind, &plan, sources, now, &installation, &stop));
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
    now: Timestamp,
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
            let made = plan.back_up(sources, now, &mut on_progress);
            let made = runtime.block_on(made).map_err(text)?;
            let keys = made.iter().find_map(|each| each.keys);
            let set = made.first().map(|each| each.header.set.clone());
            Ok(Done { words: self::made(&made), set, keys })
        }
        (RunKind::Backup, None) => {
            Err(refused("databases are backed up with their own tools").to_string())
        }
        (RunKind::Drill, _) => {
            let drill = plan.drill(installation()?, None, &mut on_progress);
            let verified = runtime.block_on(drill).map_err(text)?;
            let set = verified.headers.first().map(|header| header.set.clone());
            Ok(Done { words: verified.outcome()?, set, keys: None })
        }
    }
}

/// Records what came of one in the key store and in the audit, and says it in the log.
async fn record(context: &JobContext, kind: RunKind, outcome: Outcome) -> Result<(), StorageError> {
    let (keys, at) = (context.keyring.store(), context.guard.now());
    if let Ok(Done { keys: Some(count), .. }) = outcome {
        // What the keys' own check of `coffer doctor` goes by.
        let recorded = coffer_keyring::record_backup(keys, KeyBackup { at, keys: count }).await;
        if let Err(error) = recorded {
            tracing::error!(%error, "the backup of the keys could not be recorded");
        }
    }
    let is_good = outcome.is_ok();
    let set = outcome.as_ref().ok().and_then(|done| done.set.clone());
    let outcome = outcome.map(|done| done.words);
    coffer_keyring::record_run(keys, kind, at, outcome.clone()).await?;
    let audited = coffer_audit::record(&context.store, scheduled(kind, is_good, set, at)).await;
    match outcome {
        Ok(words) => tracing::info!(kind = kind.as_str(), outcome = words, "done by schedule"),
        Err(why) => tracing::error!(kind = kind.as_str(), why, "failed; it is tried again"),
    }
    audited
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_kernel::{Doubt, DueTimes};

    fn daily() -> Plan {
        Plan {
            to: None,
            keys_to: None,
            more: Vec::new(),
            every: Some(86_400),
            keep: Keep { number: Some(30), days: Some(90) },
            drill_every: None,
            drill_command: None,
            scratch: None,
        }
    }

    const AT: i64 = 1_000_000;

    fn last(succeeded: Option<i64>) -> LastRun {
        LastRun {
            at: Timestamp::from_unix(AT),
            outcome: String::new(),
            is_good: succeeded == Some(AT),
            succeeded: succeeded.map(Timestamp::from_unix),
        }
    }

    fn due(last: Option<&LastRun>, now: i64) -> Option<i64> {
        daily().due(RunKind::Backup, last, Timestamp::from_unix(now)).map(Timestamp::unix)
    }

    #[test]
    fn one_is_due_when_its_time_has_passed_and_sooner_after_a_failure() {
        assert_eq!(due(None, AT), Some(0));
        let good = last(Some(AT));
        assert_eq!(due(Some(&good), AT), Some(1_086_400));
        let retry = AT + limits::BACKUP_RETRY_SECONDS;
        assert_eq!(due(Some(&last(None)), AT), Some(retry));
        assert_eq!(due(Some(&last(Some(5))), AT), Some(retry));
        let now = Timestamp::from_unix(AT);
        assert_eq!(daily().due(RunKind::Drill, Some(&good), now), None);
        assert!(is_past(Some(now), now) && !is_past(Some(now.plus(1)), now) && !is_past(None, now));
    }

    /// The clock was ahead when the last one was made, and is right again; nobody waits for the
    /// time that it showed.
    #[test]
    fn one_is_due_at_once_when_the_last_one_lies_ahead() {
        for last in [last(Some(AT)), last(None)] {
            assert_eq!(due(Some(&last), AT - 400 * 86_400), Some(0));
            assert_eq!(due(Some(&last), AT - 60), Some(0));
            // Servers that share a store are not of one second.
            assert!(due(Some(&last), AT - 5) > Some(AT));
        }
    }

    #[test]
    fn a_clock_that_may_be_wrong_makes_no_backup_and_one_that_is_new_removes_none_for_its_age() {
        let now = Timestamp::from_unix(AT);
        let kept = |state| believed(&daily(), state).map(|plan| plan.keep);
        assert_eq!(kept(ClockState::Doubtful(Doubt::Ahead(400 * 86_400))), None);
        let by_number = Keep { number: Some(30), days: None };
        assert_eq!(kept(ClockState::Settling), Some(by_number));
        let right = ClockState::Right(DueTimes { now, proven: now });
        assert_eq!(kept(right), Some(daily().keep));
    }
}
