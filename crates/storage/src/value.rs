//! What statements take and what rows hold: 64-bit integers, text and bytes, as both engines
//! store them.

use std::fmt;

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

use crate::error::{Result, StorageError};

/// A parameter of a statement, or a column of a row.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// No value.
    Null,
    /// A whole number.
    Int(i64),
    /// Text, always UTF-8.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl fmt::Debug for Value {
    /// Shows the type and the length, never the content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Int(_) => f.write_str("Int"),
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Blob(bytes) => write!(f, "Blob({} bytes)", bytes.len()),
        }
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<bool> for Value {
    /// Booleans are stored as 0 and 1.
    fn from(value: bool) -> Self {
        Self::Int(i64::from(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Blob(value.to_vec())
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl Value {
    /// A column as SQLite hands it out; floating point numbers have no place in our schemas.
    pub(crate) fn from_column(column: usize, value: ValueRef<'_>) -> Result<Self> {
        match value {
            ValueRef::Null => Ok(Self::Null),
            ValueRef::Integer(value) => Ok(Self::Int(value)),
            ValueRef::Text(bytes) => std::str::from_utf8(bytes).map(Self::from).map_err(|_| {
                StorageError::Corrupt(format!("column {column} holds text that is not UTF-8"))
            }),
            ValueRef::Blob(bytes) => Ok(Self::from(bytes)),
            ValueRef::Real(_) => {
                Err(StorageError::Corrupt(format!("column {column} holds a floating point number")))
            }
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Int(_) => "a number",
            Self::Text(_) => "text",
            Self::Blob(_) => "bytes",
        }
    }
}

/// One row of an answer. Columns are counted from 0, in the order of the statement.
///
/// Every reader answers [`StorageError::Corrupt`] when the column is missing or of another type:
/// the schema promised otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(Vec<Value>);

impl Row {
    pub(crate) const fn new(values: Vec<Value>) -> Self {
        Self(values)
    }

    /// The whole number in column `i`.
    pub fn int(&self, i: usize) -> Result<i64> {
        match self.column(i)? {
            Value::Int(value) => Ok(*value),
            other => Err(wrong(i, "a number", other)),
        }
    }

    /// The whole number in column `i`, or nothing if it is null.
    pub fn optional_int(&self, i: usize) -> Result<Option<i64>> {
        if self.is_null(i)? { Ok(None) } else { self.int(i).map(Some) }
    }

    /// The text in column `i`.
    pub fn text(&self, i: usize) -> Result<&str> {
        match self.column(i)? {
            Value::Text(text) => Ok(text),
            other => Err(wrong(i, "text", other)),
        }
    }

    /// The text in column `i`, or nothing if it is null.
    pub fn optional_text(&self, i: usize) -> Result<Option<&str>> {
        if self.is_null(i)? { Ok(None) } else { self.text(i).map(Some) }
    }

    /// The bytes in column `i`.
    pub fn blob(&self, i: usize) -> Result<&[u8]> {
        match self.column(i)? {
            Value::Blob(bytes) => Ok(bytes),
            other => Err(wrong(i, "bytes", other)),
        }
    }

    /// The bytes in column `i`, or nothing if it is null.
    pub fn optional_blob(&self, i: usize) -> Result<Option<&[u8]>> {
        if self.is_null(i)? { Ok(None) } else { self.blob(i).map(Some) }
    }

    /// Takes the text out of column `i` without copying it; the column is null afterwards.
    pub fn take_text(&mut self, i: usize) -> Result<String> {
        match self.take(i)? {
            Value::Text(text) => Ok(text),
            other => Err(wrong(i, "text", &other)),
        }
    }

    /// Takes the bytes out of column `i` without copying them; the column is null afterwards.
    pub fn take_blob(&mut self, i: usize) -> Result<Vec<u8>> {
        match self.take(i)? {
            Value::Blob(bytes) => Ok(bytes),
            other => Err(wrong(i, "bytes", &other)),
        }
    }

    /// All columns, in the order of the statement.
    pub fn into_values(self) -> Vec<Value> {
        self.0
    }

    fn is_null(&self, i: usize) -> Result<bool> {
        Ok(matches!(self.column(i)?, Value::Null))
    }

    fn column(&self, i: usize) -> Result<&Value> {
        self.0.get(i).ok_or_else(|| missing(i))
    }

    fn take(&mut self, i: usize) -> Result<Value> {
        let column = self.0.get_mut(i).ok_or_else(|| missing(i))?;
        Ok(std::mem::replace(column, Value::Null))
    }
}

fn missing(i: usize) -> StorageError {
    StorageError::Corrupt(format!("the row has no column {i}"))
}

fn wrong(i: usize, expected: &str, found: &Value) -> StorageError {
    StorageError::Corrupt(format!("column {i} holds {} instead of {expected}", found.kind()))
}

/// A statement with its parameters, for somebody else to ask.
#[derive(Clone, Debug)]
pub struct Query {
    /// The text, a constant of this program.
    pub sql: &'static str,
    /// Its parameters, `?1` first.
    pub params: Vec<Value>,
}

impl Query {
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
