//! Read connections, opened when first needed and used by one caller at a time.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use coffer_base::limit;
use rusqlite::Connection;

use super::{connection, statement};
use crate::error::{Result, StorageError};
use crate::transaction::require_plain;
use crate::value::{Row, Value};

/// The idle read connections of one database.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    /// `None` once closed.
    idle: Mutex<Option<Vec<Connection>>>,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), idle: Mutex::new(Some(Vec::new())) }
    }

    /// Runs a read on the calling thread. There are never more connections in use than threads.
    pub(super) fn query(&self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>> {
        require_plain(sql)?;
        let connection = match self.take()? {
            Some(connection) => connection,
            None => connection::open_reader(&self.path)?,
        };
        let answer = statement::read(&connection, sql, params);
        // A connection that met an error is closed: what is wrong with it is not known.
        if answer.is_ok() {
            self.put_back(connection);
        }
        answer
    }

    /// Closes the idle connections; those in use close when they come back.
    pub(super) fn close(&self) {
        drop(self.idle.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    fn take(&self) -> Result<Option<Connection>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(idle.as_mut().ok_or(StorageError::Closed)?.pop())
    }

    fn put_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(idle) = idle.as_mut()
            && idle.len() < limit::READ_CONNECTIONS
        {
            // The last one used is the next one used: its cache is warm.
            idle.push(connection);
        }
    }
}
