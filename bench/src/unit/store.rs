//! What a store has in its tables, and what changed between two looks at it.

use super::text;
use crate::args::Result;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};
use std::collections::BTreeMap;
use std::path::Path;

/// The column that says which operation a row is of, where tables have it.
pub const OPERATION: &str = "operation";

/// A value, in an order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A whole number.
    Integer(i64),
    /// A text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Cell {
    fn of(value: ValueRef<'_>) -> Result<Self> {
        match value {
            ValueRef::Null => Ok(Self::Null),
            ValueRef::Integer(number) => Ok(Self::Integer(number)),
            ValueRef::Text(text) => Ok(Self::Text(String::from_utf8_lossy(text).into_owned())),
            ValueRef::Blob(bytes) => Ok(Self::Blob(bytes.to_vec())),
            ValueRef::Real(_) => Err("a store has no fractions".to_owned()),
        }
    }

    /// As SQL has it.
    pub fn literal(&self) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Integer(number) => number.to_string(),
            Self::Text(text) => format!("'{}'", text.replace('\'', "''")),
            Self::Blob(bytes) => {
                let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("x'{digits}'")
            }
        }
    }
}

/// One row's values, in the order of the columns.
pub type Row = Vec<Cell>;

/// A table.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// Which columns are its primary key; none, if only SQLite's own number tells rows apart.
    pub key: Vec<usize>,
    /// The column that is SQLite's own number of the row.
    pub alias: Option<usize>,
    /// Whether SQLite numbers its rows.
    numbered: bool,
}

/// The tables of a store.
pub struct Layout {
    /// All of them.
    pub tables: Vec<Table>,
    page_size: i64,
    /// What made them and their indexes: the table's name, and the statement.
    made_by: Vec<(String, String)>,
}

/// The rows of each table of a layout, by their keys.
pub struct Snapshot(Vec<BTreeMap<Row, Row>>);

/// What became of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Rows that were added, in the order of their keys.
    pub added: Vec<Row>,
    /// Rows that were changed, as they are now.
    pub changed: Vec<Row>,
}

/// Opens a store to look at it.
pub fn open(path: &Path) -> Result<Connection> {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(|error| format!("cannot open {}: {error}", path.display()))
}

impl Layout {
    /// The layout of a store.
    pub fn read(store: &Connection) -> Result<Self> {
        let mut statement = store
            .prepare(
                "SELECT tbl_name, sql, type FROM sqlite_schema WHERE sql IS NOT NULL \
                 AND type IN ('table', 'index') AND name NOT LIKE 'sqlite_%' ORDER BY type DESC",
            )
            .map_err(text)?;
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let found = statement.query_map([], read).map_err(text)?;
        let found: Vec<(String, String, String)> =
            found.collect::<rusqlite::Result<_>>().map_err(text)?;
        let names = found.iter().filter(|(_, _, kind)| kind == "table");
        let tables = names.map(|(name, ..)| Table::read(store, name)).collect::<Result<_>>()?;
        let page_size = store.query_row("PRAGMA page_size", [], |row| row.get(0)).map_err(text)?;
        let made_by = found.into_iter().map(|(table, sql, _)| (table, sql)).collect();
        Ok(Self { tables, page_size, made_by })
    }

    /// The statements that make some of the tables, with their indexes.
    pub fn schema(&self, wanted: impl Fn(&str) -> bool) -> String {
        let made = self.made_by.iter().filter(|(table, _)| wanted(table));
        let made: String = made.map(|(_, sql)| format!("{sql};\n")).collect();
        format!("PRAGMA page_size = {};\n{made}", self.page_size)
    }

    /// What the store has now, at one moment.
    pub fn snapshot(&self, store: &Connection) -> Result<Snapshot> {
        store.execute_batch("BEGIN").map_err(text)?;
        let rows = self.tables.iter().map(|table| table.rows(store)).collect::<Result<_>>();
        store.execute_batch("COMMIT").map_err(text)?;
        Ok(Snapshot(rows?))
    }

    /// How many rows each table has; where rows say which operation they are of, those of
    /// `operation` alone, if one is named. The audit has entries of whoever asks meanwhile, such as
    /// the benchmark itself for what the writer has done.
    pub fn counts(
        &self,
        store: &Connection,
        operation: Option<&str>,
    ) -> Result<BTreeMap<String, u64>> {
        let count = |table: &Table| {
            let named = operation.filter(|_| table.column(OPERATION).is_some());
            let of = named.map_or_else(String::new, |operation| {
                let operation = Cell::Text(operation.to_owned()).literal();
                format!(" WHERE {OPERATION} = {operation}")
            });
            let count = one_number(store, &format!("SELECT count(*) FROM {}{of}", table.name))?;
            Ok((table.name.clone(), count))
        };
        self.tables.iter().map(count).collect()
    }
}

/// The one number that a query answers.
pub fn one_number(store: &Connection, sql: &str) -> Result<u64> {
    let number: i64 = store.query_row(sql, [], |row| row.get(0)).map_err(text)?;
    u64::try_from(number).map_err(|error| error.to_string())
}

impl Table {
    fn read(store: &Connection, name: &str) -> Result<Self> {
        let without: i64 = store
            .query_row("SELECT wr FROM pragma_table_list WHERE name = ?", [name], |row| row.get(0))
            .map_err(text)?;
        let mut statement =
            store.prepare("SELECT name, type, pk FROM pragma_table_info(?)").map_err(text)?;
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let found = statement.query_map([name], read).map_err(text)?;
        let found: Vec<(String, String, i64)> =
            found.collect::<rusqlite::Result<_>>().map_err(text)?;
        let mut key: Vec<(i64, usize)> = found
            .iter()
            .zip(0..)
            .filter(|((.., pk), _)| *pk > 0)
            .map(|((.., pk), at)| (*pk, at))
            .collect();
        key.sort_unstable();
        let key: Vec<usize> = key.into_iter().map(|(_, at)| at).collect();
        let is_integer = |at: &&usize| {
            found.get(**at).is_some_and(|(_, kind, _)| kind.eq_ignore_ascii_case("INTEGER"))
        };
        let numbered = without == 0;
        let alias = match key.as_slice() {
            [only] if numbered => Some(only).filter(is_integer).copied(),
            _ => None,
        };
        let columns = found.into_iter().map(|(column, ..)| column).collect();
        Ok(Self { name: name.to_owned(), columns, key, alias, numbered })
    }

    /// Where a column stands, if the table has it.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// All rows. Where SQLite numbers them, that number is the key: it tells in which order they
    /// were added.
    fn rows(&self, store: &Connection) -> Result<BTreeMap<Row, Row>> {
        let number = if self.numbered { "rowid" } else { "NULL" };
        let sql = format!("SELECT {number}, {} FROM {}", self.columns.join(", "), self.name);
        let mut statement = store.prepare(&sql).map_err(text)?;
        let mut found = statement.query([]).map_err(text)?;
        let mut rows = BTreeMap::new();
        while let Some(row) = found.next().map_err(text)? {
            let cell = |at| Cell::of(row.get_ref(at).map_err(text)?);
            let values: Row = (1..=self.columns.len()).map(cell).collect::<Result<_>>()?;
            let key = match self.numbered {
                true => vec![cell(0)?],
                false => self.key.iter().filter_map(|at| values.get(*at).cloned()).collect(),
            };
            rows.insert(key, values);
        }
        Ok(rows)
    }
}

impl Snapshot {
    /// What became of each table since `before`.
    pub fn since(&self, before: &Self) -> Vec<Change> {
        let tables = self.0.iter().zip(&before.0);
        let change = |(now, then): (&BTreeMap<Row, Row>, &BTreeMap<Row, Row>)| {
            let mut change = Change::default();
            for (key, row) in now {
                match then.get(key) {
                    None => change.added.push(row.clone()),
                    Some(old) if old != row => change.changed.push(row.clone()),
                    Some(_) => {}
                }
            }
            change
        };
        tables.map(change).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_has_what_was_added_and_what_was_changed() {
        let store = Connection::open_in_memory().unwrap();
        let made = "CREATE TABLE a (id TEXT, n INTEGER);
                    CREATE TABLE b (id INTEGER PRIMARY KEY, n INTEGER);
                    CREATE TABLE c (x TEXT, y BLOB, PRIMARY KEY (y, x)) WITHOUT ROWID;
                    CREATE INDEX a_by_id ON a (id);
                    INSERT INTO a VALUES ('one', 1), ('one', 1)";
        store.execute_batch(made).unwrap();
        let layout = Layout::read(&store).unwrap();
        let shape: Vec<_> =
            layout.tables.iter().map(|table| (table.key.clone(), table.alias)).collect();
        assert_eq!(shape, [(vec![], None), (vec![0], Some(0)), (vec![1, 0], None)]);
        let before = layout.snapshot(&store).unwrap();
        let change = "INSERT INTO c VALUES ('it''s', x'01'); UPDATE a SET n = 2 WHERE rowid = 2;
                      INSERT INTO b (n) VALUES (NULL)";
        store.execute_batch(change).unwrap();
        let [a, b, c] = &layout.snapshot(&store).unwrap().since(&before)[..] else { panic!() };
        assert_eq!(a.changed, [[Cell::Text("one".into()), Cell::Integer(2)]]);
        assert!(a.added.is_empty() && c.changed.is_empty());
        assert_eq!(b.added, [[Cell::Integer(1), Cell::Null]]);
        let literals: Vec<_> = c.added[0].iter().map(Cell::literal).collect();
        assert_eq!(literals, ["'it''s'", "x'01'"]);
        assert!(layout.schema(|table| table == "a").contains("CREATE INDEX a_by_id"));
        assert!(!layout.schema(|table| table == "a").contains("TABLE b"));
    }

    #[test]
    fn rows_of_other_operations_are_not_counted() {
        let store = Connection::open_in_memory().unwrap();
        let made = "CREATE TABLE entry (id INTEGER PRIMARY KEY, operation TEXT);
                    CREATE TABLE other (id INTEGER PRIMARY KEY);
                    INSERT INTO entry (operation) VALUES ('set'), ('status'), ('set'), ('it''s');
                    INSERT INTO other VALUES (1), (2)";
        store.execute_batch(made).unwrap();
        let layout = Layout::read(&store).unwrap();
        let counts = |operation| {
            let counts = layout.counts(&store, operation).unwrap();
            (counts["entry"], counts["other"])
        };
        assert_eq!(counts(None), (4, 2));
        assert_eq!(counts(Some("set")), (2, 2));
        assert_eq!(counts(Some("it's")), (1, 2));
    }
}
