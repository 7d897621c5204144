//! The databases that those of test servers are copied from, so that not every test applies every
//! migration: a copy is as it is right after `coffer init` has made the schemas.
//!
//! Each build of a test binary makes its own pair for each set of families, once on a server of
//! PostgreSQL, by the first test that needs it. They stay as long as that server does.

use crate::postgres::{has_row, options};
use crate::server::START;
use coffer::assemble::{self, Database};
use coffer::family_set::FamilySet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use tokio_postgres::Client;

/// What the stores of a pair of databases are called, at the end of the databases' names.
pub(crate) const STORES: [&str; 2] = ["data", "keys"];

/// The templates with the schemas of `families` on `server`, made if there are none.
pub(crate) async fn templates(client: &Client, server: &str, families: &FamilySet) -> [String; 2] {
    let mark = mark(families);
    let names = STORES.map(|store| format!("coffer_template_{mark:016x}_{store}"));
    if !exists(client, &names[1]).await {
        // Of many tests that begin at once, one makes them.
        let (lock, unlock) = ("SELECT pg_advisory_lock", "SELECT pg_advisory_unlock");
        let key = mark.cast_signed();
        client.batch_execute(&format!("{lock}({key})")).await.unwrap();
        if !exists(client, &names[1]).await {
            make(client, server, families, &names).await;
        }
        client.batch_execute(&format!("{unlock}({key})")).await.unwrap();
    }
    names
}

/// Differs between builds, since how a schema is made is part of them, and between families.
fn mark(families: &FamilySet) -> u64 {
    let mut hash = DefaultHasher::new();
    let program = std::env::current_exe().unwrap();
    fs::metadata(&program).unwrap().modified().unwrap().hash(&mut hash);
    program.hash(&mut hash);
    for set in families.migrations() {
        set.component.hash(&mut hash);
        for migration in set.migrations {
            (migration.version, migration.sql).hash(&mut hash);
        }
    }
    hash.finish()
}

async fn exists(client: &Client, name: &str) -> bool {
    has_row(client, &format!("SELECT 1 FROM pg_database WHERE datname = '{name}'")).await
}

/// Makes them under other names first: a test that is ended while it does leaves no template with
/// half a schema. The keys' is named last, and then both are whole.
async fn make(client: &Client, server: &str, families: &FamilySet, names: &[String; 2]) {
    let makings = names.each_ref().map(|name| format!("{name}_making"));
    for making in &makings {
        let drop = format!("DROP DATABASE IF EXISTS {making} WITH (FORCE)");
        client.batch_execute(&drop).await.unwrap();
        let create = format!("CREATE DATABASE {making} TEMPLATE template0");
        client.batch_execute(&create).await.unwrap();
    }
    let [data, keys] = makings.each_ref().map(|making| options(server, making));
    assemble::create_schemas(&Database::Postgres { data, keys }, families, START).await.unwrap();
    for (making, name) in makings.iter().zip(names) {
        // Whoever is connected to it keeps it from being copied.
        let close = format!("ALTER DATABASE {making} ALLOW_CONNECTIONS false");
        client.batch_execute(&close).await.unwrap();
        let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        client.batch_execute(&drop).await.unwrap();
        let rename = format!("ALTER DATABASE {making} RENAME TO {name}");
        client.batch_execute(&rename).await.unwrap();
    }
}
