//! Statements that a connection has prepared: the server reads and plans each once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use coffer_base::limit;
use futures_util::future::join_all;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Statement as Prepared};

use super::dialect;
use super::error::DriverError;
use crate::command::{Command, Statement};
use crate::value::Value;

/// The prepared statements of one connection, at most [`limit::SESSION_STATEMENTS`].
///
/// A statement is prepared anew for parameters of other types, since a null has none: the server
/// infers it.
#[derive(Debug, Default)]
pub(super) struct PreparedStatements(Mutex<HashMap<(&'static str, u128), Prepared>>);

impl PreparedStatements {
    /// The statement, if it is prepared.
    pub(super) fn get(&self, statement: Statement<'_>) -> Option<Prepared> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&(statement.sql, types(statement.params)?)).cloned()
    }

    /// Prepares what is missing, all in one round trip; whether anything was.
    ///
    /// # Errors
    /// If the server refuses a statement, or the connection is lost.
    pub(super) async fn add(
        &self,
        client: &Client,
        commands: &[Command<'_>],
    ) -> Result<bool, DriverError> {
        let missing = self.missing(commands);
        if missing.is_empty() {
            return Ok(false);
        }
        let prepared = join_all(missing.iter().map(|(_, statement)| async move {
            let types: Vec<Type> = statement.params.iter().map(dialect::type_of).collect();
            client.prepare_typed(&dialect::statement(statement.sql), &types).await
        }));
        let prepared = prepared.await.into_iter().collect::<Result<Vec<_>, _>>()?;
        let added = missing.into_iter().map(|(key, _)| key).zip(prepared);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(added);
        Ok(true)
    }

    /// What is not prepared yet and can be, each once.
    fn missing<'a>(&self, commands: &[Command<'a>]) -> Vec<((&'static str, u128), Statement<'a>)> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut missing: Vec<((&'static str, u128), Statement<'a>)> = Vec::new();
        for command in commands {
            let Command::Plain(statement) = command else { continue };
            let Some(types) = types(statement.params) else { continue };
            let key = (statement.sql, types);
            let has_room = known.len().saturating_add(missing.len()) < limit::SESSION_STATEMENTS;
            if has_room && !known.contains_key(&key) && missing.iter().all(|(at, _)| *at != key) {
                missing.push((key, *statement));
            }
        }
        missing
    }
}

/// The parameters' types in two bits each; `None` if there are more than 63.
fn types(params: &[Value]) -> Option<u128> {
    if params.len() > 63 {
        return None;
    }
    let number = |value: &Value| match value {
        Value::Null => 0,
        Value::Int(_) => 1,
        Value::Text(_) => 2,
        Value::Blob(_) => 3,
    };
    // The first bit tells one null from none.
    Some(params.iter().fold(1, |types, value| (types << 2) | number(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_of_other_types_are_another_statement() {
        let (null, int) = (Value::Null, Value::Int(1));
        let (text, blob) = (Value::from("a"), Value::Blob(vec![1]));
        let lists = [
            vec![],
            vec![null.clone()],
            vec![null.clone(), null.clone()],
            vec![int.clone()],
            vec![text.clone()],
            vec![blob.clone()],
            vec![int.clone(), text.clone()],
            vec![text.clone(), int.clone()],
            vec![null, int, text, blob.clone()],
            vec![blob; 63],
        ];
        let mut seen: Vec<u128> = lists.iter().filter_map(|list| types(list)).collect();
        assert_eq!(seen.len(), lists.len());
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), lists.len());
        assert_eq!(types(&vec![Value::Null; 64]), None);
    }
}
