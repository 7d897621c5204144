//! How far the audit was sent to each of its receivers, and which server sends it.

use coffer_base::Timestamp;
use coffer_storage::{Result, Store, Tx, Work, values};

/// How far a receiver has the audit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shipment {
    /// The receiver.
    pub receiver: String,
    /// The number of the last entry that it has acknowledged.
    pub shipped: u64,
    /// When that was.
    pub at: Timestamp,
}

/// How far each receiver has the audit that ever had any of it.
///
/// # Errors
/// When the store cannot be read.
pub async fn shipments(store: &Store) -> Result<Vec<Shipment>> {
    let sql = "SELECT receiver, shipped, at FROM audit_shipment ORDER BY receiver";
    let rows = store.query(sql, &[]).await?;
    let read = |row: &coffer_storage::Row| {
        Ok(Shipment {
            receiver: row.text(0)?.to_owned(),
            shipped: u64::try_from(row.int(1)?).unwrap_or(0),
            at: Timestamp::from_unix(row.int(2)?),
        })
    };
    rows.iter().map(read).collect()
}

/// A receiver that has less of the log than its first `up_to` entries, and how many it has; `None`
/// if every one that ever had any has these.
///
/// # Errors
/// If the statement fails, which fails the transaction.
pub async fn behind(tx: &mut Tx<'_>, up_to: u64) -> Result<Option<(String, u64)>> {
    let up_to = i64::try_from(up_to).unwrap_or(i64::MAX);
    let sql = "SELECT receiver, shipped FROM audit_shipment WHERE shipped < ? \
               ORDER BY shipped, receiver LIMIT 1";
    let rows = tx.query(sql, &values![up_to]).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some((row.text(0)?.to_owned(), u64::try_from(row.int(1)?).unwrap_or(0))))
}

/// Takes over the shipment to a receiver, or goes on with it, and records what it has acknowledged.
/// Of several servers that share a store one ships: it holds the shipment until `held_until`, by
/// the clocks of servers. If those differ, two may ship the same entries, and none is left out. A
/// hold that ends later than two holds from now was taken by a clock that was wrong, and counts for
/// nothing: else the audit would not be shipped before that time has really come.
pub struct HoldShipment {
    /// The receiver.
    pub receiver: String,
    /// The server that ships.
    pub server: String,
    /// What was acknowledged; `None` if nothing was since the last time.
    pub shipped: Option<u64>,
    /// The time.
    pub now: Timestamp,
    /// Until when no other server ships.
    pub held_until: Timestamp,
}

impl Work for HoldShipment {
    /// How far the receiver has the audit; `None` if another server ships to it.
    type Out = Option<u64>;

    fn of_many_accounts(&self) -> bool {
        true
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Option<u64>> {
        let Self { receiver, server, shipped, .. } = self;
        let (now, held_until) = (self.now, self.held_until);
        let hold = held_until.unix().saturating_sub(now.unix());
        let no_longer_than = held_until.plus(hold);
        let sql = "INSERT INTO audit_shipment (receiver, shipped, at, server, held_until) \
                   VALUES (?, 0, ?, ?, ?) ON CONFLICT (receiver) DO UPDATE SET \
                   server = excluded.server, held_until = excluded.held_until \
                   WHERE audit_shipment.server = excluded.server \
                   OR audit_shipment.held_until <= ? OR audit_shipment.held_until > ?";
        let params = values![receiver, now, server, held_until, now, no_longer_than];
        if tx.execute(sql, &params).await? == 0 {
            return Ok(None);
        }
        if let Some(shipped) = shipped {
            let shipped = i64::try_from(*shipped).unwrap_or(i64::MAX);
            let sql = "UPDATE audit_shipment SET shipped = ?, at = ? \
                       WHERE receiver = ? AND shipped < ?";
            tx.execute(sql, &values![shipped, now, receiver, shipped]).await?;
        }
        let sql = "SELECT shipped FROM audit_shipment WHERE receiver = ?";
        let rows = tx.query(sql, &values![receiver]).await?;
        let shipped = rows.first().map(|row| row.int(0)).transpose()?.unwrap_or(0);
        Ok(Some(u64::try_from(shipped).unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MIGRATIONS;
    use coffer_storage::Options;

    const NOW: i64 = 1_800_000_000;
    const HOLD: i64 = 30;

    async fn hold(store: &Store, server: &str, now: i64, shipped: Option<u64>) -> Option<u64> {
        let now = Timestamp::from_unix(now);
        let hold = HoldShipment {
            receiver: "file:a".to_owned(),
            server: server.to_owned(),
            shipped,
            now,
            held_until: now.plus(HOLD),
        };
        store.write(hold).await.unwrap()
    }

    #[tokio::test]
    async fn a_hold_counts_until_it_ends_but_not_one_of_a_clock_that_was_wrong() {
        let home = tempfile::tempdir().unwrap();
        let now = Timestamp::from_unix(NOW);
        let path = home.path().join("data.db");
        let (store, _) = Store::open_sqlite(&path, &[MIGRATIONS], now, Options::default()).unwrap();
        assert_eq!(hold(&store, "one", NOW, None).await, Some(0));
        assert_eq!(hold(&store, "one", NOW + 1, Some(7)).await, Some(7));
        assert_eq!(hold(&store, "two", NOW + 2, None).await, None, "it is held");
        // A clock that is ahead by less than a hold is an ordinary one.
        assert_eq!(hold(&store, "two", NOW + 1 - HOLD, None).await, None);
        assert_eq!(hold(&store, "two", NOW + 1 + HOLD, None).await, Some(7), "it has ended");

        // A server whose clock is a year ahead, and which is never heard of again.
        assert_eq!(hold(&store, "ahead", NOW + 365 * 86_400, None).await, Some(7));
        assert_eq!(hold(&store, "one", NOW + 60, None).await, Some(7));
        assert_eq!(hold(&store, "two", NOW + 61, None).await, None);
    }
}
