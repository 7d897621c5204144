//! The unit of work as those who do the work see it.
//!
//! Families borrow a [`Tx`] and can neither begin nor end a transaction; savepoints belong to the
//! kernel. What runs here must not wait for anything but the transaction itself.

use std::future::Future;

use rusqlite::Connection;

use crate::error::{Result, StorageError};
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
    later: Vec<(&'static str, Vec<Value>)>,
    savepoint: bool,
    failed: Option<StorageError>,
}

#[derive(Debug)]
enum Engine<'c> {
    Sqlite(&'c mut Connection),
}

impl<'c> Tx<'c> {
    pub(crate) const fn sqlite(connection: &'c mut Connection) -> Self {
        Self {
            engine: Engine::Sqlite(connection),
            later: Vec::new(),
            savepoint: false,
            failed: None,
        }
    }

    /// Runs one statement and answers all its rows; bound their number with `LIMIT`.
    ///
    /// The statement must be a plain query or change of rows, else [`StorageError::Engine`].
    pub async fn query(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>> {
        self.guarded(|tx| {
            tx.send_deferred()?;
            tx.engine.query(sql, params)
        })
    }

    /// Runs one statement that answers no rows; returns how many rows it changed.
    ///
    /// The statement must be a plain change of rows, else [`StorageError::Engine`].
    pub async fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64> {
        self.guarded(|tx| {
            tx.send_deferred()?;
            tx.engine.execute(sql, params)
        })
    }

    /// Hands over a change whose result nobody needs: it leaves with the next statement, or at
    /// the end. If it fails, that next statement or the whole unit does.
    pub fn defer(&mut self, sql: &'static str, params: Vec<Value>) {
        self.later.push((sql, params));
    }

    /// Runs several statements in their order, in one round trip where there is one; answers the
    /// rows of each.
    pub async fn batch(&mut self, statements: &[Statement<'_>]) -> Result<Vec<Vec<Row>>> {
        self.guarded(|tx| {
            tx.send_deferred()?;
            statements.iter().map(|each| tx.engine.query(each.sql, each.params)).collect()
        })
    }

    /// Marks the place to which [`Tx::rollback_to_savepoint`] returns. One at a time; for the
    /// kernel, around an operation that may refuse.
    pub async fn savepoint(&mut self) -> Result<()> {
        self.guarded(|tx| {
            if tx.savepoint {
                return Err(StorageError::Engine("a savepoint is open already".to_owned()));
            }
            tx.send_deferred()?;
            tx.engine.control("SAVEPOINT operation")?;
            tx.savepoint = true;
            Ok(())
        })
    }

    /// Undoes everything since [`Tx::savepoint`], deferred statements included. The savepoint
    /// stays open until it is released.
    pub async fn rollback_to_savepoint(&mut self) -> Result<()> {
        self.guarded(|tx| {
            tx.expect_savepoint()?;
            tx.later.clear();
            tx.engine.control("ROLLBACK TO operation")
        })
    }

    /// Closes the savepoint and keeps what was done since.
    pub async fn release_savepoint(&mut self) -> Result<()> {
        self.guarded(|tx| {
            tx.expect_savepoint()?;
            tx.send_deferred()?;
            tx.engine.control("RELEASE operation")?;
            tx.savepoint = false;
            Ok(())
        })
    }

    /// Ends the work: sends what was deferred, and answers the first failure if there was one.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.guarded(Self::send_deferred)
    }

    fn guarded<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        let outcome = step(self);
        if let Err(error) = &outcome {
            self.failed = Some(error.clone());
        }
        outcome
    }

    fn send_deferred(&mut self) -> Result<()> {
        for (sql, params) in std::mem::take(&mut self.later) {
            self.engine.query(sql, &params)?;
        }
        Ok(())
    }

    fn expect_savepoint(&self) -> Result<()> {
        if self.savepoint {
            return Ok(());
        }
        Err(StorageError::Engine("no savepoint is open".to_owned()))
    }
}

impl Engine<'_> {
    fn query(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>> {
        require_plain(sql)?;
        match self {
            Self::Sqlite(connection) => statement::query(connection, sql, params),
        }
    }

    fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64> {
        require_plain(sql)?;
        match self {
            Self::Sqlite(connection) => statement::execute(connection, sql, params),
        }
    }

    fn control(&mut self, sql: &'static str) -> Result<()> {
        match self {
            Self::Sqlite(connection) => statement::control(connection, sql),
        }
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
