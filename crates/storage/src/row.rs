//! Rows of a result, and how their columns are read.

use crate::error::{Result, StorageError};
use crate::value::{Value, ValueRef};
use std::ops::Range;

/// One row of a result. Columns are counted from 0, in the order of the statement.
///
/// Every reader fails with [`StorageError::Internal`] if the column is missing or has another type:
/// the statement and its reader do not fit each other.
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

    /// The whole number in column `i`, or `None` if it is null.
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

    /// The text in column `i`, or `None` if it is null.
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

    /// The bytes in column `i`, or `None` if it is null.
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

    /// Takes the bytes out of column `i` without copying them, or `None` if it is null; the column
    /// is null afterwards.
    pub fn take_optional_blob(&mut self, i: usize) -> Result<Option<Vec<u8>>> {
        if self.is_null(i)? { Ok(None) } else { self.take_blob(i).map(Some) }
    }

    /// How many columns it has.
    pub fn columns(&self) -> usize {
        self.0.len()
    }

    /// The columns of `range`; `None` if the row has fewer.
    pub fn values(&self, range: Range<usize>) -> Option<&[Value]> {
        self.0.get(range)
    }

    /// All columns, in the order of the statement, without copies.
    pub(crate) fn borrowed(&self) -> Vec<ValueRef<'_>> {
        self.0.iter().map(Value::borrowed).collect()
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
    StorageError::Internal(format!("the row has no column {i}").into())
}

fn wrong(i: usize, expected: &str, found: &Value) -> StorageError {
    let text = format!("column {i} holds {} instead of {expected}", found.kind());
    StorageError::Internal(text.into())
}
