//! The other engine for a test server: two databases of its own, where `COFFER_TEST_POSTGRES`
//! names a server (`postgres://user@127.0.0.1:port`) on which databases may be made.

use coffer::assemble::Database;
use coffer_storage::{Passwords, PostgresOptions};
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use tokio::runtime::Runtime;

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

/// The databases that belong to `data_dir`, made if there are none.
pub(crate) fn databases(data_dir: &Path) -> Databases {
    let Ok(server) = std::env::var(SERVER) else {
        return Databases::embedded();
    };
    let file = data_dir.join(NAMES);
    let name = fs::read_to_string(&file).unwrap_or_else(|_| {
        let name = format!("coffer_{:016x}", RandomState::new().hash_one(0));
        fs::create_dir_all(data_dir).unwrap();
        fs::write(&file, &name).unwrap();
        let create = |name: &str| format!("CREATE DATABASE {name} TEMPLATE template0");
        let (data, keys) = (format!("{name}_data"), format!("{name}_keys"));
        run(&format!("{server}/postgres"), &[create(&data), create(&keys)]);
        join_cluster(&server, &data, &create(&data));
        name
    });
    let made = vec![format!("{name}_data"), format!("{name}_keys")];
    // Both ways to talk to a server are tried in every test: the keys are read by sessions of one's
    // own.
    let between = std::env::var(POOLER).unwrap_or_else(|_| "transaction".to_owned());
    let of = |name: &str| {
        let pooler = if name.ends_with("_keys") { "none" } else { &between };
        let url = format!("{server}/{name}?pooler={pooler}");
        let options = PostgresOptions::parse(&url, &Passwords::default()).unwrap();
        options.with_connections(CONNECTIONS)
    };
    let database = Database::Postgres { data: of(&made[0]), keys: of(&made[1]) };
    Databases { database, made }
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
        let made = databases(data_dir);
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
fn join_cluster(server: &str, database: &str, create: &str) {
    let (others, extension) = (others(server), ["CREATE EXTENSION citus".to_owned()]);
    if others.is_empty() {
        return;
    }
    for (other, _, _) in &others {
        run(&format!("{other}/postgres"), &[create.to_owned()]);
        run(&format!("{other}/{database}"), &extension);
    }
    let (host, port) = server.rsplit(['@', '/']).next().unwrap().split_once(':').unwrap();
    let mut join = extension.to_vec();
    join.push(format!("SELECT citus_set_coordinator_host('{host}', {port})"));
    let add = |(_, host, port): &(String, String, String)| {
        format!("SELECT citus_add_node('{host}', {port})")
    };
    join.extend(others.iter().map(add));
    run(&format!("{server}/{database}"), &join);
}

/// Whether an installation was made in `data_dir` before.
pub(crate) fn is_initialized(data_dir: &Path) -> bool {
    data_dir.join(coffer::assemble::DATA_FILE).exists() || data_dir.join(NAMES).exists()
}

/// Runs statements on a database.
pub(crate) fn run(database: &str, statements: &[String]) {
    let runtime = Runtime::new().unwrap();
    runtime.block_on(async {
        let config: tokio_postgres::Config = database.parse().unwrap();
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        let driver = tokio::spawn(connection);
        for statement in statements {
            client.batch_execute(statement).await.unwrap();
        }
        driver.abort();
    });
}
