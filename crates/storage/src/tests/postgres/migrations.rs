//! Every migration in the workspace, on both engines: each statement is accepted by both, and the
//! schemas that they make have the same tables, columns, keys, indexes and triggers.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::tempdir;

use super::*;
use crate::migration::for_shared;

/// A set for each directory of migrations below `crates/`, so that those of a new crate are tried
/// without being listed here.
fn all_sets() -> Vec<MigrationSet> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut files = Vec::new();
    for each in fs::read_dir(crates).unwrap() {
        collect(&each.unwrap().path().join("migrations"), &mut files);
    }
    let mut sets = BTreeMap::<PathBuf, Vec<String>>::new();
    files.sort();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        sets.entry(file.parent().unwrap().to_owned()).or_default().push(text);
    }
    assert!(sets.len() > 3, "no migrations were found");
    sets.into_iter().map(|(directory, texts)| set(&directory, texts)).collect()
}

/// The same as a shared store has them.
fn shared(sets: &[MigrationSet]) -> Vec<MigrationSet> {
    let text = |migration: &Migration| for_shared(migration.sql);
    let texts = |set: &MigrationSet| set.migrations.iter().map(text).collect();
    sets.iter().map(|one| set(Path::new(one.component), texts(one))).collect()
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    for each in fs::read_dir(directory).into_iter().flatten() {
        let path = each.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "sql") {
            files.push(path);
        }
    }
}

fn set(directory: &Path, texts: Vec<String>) -> MigrationSet {
    let migrations = (1..).zip(texts).map(|(version, text)| Migration {
        version,
        name: "test",
        sql: Box::leak(text.into_boxed_str()),
    });
    MigrationSet {
        component: Box::leak(directory.display().to_string().into_boxed_str()),
        migrations: Box::leak(migrations.collect()),
        tables: &[],
    }
}

/// Lists what a schema has, one line each, with PostgreSQL's names of types.
const SQLITE: [&str; 3] = [
    "SELECT 'column ' || m.name || '.' || c.name || ' '
            || CASE c.type WHEN 'INTEGER' THEN 'bigint' WHEN 'BLOB' THEN 'bytea'
                           ELSE lower(c.type) END
            || CASE WHEN c.\"notnull\" OR c.pk > 0 THEN ' not null' ELSE '' END
            || ' key ' || CASE WHEN m.sql LIKE '%AUTOINCREMENT%' THEN 0 ELSE c.pk END
     FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'",
    "SELECT 'index ' || CASE i.origin WHEN 'c' THEN i.name ELSE 'of a constraint' END
            || ' on ' || m.name || CASE WHEN i.\"unique\" THEN ' unique' ELSE '' END
            || CASE WHEN i.partial THEN ' partial' ELSE '' END
            || ' ' || (SELECT group_concat(x.name) FROM (
                SELECT name FROM pragma_index_info(i.name) ORDER BY seqno) x)
     FROM sqlite_schema m, pragma_index_list(m.name) i
     WHERE m.type = 'table' AND i.origin <> 'pk'",
    "SELECT 'trigger ' || name || ' on ' || tbl_name FROM sqlite_schema WHERE type = 'trigger'",
];

const POSTGRES: [&str; 3] = [
    "SELECT 'column ' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, NULL)
            || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
            || ' key ' || coalesce(array_position(k.conkey, a.attnum), 0)
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
     LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p'
     WHERE c.relkind = 'r' AND c.relnamespace = CAST('public' AS regnamespace)",
    "SELECT 'index ' || CASE WHEN k.oid IS NULL THEN c.relname ELSE 'of a constraint' END
            || ' on ' || t.relname || CASE WHEN i.indisunique THEN ' unique' ELSE '' END
            || CASE WHEN i.indpred IS NULL THEN '' ELSE ' partial' END
            || ' ' || (SELECT string_agg(a.attname, ',' ORDER BY x.at)
                       FROM unnest(i.indkey) WITH ORDINALITY AS x (attnum, at)
                       JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = x.attnum)
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
     LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid
     WHERE NOT i.indisprimary AND t.relnamespace = CAST('public' AS regnamespace)",
    "SELECT 'trigger ' || g.tgname || ' on ' || c.relname
     FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid WHERE NOT g.tgisinternal",
];

/// The schema that a store has, without the table of records, which the engines own, and without
/// those of SQLite's counters and of what its planner is told. What counts its rows is no key on
/// PostgreSQL, where rows are spread by something else.
async fn schema(store: &Store, catalogue: [&'static str; 3]) -> Vec<String> {
    let mut lines = Vec::new();
    for sql in catalogue {
        let rows = store.query(sql, &[]).await.unwrap();
        lines.extend(rows.iter().map(|row| row.text(0).unwrap().to_owned()));
    }
    let own = ["schema_migration", "column sqlite_sequence", "column sqlite_stat"];
    lines.retain(|line| !own.iter().any(|own| line.contains(own)));
    lines.sort();
    lines
}

#[tokio::test]
async fn every_migration_makes_one_schema_on_both_engines() {
    // The two stores have a table of the same name.
    let (keys, data): (Vec<_>, Vec<_>) =
        all_sets().into_iter().partition(|set| set.component.ends_with("/keys"));
    assert!(compared(&data).await + compared(&keys).await > 200);
}

/// Compares what the migrations of a store make, and answers how many lines that is.
async fn compared(sets: &[MigrationSet]) -> usize {
    let directory = tempdir().unwrap();
    let path = directory.path().join("coffer.db");
    let (_, report) = Store::open_sqlite(&path, sets, NOW, Options::default()).unwrap();
    assert_eq!(report.applied.len(), sets.iter().map(|set| set.migrations.len()).sum::<usize>());
    let path = directory.path().join("shared.db");
    let (sqlite, _) = Store::open_sqlite(&path, &shared(sets), NOW, Options::default()).unwrap();
    let expected = schema(&sqlite, SQLITE).await;
    let Some(options) = empty_database().await else {
        println!("skipped: COFFER_TEST_POSTGRES names no server");
        return expected.len();
    };
    Store::expand_postgres(options.clone(), sets, NOW).await.unwrap();
    Store::finish_postgres(options.clone(), sets).await.unwrap();
    let postgres = Store::open_postgres(options, sets).await.unwrap();
    let found = schema(&postgres, POSTGRES).await;
    assert_eq!(expected, found);
    expected.len()
}
