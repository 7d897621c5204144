//! What stands in the tables, and what somebody can do to them behind the server's back.

use crate::postgres;
use crate::server::TestServer;
use coffer_crypto::hash::sha256;
use coffer_kernel::{AuditReads, AuditSettings, TrafficSettings};
use coffer_storage::{Row, StorageError, Store, Tx, Value, Work};
use rusqlite::Connection;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

/// Tables whose rows triggers keep from being changed and deleted.
const ONLY_GROW: [&str; 4] =
    ["ledger_entry", "ledger_posting", "balance_transaction", "reserve_allocation"];

/// Tables of the audit's log, and of what the key store knows of it.
const LOG: [&str; 3] = ["audit_head", "audit_tile", "audit_mark"];

/// A statement that changes rows, of whichever accounts, and answers a row for each.
struct Change(&'static str, Vec<Value>);

impl Work for Change {
    type Out = u64;

    fn of_many_accounts(&self) -> bool {
        true
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<u64, StorageError> {
        Ok(tx.query_part(self.0, &self.1).await?.len() as u64)
    }
}

/// The store takes texts that live as long as the program; tests make theirs as they go, each once.
fn leaked(sql: &str) -> &'static str {
    static KNOWN: LazyLock<Mutex<HashMap<String, &'static str>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap();
    known.entry(sql.to_owned()).or_insert_with(|| Box::leak(sql.to_owned().into_boxed_str()))
}

impl TestServer {
    fn data(&self) -> &Store {
        &self.server().installation().stores.data
    }

    fn keys(&self) -> &Store {
        &self.server().installation().stores.keys
    }

    /// Rows of the data store.
    pub fn query(&self, sql: &str, params: &[Value]) -> Vec<Row> {
        self.block_on(self.data().query_part(leaked(sql), params)).unwrap()
    }

    /// Changes rows of the data store, and says how many.
    ///
    /// # Errors
    /// [`StorageError`] if the schema forbids it.
    pub fn execute(&self, sql: &str, params: &[Value]) -> Result<u64, StorageError> {
        let sql = leaked(&format!("{sql} RETURNING 1"));
        self.block_on(self.data().write(Change(sql, params.to_vec())))
    }

    /// Runs statements as somebody does who has the data store's database, and takes away the
    /// triggers of `tables` for it.
    pub fn tamper(&self, tables: &[&str], statements: &[String]) {
        if let Some([data, _]) = self.database_urls() {
            let switch = |word: &str| {
                tables
                    .iter()
                    .map(|t| format!("ALTER TABLE {t} {word} TRIGGER USER"))
                    .collect::<Vec<_>>()
            };
            let all = [&switch("DISABLE")[..], statements, &switch("ENABLE")].concat();
            return postgres::run(&data, &all);
        }
        let data = Connection::open(self.data_dir().join(coffer::assemble::DATA_FILE)).unwrap();
        data.busy_timeout(Duration::from_secs(10)).unwrap();
        let mut triggers = Vec::new();
        for table in tables {
            let sql = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ?";
            let mut found = data.prepare(sql).unwrap();
            let rows = found.query_map([table], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            triggers.extend(rows.map(|row| row.unwrap()));
        }
        let dropped =
            triggers.iter().map(|(name, _): &(String, String)| format!("DROP TRIGGER {name}"));
        let made = triggers.iter().map(|(_, sql)| sql.clone());
        let all = dropped.chain(statements.iter().cloned()).chain(made);
        data.execute_batch(&format!("BEGIN;\n{};\nCOMMIT;", all.collect::<Vec<_>>().join(";\n")))
            .unwrap();
    }

    /// Bytes as the data store's database writes them in a statement.
    pub fn literal(&self, bytes: &[u8]) -> String {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        if self.data().is_shared() {
            format!("decode('{hex}', 'hex')")
        } else {
            format!("x'{hex}'")
        }
    }

    /// The column of `audit_entry` by which its rows come in the order in which they were written.
    pub fn audit_order(&self) -> &'static str {
        if self.data().is_shared() { "ordinal" } else { "id" }
    }

    /// How many rows `table` of the data store has; a condition may follow its name.
    pub fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        self.query(&sql, &[])[0].int(0).unwrap()
    }

    /// How many changes by an operation the audit has; a further condition may follow its name.
    pub fn changes(&self, operation: &str) -> i64 {
        let (name, more) = operation.split_once(' ').unwrap_or((operation, ""));
        let sql = format!("audit_entry WHERE outcome = 'done' AND operation = '{name}' {more}");
        self.count(&sql)
    }

    /// How many rows `table` of the key store has.
    pub fn count_of_keys(&self, table: &str) -> i64 {
        let sql = leaked(&format!("SELECT count(*) FROM {table}"));
        self.block_on(self.keys().query(sql, &[])).unwrap()[0].int(0).unwrap()
    }

    /// How often either store has committed something else than a record of what happened.
    pub fn changes_committed(&self) -> u64 {
        self.data().stats().changes + self.keys().stats().changes
    }

    /// How often somebody waited for either database.
    fn round_trips(&self) -> u64 {
        self.data().stats().round_trips + self.keys().stats().round_trips
    }

    /// How often the databases are waited for while something is done. From then on reads are not
    /// recorded, since their entries are written some time behind their answers.
    pub fn round_trips_of(&self, act: impl FnOnce()) -> u64 {
        let audit = AuditSettings { reads: AuditReads::Off, names_in_clear: false };
        let settings = TrafficSettings { audit, ..TrafficSettings::default() };
        self.server().installation().kernel.set_traffic(&settings);
        self.flush_audit();
        let before = self.round_trips();
        act();
        self.round_trips() - before
    }

    /// All rows of all tables of both stores, as text.
    pub fn dump(&self) -> Vec<String> {
        let mut all = self.dump_data();
        all.extend(self.dump_of(self.keys()));
        all
    }

    /// All rows of all tables of the data store, as text.
    pub fn dump_data(&self) -> Vec<String> {
        self.dump_of(self.data())
    }

    /// A number that differs if any row of any table of both stores does, but for the audit: of
    /// that [`Self::audited_change_after`] tells. Rows that the schema lets nobody change are
    /// counted.
    pub fn digest(&self) -> u64 {
        let mut sum = 0u64;
        for store in [self.data(), self.keys()] {
            let names = self.names_of(store).into_iter().filter(|table| table != "audit_entry");
            for table in names {
                let what = if ONLY_GROW.contains(&table.as_str()) { "count(*)" } else { "*" };
                let sql = leaked(&format!("SELECT {what} FROM {table}"));
                let rows = self.block_on(store.query_part(sql, &[])).unwrap();
                // In any order: an engine may move a row that was changed.
                for row in rows {
                    let hash = sha256(&[table.as_bytes(), &bytes_of(row)]);
                    sum = sum.wrapping_add(u64::from_le_bytes(*hash.first_chunk().unwrap()));
                }
            }
        }
        sum
    }

    fn dump_of(&self, store: &Store) -> Vec<String> {
        let mut all = Vec::new();
        for (table, rows) in self.tables_of(store) {
            let mut rows: Vec<_> = rows.into_iter().map(|row| shown(&table, row)).collect();
            // An engine may move a row that was changed.
            rows.sort();
            all.extend(rows);
        }
        all
    }

    /// All tables of a store with their rows.
    fn tables_of(&self, store: &Store) -> Vec<(String, Vec<Row>)> {
        let names = self.names_of(store).into_iter();
        let rows = |table: &str| {
            let sql = leaked(&match table {
                "audit_entry" => self.audited_changes(),
                _ => format!("SELECT * FROM {table}"),
            });
            self.block_on(store.query_part(sql, &[])).unwrap()
        };
        names.map(|table| (table.clone(), rows(&table))).collect()
    }

    /// The names of a store's tables.
    fn names_of(&self, store: &Store) -> Vec<String> {
        let tables = self.block_on(store.query(names_of_tables(store), &[])).unwrap();
        let names = tables.iter().map(|table| table.text(0).unwrap().to_owned());
        // The audit's log is continued in the background, and gives rows their numbers.
        names.filter(|table| !LOG.contains(&table.as_str())).collect()
    }

    /// The number of the newest row that the audit has of a change, if it comes after `last`.
    pub fn audited_change_after(&self, last: i64) -> Option<i64> {
        let number = self.audit_order();
        let condition = self.is_audited_change();
        let sql = format!(
            "SELECT {number} FROM audit_entry WHERE {number} > ? AND {condition} \
             ORDER BY {number} DESC LIMIT 1"
        );
        self.query(&sql, &[Value::Int(last)]).first().map(|row| row.int(0).unwrap())
    }

    /// Selects what the audit has of changes, without the rows' numbers, which are an engine's own.
    fn audited_changes(&self) -> String {
        let columns = coffer_audit::canonical::COLUMNS.join(", ");
        format!("SELECT {columns} FROM audit_entry WHERE {}", self.is_audited_change())
    }

    /// Whether a row of the audit is of a change: of reads and refusals it has rows a moment later.
    fn is_audited_change(&self) -> String {
        let reads = self.server().installation().kernel.routes().all();
        let reads: Vec<_> = reads.filter(|one| !one.writes()).map(|one| one.name).collect();
        format!(
            "outcome = 'done' AND operation NOT IN ('{}') \
             AND operation NOT LIKE 'program.audit.%' AND operation NOT LIKE 'program.server.%'",
            reads.join("', '")
        )
    }

    /// Has the server write what the audit still keeps in memory.
    pub fn flush_audit(&self) {
        self.block_on(self.server().installation().kernel.flush_audit());
    }

    /// The tables of the data store that have all these columns.
    pub fn tables_with(&self, columns: &[&str]) -> Vec<String> {
        let store = self.data();
        let tables = self.block_on(store.query(names_of_tables(store), &[])).unwrap();
        let tables = tables.iter().map(|table| table.text(0).unwrap().to_owned());
        let has = |table: &str, column: &str| {
            let sql = leaked(&format!("SELECT {column} FROM {table} WHERE 1 = 0"));
            self.block_on(store.query_part(sql, &[])).is_ok()
        };
        tables.filter(|table| columns.iter().all(|column| has(table, column))).collect()
    }
}

fn names_of_tables(store: &Store) -> &'static str {
    if store.is_shared() {
        "SELECT CAST(table_name AS text) FROM information_schema.tables \
         WHERE table_schema = 'public' ORDER BY 1"
    } else {
        "SELECT name FROM sqlite_schema WHERE type = 'table' \
         AND name NOT LIKE 'sqlite_stat%' ORDER BY name"
    }
}

/// What a row holds, each value with its kind and length before it.
fn bytes_of(row: Row) -> Vec<u8> {
    let mut all = Vec::new();
    let mut add = |kind: u8, value: &[u8]| {
        all.push(kind);
        all.extend((value.len() as u64).to_le_bytes());
        all.extend(value);
    };
    for value in row.into_values() {
        match value {
            Value::Null => add(0, &[]),
            Value::Int(number) => add(1, &number.to_le_bytes()),
            Value::Text(text) => add(2, text.as_bytes()),
            Value::Blob(bytes) => add(3, &bytes),
        }
    }
    all
}

/// A row with its values, which the store's own types do not show.
fn shown(table: &str, row: Row) -> String {
    let values: Vec<String> = row
        .into_values()
        .into_iter()
        .map(|value| match value {
            Value::Null => "null".to_owned(),
            Value::Int(number) => number.to_string(),
            Value::Text(text) => format!("{text:?}"),
            Value::Blob(bytes) => format!("{bytes:02x?}"),
        })
        .collect();
    format!("{table} {}", values.join(", "))
}
