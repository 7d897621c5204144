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

/// Takes over the shipment to a receiver, or goes on with it, and records what it has acknowledged.
/// Of several servers that share a store one ships: it holds the shipment until `held_until`, by
/// the clocks of servers. If those differ, two may ship the same entries, and none is left out.
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
        let sql = "INSERT INTO audit_shipment (receiver, shipped, at, server, held_until) \
                   VALUES (?, 0, ?, ?, ?) ON CONFLICT (receiver) DO UPDATE SET \
                   server = excluded.server, held_until = excluded.held_until \
                   WHERE audit_shipment.server = excluded.server \
                   OR audit_shipment.held_until <= ?";
        if tx.execute(sql, &values![receiver, now, server, held_until, now]).await? == 0 {
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
