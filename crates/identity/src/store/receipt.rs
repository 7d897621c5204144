//! The SQL of receipts of erasures, and of what one user of an account has.

use super::{Result, account_id, app_id, corrupt, next_seq, revoke_key};
use crate::objects::{ErasureReceipt, Kind};
use crate::row_mac::RowMac;
use coffer_base::{AccountId, AppId, Tenant, Timestamp};
use coffer_kernel::{AuditEntry, AuditTarget, PagePosition, append_audit};
use coffer_keyring::{RotationPlan, begin_rotation};
use coffer_storage::{Row, Store, Tx, Work, values};

/// Selects whole receipts, in the order of columns that [`receipt`] reads.
macro_rules! select_receipts {
    ($condition:literal) => {
        concat!(
            "SELECT id, seq, request, account, user_id, created, epoch, done, rotation \
             FROM erasure_receipt WHERE ",
            $condition
        )
    };
}

fn receipt(row: &Row) -> Result<ErasureReceipt> {
    let done = row.optional_int(7)?.map(Timestamp::from_unix);
    Ok(ErasureReceipt {
        id: row.text(0)?.to_owned(),
        seq: row.int(1)?,
        request: row.text(2)?.to_owned(),
        account: account_id(row.text(3)?)?,
        user: row.optional_text(4)?.map(str::to_owned),
        created: Timestamp::from_unix(row.int(5)?),
        rotation: row.optional_int(8)?,
        epoch: row.optional_int(6)?,
        done,
    })
}

/// Adds a receipt at the next place of the list, and returns it with that place.
pub(crate) async fn insert_receipt(
    tx: &mut Tx<'_>,
    receipt: ErasureReceipt,
) -> Result<ErasureReceipt> {
    let receipt = ErasureReceipt { seq: next_seq(tx).await?, ..receipt };
    let ErasureReceipt { id, seq, request, account, user, created, .. } = &receipt;
    tx.defer(
        "INSERT INTO erasure_receipt (id, seq, request, account, user_id, created) \
         VALUES (?, ?, ?, ?, ?, ?)",
        values![id, *seq, request, account, user.as_deref(), *created],
    );
    Ok(receipt)
}

/// The receipt `id`.
pub(crate) async fn find_receipt(store: &Store, id: &str) -> Result<Option<ErasureReceipt>> {
    let rows = store.query(select_receipts!("id = ?"), &values![id]).await?;
    rows.first().map(receipt).transpose()
}

/// Receipts in the order of reading.
pub(crate) async fn list_receipts(
    store: &Store,
    position: PagePosition,
) -> Result<Vec<ErasureReceipt>> {
    let sql = if position.newer {
        select_receipts!("seq > ? ORDER BY seq ASC LIMIT ?")
    } else {
        select_receipts!("seq < ? ORDER BY seq DESC LIMIT ?")
    };
    store.query(sql, &values![position.seq, position.fetch]).await?.iter().map(receipt).collect()
}

/// The receipts of accounts whose keys are destroyed and that do not say so yet: those of
/// `request`, or of every request that has nothing listed for erasure any more if it is empty.
pub(crate) async fn open_receipts(store: &Store, request: &str) -> Result<Vec<ErasureReceipt>> {
    let sql = select_receipts!(
        "done IS NULL AND user_id IS NULL AND (request = ? OR (? = '' AND NOT EXISTS \
         (SELECT 1 FROM erasure WHERE erasure.request = erasure_receipt.request))) \
         ORDER BY seq LIMIT 500"
    );
    store.query(sql, &values![request, request]).await?.iter().map(receipt).collect()
}

/// The receipts of users that are not done.
pub(crate) async fn open_user_receipts(store: &Store) -> Result<Vec<ErasureReceipt>> {
    let sql = select_receipts!("done IS NULL AND user_id IS NOT NULL ORDER BY seq LIMIT 500");
    store.query(sql, &[]).await?.iter().map(receipt).collect()
}

/// Begins the rotation that destroys the keys under which a user's deleted rows were sealed, unless
/// another one is under way.
pub(crate) struct RotateForUser {
    pub(crate) receipt: ErasureReceipt,
    /// The rotation's number is above this.
    pub(crate) floor: i64,
    pub(crate) now: Timestamp,
}

impl Work for RotateForUser {
    type Out = ();

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let Self { receipt, floor, now } = self;
        let account = Some(receipt.account.name().to_owned());
        let plan = RotationPlan { tenants: true, fresh: true, account, ..RotationPlan::default() };
        let rotation = begin_rotation(tx, &plan, &receipt.request, *floor, *now).await?;
        if rotation.cause == receipt.request && rotation.plan == plan {
            let sql = "UPDATE erasure_receipt SET rotation = ? WHERE id = ? AND done IS NULL";
            tx.execute(sql, &values![rotation.number, &receipt.id]).await?;
        }
        Ok(())
    }
}

/// Completes a receipt, with its entry of the audit.
pub(crate) struct CompleteReceipt {
    pub(crate) receipt: ErasureReceipt,
    /// Of the key store.
    pub(crate) epoch: i64,
    pub(crate) now: Timestamp,
}

impl Work for CompleteReceipt {
    type Out = ();

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<()> {
        let Self { receipt, epoch, now } = self;
        let sql = "UPDATE erasure_receipt SET epoch = ?, done = ? WHERE id = ? AND done IS NULL";
        if tx.execute(sql, &values![*epoch, *now, &receipt.id]).await? == 0 {
            return Ok(());
        }
        let entry = AuditEntry {
            request: Some(receipt.request.as_str().into()),
            target: AuditTarget { subject: Some(receipt.id.clone()), ..AuditTarget::default() },
            detail: Some(format!("oldest_key_epoch {epoch}")),
            ..AuditEntry::of_program("program.erasures.complete", Tenant::system(), *now)
        };
        append_audit(tx, &entry);
        Ok(())
    }
}

/// The apps that keep something for an account: those that are or were installed there, and those
/// that it develops.
pub(crate) async fn apps_on(store: &Store, account: &AccountId) -> Result<Vec<AppId>> {
    let mut rows =
        store.query("SELECT app FROM install WHERE account = ?", &values![account]).await?;
    let sql = "SELECT id FROM app WHERE account = ?";
    rows.extend(store.query(sql, &values![account]).await?);
    let mut apps = rows.iter().map(|row| app_id(row.text(0)?)).collect::<Result<Vec<_>>>()?;
    apps.sort_by(|one, other| one.as_str().cmp(other.as_str()));
    apps.dedup();
    Ok(apps)
}

/// Revokes the ephemeral keys of one user of an account.
pub(crate) async fn revoke_user(
    tx: &mut Tx<'_>,
    mac: &RowMac,
    account: &AccountId,
    user: &str,
    now: Timestamp,
) -> Result<()> {
    let sql = select_keys!("account = ? AND user_id = ? AND revoked_at IS NULL ORDER BY seq");
    let rows = tx.query(sql, &values![account, user]).await?;
    for key in super::believed(&rows, |row| super::api_key(mac, row))? {
        if key.kind != Kind::Ephemeral {
            return Err(corrupt("a key of a user that is not ephemeral"));
        }
        revoke_key(tx, mac, &key, now).await?;
    }
    Ok(())
}
