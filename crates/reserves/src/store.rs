//! The SQL of the family, one file for each part of it.

pub(crate) mod charge;
pub(crate) mod dispute;
pub(crate) mod hold;
pub(crate) mod ledger;
pub(crate) mod payout;
pub(crate) mod plan;
pub(crate) mod refund;
pub(crate) mod release;
pub(crate) mod sweep;
pub(crate) mod verify;

use coffer_base::id::AccountId;
use coffer_base::{Currency, Mode, Owner};
use coffer_kernel::PagePosition;
use coffer_storage::{Row, StorageError, Value};

/// The two statements of a list, `(newer, older)`: `$select` from its start to the conditions on
/// the owner's rows. Their parameters are the owner, ?4 the position, ?5 how many rows, and from
/// ?6 on those of `$narrowed`: see [`page_values`].
macro_rules! pages {
    ($select:expr, $narrowed:literal) => {
        (
            concat!(
                $select,
                " WHERE mode = ?1 AND platform = ?2 AND account = ?3 AND seq > ?4 ",
                $narrowed,
                " ORDER BY seq ASC LIMIT ?5"
            ),
            concat!(
                $select,
                " WHERE mode = ?1 AND platform = ?2 AND account = ?3 AND seq < ?4 ",
                $narrowed,
                " ORDER BY seq DESC LIMIT ?5"
            ),
        )
    };
}
pub(crate) use pages;

/// The first parameters of a statement of [`pages`].
pub(crate) fn page_values(owner: &Owner, position: PagePosition) -> Vec<Value> {
    let place = [Value::Int(position.seq), Value::Int(position.fetch)];
    owner_values(owner).into_iter().chain(place).collect()
}

/// What every row and every lookup begins with.
pub(crate) fn owner_values(owner: &Owner) -> [Value; 3] {
    [
        Value::Int(owner.mode.code()),
        Value::from(owner.platform.as_str()),
        Value::from(owner.account.as_str()),
    ]
}

/// The values of a statement that begins with the owner.
pub(crate) fn of_owner<const N: usize>(owner: &Owner, values: [Value; N]) -> Vec<Value> {
    owner_values(owner).into_iter().chain(values).collect()
}

/// The owner in a row, from a column on.
pub(crate) fn owner(row: &Row, first: usize) -> Result<Owner, StorageError> {
    let account = |column: usize| {
        AccountId::parse(row.text(column)?).map_err(|_| corrupt("a row has no account of ours"))
    };
    Ok(Owner {
        mode: Mode::from_code(row.int(first)?).ok_or_else(|| corrupt("a row has no mode"))?,
        platform: account(first.saturating_add(1))?,
        account: account(first.saturating_add(2))?,
    })
}

/// A row that is not what the schema promises.
pub(crate) fn corrupt(what: &str) -> StorageError {
    StorageError::Corrupt(what.to_owned().into())
}

/// A column that holds a currency.
pub(crate) fn currency(row: &Row, column: usize) -> Result<Currency, StorageError> {
    Currency::parse(row.text(column)?).ok_or_else(|| corrupt("a row has no currency of ours"))
}
