//! Writing down what became of attempts: once for each, whoever else has made the same one.

use super::attempt;
use crate::endpoint::Attempt;
use crate::event_type::FAILING;
use crate::limits;
use crate::sequence::Sequence;
use coffer_base::{Owner, Timestamp};
use coffer_dialect::Object;
use coffer_kernel::event::{self, NewEvent};
use coffer_kernel::{ClockState, JobContext};
use coffer_storage::{Row, Statement, StorageError, Tx, Value, Work, values};
use std::sync::Arc;

/// What became of an attempt.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// The status of the answer, if there was one.
    pub(crate) http_status: Option<i64>,
    /// Why it failed; `None` if it succeeded.
    pub(crate) error: Option<&'static str>,
    /// How long it took, where that says nothing of what is not for everybody to know.
    pub(crate) milliseconds: Option<i64>,
    /// When it was made.
    pub(crate) at: Timestamp,
    /// When the next one is made.
    pub(crate) next: Option<Timestamp>,
}

/// An attempt that was made.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) attempt: Attempt,
    pub(crate) outcome: Outcome,
    /// Whose endpoint it is: that owner is told of failures.
    pub(crate) endpoint_owner: Owner,
}

/// Writes down what became of some attempts.
pub(crate) struct Settle {
    pub(crate) made: Vec<Made>,
    pub(crate) sequence: Arc<Sequence>,
    pub(crate) context: JobContext,
    /// Seconds without success after which an endpoint is disabled; `None` for never.
    pub(crate) disable_after: Option<i64>,
    /// Whether the clock can be believed: while it is doubted, how long an endpoint has failed is
    /// not known, and until it is right nobody is disabled or told of for it.
    pub(crate) clock: ClockState,
    pub(crate) now: Timestamp,
}

const WRITE: &str = "UPDATE webhook_attempt SET status = ?, at = ?, http_status = ?, error = ?, \
     milliseconds = ?, next = ? WHERE endpoint = ? AND seq = ? AND event = ? AND status = 0 \
     RETURNING seq";

/// How many attempts at the same delivery have succeeded, and how many were made by schedule.
const SUCCEEDED: &str = "SELECT count(CASE WHEN status = 1 THEN 1 END), \
     count(CASE WHEN once = 0 THEN 1 END) FROM webhook_attempt WHERE event = ? AND endpoint = ?";

impl Made {
    const fn succeeded(&self) -> bool {
        self.outcome.error.is_none()
    }

    fn write(&self) -> Vec<Value> {
        let Outcome { http_status, error, milliseconds, at, next } = &self.outcome;
        let status = if self.succeeded() { 1i64 } else { 2 };
        let Attempt { endpoint, seq, event, .. } = &self.attempt;
        values![status, *at, *http_status, *error, *milliseconds, *next, endpoint, *seq, event]
            .to_vec()
    }
}

impl Work for Settle {
    type Out = ();

    /// What was sent must be written down, also on a disk that is nearly full: else it is sent
    /// again and again.
    fn grows(&self) -> bool {
        false
    }

    fn of_many_accounts(&self) -> bool {
        true
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        let writes: Vec<_> = self.made.iter().map(Made::write).collect();
        let written = batch(tx, WRITE, &writes).await?;
        // What another server has written down before is not done twice.
        let made = self.made.iter().zip(&written).filter(|(_, rows)| !rows.is_empty());
        let (good, bad): (Vec<&Made>, Vec<&Made>) =
            made.map(|(made, _)| made).partition(|made| made.succeeded());
        self.succeeded(tx, &good).await?;
        for made in bad {
            self.failed(tx, made).await?;
        }
        Ok(())
    }
}

async fn batch(
    tx: &mut Tx<'_>,
    sql: &'static str,
    all: &[Vec<Value>],
) -> Result<Vec<Vec<Row>>, StorageError> {
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let statements: Vec<_> = all.iter().map(|params| Statement { sql, params }).collect();
    tx.batch(&statements).await
}

impl Settle {
    /// A delivery is pending until its first success.
    async fn succeeded(&self, tx: &mut Tx<'_>, made: &[&Made]) -> Result<(), StorageError> {
        let counts =
            made.iter().map(|made| values![&made.attempt.event, &made.attempt.endpoint].to_vec());
        let counts = batch(tx, SUCCEEDED, &counts.collect::<Vec<_>>()).await?;
        for (made, rows) in made.iter().zip(&counts) {
            let (good, scheduled) = match rows.first() {
                Some(row) => (row.int(0)?, row.int(1)?),
                None => (0, 0),
            };
            if good == 1 && scheduled > 0 {
                event::settle_delivery(tx, &made.attempt.owner, &made.attempt.event);
            }
        }
        let mut ids: Vec<&str> = made.iter().map(|made| made.attempt.endpoint.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.iter().for_each(|id| forget_failures(tx, id));
        Ok(())
    }

    async fn failed(&self, tx: &mut Tx<'_>, made: &Made) -> Result<(), StorageError> {
        let Made { attempt, outcome, endpoint_owner } = made;
        if let Some(due) = outcome.next {
            let next = Attempt {
                seq: self.sequence.next_behind(attempt.seq, self.now),
                number: attempt.number.saturating_add(1),
                due,
                at: outcome.at,
                ..attempt.clone()
            };
            attempt::insert(tx, &next);
        }
        if self.clock.doubt().is_some() {
            return Ok(());
        }
        let id = &attempt.endpoint;
        let sql = "UPDATE webhook_endpoint SET failing_since = coalesce(failing_since, ?), \
                   failures = failures + 1 WHERE id = ? RETURNING failing_since, failures, warned";
        let rows = tx.query(sql, &values![outcome.at, id]).await?;
        let Some(row) = rows.first() else { return Ok(()) };
        let (since, failures, warned) = (row.int(0)?, row.int(1)?, row.optional_int(2)?);
        let ClockState::Right(_) = self.clock else { return Ok(()) };
        let lasts = self.now.unix().saturating_sub(since);
        if self.disable_after.is_some_and(|after| lasts >= after)
            && failures >= limits::DISABLE_FAILURES
        {
            tx.defer("UPDATE webhook_endpoint SET enabled = 0 WHERE id = ?", values![id]);
            tracing::warn!(endpoint = %id, failures, "a webhook endpoint was disabled");
        } else if lasts >= limits::WARN_SECONDS
            && warned
                .is_none_or(|at| self.now.unix().saturating_sub(at) >= limits::WARN_EVERY_SECONDS)
        {
            self.warn(tx, id, endpoint_owner, (since, failures)).await?;
        }
        Ok(())
    }

    /// Tells the log, and the owner's other endpoints.
    async fn warn(
        &self,
        tx: &mut Tx<'_>,
        id: &str,
        owner: &Owner,
        (since, failures): (i64, i64),
    ) -> Result<(), StorageError> {
        tx.defer("UPDATE webhook_endpoint SET warned = ? WHERE id = ?", values![self.now, id]);
        tracing::warn!(endpoint = %id, since, failures, "a webhook endpoint has no success");
        let object = Object::new(id, "webhook_endpoint")
            .set("failing_since", since)
            .set("failures", failures)
            .set("livemode", owner.mode.is_live());
        let new = NewEvent { kind: FAILING, object, previous: None };
        event::append(tx, owner, &self.context.cause(owner, self.now), new).await
    }
}

/// What failed before no longer counts.
pub(crate) fn forget_failures(tx: &mut Tx<'_>, id: &str) {
    tx.defer(
        "UPDATE webhook_endpoint SET failing_since = NULL, failures = 0, warned = NULL \
         WHERE id = ? AND failures > 0",
        values![id],
    );
}
