//! What else is measured in turns with finds and sets: bare axum; Redis and PostgreSQL where they
//! are installed.

use super::files::PREPARED;
use super::postgres::Baseline;
use super::{Run, wait_for};
use crate::args::Result;
use crate::child::{Child, free_port};
use crate::pgbench;
use crate::postgres::{Cluster, RIVAL};
use crate::slice::{self, Server, Slice};
use crate::statements::Script;
use crate::unit::{Parts, frozen};
use std::process::{Command, Stdio};

/// The rivals of a run.
pub(super) struct Rivals<'c> {
    /// Bare axum.
    pub axum: Server,
    /// Redis with a flush for each turn of its loop.
    pub redis: Option<Redis>,
    /// PostgreSQL with a prepared statement that finds a row like a secret's by its primary key.
    pub prepared: Option<(&'c Cluster, Baseline)>,
}

/// A Redis server of the run's own.
pub(super) struct Redis {
    server: Server,
    /// Keys below this number are stored.
    stored: u64,
    /// Finds look among so many of them.
    small: u64,
}

impl Rivals<'_> {
    /// Ends those that are servers of their own.
    pub fn stop(self) -> Result<()> {
        self.redis.map_or(Ok(()), |redis| redis.server.child.stop())?;
        self.axum.child.stop()
    }
}

impl Run {
    pub(super) fn rivals<'c>(&mut self, cluster: Option<&'c Cluster>) -> Result<Rivals<'c>> {
        let prepared = match cluster {
            Some(cluster) => Some((cluster, self.prepared(cluster)?)),
            None => None,
        };
        Ok(Rivals { axum: self.axum()?, redis: self.redis()?, prepared })
    }

    /// Redis with as many keys as the small store has secrets, if it is installed.
    fn redis(&mut self) -> Result<Option<Redis>> {
        let port = free_port()?;
        let directory = self.directory.join("redis");
        std::fs::create_dir_all(&directory).map_err(|error| error.to_string())?;
        let mut command = Command::new(&self.settings.redis);
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
        command.args(["--appendonly", "yes", "--appendfsync", "always", "--dir"]);
        command.arg(&directory).stdout(Stdio::null());
        let Ok(child) = Child::spawn(&mut command) else {
            self.notes.push(format!(
                "Redis was not measured: there is no {} (--redis PROGRAM says where it is)",
                self.settings.redis.display()
            ));
            return Ok(None);
        };
        wait_for(port)?;
        let small = self.settings.small;
        let mut sets = self.load("redis-set", port, super::FILL_CONNECTIONS);
        sets.args(["--first", "0", "--count", &small.to_string()]);
        slice::measure(&mut sets, &[child.pid()], &self.directory)?;
        Ok(Some(Redis { server: Server { child, port }, stored: small, small }))
    }

    pub(super) fn redis_get(&mut self, redis: &Redis, connections: u64) -> Result<Slice> {
        let mut gets = self.timed("redis-get", redis.server.port, connections);
        gets.args(["--stored", &redis.small.to_string()]);
        slice::measure(&mut gets, &[redis.server.child.pid()], &self.directory)
    }

    pub(super) fn redis_set(&mut self, redis: &mut Redis, connections: u64) -> Result<Slice> {
        let mut sets = self.timed("redis-set", redis.server.port, connections);
        sets.args(["--first", &redis.stored.to_string()]);
        let slice = slice::measure(&mut sets, &[redis.server.child.pid()], &self.directory)?;
        redis.stored = slice.next;
        Ok(slice)
    }

    /// A table of as many rows like a secret's as the small store has, with the same key.
    fn prepared(&mut self, cluster: &Cluster) -> Result<Baseline> {
        let small = self.settings.small;
        for statement in rows_like_secrets(small)? {
            cluster.sql_in(RIVAL, &statement)?;
        }
        let scripts = self.directory.join("prepared-finds");
        let text = format!(
            "\\set n random(0, {})\n\
             SELECT id, created, expires_at, scope_user, name, sealed FROM secret WHERE mode = 1 \
             AND app = '{APP}' AND account = {} AND scope = {} AND name_key = {};\n",
            small.saturating_sub(1),
            account(":n"),
            digest(":n"),
            digest(":n"),
        );
        pgbench::write(&[Script { text, ..Script::default() }], &scripts)?;
        Ok(Baseline {
            what: PREPARED,
            scripts,
            operations: 1,
            protocol: "prepared",
            database: RIVAL,
        })
    }
}

/// The app of all rows.
const APP: &str = "app_VcGW4Wd6MKVLdjK1";

/// The account of row `number`, one of 200, as SQL computes it from a number.
fn account(number: &str) -> String {
    format!("'acct_' || lpad(({number}::bigint % 200)::text, 16, '0')")
}

/// The digest of row `number`: sixteen bytes.
fn digest(number: &str) -> String {
    format!("lpad({number}::bigint::text, 16, '0')::bytea")
}

/// The statements that make the table, from the frozen one of the loop, and fill it.
fn rows_like_secrets(count: u64) -> Result<[String; 4]> {
    let made = Parts::of(frozen::SECRET)?.schema;
    let made = made.replace("INTEGER", "BIGINT").replace("BLOB", "BYTEA");
    let random =
        |letters: u32| format!("left(md5(random()::text) || md5(random()::text), {letters})");
    let fill = format!(
        "INSERT INTO secret SELECT 1, '{APP}', {}, {}, {}, 1, 'appsecret_' || {}, 1796000000, \
         NULL, 'usr_' || {}, 'token_' || {}, \
         (SELECT string_agg(decode(md5(random()::text || n::text || g::text), 'hex'), '') \
         FROM generate_series(1, 10) AS g) FROM generate_series(0, {}) AS n",
        account("n"),
        digest("n"),
        digest("n"),
        random(30),
        random(16),
        random(16),
        count.saturating_sub(1),
    );
    Ok([made, fill, "VACUUM ANALYZE".to_owned(), "CHECKPOINT".to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_the_frozen_key_in_the_types_of_postgres() {
        let [made, fill, ..] = rows_like_secrets(10).unwrap();
        assert!(made.contains("PRIMARY KEY (mode, app, account, scope, name_key)"));
        assert!(made.contains("sealed     BYTEA") && !made.contains("BLOB"), "{made}");
        assert!(fill.contains("generate_series(0, 9)"));
    }
}
