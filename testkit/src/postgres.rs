//! The other engine for a test server: two databases of its own, where `COFFER_TEST_POSTGRES`
//! names a server (`postgres://user@127.0.0.1:port`) on which databases may be made.

use crate::template::{STORES, templates};
use coffer::assemble::Database;
use coffer::family_set::FamilySet;
use coffer_storage::{Passwords, PostgresOptions};
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, SimpleQueryMessage};

/// The variable that names the server.
pub const SERVER: &str = "COFFER_TEST_POSTGRES";

/// The variable that names the other servers of the Citus cluster whose coordinator the first one
/// is, as `host:port` with commas between them. The data of each test server is then spread over
/// them.
const CLUSTER: &str = "COFFER_TEST_CITUS";

/// The variable that says what stands between a test server and its data: `none`, where sessions
/// are its own, or `transaction`, which is usual.
const POOLER: &str = "COFFER_TEST_POOLER";

/// Connections of a test server: there are many of them.
const CONNECTIONS: usize = 8;

/// The file in a data directory that says which databases belong to it.
const NAMES: &str = "postgres";

/// Where the stores of a test server are, and what has to be cleared away after it.
pub(crate) struct Databases {
    pub(crate) database: Database,
    /// The databases, which go with the server unless the test keeps its directory.
    made: Vec<String>,
}

/// Whether servers of this run are on PostgreSQL.
pub fn is_postgres() -> bool {
    std::env::var_os(SERVER).is_some()
}

/// The databases that belong to `data_dir`. If there are none they are made: with the schemas of
/// `families`, or empty.
pub(crate) async fn databases(data_dir: &Path, families: Option<&FamilySet>) -> Databases {
    let Ok(server) = std::env::var(SERVER) else {
        return Databases::embedded();
    };
    let file = data_dir.join(NAMES);
    let name = match fs::read_to_string(&file) {
        Ok(name) => name,
        Err(_) => {
            let name = format!("coffer_{:016x}", RandomState::new().hash_one(0));
            fs::create_dir_all(data_dir).unwrap();
            fs::write(&file, &name).unwrap();
            create(&server, &name, families).await;
            name
        }
    };
    let made = STORES.map(|store| format!("{name}_{store}"));
    let [data, keys] = made.each_ref().map(|name| options(&server, name));
    Databases { database: Database::Postgres { data, keys }, made: made.to_vec() }
}

/// Makes the databases of this name.
async fn create(server: &str, name: &str, families: Option<&FamilySet>) {
    let client = connect(&format!("{server}/postgres")).await;
    let templates = match families {
        // The extension that joins them to a cluster comes before any table.
        Some(families) if !is_spread() => templates(&client, server, families).await,
        _ => ["template0", "template0"].map(str::to_owned),
    };
    // Since version 15 a copy is otherwise written page by page to the log as well.
    let is_new = "SELECT 1 WHERE current_setting('server_version_num')::int >= 150000";
    let strategy = if has_row(&client, is_new).await { " STRATEGY file_copy" } else { "" };
    for (store, template) in STORES.iter().zip(templates) {
        let create = format!("CREATE DATABASE {name}_{store} TEMPLATE {template}{strategy}");
        client.batch_execute(&create).await.unwrap();
    }
    join_cluster(server, &format!("{name}_data")).await;
}

/// How a test server is connected to one of its databases. Both ways to talk to a server are tried
/// in every test: the keys are read by sessions of one's own.
pub(crate) fn options(server: &str, name: &str) -> PostgresOptions {
    let between = std::env::var(POOLER).unwrap_or_else(|_| "transaction".to_owned());
    let pooler = if name.contains("_keys") { "none" } else { &between };
    let url = format!("{server}/{name}?pooler={pooler}");
    let options = PostgresOptions::parse(&url, &Passwords::default()).unwrap();
    options.with_connections(CONNECTIONS)
}

impl Databases {
    /// In the data directory itself.
    pub(crate) const fn embedded() -> Self {
        Self { database: Database::Embedded, made: Vec::new() }
    }

    /// The addresses of the data and of the keys.
    pub(crate) fn urls(&self) -> Option<[String; 2]> {
        let server = std::env::var(SERVER).ok()?;
        let [data, keys] = self.made.as_slice() else { return None };
        Some([data, keys].map(|name| format!("{server}/{name}")))
    }

    /// Takes the databases away.
    pub(crate) fn clear(&self) {
        if self.made.is_empty() {
            return;
        }
        if let Ok(server) = std::env::var(SERVER) {
            let drop = |name: &String| format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            let statements: Vec<_> = self.made.iter().map(drop).collect();
            run(&format!("{server}/postgres"), &statements);
            for (other, _, _) in others(&server) {
                run(&format!("{other}/postgres"), &statements);
            }
        }
    }
}

/// Databases that hold what `pg_dump` wrote of others. They go with it.
pub struct Restored {
    /// Where they are.
    pub database: Database,
    made: Databases,
}

impl Restored {
    /// Makes the databases of a server whose directory `data_dir` is, which has none yet, and runs
    /// the statements of the two dumps in them.
    pub fn of(data_dir: &Path, data: &str, keys: &str) -> Self {
        let made = Runtime::new().unwrap().block_on(databases(data_dir, None));
        let urls = made.urls().expect("PostgreSQL");
        for (url, dump) in urls.iter().zip([data, keys]) {
            run(url, &[dump.to_owned()]);
        }
        Self { database: made.database.clone(), made }
    }
}

impl Drop for Restored {
    fn drop(&mut self) {
        self.made.clear();
    }
}

/// Whether the data of test servers is spread over a cluster.
pub fn is_spread() -> bool {
    std::env::var_os(CLUSTER).is_some()
}

/// The other servers of the cluster: the address for a connection, the name and the port.
fn others(server: &str) -> Vec<(String, String, String)> {
    let named = std::env::var(CLUSTER).unwrap_or_default();
    let (user, _) = server.rsplit_once('@').unwrap_or_default();
    let other = |place: &str| {
        let (host, port) = place.split_once(':').expect("host:port");
        (format!("{user}@{place}"), host.to_owned(), port.to_owned())
    };
    named.split(',').filter(|place| !place.is_empty()).map(other).collect()
}

/// Makes a database one of the cluster's, if there is a cluster.
async fn join_cluster(server: &str, database: &str) {
    let (others, extension) = (others(server), ["CREATE EXTENSION citus".to_owned()]);
    if others.is_empty() {
        return;
    }
    let create = [format!("CREATE DATABASE {database} TEMPLATE template0")];
    for (other, _, _) in &others {
        execute(&format!("{other}/postgres"), &create).await;
        execute(&format!("{other}/{database}"), &extension).await;
    }
    let (host, port) = server.rsplit(['@', '/']).next().unwrap().split_once(':').unwrap();
    let mut join = extension.to_vec();
    join.push(format!("SELECT citus_set_coordinator_host('{host}', {port})"));
    let add = |(_, host, port): &(String, String, String)| {
        format!("SELECT citus_add_node('{host}', {port})")
    };
    join.extend(others.iter().map(add));
    execute(&format!("{server}/{database}"), &join).await;
}

/// Whether an installation was made in `data_dir` before.
pub(crate) fn is_initialized(data_dir: &Path) -> bool {
    data_dir.join(coffer::assemble::DATA_FILE).exists() || data_dir.join(NAMES).exists()
}

/// Runs statements on a database.
pub(crate) fn run(database: &str, statements: &[String]) {
    Runtime::new().unwrap().block_on(execute(database, statements));
}

async fn execute(database: &str, statements: &[String]) {
    let client = connect(database).await;
    for statement in statements {
        client.batch_execute(statement).await.unwrap();
    }
}

/// Connects to a database, for as long as the client is kept.
pub(crate) async fn connect(database: &str) -> Client {
    let config: tokio_postgres::Config = database.parse().unwrap();
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Whether a query has any row.
pub(crate) async fn has_row(client: &Client, sql: &str) -> bool {
    let messages = client.simple_query(sql).await.unwrap();
    messages.iter().any(|message| matches!(message, SimpleQueryMessage::Row(_)))
}
