//! The SQL of revocations that are on their way to the key store.

use super::{Result, next_seq};
use crate::limits;
use crate::row_mac::{REVOCATION, RowMac};
use coffer_base::Timestamp;
use coffer_keyring::Revocation;
use coffer_storage::{Row, Store, Tx, Value, Work, values};

/// Lists the end of everything that `subject` has up to `floor`.
pub(crate) fn list_revocation(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    subject: String,
    floor: i64,
    expires_at: Option<Timestamp>,
) {
    let row = mac.with_mac(&REVOCATION, values![subject, floor, expires_at]);
    tx.defer(
        "INSERT INTO pending_revocation (subject, floor, expires_at, mac) VALUES (?, ?, ?, ?) \
         ON CONFLICT (subject, floor) DO UPDATE \
         SET expires_at = excluded.expires_at, mac = excluded.mac",
        row,
    );
}

/// Lists the end of all that `subject` has until now; returns that place.
pub(crate) async fn end(tx: &mut Tx<'_>, mac: &RowMac, subject: String) -> Result<i64> {
    let floor = next_seq(tx).await?;
    list_revocation(tx, mac, subject, floor, None);
    Ok(floor)
}

/// Revocations that are listed.
pub(crate) struct Pending {
    /// Subject and floor of each row, whatever they hold.
    pub(crate) rows: Vec<Vec<Value>>,
    /// Those whose MAC is right.
    pub(crate) valid: Vec<Revocation>,
}

/// The next revocations that are listed.
pub(crate) async fn pending_revocations(store: &Store, mac: &RowMac) -> Result<Pending> {
    let sql = "SELECT subject, floor, expires_at, mac FROM pending_revocation \
               ORDER BY subject, floor LIMIT ?";
    let rows = store.query(sql, &values![limits::REVOCATIONS_AT_ONCE]).await?;
    let mut pending = Pending { rows: Vec::new(), valid: Vec::new() };
    for row in &rows {
        pending.rows.push(row.values(0..2).unwrap_or_default().to_vec());
        if mac.is_valid(&REVOCATION, row, 0) {
            pending.valid.push(revocation(row)?);
        }
    }
    Ok(pending)
}

fn revocation(row: &Row) -> Result<Revocation> {
    Ok(Revocation {
        subject: row.text(0)?.to_owned(),
        floor: row.int(1)?,
        expires_at: row.optional_int(2)?.map(Timestamp::from_unix),
    })
}

/// Takes revocations off the list.
pub(crate) struct ForgetRevocations(pub(crate) Vec<Vec<Value>>);

impl Work for ForgetRevocations {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        for key in &self.0 {
            let sql = "DELETE FROM pending_revocation WHERE subject = ? AND floor = ?";
            tx.defer(sql, key.clone());
        }
        Ok(())
    }
}

/// Raises the place of new rows above `floor`: data that was restored from a backup would otherwise
/// give new rows places that were revoked since.
pub(crate) struct RaiseSequence(pub(crate) i64);

impl Work for RaiseSequence {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        tx.execute(
            "INSERT INTO identity_sequence (singleton, seq) VALUES (1, ?) \
             ON CONFLICT (singleton) DO UPDATE SET seq = excluded.seq \
             WHERE excluded.seq > identity_sequence.seq",
            &values![self.0],
        )
        .await
        .map(drop)
    }
}

/// The last place that was given to a row; 0 if none was.
pub(crate) async fn last_seq(store: &Store) -> Result<i64> {
    let rows = store.query("SELECT seq FROM identity_sequence", &[]).await?;
    rows.first().map_or(Ok(0), |row| row.int(0))
}
