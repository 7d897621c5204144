//! Statements on their way to an engine, and their results.

use crate::error::{Result, StorageError};
use crate::row::Row;
use crate::value::Value;

/// A statement that owns its parameters, to be run by another function.
#[derive(Clone, Debug)]
pub struct Query {
    /// The text, a constant of this program.
    pub sql: &'static str,
    /// Its parameters, `?1` first.
    pub params: Vec<Value>,
}

impl Query {
    /// A statement with its parameters, often made by [`crate::values`].
    pub fn new(sql: &'static str, params: impl Into<Vec<Value>>) -> Self {
        Self { sql, params: params.into() }
    }

    /// As one statement of a batch.
    pub fn statement(&self) -> Statement<'_> {
        Statement { sql: self.sql, params: &self.params }
    }
}

/// One statement of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// The text, a constant of this program.
    pub sql: &'static str,
    /// Its parameters, `?1` first.
    pub params: &'a [Value],
}

/// What a unit of work sends to its engine.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Command<'a> {
    /// A query, or a change of rows.
    Plain(Statement<'a>),
    /// A statement about the transaction itself.
    Control(&'static str),
}

impl Command<'_> {
    /// Whether it may change rows.
    pub(crate) fn writes(&self) -> bool {
        match self {
            Self::Plain(statement) => !first_word(statement.sql).eq_ignore_ascii_case("SELECT"),
            Self::Control(_) => false,
        }
    }

    /// Refuses everything but plain queries, changes of rows, and the engine's own statements.
    pub(crate) fn require_allowed(&self) -> Result<()> {
        match self {
            Self::Plain(statement) => require_plain(statement.sql),
            Self::Control(_) => Ok(()),
        }
    }
}

/// A command that owns its parameters and is sent later, with the next one.
#[derive(Debug)]
pub(crate) enum Deferred {
    Plain(Query),
    Control(&'static str),
}

impl Deferred {
    pub(crate) fn command(&self) -> Command<'_> {
        match self {
            Self::Plain(query) => Command::Plain(query.statement()),
            Self::Control(sql) => Command::Control(sql),
        }
    }
}

/// The result of one command; empty for [`Command::Control`].
#[derive(Debug, Default)]
pub(crate) struct StatementResult {
    pub(crate) rows: Vec<Row>,
    /// How many rows it changed.
    pub(crate) changed: u64,
}

/// How a query ends that locks its rows until its transaction ends.
const ROW_LOCKS: [&str; 3] = [" FOR SHARE", " FOR UPDATE", " FOR UPDATE SKIP LOCKED"];

/// A query without its locks, for whoever has no need of them.
pub(crate) fn without_lock(sql: &str) -> &str {
    ROW_LOCKS.iter().find_map(|lock| sql.strip_suffix(lock)).unwrap_or(sql)
}

/// The words with which a statement of a unit of work, or of a read, may begin. Whatever begins,
/// ends or nests transactions, changes the schema or the connection is not among them.
const PLAIN: [&str; 7] = ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "VALUES", "EXPLAIN"];

fn first_word(sql: &str) -> &str {
    let sql = sql.trim_start();
    let end = sql.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(sql.len());
    sql.get(..end).unwrap_or_default()
}

/// Refuses everything but plain queries and changes of rows.
pub(crate) fn require_plain(sql: &str) -> Result<()> {
    let word = first_word(sql);
    if PLAIN.iter().any(|plain| plain.eq_ignore_ascii_case(word)) {
        return Ok(());
    }
    let text = format!("a unit of work must not contain a statement that begins with \"{word}\"");
    Err(StorageError::Internal(text.into()))
}
