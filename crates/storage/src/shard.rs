//! One shard of the tables that are spread, and how it is asked: a statement over all accounts goes
//! shard by shard, as text, through the coordinator, which runs it on the shard's server outside of
//! any transaction. So no more than one server is asked at a time, and one that is down keeps no
//! other waiting.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use crate::command::without_lock;
use crate::error::{Result, StorageError};
use crate::row::Row;
use crate::value::Value;
use crate::values;

/// Runs a statement on a server: its name, its port and the statement are the parameters.
pub(crate) const RUN: &str = "SELECT success, result FROM master_run_on_worker(\
     ARRAY[CAST(? AS TEXT)], ARRAY[CAST(? AS INT)], ARRAY[CAST(? AS TEXT)], false)";

/// One shard of all tables that are spread: a table each, on one server, with the rows of the same
/// accounts.
#[derive(Debug)]
pub(crate) struct Shard {
    server: Arc<Server>,
    /// The shard's own table, by the name of the whole one.
    tables: BTreeMap<String, String>,
    /// The columns that hold bytes.
    blobs: Arc<BTreeSet<String>>,
}

/// A server that has shards.
#[derive(Debug)]
pub(crate) struct Server {
    name: String,
    port: i64,
    /// Why it did not answer, so that its other shards need not be waited for. A list of shards
    /// that is read later knows nothing of it.
    lost: OnceLock<String>,
}

impl Server {
    pub(crate) fn new(name: String, port: i64) -> Self {
        Self { name, port, lost: OnceLock::new() }
    }
}

impl Shard {
    pub(crate) fn new(server: Arc<Server>, blobs: Arc<BTreeSet<String>>) -> Self {
        Self { server, tables: BTreeMap::new(), blobs }
    }

    /// Adds a table of the shard, which holds a part of the table `whole`.
    pub(crate) fn add(&mut self, whole: String, own: String) {
        self.tables.insert(whole, own);
    }

    /// The parameters of [`RUN`] for a statement. Rows are not locked: the statement is no part of
    /// a transaction.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] if the server did not answer before.
    pub(crate) fn call(&self, sql: &str, params: &[Value]) -> Result<[Value; 3]> {
        let Server { name, port, lost } = &*self.server;
        if let Some(why) = lost.get() {
            return Err(self.unavailable(why));
        }
        let sql = self.text(without_lock(sql), params);
        // Each column with its name, in the order of the statement; two may have one name.
        let sql = format!(
            "SELECT coalesce(json_agg((SELECT json_agg(json_build_array(e.key, e.value)) \
             FROM json_each(row_to_json(t)) AS e)), '[]') FROM ({sql}) AS t"
        );
        Ok(values![name, *port, sql])
    }

    /// The rows of the statement, from those of [`RUN`].
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] if the server did not answer, or refused.
    pub(crate) fn rows(&self, answer: &[Row]) -> Result<Vec<Row>> {
        let row = answer.first().ok_or_else(|| self.unavailable("it was not asked"))?;
        let result = row.optional_text(1)?.unwrap_or_default();
        if row.int(0)? == 0 {
            return Err(self.unavailable(self.server.lost.get_or_init(|| result.to_owned())));
        }
        let rows: Vec<Vec<(String, serde_json::Value)>> = serde_json::from_str(result)
            .map_err(|_| StorageError::Internal("a shard's rows cannot be read".into()))?;
        rows.into_iter()
            .map(|row| row.into_iter().map(|(key, value)| self.value(&key, value)).collect())
            .map(|row: Result<_>| row.map(Row::new))
            .collect()
    }

    fn unavailable(&self, why: &str) -> StorageError {
        let Server { name, port, .. } = &*self.server;
        StorageError::Unavailable(format!("the server {name}:{port}: {}", why.trim()).into())
    }

    fn value(&self, column: &str, value: serde_json::Value) -> Result<Value> {
        let wrong = || StorageError::Internal(format!("column {column} of a shard").into());
        Ok(match value {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(value) => Value::from(value),
            serde_json::Value::Number(number) => Value::Int(number.as_i64().ok_or_else(wrong)?),
            // Another table can have a text under the same name, which does not begin as bytes do.
            serde_json::Value::String(text)
                if self.blobs.contains(column) && text.starts_with("\\x") =>
            {
                Value::Blob(bytes(&text).ok_or_else(wrong)?)
            }
            serde_json::Value::String(text) => Value::Text(text),
            _ => return Err(wrong()),
        })
    }

    /// A statement over the shard's own tables, with its parameters in it.
    fn text(&self, sql: &str, params: &[Value]) -> String {
        let (mut text, mut rest) = (String::with_capacity(sql.len() * 2), sql);
        let (mut parameters, mut before) = (0usize, "");
        while let Some(first) = rest.chars().next() {
            let behind = rest.get(first.len_utf8()..).unwrap_or_default();
            let end = match first {
                '\'' => behind.find('\'').map_or(rest.len(), |at| at + 2),
                '?' => behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len()) + 1,
                _ if is_part(first) => rest.find(|c| !is_part(c)).unwrap_or(rest.len()),
                _ => first.len_utf8(),
            };
            let word = rest.get(..end).unwrap_or_default();
            if first == '?' {
                let number = word.get(1..).and_then(|digits| digits.parse::<usize>().ok());
                let at = number.map_or(parameters, |number| number.saturating_sub(1));
                parameters += 1;
                text.push_str(&literal(params.get(at).unwrap_or(&Value::Null)));
            } else {
                let is_table = ["FROM", "JOIN"].contains(&before);
                let own = self.tables.get(word).filter(|_| is_table);
                text.push_str(own.map_or(word, String::as_str));
            }
            before = if first.is_whitespace() { before } else { word };
            rest = rest.get(end..).unwrap_or_default();
        }
        text
    }
}

/// Whether a character is a part of a name.
fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Int(number) => format!("CAST({number} AS BIGINT)"),
        Value::Text(text) => {
            format!("CAST(E'{}' AS TEXT)", text.replace('\\', "\\\\").replace('\'', "''"))
        }
        Value::Blob(bytes) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("decode('{digits}', 'hex')")
        }
    }
}

/// Bytes as PostgreSQL writes them into JSON.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("\\x")?.as_bytes().chunks(2);
    digits
        .map(|two| std::str::from_utf8(two).ok().and_then(|two| u8::from_str_radix(two, 16).ok()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard() -> Shard {
        let server = Arc::new(Server::new("node".to_owned(), 5432));
        let mut shard = Shard::new(server, Arc::new(BTreeSet::from(["k".to_owned()])));
        shard.add("secret".to_owned(), "public.secret_102".to_owned());
        shard.add("hold".to_owned(), "public.hold_134".to_owned());
        shard
    }

    #[test]
    fn a_statement_reads_the_shards_own_tables() {
        for (sql, params, expected) in [
            (
                "SELECT k FROM secret WHERE a < ? AND b = '?' AND secret > ?",
                values![1_i64, b"\x01\xff"].to_vec(),
                "SELECT k FROM public.secret_102 WHERE a < CAST(1 AS BIGINT) AND b = '?' \
                 AND secret > decode('01ff', 'hex')",
            ),
            (
                "SELECT h.a FROM hold h LEFT JOIN secret p ON p.b = ?2 WHERE ?1 = h.c",
                values!["it's \\ one", None::<i64>].to_vec(),
                "SELECT h.a FROM public.hold_134 h LEFT JOIN public.secret_102 p ON p.b = NULL \
                 WHERE CAST(E'it''s \\\\ one' AS TEXT) = h.c",
            ),
        ] {
            assert_eq!(shard().text(sql, &params), expected);
        }
    }

    #[test]
    fn an_answer_has_the_rows_of_the_statement() {
        let answer = |success, text: &str| [Row::new(values![success, text].into())];
        let rows = r#"[[["a",-7],["k","\\x00ff"],["a","\\x00ff"],["n",null]]]"#;
        let expected = values![-7_i64, b"\x00\xff", "\\x00ff", None::<i64>].to_vec();
        assert_eq!(shard().rows(&answer(true, rows)), Ok(vec![Row::new(expected)]));
        assert_eq!(shard().rows(&answer(true, "[]")), Ok(Vec::new()));
        let wrong = shard().rows(&answer(true, r#"[[["a",1.5]]]"#));
        assert!(matches!(wrong, Err(StorageError::Internal(_))));
    }

    #[test]
    fn a_server_that_does_not_answer_is_not_asked_again() {
        let shard = shard();
        assert!(shard.call("SELECT k FROM secret LIMIT ? FOR UPDATE SKIP LOCKED", &[]).is_ok());
        let failed = shard.rows(&[Row::new(values![false, "refused"].into())]);
        assert!(matches!(failed, Err(StorageError::Unavailable(_))));
        let again = shard.call("SELECT k FROM secret", &[]).map(|_| Vec::new());
        assert_eq!(again, failed);
    }
}
