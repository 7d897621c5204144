//! The SQL of what expires soon, whoever's it is.

use crate::announced::Announced;
use coffer_base::{Tenant, Timestamp};
use coffer_kernel::tenant_of_row;
use coffer_storage::{StorageError, Store, values};

/// A secret that expires, without its name and payload.
pub(crate) struct Expiring {
    pub(crate) tenant: Tenant,
    pub(crate) id: String,
    pub(crate) user: Option<String>,
    pub(crate) expires_at: Timestamp,
}

/// Those of one state of announcing, so that an index answers in its order.
const EXPIRING: &str = "SELECT mode, app, account, id, scope_user, expires_at FROM secret \
     WHERE announced = ? AND expires_at > ? AND expires_at <= ? ORDER BY expires_at LIMIT ?";

/// The secrets of all tenants that expire after `from` and not after `until`, the first `most` of
/// them in the order in which they do. It reads at most three times `most` rows of each part of the
/// store, however many secrets there are.
///
/// # Errors
/// When the store fails.
pub(crate) async fn expiring(
    store: &Store,
    from: Timestamp,
    until: Timestamp,
    most: usize,
) -> Result<Vec<Expiring>, StorageError> {
    let rows = i64::try_from(most).unwrap_or(i64::MAX);
    let mut found = Vec::new();
    for part in store.in_turn().parts().await? {
        for state in Announced::ALL {
            let params = values![state.code(), from, until, rows];
            for mut row in part.query_part(EXPIRING, &params).await? {
                found.push(Expiring {
                    tenant: tenant_of_row(&row)?,
                    id: row.take_text(3)?,
                    user: row.optional_text(4)?.map(str::to_owned),
                    expires_at: Timestamp::from_unix(row.int(5)?),
                });
            }
        }
    }
    found.sort_by(|a, b| (a.expires_at, &a.id).cmp(&(b.expires_at, &b.id)));
    found.truncate(most);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MIGRATIONS;
    use coffer_kernel::testing::plan;
    use coffer_storage::Options;

    /// However many secrets there are, it reads as many as it shows.
    #[tokio::test]
    async fn what_expires_is_read_in_the_order_of_its_index_and_no_further() {
        let directory = tempfile::tempdir().unwrap();
        let (path, now) = (directory.path().join("data.db"), Timestamp::from_unix(1_800_000_000));
        let (store, _) = Store::open_sqlite(&path, &[MIGRATIONS], now, Options::default()).unwrap();
        let steps = plan(&store, EXPIRING, 4).await.unwrap();
        let [step] = &*steps else { panic!("it sorts, or looks elsewhere: {steps:#?}") };
        let by_index = "SEARCH secret USING INDEX secret_by_expiry \
                        (announced=? AND expires_at>? AND expires_at<?)";
        assert_eq!(step, by_index);
        assert!(EXPIRING.ends_with("LIMIT ?"));
    }
}
