//! The crate as its callers use it, with injected faults where a rule shows only under one.

mod batch;
mod fairness;
mod files;
mod places;
mod postgres;
mod rows;
mod schema;
mod snapshots;
mod wal;

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use coffer_base::Timestamp;

use crate::*;

pub(crate) const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);

pub(crate) const SETS: &[MigrationSet] = &[MigrationSet {
    component: "items",
    migrations: &[Migration {
        version: 1,
        name: "items",
        sql: "CREATE TABLE item (id INTEGER PRIMARY KEY, label TEXT UNIQUE, body BLOB) STRICT",
    }],
    tables: &[],
}];

pub(crate) fn open(directory: &Path) -> Store {
    open_with(directory, Faults::none())
}

pub(crate) fn open_with(directory: &Path, faults: Faults) -> Store {
    let options = Options { faults, ..Options::default() };
    Store::open_sqlite(&directory.join("coffer.db"), SETS, NOW, options).unwrap().0
}

/// Runs one statement after the other, and returns the rows of the last.
pub(crate) struct Run(pub(crate) Vec<(&'static str, Vec<Value>)>);

impl Work for Run {
    type Out = Vec<Row>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for (sql, params) in &self.0 {
            rows = tx.query(sql, params).await?;
        }
        Ok(rows)
    }
}

pub(crate) fn insert(label: &str) -> Run {
    insert_body(label, vec![])
}

pub(crate) fn insert_body(label: &str, body: Vec<u8>) -> Run {
    Run(vec![(
        "INSERT INTO item (label, body) VALUES (?1, ?2)",
        vec![Value::from(label), Value::from(body)],
    )])
}

pub(crate) async fn count(store: &Store) -> i64 {
    store.query("SELECT count(*) FROM item", &[]).await.unwrap()[0].int(0).unwrap()
}

/// Blocks the writer before its commit while it is shut.
#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    shut: bool,
    blocked: bool,
}

impl Gate {
    pub(crate) fn faults(self: &Arc<Self>) -> Faults {
        let gate = Arc::clone(self);
        Faults::none().before_commit(Arc::new(move || gate.pass()))
    }

    pub(crate) fn shut(&self) {
        self.state.lock().unwrap().shut = true;
    }

    pub(crate) fn open(&self) {
        self.state.lock().unwrap().shut = false;
        self.changed.notify_all();
    }

    /// Returns once the writer is blocked.
    pub(crate) fn wait_until_blocked(&self) {
        let state = self.state.lock().unwrap();
        drop(self.changed.wait_while(state, |state| !state.blocked).unwrap());
    }

    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.blocked = true;
        self.changed.notify_all();
        state = self.changed.wait_while(state, |state| state.shut).unwrap();
        state.blocked = false;
    }
}
