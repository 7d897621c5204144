//! The unit of work as those who do the work see it.
//!
//! Families borrow a [`Tx`] and can neither begin nor end a transaction; savepoints belong to the
//! kernel. What runs here must not wait for anything but the transaction itself.

use std::future::Future;

use rusqlite::Connection;

use crate::error::{Result, StorageError};
use crate::postgres::Session;
use crate::sqlite::statement;
use crate::value::{Row, Statement, Value};

/// One transaction's work.
///
/// An engine that resolves conflicts by retrying may run it more than once, so it must not
/// consume or change what it was made with, and must have no effect outside its transaction.
///
/// `Err` rolls the whole unit back. So does a statement that failed, even if the work went on
/// and answered `Ok`, a panic ([`StorageError::Panicked`]), and waiting for anything but the
/// transaction ([`StorageError::Waited`]).
pub trait Work: Send + Sync + 'static {
    /// What the work answers once it is durable.
    type Out: Send + 'static;

    /// Does the work; implemented as a plain `async fn`.
    fn run(&self, tx: &mut Tx<'_>) -> impl Future<Output = Result<Self::Out>> + Send;
}

/// An open unit of work, borrowed for as long as its work runs.
///
/// After the first statement that fails, every later call answers with that same error: nothing
/// of the unit can be kept any more.
#[derive(Debug)]
pub struct Tx<'c> {
    engine: Engine<'c>,
    /// What leaves with the next statement, in its order.
    later: Vec<Step>,
    savepoint: bool,
    failed: Option<StorageError>,
}

#[derive(Debug)]
enum Engine<'c> {
    Sqlite(&'c mut Connection),
    Postgres(&'c mut Session),
}

/// A statement that waits to be sent.
#[derive(Debug)]
pub(crate) enum Step {
    /// A query, or a change of rows.
    Plain(&'static str, Vec<Value>),
    /// A statement about the transaction itself.
    Control(&'static str),
}

/// A statement that is being sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sent<'a> {
    /// A query, or a change of rows.
    Plain(&'static str, &'a [Value]),
    /// A statement about the transaction itself.
    Control(&'static str),
}

impl Step {
    pub(crate) fn borrowed(&self) -> Sent<'_> {
        match self {
            Self::Plain(sql, params) => Sent::Plain(sql, params),
            Self::Control(sql) => Sent::Control(sql),
        }
    }
}

impl Sent<'_> {
    fn require_plain(&self) -> Result<()> {
        match self {
            Self::Plain(sql, _) => require_plain(sql),
            Self::Control(_) => Ok(()),
        }
    }
}

/// What a plain statement came to.
#[derive(Debug, Default)]
pub(crate) struct Effect {
    pub(crate) rows: Vec<Row>,
    pub(crate) changed: u64,
}

const SAVEPOINT: &str = "SAVEPOINT operation";

impl<'c> Tx<'c> {
    pub(crate) const fn sqlite(connection: &'c mut Connection) -> Self {
        Self::over(Engine::Sqlite(connection))
    }

    pub(crate) const fn postgres(session: &'c mut Session) -> Self {
        Self::over(Engine::Postgres(session))
    }

    const fn over(engine: Engine<'c>) -> Self {
        Self { engine, later: Vec::new(), savepoint: false, failed: None }
    }

    /// Runs one statement and answers all its rows; bound their number with `LIMIT`.
    ///
    /// The statement must be a plain query or change of rows, else [`StorageError::Engine`].
    pub async fn query(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>> {
        let effect = self.send(&[Statement { sql, params }]).await?.pop();
        Ok(effect.unwrap_or_default().rows)
    }

    /// Runs one statement that answers no rows; returns how many rows it changed.
    ///
    /// The statement must be a plain change of rows, else [`StorageError::Engine`].
    pub async fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64> {
        let effect = self.send(&[Statement { sql, params }]).await?.pop();
        Ok(effect.unwrap_or_default().changed)
    }

    /// Hands over a change whose result nobody needs: it leaves with the next statement, or at
    /// the end. If it fails, that next statement or the whole unit does.
    pub fn defer(&mut self, sql: &'static str, params: Vec<Value>) {
        self.later.push(Step::Plain(sql, params));
    }

    /// Runs several statements in their order, in one round trip where there is one; answers the
    /// rows of each.
    pub async fn batch(&mut self, statements: &[Statement<'_>]) -> Result<Vec<Vec<Row>>> {
        let effects = self.send(statements).await?;
        Ok(effects.into_iter().map(|effect| effect.rows).collect())
    }

    /// Whether each question costs a journey to a database that is elsewhere. Then what may not be
    /// needed is asked along with the rest, and otherwise only if it is needed.
    pub const fn is_elsewhere(&self) -> bool {
        matches!(self.engine, Engine::Postgres(_))
    }

    /// Marks the place to which [`Tx::rollback_to_savepoint`] returns. One at a time; for the
    /// kernel, around an operation that may refuse.
    pub async fn savepoint(&mut self) -> Result<()> {
        if self.savepoint {
            return self.fault("a savepoint is open already");
        }
        self.savepoint = true;
        self.later.push(Step::Control(SAVEPOINT));
        Ok(())
    }

    /// Undoes everything since [`Tx::savepoint`], deferred statements included. The savepoint
    /// stays open until it is released.
    pub async fn rollback_to_savepoint(&mut self) -> Result<()> {
        if !self.savepoint {
            return self.fault("no savepoint is open");
        }
        let marked = |step: &Step| matches!(step, Step::Control(sql) if *sql == SAVEPOINT);
        match self.later.iter().rposition(marked) {
            // It did not leave yet, nor did anything after it.
            Some(at) => self.later.truncate(at.saturating_add(1)),
            None => {
                self.later.clear();
                self.later.push(Step::Control("ROLLBACK TO SAVEPOINT operation"));
            }
        }
        Ok(())
    }

    /// Closes the savepoint and keeps what was done since.
    pub async fn release_savepoint(&mut self) -> Result<()> {
        if !self.savepoint {
            return self.fault("no savepoint is open");
        }
        self.savepoint = false;
        self.later.push(Step::Control("RELEASE SAVEPOINT operation"));
        Ok(())
    }

    /// Ends the work: answers the first failure if there was one, and what is still to be sent:
    /// nothing where sending costs nothing.
    pub(crate) async fn finish(mut self) -> Result<Vec<Step>> {
        match self.engine {
            Engine::Sqlite(_) => self.send(&[]).await.map(|_| Vec::new()),
            Engine::Postgres(_) => self.failed.map_or(Ok(self.later), Err),
        }
    }

    /// Sends what was deferred and what is `asked`, and answers what the latter came to.
    async fn send(&mut self, asked: &[Statement<'_>]) -> Result<Vec<Effect>> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        let later = std::mem::take(&mut self.later);
        let asked = asked.iter().map(|Statement { sql, params }| Sent::Plain(sql, params));
        let steps: Vec<Sent<'_>> = later.iter().map(Step::borrowed).chain(asked).collect();
        let outcome = match steps.iter().try_for_each(Sent::require_plain) {
            Err(error) => Err(error),
            Ok(()) => match &mut self.engine {
                Engine::Sqlite(connection) => {
                    steps.iter().map(|step| on_sqlite(connection, step)).collect()
                }
                Engine::Postgres(session) => session.send(&steps).await,
            },
        };
        let outcome = outcome.map(|mut effects: Vec<Effect>| effects.split_off(later.len()));
        self.noted(outcome)
    }

    fn fault(&mut self, what: &str) -> Result<()> {
        self.noted(Err(StorageError::Engine(what.to_owned())))
    }

    fn noted<T>(&mut self, outcome: Result<T>) -> Result<T> {
        if let Err(error) = &outcome {
            self.failed.get_or_insert_with(|| error.clone());
        }
        outcome
    }
}

fn on_sqlite(connection: &Connection, step: &Sent<'_>) -> Result<Effect> {
    match step {
        Sent::Control(sql) => statement::control(connection, sql).map(|()| Effect::default()),
        Sent::Plain(sql, params) => statement::run(connection, sql, params),
    }
}

/// The words with which a statement of a unit of work, or of a read, may begin. Whatever begins,
/// ends or nests transactions, changes the schema or the connection is not among them.
const PLAIN: [&str; 7] = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "VALUES", "EXPLAIN"];

/// Refuses everything but plain queries and changes of rows.
pub(crate) fn require_plain(sql: &str) -> Result<()> {
    let sql = sql.trim_start();
    let end = sql.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(sql.len());
    let word = sql.get(..end).unwrap_or_default();
    if PLAIN.iter().any(|plain| plain.eq_ignore_ascii_case(word)) {
        return Ok(());
    }
    Err(StorageError::Engine(format!(
        "a unit of work must not contain a statement that begins with \"{word}\""
    )))
}
