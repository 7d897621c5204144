//! Reading entries in the order of their commits: an order to which nothing is added but at its end.
//!
//! In an embedded store that is the order of ids. In a shared store many transactions are open at
//! once, and one of them can commit an entry with a lower id than another that was read already. So
//! entries are read up to the oldest transaction that is still open, by the number of their
//! transaction: whoever begins later has a higher number, and all that have lower ones have ended.
//!
//! - A transaction that stays open for long, in any database of that PostgreSQL, holds this back
//!   and loses nothing.
//! - A store that is spread (Citus) is read part by part. The number is that of the coordinator's
//!   transaction, whose end comes after the commit of a single server, so the same holds. A unit of
//!   work that is prepared on several servers becomes visible a moment after its transaction has
//!   ended; a reader that must miss none reads the last seconds again, and knows entries by their id.
//! - After a dump was restored into another PostgreSQL, the numbers of transactions begin anew,
//!   lower than those of the rows. A reader that keeps a position there begins again after the
//!   highest id that it has.

use crate::stored::StoredEntry;
use coffer_storage::{Result, Store, values};

/// Where an entry stands in the order of commits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Position {
    /// The number of its transaction; 0 in an embedded store.
    pub xact: i64,
    /// Its number.
    pub id: i64,
}

/// The next entries after a position, at most `most`, in the order of commits; of one part of a
/// store that is spread. What is not yet certain to be all is not among them.
///
/// # Errors
/// When the store cannot be read.
pub async fn after(
    store: &Store,
    position: Position,
    most: i64,
) -> Result<Vec<(Position, StoredEntry)>> {
    let rows = match store.oldest_open_transaction().await? {
        None => store.query_part(BY_ID, &values![position.id, most]).await?,
        Some(oldest) => {
            let Position { xact, id } = position;
            store.query_part(BY_XACT, &values![xact, id, oldest, most]).await?
        }
    };
    let entry = |row: coffer_storage::Row| {
        let xact = row.int(0)?;
        let entry = StoredEntry::of(row, 1)?;
        Ok((Position { xact, id: entry.id }, entry))
    };
    rows.into_iter().map(entry).collect()
}

const BY_ID: &str = "SELECT 0, id, format, at, server, request, actor_kind, actor, bound_user, \
     peer, mode, app, account, operation, subject, scope, name_fingerprint, name, fingerprint, \
     outcome, status, reason, amount, detail FROM audit_entry WHERE id > ? ORDER BY id LIMIT ?";

const BY_XACT: &str = "SELECT xact, id, format, at, server, request, actor_kind, actor, \
     bound_user, peer, mode, app, account, operation, subject, scope, name_fingerprint, name, \
     fingerprint, outcome, status, reason, amount, detail FROM audit_entry \
     WHERE (xact, id) > (?, ?) AND xact < ? ORDER BY xact, id LIMIT ?";
