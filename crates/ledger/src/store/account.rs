//! The SQL that finds accounts of a platform.

use coffer_base::id::AccountId;
use coffer_base::{Currency, Mode, Owner};
use coffer_storage::{StorageError, Store, Value, values};

/// What a list of accounts is narrowed to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Filter {
    /// Accounts that have a balance in it.
    pub(crate) currency: Option<Currency>,
    /// Accounts of which a pool is below zero.
    pub(crate) negative: bool,
}

/// Where a page of accounts begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start<'a> {
    /// The account before it, or after it; empty for the first page.
    pub(crate) account: &'a str,
    /// Whether it holds the accounts before that one.
    pub(crate) before: bool,
    /// The only one that may be on it, if there is one.
    pub(crate) only: Option<&'a AccountId>,
    /// How many to read.
    pub(crate) fetch: i64,
}

/// The accounts of a platform, by their ids, from all parts of the store.
pub(crate) async fn page(
    store: &Store,
    (mode, platform): (Mode, &AccountId),
    filter: &Filter,
    from: Start<'_>,
) -> Result<Vec<Owner>, StorageError> {
    let sql = if from.before {
        "SELECT account FROM ledger_balance WHERE mode = ?1 AND platform = ?2 AND account < ?3 \
         AND (currency = ?4 OR ?4 IS NULL) \
         AND (?5 = 0 OR payments_pending + payments_available < 0) \
         AND (account = ?7 OR ?7 IS NULL) \
         GROUP BY account ORDER BY account DESC LIMIT ?6"
    } else {
        "SELECT account FROM ledger_balance WHERE mode = ?1 AND platform = ?2 AND account > ?3 \
         AND (currency = ?4 OR ?4 IS NULL) \
         AND (?5 = 0 OR payments_pending + payments_available < 0) \
         AND (account = ?7 OR ?7 IS NULL) \
         GROUP BY account ORDER BY account LIMIT ?6"
    };
    let values: Vec<Value> = Vec::from(values![
        mode.code(),
        platform.as_str(),
        from.account,
        filter.currency.as_ref().map(Currency::as_str),
        filter.negative,
        from.fetch,
        from.only.map(AccountId::as_str)
    ]);
    let mut owners = Vec::new();
    for part in store.parts().await? {
        for row in part.query_part(sql, &values).await? {
            let account = AccountId::parse(row.text(0)?)
                .map_err(|_| crate::sql::corrupt("a row has no valid account"))?;
            owners.push(Owner { mode, platform: platform.clone(), account });
        }
    }
    owners.sort();
    if from.before {
        owners.reverse();
    }
    owners.truncate(usize::try_from(from.fetch).unwrap_or_default());
    Ok(owners)
}
