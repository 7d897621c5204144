//! One transaction on one connection.

use std::pin::pin;
use std::time::Duration;

use coffer_base::limit;
use futures_util::StreamExt;
use futures_util::future::join_all;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, RowStream};

use super::dialect;
use super::error::DriverError;
use super::pool::Lease;
use super::timeout::within;
use crate::command::{Command, Deferred, Statement, StatementResult};
use crate::error::{Cause, Result, StorageError};
use crate::row::Row;
use crate::transaction::{RemoteConnection, Results};

/// Begins a transaction with timeouts of its own: poolers in transaction mode let settings of a
/// session leak. READ COMMITTED, since a statement after a lock must see what was committed while
/// the transaction waited for it.
///
/// The first setting lets the others reach all servers of a database that is spread, where a lock
/// would else be waited for without end; PostgreSQL alone does nothing with it. They are sent apart
/// from the beginning, since the others get the whole text that a setting stands in.
const OPENING: [&str; 2] = [
    "BEGIN ISOLATION LEVEL READ COMMITTED",
    "SET LOCAL citus.propagate_set_commands = 'local'; SET LOCAL lock_timeout = '4s'; \
     SET LOCAL statement_timeout = '8s'; SET LOCAL idle_in_transaction_session_timeout = '10s'",
];

/// The same where the session keeps its timeouts.
const OPENING_OF_SESSION: [&str; 1] = ["BEGIN ISOLATION LEVEL READ COMMITTED"];

/// A server that cancels a commit while it waits for a standby reports success, so the server must
/// not cancel it. [`limit::COMMIT_SECONDS`] is how long we wait ourselves.
const CLOSING: [&str; 2] = ["SET LOCAL statement_timeout = 0", "COMMIT"];

/// The same where the session has no such timeout.
const CLOSING_OF_SESSION: [&str; 1] = ["COMMIT"];

/// How many statements are sent before their results are awaited.
const MAX_PIPELINE: usize = 24;

/// A transaction, which begins with its first statement.
#[derive(Debug)]
pub(super) struct Session {
    lease: Lease,
    begun: bool,
    retryable: bool,
    responded: bool,
    round_trips: u64,
    changed: u64,
}

type Exchanged = std::result::Result<Vec<StatementResult>, DriverError>;

impl RemoteConnection for Session {
    fn send<'a>(&'a mut self, commands: &'a [Command<'a>]) -> Results<'a> {
        Box::pin(self.send_all(commands))
    }
}

impl Session {
    pub(super) const fn of(lease: Lease) -> Self {
        Self { lease, begun: false, retryable: false, responded: true, round_trips: 0, changed: 0 }
    }

    /// Whether a statement failed because of another transaction.
    pub(super) const fn is_retryable(&self) -> bool {
        self.retryable
    }

    /// Whether the server responded to what was sent last.
    pub(super) const fn responded(&self) -> bool {
        self.responded
    }

    pub(super) fn client(&self) -> &Client {
        self.lease.client()
    }

    pub(super) const fn round_trips(&self) -> u64 {
        self.round_trips
    }

    /// How many rows its statements have inserted, changed or deleted.
    pub(super) const fn changed(&self) -> u64 {
        self.changed
    }

    /// Sends commands, [`MAX_PIPELINE`] at a time, and returns their results.
    pub(super) async fn send_all(
        &mut self,
        commands: &[Command<'_>],
    ) -> Result<Vec<StatementResult>> {
        let mut results = Vec::with_capacity(commands.len());
        for chunk in commands.chunks(MAX_PIPELINE) {
            let opening = self.opening();
            let opened = opening.len();
            let opening = opening.iter().map(|sql| Command::Control(sql));
            let sent: Vec<Command<'_>> = opening.chain(chunk.iter().copied()).collect();
            let exchanged = self.exchange(&sent).await.map_err(|failed| failed.error)?;
            results.extend(exchanged.into_iter().skip(opened));
        }
        Ok(results)
    }

    /// What begins the transaction, unless it has begun.
    fn opening(&mut self) -> &'static [&'static str] {
        match (std::mem::replace(&mut self.begun, true), self.lease.prepared()) {
            (true, _) => &[],
            (false, Some(_)) => &OPENING_OF_SESSION,
            (false, None) => &OPENING,
        }
    }

    /// What ends it.
    fn closing(&self) -> &'static [&'static str] {
        if self.lease.prepared().is_some() { &CLOSING_OF_SESSION } else { &CLOSING }
    }

    /// Runs one statement outside any transaction, and returns its rows.
    pub(super) async fn read(&mut self, statement: Statement<'_>) -> Result<Vec<Row>> {
        let sent = [Command::Plain(statement)];
        let results = self.exchange(&sent).await.map_err(|failed| failed.error)?;
        Ok(results.into_iter().next().unwrap_or_default().rows)
    }

    /// Sends what is left, and commits.
    pub(super) async fn commit(&mut self, rest: &[Deferred]) -> Result<()> {
        if !self.begun && rest.is_empty() {
            return Ok(());
        }
        let rest: Vec<Command<'_>> = rest.iter().map(Deferred::command).collect();
        let (before, last) = split_for_commit(&rest);
        if !before.is_empty() {
            let time = Duration::from_secs(limit::TRANSACTION_SECONDS);
            within(time, self.send_all(before)).await?;
        }
        let closing = self.closing().iter().map(|sql| Command::Control(sql));
        let opening = self.opening().iter().map(|sql| Command::Control(sql));
        let sent: Vec<Command<'_>> = opening.chain(last.iter().copied()).chain(closing).collect();
        let time = Duration::from_secs(limit::COMMIT_SECONDS);
        let Ok(committed) = tokio::time::timeout(time, self.exchange(&sent)).await else {
            let text = format!("the commit was not answered within {} s", time.as_secs());
            return Err(StorageError::UnknownOutcome(text.into()));
        };
        match committed {
            Ok(_) => {
                self.begun = false;
                Ok(())
            }
            Err(failed) if failed.server_reported => Err(failed.error),
            Err(failed) => Err(StorageError::UnknownOutcome(Cause::of(failed.error))),
        }
    }

    /// Rolls the transaction back; its connection can be used again.
    pub(super) async fn roll_back(&mut self) {
        if self.begun && self.lease.client().batch_execute("ROLLBACK").await.is_ok() {
            self.begun = false;
        }
    }

    /// Ends a transaction that failed, so that its connection can be used again; if that fails, the
    /// connection is closed. It is also closed after an error that says that the server cannot go
    /// on, since another server may have replaced it.
    pub(super) async fn end_after(mut self, error: &StorageError) {
        if matches!(error, StorageError::Unavailable(_)) {
            return;
        }
        let time = Duration::from_secs(limit::CONNECT_SECONDS);
        // If it takes too long, the transaction is still open and the connection is not given back.
        let _ = tokio::time::timeout(time, self.roll_back()).await;
        self.give_back();
    }

    /// Gives the connection back unless a transaction is open on it.
    pub(super) fn give_back(self) {
        if !self.begun {
            self.lease.give_back();
        }
    }

    /// Sends all commands at once and returns their results, or the first error.
    async fn exchange(&mut self, sent: &[Command<'_>]) -> Exchanged {
        // It stays so if the caller stops waiting.
        self.responded = false;
        let outcome = self.prepare_and_run(sent).await;
        match &outcome {
            Ok(_) => self.responded = true,
            Err(failed) => {
                self.responded = failed.server_reported;
                self.retryable |= failed.is_retryable;
            }
        }
        outcome
    }

    async fn prepare_and_run(&mut self, sent: &[Command<'_>]) -> Exchanged {
        if let Some(prepared) = self.lease.prepared() {
            let prepares = prepared.add(self.lease.client(), sent).await?;
            self.round_trips = self.round_trips.saturating_add(u64::from(prepares));
        }
        self.round_trips = self.round_trips.saturating_add(1);
        let results = join_all(sent.iter().map(|command| run(&self.lease, *command))).await;
        let results = results.into_iter().collect::<std::result::Result<Vec<_>, _>>()?;
        let written = sent.iter().zip(&results).filter(|(command, _)| command.writes());
        let written = written.map(|(_, result)| result.changed);
        self.changed = written.fold(self.changed, u64::saturating_add);
        Ok(results)
    }
}

/// What is sent before the commit, and what is sent with it: as much as fits into one pipeline
/// beside the beginning, the settings and the commit itself.
fn split_for_commit<'a, 's>(rest: &'a [Command<'s>]) -> (&'a [Command<'s>], &'a [Command<'s>]) {
    let before = rest.len().saturating_sub(MAX_PIPELINE - OPENING.len() - CLOSING.len());
    rest.split_at_checked(before).unwrap_or((rest, &[]))
}

/// Sends a command when first polled, so that several are sent in the order in which they are
/// polled.
async fn run(
    lease: &Lease,
    command: Command<'_>,
) -> std::result::Result<StatementResult, DriverError> {
    match command {
        Command::Control(sql) => {
            lease.client().batch_execute(sql).await?;
            Ok(StatementResult::default())
        }
        Command::Plain(statement) => {
            let mut rows = pin!(start(lease, statement).await?);
            let mut result = StatementResult::default();
            while let Some(row) = rows.next().await {
                result.rows.push(dialect::row(&row?)?);
            }
            result.changed = rows.rows_affected().unwrap_or(0);
            Ok(result)
        }
    }
}

/// Starts a statement: as it was prepared, or unnamed and with the types of its parameters.
async fn start(
    lease: &Lease,
    statement: Statement<'_>,
) -> std::result::Result<RowStream, tokio_postgres::Error> {
    if let Some(prepared) = lease.prepared().and_then(|prepared| prepared.get(statement)) {
        return lease.client().query_raw(&prepared, statement.params).await;
    }
    let typed = statement
        .params
        .iter()
        .map(|value| (value as &(dyn ToSql + Sync), dialect::type_of(value)))
        .collect::<Vec<(&(dyn ToSql + Sync), Type)>>();
    lease.client().query_typed_raw(&dialect::statement(statement.sql), typed).await
}
