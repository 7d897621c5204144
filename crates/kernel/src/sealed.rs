//! Tables with sealed values: how all of them are read, opened, and sealed anew.

use crate::store::tenant_of_row;
use coffer_base::{Tenant, limit};
use coffer_keyring::{AssociatedData, Keyring, KeyringError, TenantKeys};
use coffer_storage::{Row, Statement, StorageError, Store, Tx, Value, Work, values};

/// A table of which one column is sealed under the tenant's key. Its rows have a slot
/// ([`coffer_base::Slots`]), and a digest that no other row of the tenant has.
#[derive(Clone, Copy)]
pub struct SealedTable {
    /// Selects the next rows of all tenants behind a place: mode, app, account, slot, digest, the
    /// sealed value, and whatever [`Self::bound_to`] needs. Its parameters are the slot, account
    /// and digest of the place, the last slot, and how many rows.
    pub next: &'static str,
    /// Puts another sealed value into a row, if it still has the one that it had. Its parameters
    /// are the new value, slot, mode, app, account, digest, and the value that it had.
    pub replace: &'static str,
    /// Counts the rows whose slots are between two.
    pub count: &'static str,
    /// What the sealed value of a row of [`Self::next`] is bound to.
    pub bound_to: fn(&TenantKeys, &Row) -> Result<AssociatedData, StorageError>,
}

/// Rows with slots from one to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SlotRange {
    pub(crate) first: i64,
    pub(crate) last: i64,
}

impl SlotRange {
    /// All rows.
    pub(crate) const ALL: Self = Self { first: i64::MIN, last: i64::MAX };

    /// The place before its first row.
    pub(crate) fn start(self) -> [Value; 3] {
        values![self.first, "", b""]
    }
}

/// A row of [`SealedTable::next`].
pub(crate) struct SealedRow {
    pub(crate) tenant: Tenant,
    row: Row,
}

impl SealedRow {
    /// Where the next page begins.
    pub(crate) fn place(&self) -> Result<[Value; 3], StorageError> {
        Ok(values![self.slot()?, &self.tenant.account, self.row.blob(4)?])
    }

    pub(crate) fn slot(&self) -> Result<i64, StorageError> {
        self.row.int(3)
    }

    pub(crate) fn sealed(&self) -> Result<&[u8], StorageError> {
        self.row.blob(5)
    }

    /// The parameters of [`SealedTable::replace`].
    fn replacement(&self, sealed: Vec<u8>) -> Result<Vec<Value>, StorageError> {
        let Tenant { mode, app, account } = &self.tenant;
        let (slot, digest, before) = (self.slot()?, self.row.blob(4)?, self.sealed()?);
        Ok(values![sealed, slot, *mode, app, account, digest, before].into())
    }
}

impl SealedTable {
    /// The next rows of a part of a store.
    pub(crate) async fn page(
        &self,
        part: &Store,
        [slot, account, digest]: [Value; 3],
        last: i64,
        rows: i64,
    ) -> Result<Vec<SealedRow>, StorageError> {
        let params = values![slot, account, digest, last, rows];
        let rows = part.query_part(self.next, &params).await?;
        let of_tenant = |row| Ok(SealedRow { tenant: tenant_of_row(&row)?, row });
        rows.into_iter().map(of_tenant).collect()
    }

    /// How many rows a part of a store has.
    pub(crate) async fn count(&self, part: &Store, range: SlotRange) -> Result<i64, StorageError> {
        let rows = part.scan(self.count, &values![range.first, range.last]).await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }

    /// The value of a row, sealed under the newest key of its tenant: the parameters of
    /// [`Self::replace`].
    ///
    /// # Errors
    /// [`KeyringError`] if it does not open.
    pub(crate) fn resealed(
        &self,
        keys: &TenantKeys,
        of: &SealedRow,
    ) -> Result<Vec<Value>, KeyringError> {
        let sealed = keys.reseal(&(self.bound_to)(keys, &of.row)?, of.sealed()?)?;
        Ok(of.replacement(sealed)?)
    }

    /// Opens all values of all tenants, and counts them.
    ///
    /// # Errors
    /// [`KeyringError`] of the first that does not open: its key is missing, or it was changed, or
    /// it stands where it does not belong.
    pub async fn open_all(&self, data: &Store, keyring: &Keyring) -> Result<u64, KeyringError> {
        let mut opened = 0u64;
        for part in data.parts().await? {
            let mut place = SlotRange::ALL.start();
            loop {
                let page = self.page(&part, place, i64::MAX, limit::JOB_BATCH).await?;
                let Some(last) = page.last() else { break };
                place = last.place()?;
                for row in &page {
                    let keys = keyring.existing(&row.tenant).await?;
                    let keys = keys.ok_or(KeyringError::KeysLost)?;
                    keys.open(&(self.bound_to)(&keys, &row.row)?, row.sealed()?)?;
                    opened = opened.saturating_add(1);
                }
            }
        }
        Ok(opened)
    }
}

/// Replaces sealed values by the same sealed anew, each if its row still has what it had: what was
/// set, deleted or expired meanwhile stays so.
pub(crate) struct ReplaceSealed {
    pub(crate) replace: &'static str,
    /// The parameters of each.
    pub(crate) rows: Vec<Vec<Value>>,
}

impl Work for ReplaceSealed {
    type Out = ();

    fn of_many_accounts(&self) -> bool {
        true
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        let sql = self.replace;
        let rows = self.rows.iter().map(|params| Statement { sql, params });
        tx.batch(&rows.collect::<Vec<_>>()).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::idempotency::SEALED;
    use crate::store::{MIGRATIONS, Record, insert_record};
    use coffer_base::{AccountId, AppId, Mode, Timestamp};
    use coffer_storage::Options;

    const NOW: Timestamp = Timestamp::from_unix(1);

    fn tenant() -> Tenant {
        let (app, account) = (AppId::parse("app_1").unwrap(), AccountId::parse("acct_1").unwrap());
        Tenant { mode: Mode::Live, app, account }
    }

    /// What another writer does between the read and the replacement.
    enum Between {
        Insert,
        Statement(&'static str),
        Nothing,
    }

    impl Work for Between {
        type Out = ();

        async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
            match self {
                Self::Insert => {
                    let (operation, parameters) = ("x".to_owned(), Vec::new());
                    let (request, response) = ("req".to_owned(), b"read".to_vec());
                    let record = Record { operation, parameters, request, response };
                    insert_record(tx, &tenant(), &[7; 16], record, NOW);
                }
                Self::Statement(sql) => drop(tx.execute(sql, &values!["acct_1"]).await?),
                Self::Nothing => {}
            }
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_value_is_replaced_only_if_it_is_what_was_read() {
        let set = "UPDATE idempotency_record SET response = CAST('set' AS BLOB) WHERE account = ?";
        let deleted = "DELETE FROM idempotency_record WHERE account = ?";
        for (between, expected) in [
            (Between::Nothing, Some("anew")),
            (Between::Statement(set), Some("set")),
            (Between::Statement(deleted), None),
        ] {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join("data.db");
            let (store, _) =
                Store::open_sqlite(&path, &[MIGRATIONS], NOW, Options::default()).unwrap();
            store.write(Between::Insert).await.unwrap();
            let page = SEALED.page(&store, SlotRange::ALL.start(), i64::MAX, 10).await.unwrap();
            store.write(between).await.unwrap();
            let rows = vec![page[0].replacement(b"anew".to_vec()).unwrap()];
            store.write(ReplaceSealed { replace: SEALED.replace, rows }).await.unwrap();
            let after = SEALED.page(&store, SlotRange::ALL.start(), i64::MAX, 10).await.unwrap();
            let found = after.first().map(|row| row.sealed().unwrap().to_vec());
            assert_eq!(found, expected.map(|text| text.as_bytes().to_vec()));
        }
    }
}
