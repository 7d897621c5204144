//! Statements and migrations are written for SQLite and translated here into PostgreSQL's dialect.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use bytes::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::error::{Result, StorageError};
use crate::migration::for_shared;
use crate::row::Row;
use crate::value::Value;

/// Translated statements by their text: as many as the program has.
static STATEMENTS: OnceLock<RwLock<HashMap<&'static str, Arc<str>>>> = OnceLock::new();

/// A statement as the server reads it.
pub(super) fn statement(sql: &'static str) -> Arc<str> {
    let known = STATEMENTS.get_or_init(RwLock::default);
    if let Some(text) = known.read().unwrap_or_else(PoisonError::into_inner).get(sql) {
        return Arc::clone(text);
    }
    let text: Arc<str> = numbered(sql).into();
    known.write().unwrap_or_else(PoisonError::into_inner).insert(sql, Arc::clone(&text));
    text
}

/// `?` becomes the next number, `?3` the number that it has; quoted text stays.
fn numbered(sql: &str) -> String {
    let (mut out, mut quoted, mut next) = (String::with_capacity(sql.len() + 16), false, 1u32);
    let mut letters = sql.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => {
                quoted = !quoted;
                out.push(letter);
            }
            '?' if !quoted => {
                out.push('$');
                if !letters.peek().is_some_and(char::is_ascii_digit) {
                    out.push_str(&next.to_string());
                    next = next.saturating_add(1);
                }
            }
            _ => out.push(letter),
        }
    }
    out
}

/// The server's type for a parameter; it infers the type of a null from the context.
pub(super) const fn type_of(value: &Value) -> Type {
    match value {
        Value::Null => Type::UNKNOWN,
        Value::Int(_) => Type::INT8,
        Value::Text(_) => Type::TEXT,
        Value::Blob(_) => Type::BYTEA,
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) => value.to_sql(ty, out),
            Self::Text(text) => text.to_sql(ty, out),
            Self::Blob(bytes) => bytes.to_sql(ty, out),
        }
    }

    fn accepts(_ty: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A column, converted from what the server sends.
struct Column(Value);

impl<'a> FromSql<'a> for Column {
    fn from_sql(
        ty: &Type,
        raw: &'a [u8],
    ) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(match *ty {
            Type::INT8 => Value::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Value::Int(i32::from_sql(ty, raw)?.into()),
            Type::INT2 => Value::Int(i16::from_sql(ty, raw)?.into()),
            Type::BOOL => Value::from(bool::from_sql(ty, raw)?),
            Type::BYTEA => Value::Blob(Vec::from_sql(ty, raw)?),
            _ => Value::Text(String::from_sql(ty, raw)?),
        }))
    }

    fn from_sql_null(
        _ty: &Type,
    ) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(Value::Null))
    }

    fn accepts(ty: &Type) -> bool {
        let known = [Type::INT8, Type::INT4, Type::INT2, Type::BOOL, Type::BYTEA];
        known.contains(ty) || <String as FromSql>::accepts(ty)
    }
}

/// A row as the crate's callers read it.
pub(super) fn row(row: &tokio_postgres::Row) -> Result<Row> {
    let column = |at: usize| {
        let read = row.try_get::<_, Column>(at).map(|column| column.0);
        read.map_err(|_| StorageError::Internal(format!("column {at} has an unknown type").into()))
    };
    (0..row.len()).map(column).collect::<Result<_>>().map(Row::new)
}

/// The statements of a migration as the server reads them. Translates the types of columns and the
/// triggers, and drops SQLite's table options; the rest is the same on both engines.
///
/// # Errors
/// [`StorageError::Internal`] if a statement begins with anything but the words below: what this
/// function does not know, it does not guess.
pub(super) fn schema(sql: &str) -> Result<String> {
    let sql = for_shared(sql);
    statements(&sql).iter().map(|statement| definition(statement.trim())).collect()
}

fn definition(text: &str) -> Result<String> {
    let begins = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
    if begins(&["CREATE TRIGGER "]) {
        trigger(text)
    } else if begins(&["CREATE TABLE ", "ALTER TABLE "]) {
        Ok(table(text) + ";\n")
    } else if begins(&SHARED) {
        Ok(format!("{text};\n"))
    } else {
        let first = text.lines().next().unwrap_or_default();
        let text = format!("a migration has a statement of an unknown form: {first}");
        Err(StorageError::Internal(text.into()))
    }
}

/// How statements begin that are the same on both engines.
const SHARED: [&str; 7] = [
    "CREATE INDEX ",
    "CREATE UNIQUE INDEX ",
    "DROP TABLE ",
    "DROP INDEX ",
    "INSERT INTO ",
    "UPDATE ",
    "DELETE FROM ",
];

/// The statements of a schema, without its comments. A trigger ends with `END`.
fn statements(sql: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut one = String::new();
    for line in sql.lines().filter(|line| !line.trim_start().starts_with("--")) {
        one.push_str(line);
        one.push('\n');
        let text = one.trim();
        let is_trigger = text.starts_with("CREATE TRIGGER ");
        if text.ends_with(if is_trigger { "END;" } else { ";" }) {
            all.push(text.trim_end_matches(';').to_owned());
            one.clear();
        }
    }
    // The last may end without a semicolon.
    all.extend(Some(one.trim().to_owned()).filter(|rest| !rest.is_empty()));
    all
}

/// `CREATE TABLE` or `ALTER TABLE`: whole numbers have 64 bits, as SQLite's do. A row's own number
/// comes from a sequence, and its uniqueness with it: a unique key would have to name the account.
fn table(text: &str) -> String {
    let text = text.trim_end_matches(", WITHOUT ROWID").trim_end();
    let text = text.trim_end_matches("WITHOUT ROWID").trim_end();
    let text = text.trim_end_matches("STRICT").trim_end();
    text.replace(" INTEGER PRIMARY KEY AUTOINCREMENT", " BIGINT GENERATED BY DEFAULT AS IDENTITY")
        .replace(" INTEGER", " BIGINT")
        .replace(" BLOB", " BYTEA")
}

/// A trigger that refuses a change, the only form that migrations use:
/// `CREATE TRIGGER name BEFORE … ON table [WHEN …] BEGIN SELECT RAISE(ABORT, 'message'); END`.
fn trigger(text: &str) -> Result<String> {
    let unknown = || StorageError::Internal(format!("a trigger of an unknown form: {text}").into());
    let (head, body) = text.split_once("BEGIN").ok_or_else(unknown)?;
    let head = head.split_whitespace().collect::<Vec<_>>().join(" ");
    let name = head.split(' ').nth(2).ok_or_else(unknown)?;
    let message = body.split('\'').nth(1).ok_or_else(unknown)?;
    let (head, when) = match head.split_once(" WHEN ") {
        Some((head, when)) => (head, format!("WHEN ({when}) ")),
        None => (head.as_str(), String::new()),
    };
    Ok(format!(
        "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN RAISE EXCEPTION '{message}'; END $$;\n\
         {head} FOR EACH ROW {when}EXECUTE FUNCTION {name}();\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_outside_quotes() {
        for (sql, expected) in [
            ("SELECT ?, ?", "SELECT $1, $2"),
            ("SELECT ?2, ?1, ?2", "SELECT $2, $1, $2"),
            ("SELECT '?' || ? LIKE ? ESCAPE '\\'", "SELECT '?' || $1 LIKE $2 ESCAPE '\\'"),
        ] {
            assert_eq!(numbered(sql), expected);
        }
    }

    #[test]
    fn a_migration_is_translated() {
        let sql = "-- what it is for; more\nCREATE TABLE t (\n    a INTEGER NOT NULL,\n    b BLOB\n\
                   ) WITHOUT ROWID;\n\nCREATE TRIGGER t_stays BEFORE UPDATE OF\n    a ON t\n\
                   BEGIN SELECT RAISE(ABORT, 'it stays'); END;\n\
                   CREATE INDEX i ON t (a) WHERE a = 1;";
        let expected = "CREATE TABLE t (\n    a BIGINT NOT NULL,\n    b BYTEA\n);\n\
             CREATE FUNCTION t_stays() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN RAISE EXCEPTION 'it stays'; END $$;\n\
             CREATE TRIGGER t_stays BEFORE UPDATE OF a ON t \
             FOR EACH ROW EXECUTE FUNCTION t_stays();\nCREATE INDEX i ON t (a) WHERE a = 1;\n";
        assert_eq!(schema(sql).unwrap(), expected);
    }

    #[test]
    fn a_trigger_can_have_a_condition() {
        let sql = "CREATE TRIGGER t_stays BEFORE DELETE ON t\nWHEN old.a IS NULL\n\
                   BEGIN SELECT RAISE(ABORT, 'it stays'); END;";
        let expected = "CREATE TRIGGER t_stays BEFORE DELETE ON t FOR EACH ROW \
                        WHEN (old.a IS NULL) EXECUTE FUNCTION t_stays();\n";
        let made = schema(sql).unwrap();
        assert!(made.ends_with(expected), "{made}");
    }

    #[test]
    fn a_shared_store_has_what_is_meant_for_it() {
        let sql = "CREATE TABLE t (\n    n INTEGER PRIMARY KEY, -- embedded\n    \
                   -- shared: n INTEGER PRIMARY KEY AUTOINCREMENT,\n    \
                   a INTEGER NOT NULL\n    -- shared: , PRIMARY KEY (a)\n) \
                   WITHOUT ROWID;\nCREATE INDEX i ON t (a); -- embedded\n\
                   -- shared: CREATE INDEX j ON t (a);";
        let expected = "CREATE TABLE t (\nn BIGINT GENERATED BY DEFAULT AS IDENTITY,\n    \
                        a BIGINT NOT NULL\n, PRIMARY KEY (a)\n);\n\
                        CREATE INDEX j ON t (a);\n";
        assert_eq!(schema(sql).unwrap(), expected);
    }

    #[test]
    fn a_statement_of_an_unknown_form_is_refused() {
        for sql in ["CREATE VIEW v AS SELECT 1;", "PRAGMA user_version = 1;", "CREATE TRIGGER t;"] {
            assert!(matches!(schema(sql), Err(StorageError::Internal(_))), "{sql}");
        }
        assert_eq!(schema("UPDATE t SET a = ' BLOB'").unwrap(), "UPDATE t SET a = ' BLOB';\n");
    }
}
