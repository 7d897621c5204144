//! A database that Citus spreads over many servers: how its tables are distributed, which shards
//! they have, and how its servers fare. Everything is asked of the coordinator, which is the only
//! server that Coffer is connected to.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow};

use super::Postgres;
use super::options::PostgresOptions;
use crate::error::{Result, StorageError};
use crate::migration::MigrationSet;
use crate::options::Node;
use crate::placement::{BY, Placed, Placement};
use crate::shard::{Server, Shard};
use crate::share::Share;

/// What a change of the schema needs on a database that is spread, beside which PostgreSQL alone
/// does nothing: one server after the other, since a connection for each shard would not see what
/// the transaction has done on another; and triggers, which there refuse changes of the row that
/// they stand on and look at no other.
pub(super) const SCHEMA_SETTINGS: &str = "SET LOCAL citus.multi_shard_modify_mode = 'sequential'; \
     SET LOCAL citus.enable_unsafe_triggers = 'on'";

const INSTALLED: &str = "SELECT 1 FROM pg_extension WHERE extname = 'citus'";

/// The tables that are known to all servers: name, method ('h' for those that are spread by a
/// column), column, and the group of those whose shards are in the same places.
const KNOWN: &str = "SELECT logicalrelid::regclass::text, partmethod::text, \
     coalesce(column_to_column_name(logicalrelid, partkey), ''), colocationid \
     FROM pg_dist_partition";

/// Where the shards are: what they begin with, the table, the shard's own table, and its server.
/// Those of one server stand side by side.
const SHARDS: &str = "SELECT s.shardminvalue, s.logicalrelid::regclass::text, \
     shard_name(s.logicalrelid, s.shardid), n.nodename, CAST(n.nodeport AS BIGINT) \
     FROM pg_dist_partition t JOIN pg_dist_shard s ON s.logicalrelid = t.logicalrelid \
     JOIN pg_dist_placement p ON p.shardid = s.shardid \
     JOIN pg_dist_node n ON n.groupid = p.groupid AND n.noderole = 'primary' \
     WHERE t.partmethod = 'h' ORDER BY n.nodename, n.nodeport, s.shardminvalue";

/// The columns of these tables that hold bytes.
const BLOBS: &str = "SELECT DISTINCT a.attname FROM pg_attribute a \
     JOIN pg_dist_partition t ON t.logicalrelid = a.attrelid \
     WHERE t.partmethod = 'h' AND a.atttypid = 'bytea'::regtype";

/// What each server says of itself: whether it flushes, when it confirms, how many transactions it
/// can prepare, and how many have been prepared for longer than any takes.
const NODES: &str = "SELECT n.nodename || ':' || n.nodeport, r.success, r.result \
     FROM run_command_on_all_nodes('SELECT concat_ws('' '', current_setting(''fsync''), \
     current_setting(''synchronous_commit''), current_setting(''max_prepared_transactions''), \
     (SELECT count(*) FROM pg_prepared_xacts WHERE prepared < now() - interval ''1 minute''))') r \
     JOIN pg_dist_node n ON n.nodeid = r.nodeid ORDER BY 1";

/// Which servers do not reach which.
const UNREACHED: &str = "SELECT from_nodename || ':' || from_nodeport || ' does not reach ' \
     || to_nodename || ':' || to_nodeport FROM citus_check_cluster_node_health() \
     WHERE result IS DISTINCT FROM true ORDER BY 1";

impl Postgres {
    /// The shards of the tables that are spread; none if nothing is.
    pub(crate) async fn shards(&self, share: Share) -> Result<Vec<Shard>> {
        if self.query(share, INSTALLED, &[]).await?.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.query(share, SHARDS, &[]).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let blobs = self.query(share, BLOBS, &[]).await?;
        let blobs: Result<BTreeSet<_>> =
            blobs.iter().map(|row| row.text(0).map(str::to_owned)).collect();
        let blobs = Arc::new(blobs?);
        let mut shards: Vec<Shard> = Vec::new();
        let mut last: Option<(String, i64, String)> = None;
        let mut server: Option<Arc<Server>> = None;
        for row in &rows {
            let (from, name, port) = (row.text(0)?, row.text(3)?, row.int(4)?);
            let place = (name.to_owned(), port, from.to_owned());
            if last.as_ref() != Some(&place) {
                let is_same =
                    last.as_ref().is_some_and(|(before, at, _)| before == name && *at == port);
                let known = server.take().filter(|_| is_same);
                let of = known.unwrap_or_else(|| Arc::new(Server::new(name.to_owned(), port)));
                shards.push(Shard::new(Arc::clone(&of), Arc::clone(&blobs)));
                (last, server) = (Some(place), Some(of));
            }
            if let Some(shard) = shards.last_mut() {
                shard.add(row.text(1)?.to_owned(), row.text(2)?.to_owned());
            }
        }
        Ok(shards)
    }

    /// How the servers of a database that is spread fare; `None` if there is but one.
    pub(crate) async fn nodes(&self) -> Result<Option<Vec<Node>>> {
        let share = Share::SYSTEM;
        if self.query(share, INSTALLED, &[]).await?.is_empty() {
            return Ok(None);
        }
        let mut nodes = Vec::new();
        for row in self.query(share, NODES, &[]).await? {
            let (name, said) = (row.text(0)?.to_owned(), row.optional_text(2)?.unwrap_or_default());
            let answers = row.int(1)? != 0;
            nodes.push(if answers { node(name, said) } else { Node::lost(name, said) });
        }
        for row in self.query(share, UNREACHED, &[]).await? {
            let unreached = row.text(0)?;
            let from = nodes.iter_mut().find(|node| {
                unreached.strip_prefix(&node.name).is_some_and(|rest| rest.starts_with(' '))
            });
            if let Some(from) = from {
                from.problem.get_or_insert_with(|| unreached.to_owned());
            }
        }
        Ok(Some(nodes))
    }
}

/// A server by what [`NODES`] says of it.
fn node(name: String, said: &str) -> Node {
    let words: Vec<&str> = said.split(' ').collect();
    let word = |at: usize| words.get(at).copied().unwrap_or_default();
    let number = |at: usize| word(at).parse().unwrap_or_default();
    Node {
        name,
        problem: None,
        flushes: word(0) != "off",
        synchronous_commit: word(1).to_owned(),
        can_prepare: number(2) > 0,
        prepared: number(3),
    }
}

/// The statements that distribute what is not distributed yet, each with the words for it.
///
/// # Errors
/// [`StorageError::Schema`] if the server has no Citus, is not its coordinator, or has a table
/// elsewhere than it belongs.
pub(super) async fn plan(
    client: &Client,
    options: &PostgresOptions,
    sets: &[MigrationSet],
) -> Result<Vec<String>> {
    let refuse = |why: &str| Err(StorageError::Schema(format!("{options} {why}").into()));
    if rows(client, INSTALLED).await?.is_empty() {
        return refuse(
            "is a PostgreSQL without the extension Citus, which spreads tables over many servers: \
             install it there (CREATE EXTENSION citus) and add the other servers first. Nothing \
             was changed",
        );
    }
    let local = "SELECT groupid FROM pg_dist_local_group";
    if text(rows(client, local).await?.first(), 0) != "0" {
        return refuse("is not the coordinator of its Citus cluster: connect to that one");
    }
    let coordinator = "SELECT 1 FROM pg_dist_node WHERE groupid = 0";
    if rows(client, coordinator).await?.is_empty() {
        return refuse(
            "does not know by which name the other servers reach it: \
             SELECT citus_set_coordinator_host('its name')",
        );
    }
    let workers = "SELECT 1 FROM pg_dist_node WHERE shouldhaveshards AND isactive";
    if rows(client, workers).await?.is_empty() {
        return refuse("has no server for shards: SELECT citus_add_node('a name', 5432)");
    }
    match missing(client, sets).await? {
        Ok(statements) => Ok(statements),
        Err(why) => refuse(&why),
    }
}

/// Refuses a cluster's address with `pooler=none`: timeouts of a session do not reach the other
/// servers, where a lock would then be waited for without end.
pub(super) async fn refuse_own_sessions(client: &Client, options: &PostgresOptions) -> Result<()> {
    if rows(client, INSTALLED).await?.is_empty() {
        return Ok(());
    }
    let why = "has the extension Citus, whose other servers get their timeouts with each \
               transaction only: leave pooler=none out of its address";
    Err(StorageError::Schema(format!("{options} {why}").into()))
}

/// The statements for the tables of later migrations, if the others are distributed.
pub(super) async fn plan_new(client: &Client, sets: &[MigrationSet]) -> Result<Vec<String>> {
    let is_spread = "SELECT 1 FROM pg_dist_partition WHERE partmethod = 'h' LIMIT 1";
    if rows(client, INSTALLED).await?.is_empty() || rows(client, is_spread).await?.is_empty() {
        return Ok(Vec::new());
    }
    let statements = missing(client, sets).await?;
    statements.map_err(|why| StorageError::Schema(why.into()))
}

/// What is not distributed yet, or why it cannot be.
async fn missing(
    client: &Client,
    sets: &[MigrationSet],
) -> Result<std::result::Result<Vec<String>, String>> {
    let known = rows(client, KNOWN).await?;
    let mut anchor = None;
    let mut statements = Vec::new();
    for (table, placement) in sets.iter().flat_map(|set| set.tables).copied() {
        if rows(client, &format!("SELECT 1 WHERE to_regclass('{table}') IS NULL")).await?.len() == 1
        {
            continue;
        }
        let is = known.iter().find(|row| text(Some(row), 0) == table);
        match place((table, placement), is, &mut anchor) {
            Ok(Some(statement)) => {
                statements.extend(without_key(client, (table, placement)).await?);
                statements.push(statement);
            }
            Ok(None) => {}
            Err(why) => return Ok(Err(why)),
        }
        statements.extend(left_behind(client, (table, placement)).await?);
    }
    Ok(Ok(statements))
}

/// The table, and the group of its shards' places, beside which all others have theirs.
type Anchor = (&'static str, String);

/// The statement that places a table, unless it has its place.
fn place(
    (table, placement): Placed,
    is: Option<&SimpleQueryRow>,
    anchor: &mut Option<Anchor>,
) -> std::result::Result<Option<String>, String> {
    match (placement, is) {
        (Placement::Local, _) | (Placement::Central, Some(_)) => Ok(None),
        (Placement::Central, None) => {
            Ok(Some(format!("SELECT citus_add_local_table_to_metadata('{table}')")))
        }
        (Placement::Spread, None) => {
            let beside = anchor.as_ref().map_or("none", |(beside, _)| beside);
            let statement = format!(
                "SELECT create_distributed_table('{table}', '{BY}', colocate_with => '{beside}')"
            );
            anchor.get_or_insert_with(|| (table, String::new()));
            Ok(Some(statement))
        }
        (Placement::Spread, Some(is)) => {
            let (method, column, group) = (text(Some(is), 1), text(Some(is), 2), text(Some(is), 3));
            let (_, of) = anchor.get_or_insert_with(|| (table, group.clone()));
            if method == "h" && column == BY && (of.is_empty() || *of == group) {
                return Ok(None);
            }
            Err(format!(
                "has the table \"{table}\" distributed by somebody else: it belongs beside the \
                 others, by the column {BY}"
            ))
        }
    }
}

/// A shard whose rows have no key can only be moved to another server if this says how rows are
/// told apart.
async fn without_key(client: &Client, (table, placement): Placed) -> Result<Option<String>> {
    let no_key = format!(
        "SELECT 1 FROM pg_class WHERE oid = '{table}'::regclass AND relreplident = 'd' \
         AND NOT EXISTS (SELECT 1 FROM pg_index WHERE indrelid = pg_class.oid AND indisprimary)"
    );
    let needs = placement == Placement::Spread && !rows(client, &no_key).await?.is_empty();
    Ok(needs.then(|| format!("ALTER TABLE {table} REPLICA IDENTITY FULL")))
}

/// Distributing a table copies its rows and leaves the old ones on the coordinator's disk, where
/// they would outlive whatever is erased.
async fn left_behind(client: &Client, (table, placement): Placed) -> Result<Option<String>> {
    let size = format!("SELECT 1 WHERE pg_relation_size('{table}') > 0");
    let is_there = placement == Placement::Spread && !rows(client, &size).await?.is_empty();
    Ok(is_there.then(|| format!("SELECT truncate_local_data_after_distributing_table('{table}')")))
}

async fn rows(client: &Client, sql: &str) -> Result<Vec<SimpleQueryRow>> {
    let messages = client.simple_query(sql).await?;
    let row = |message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    };
    Ok(messages.into_iter().filter_map(row).collect())
}

fn text(row: Option<&SimpleQueryRow>, column: usize) -> String {
    row.and_then(|row| row.try_get(column).ok().flatten()).unwrap_or_default().to_owned()
}
