//! The unit of work as its author sees it.
//!
//! Families borrow a [`Tx`] and can neither begin nor end a transaction; savepoints belong to the
//! kernel. What runs here must not await anything but the transaction itself.

use std::future::Future;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;

use crate::command::{Command, Deferred, Query, Statement, StatementResult};
use crate::error::{Result, StorageError};
use crate::placement::Touched;
use crate::row::Row;
use crate::shard::{self, Shard};
use crate::value::Value;

/// One transaction's work.
///
/// An engine that resolves conflicts by retrying may run it more than once, so it must not
/// consume or change what it was made with, and must have no effect outside its transaction.
///
/// `Err` rolls the whole unit back. So does a statement that failed, even if the work went on
/// and returned `Ok`, a panic ([`StorageError::Panicked`]), and awaiting anything but the
/// transaction ([`StorageError::Waited`]).
pub trait Work: Send + Sync + 'static {
    /// What the work returns once it is durable.
    type Out: Send + 'static;

    /// Whether it adds data. What takes data away, or takes a right away, says that it does not:
    /// it is carried out on a full disk too.
    fn grows(&self) -> bool {
        true
    }

    /// Whether it touches rows of many accounts. All else is of one account, whose
    /// rows one server has if the store is spread.
    fn of_many_accounts(&self) -> bool {
        false
    }

    /// Whether it only records what happened, so that all else is as it was.
    fn is_record(&self) -> bool {
        false
    }

    /// What it locks first, if all of its kind lock the same row: where units of many writers run
    /// side by side, those of one lock wait for each other before any of them has a connection.
    fn lock(&self) -> Option<Lock> {
        None
    }

    /// Does the work; implemented as a plain `async fn`.
    fn run(&self, tx: &mut Tx<'_>) -> impl Future<Output = Result<Self::Out>> + Send;
}

/// The name of a row that units of work lock. Two rows may have the same one: then their writers
/// wait for each other without need, and no harm is done.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Lock(u64);

impl Lock {
    /// The lock of the row with this key.
    pub fn of(key: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// An open unit of work, borrowed for as long as its work runs.
///
/// After the first statement that fails, every later call fails with that same error: nothing of
/// the unit can be kept any more.
pub struct Tx<'c> {
    connection: Connection<'c>,
    /// What is sent with the next statement, in its order.
    deferred: Vec<Deferred>,
    savepoint: bool,
    failed: Option<StorageError>,
    touched: Touched,
    /// The part of the store that [`Tx::query_part`] looks at; all of it if there is none.
    part: Option<Arc<Shard>>,
}

/// The connection on which an engine opened the transaction.
enum Connection<'c> {
    Local(&'c mut dyn LocalConnection),
    Remote(&'c mut dyn RemoteConnection),
}

/// A connection inside this process, whose results are ready at once.
pub(crate) trait LocalConnection: Send {
    /// Runs one command to its end.
    fn run(&mut self, command: &Command<'_>) -> Result<StatementResult>;
}

/// A connection to a server, where each call is a round trip.
pub(crate) trait RemoteConnection: Send {
    /// Sends the commands together and waits once for all of their results.
    fn send<'a>(&'a mut self, commands: &'a [Command<'a>]) -> Results<'a>;
}

/// The results of several commands, in their order.
pub(crate) type Results<'a> =
    Pin<Box<dyn Future<Output = Result<Vec<StatementResult>>> + Send + 'a>>;

const SAVEPOINT: &str = "SAVEPOINT operation";

impl<'c> Tx<'c> {
    pub(crate) fn local(connection: &'c mut dyn LocalConnection) -> Self {
        Self::on(Connection::Local(connection))
    }

    pub(crate) fn remote(connection: &'c mut dyn RemoteConnection) -> Self {
        Self::on(Connection::Remote(connection))
    }

    const fn on(connection: Connection<'c>) -> Self {
        let touched = Touched::by(false);
        Self {
            connection,
            deferred: Vec::new(),
            savepoint: false,
            failed: None,
            touched,
            part: None,
        }
    }

    /// Says whose unit of work this is: whether of many accounts, and which part of the store it
    /// looks at.
    pub(crate) fn of(&mut self, all_accounts: bool, part: Option<Arc<Shard>>) {
        self.touched = Touched::by(all_accounts);
        self.part = part;
    }

    /// Runs one statement and returns all its rows; bound their number with `LIMIT`.
    ///
    /// # Errors
    /// [`StorageError::Internal`] if the statement is not a plain query or change of rows.
    pub async fn query(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>> {
        self.touch(Statement { sql, params });
        Ok(self.one(Statement { sql, params }).await?.rows)
    }

    /// As [`Tx::query`], for a statement over rows of all accounts. On a store that is spread it
    /// looks at one part of it ([`crate::Store::parts`]), takes no locks, and does not see what
    /// this unit of work has changed: whoever changes rows that it finds repeats the condition.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] too if the part's server does not answer.
    pub async fn query_part(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>> {
        let Some(part) = self.part.clone() else {
            return Ok(self.one(Statement { sql, params }).await?.rows);
        };
        let call = part.call(sql, params);
        let params = self.remember(call)?;
        let answer = self.one(Statement { sql: shard::RUN, params: &params }).await?.rows;
        let rows = part.rows(&answer);
        self.remember(rows)
    }

    /// Runs one statement that returns no rows, and returns how many rows it changed.
    ///
    /// # Errors
    /// [`StorageError::Internal`] if the statement is not a plain change of rows.
    pub async fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64> {
        self.touch(Statement { sql, params });
        Ok(self.one(Statement { sql, params }).await?.changed)
    }

    /// Adds a change whose result is not needed: it is sent with the next statement, or with the
    /// commit. If it fails, that next statement or the whole unit does.
    pub fn defer(&mut self, sql: &'static str, params: impl Into<Vec<Value>>) {
        let query = Query::new(sql, params);
        self.touch(query.statement());
        self.deferred.push(Deferred::Plain(query));
    }

    /// Runs several statements in their order, in one round trip where there is one; returns the
    /// rows of each.
    pub async fn batch(&mut self, statements: &[Statement<'_>]) -> Result<Vec<Vec<Row>>> {
        statements.iter().for_each(|statement| self.touch(*statement));
        let results = self.send(statements).await?;
        Ok(results.into_iter().map(|result| result.rows).collect())
    }

    /// Whether each statement costs a round trip to a server. Then send a statement that may not be
    /// needed along with the others; otherwise run it only if it is needed.
    pub const fn is_remote(&self) -> bool {
        matches!(self.connection, Connection::Remote(_))
    }

    /// Sets the savepoint to which [`Tx::rollback_to_savepoint`] returns. One at a time; for the
    /// kernel, around an operation that may refuse.
    ///
    /// # Errors
    /// [`StorageError::Internal`] if one is set already.
    pub async fn savepoint(&mut self) -> Result<()> {
        if self.savepoint {
            return self.misuse("a savepoint is open already");
        }
        self.savepoint = true;
        self.deferred.push(Deferred::Control(SAVEPOINT));
        Ok(())
    }

    /// Undoes everything since [`Tx::savepoint`], deferred statements included. The savepoint
    /// stays open until it is released.
    ///
    /// # Errors
    /// [`StorageError::Internal`] if none is set.
    pub async fn rollback_to_savepoint(&mut self) -> Result<()> {
        if !self.savepoint {
            return self.misuse("no savepoint is open");
        }
        let sets = |one: &Deferred| matches!(one, Deferred::Control(sql) if *sql == SAVEPOINT);
        match self.deferred.iter().rposition(sets) {
            // It was not sent yet, nor was anything after it.
            Some(at) => self.deferred.truncate(at.saturating_add(1)),
            None => {
                self.deferred.clear();
                self.deferred.push(Deferred::Control("ROLLBACK TO SAVEPOINT operation"));
            }
        }
        Ok(())
    }

    /// Closes the savepoint and keeps what was done since.
    ///
    /// # Errors
    /// [`StorageError::Internal`] if none is set.
    pub async fn release_savepoint(&mut self) -> Result<()> {
        if !self.savepoint {
            return self.misuse("no savepoint is open");
        }
        self.savepoint = false;
        self.deferred.push(Deferred::Control("RELEASE SAVEPOINT operation"));
        Ok(())
    }

    /// Ends the work: fails with the first failure if there was one. Returns what is to be sent
    /// with the commit, which is nothing on a local connection.
    pub(crate) async fn finish(mut self) -> Result<Vec<Deferred>> {
        match self.connection {
            Connection::Local(_) => self.send(&[]).await.map(|_| Vec::new()),
            Connection::Remote(_) => self.failed.map_or(Ok(self.deferred), Err),
        }
    }

    async fn one(&mut self, statement: Statement<'_>) -> Result<StatementResult> {
        let results = self.send(&[statement]).await?;
        results.into_iter().next().ok_or(StorageError::Internal("a statement had no result".into()))
    }

    /// In debug builds, fails if the statement names no account, or another one than before.
    fn touch(&mut self, statement: Statement<'_>) {
        let touched = self.touched.statement(statement.sql, statement.params);
        let _ = self.remember(touched);
    }

    /// Sends what was deferred and then `statements`, and returns the results of the latter.
    async fn send(&mut self, statements: &[Statement<'_>]) -> Result<Vec<StatementResult>> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        let deferred = std::mem::take(&mut self.deferred);
        let statements = statements.iter().copied().map(Command::Plain);
        let commands: Vec<Command<'_>> =
            deferred.iter().map(Deferred::command).chain(statements).collect();
        let results = self.send_all(&commands).await;
        self.remember(results.map(|mut results| {
            drop(results.drain(..deferred.len().min(results.len())));
            results
        }))
    }

    async fn send_all(&mut self, commands: &[Command<'_>]) -> Result<Vec<StatementResult>> {
        commands.iter().try_for_each(Command::require_allowed)?;
        match &mut self.connection {
            Connection::Local(connection) => {
                commands.iter().map(|command| connection.run(command)).collect()
            }
            Connection::Remote(connection) => connection.send(commands).await,
        }
    }

    fn misuse(&mut self, what: &'static str) -> Result<()> {
        self.remember(Err(StorageError::Internal(what.into())))
    }

    /// Keeps the first failure, with which every later call fails.
    fn remember<T>(&mut self, outcome: Result<T>) -> Result<T> {
        if let Err(error) = &outcome {
            self.failed.get_or_insert_with(|| error.clone());
        }
        outcome
    }
}
