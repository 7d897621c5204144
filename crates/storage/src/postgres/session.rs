//! One transaction on one connection.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use coffer_base::limit;
use futures_util::future::join_all;
use futures_util::{StreamExt, pin_mut};
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::dialect;
use super::fault::Fault;
use super::pool::Lease;
use crate::error::{Result, StorageError};
use crate::transaction::{Effect, Sent, Step};

/// Begins a transaction with bounds of its own: poolers in transaction mode let settings of a
/// session leak. Its statements must see what was committed before each of them, since they look
/// after they have taken a lock.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '4s'; \
     SET LOCAL statement_timeout = '8s'; SET LOCAL idle_in_transaction_session_timeout = '10s'";

/// A commit that was cut off while it waited for a standby would say that it succeeded: it must
/// not be cut off by the server. This is how long we wait ourselves.
const COMMIT_UNBOUNDED: &str = "SET LOCAL statement_timeout = 0";

/// How many statements leave at once: whoever sends more waits for the first of them.
const AT_ONCE: usize = 24;

/// A transaction, which begins with its first statement.
#[derive(Debug)]
pub(crate) struct Session {
    lease: Lease,
    begun: bool,
    in_the_way: bool,
    heard: bool,
    round_trips: u64,
}

type Answer<'a> = Pin<Box<dyn Future<Output = std::result::Result<Effect, Fault>> + Send + 'a>>;

impl Session {
    pub(super) const fn of(lease: Lease) -> Self {
        Self { lease, begun: false, in_the_way: false, heard: true, round_trips: 0 }
    }

    /// Whether what failed failed because of another transaction.
    pub(super) const fn was_in_the_way(&self) -> bool {
        self.in_the_way
    }

    /// Whether what was sent last was answered.
    pub(super) const fn was_heard(&self) -> bool {
        self.heard
    }

    /// The connection.
    pub(super) fn client(&self) -> &Client {
        self.lease.client()
    }

    pub(super) const fn round_trips(&self) -> u64 {
        self.round_trips
    }

    /// Sends statements, and waits once for all of their answers.
    pub(crate) async fn send(&mut self, steps: &[Sent<'_>]) -> Result<Vec<Effect>> {
        let mut effects = Vec::with_capacity(steps.len());
        for some in steps.chunks(AT_ONCE) {
            let opening = (!self.begun).then_some(Sent::Control(BEGIN));
            let opened = usize::from(opening.is_some());
            self.begun = true;
            let sent: Vec<Sent<'_>> = opening.into_iter().chain(some.iter().copied()).collect();
            let answers = self.exchange(&sent).await;
            effects.extend(answers.map_err(|fault| fault.error)?.split_off(opened));
        }
        Ok(effects)
    }

    /// One statement outside of any transaction.
    pub(super) async fn read(&mut self, statement: Sent<'_>) -> Result<Effect> {
        let answers = self.exchange(&[statement]).await.map_err(|fault| fault.error)?;
        Ok(answers.into_iter().next().unwrap_or_default())
    }

    /// Sends what is left, and commits.
    pub(super) async fn commit(&mut self, rest: &[Step]) -> Result<()> {
        if !self.begun && rest.is_empty() {
            return Ok(());
        }
        let rest: Vec<Sent<'_>> = rest.iter().map(Step::borrowed).collect();
        let (before, last) = before_and_last(&rest);
        if !before.is_empty() {
            let time = Duration::from_secs(limit::TRANSACTION_SECONDS);
            super::within(time, self.send(before)).await?;
        }
        let opening = (!self.begun).then_some(Sent::Control(BEGIN));
        self.begun = true;
        let closing = [Sent::Control(COMMIT_UNBOUNDED), Sent::Control("COMMIT")];
        let sent: Vec<Sent<'_>> =
            opening.into_iter().chain(last.iter().copied()).chain(closing).collect();
        let time = Duration::from_secs(limit::COMMIT_SECONDS);
        let Ok(answers) = tokio::time::timeout(time, self.exchange(&sent)).await else {
            let why = format!("the commit was not answered within {} s", time.as_secs());
            return Err(StorageError::UnknownOutcome(why));
        };
        match answers {
            Ok(_) => {
                self.begun = false;
                Ok(())
            }
            Err(fault) if fault.told => Err(fault.error),
            Err(fault) => Err(StorageError::UnknownOutcome(fault.error.to_string())),
        }
    }

    /// Takes back whatever the transaction did; its connection stays.
    pub(super) async fn abandon(&mut self) {
        if self.begun && self.lease.client().batch_execute("ROLLBACK").await.is_ok() {
            self.begun = false;
        }
    }

    /// Ends a transaction that failed, so that its connection can be used again; if that fails,
    /// it is closed. So it is after an error that says that the server cannot go on, since it may
    /// be one that another has replaced.
    pub(super) async fn end_after(self, error: &StorageError) {
        if matches!(error, StorageError::Unavailable(_)) {
            return;
        }
        if !self.begun {
            return self.give_back();
        }
        let time = Duration::from_secs(limit::CONNECT_SECONDS);
        let ended = tokio::time::timeout(time, self.lease.client().batch_execute("ROLLBACK")).await;
        if matches!(ended, Ok(Ok(()))) {
            self.lease.give_back();
        }
    }

    /// Gives the connection back, on which nothing is open.
    pub(super) fn give_back(self) {
        if !self.begun {
            self.lease.give_back();
        }
    }

    /// Sends all statements at once and answers what they came to, or the first fault.
    async fn exchange(&mut self, sent: &[Sent<'_>]) -> std::result::Result<Vec<Effect>, Fault> {
        self.round_trips = self.round_trips.saturating_add(1);
        // It stays so if nobody waits any longer.
        self.heard = false;
        let client = self.lease.client();
        let answers = join_all(sent.iter().map(|one| answer(client, *one))).await;
        let outcome: std::result::Result<Vec<Effect>, Fault> = answers.into_iter().collect();
        match &outcome {
            Ok(_) => self.heard = true,
            Err(fault) => {
                self.heard = fault.told;
                self.in_the_way |= fault.in_the_way;
            }
        }
        outcome
    }
}

/// What must leave before, and what leaves with the commit: as much as leaves at once beside the
/// beginning, the setting and the commit itself.
fn before_and_last<'a, 's>(rest: &'a [Sent<'s>]) -> (&'a [Sent<'s>], &'a [Sent<'s>]) {
    let before = rest.len().saturating_sub(AT_ONCE - 3);
    rest.split_at_checked(before).unwrap_or((rest, &[]))
}

/// Sends a statement when it is first looked at, so that several leave in their order.
fn answer<'a>(client: &'a Client, sent: Sent<'a>) -> Answer<'a> {
    match sent {
        Sent::Control(text) => Box::pin(async move {
            let done = client.batch_execute(text).await;
            done.map(|()| Effect::default()).map_err(|error| Fault::of(&error))
        }),
        Sent::Plain(sql, params) => Box::pin(async move {
            let text = dialect::statement(sql);
            let typed: Vec<(&(dyn ToSql + Sync), Type)> = params
                .iter()
                .map(|value| (value as &(dyn ToSql + Sync), dialect::type_of(value)))
                .collect();
            let fault = |error: tokio_postgres::Error| Fault::of(&error);
            let rows = client.query_typed_raw(&text, typed).await.map_err(fault)?;
            pin_mut!(rows);
            let mut effect = Effect::default();
            while let Some(row) = rows.next().await {
                let row = dialect::row(&row.map_err(fault)?);
                let broken = |error| Fault { error, in_the_way: false, told: true };
                effect.rows.push(row.map_err(broken)?);
            }
            effect.changed = rows.rows_affected().unwrap_or(0);
            Ok(effect)
        }),
    }
}
