//! Deleting many rows in small transactions, whatever room they belong to.

use crate::store::{SweepRows, tenant_values};
use coffer_base::Tenant;
use coffer_storage::{StorageError, Store, Value};

pub use crate::store::{ERASE, Sweep};

/// Deletes all rows that `params` choose, in batches, and says how many there were.
///
/// # Errors
/// [`StorageError`] of the engine; what was deleted stays so, and a second call goes on.
pub async fn sweep(store: &Store, sweep: Sweep, params: &[Value]) -> Result<u64, StorageError> {
    let mut deleted = 0u64;
    loop {
        let rows = store.write(SweepRows::new(sweep, params.to_vec())).await?;
        deleted = deleted.saturating_add(rows);
        if rows == 0 {
            return Ok(deleted);
        }
    }
}

/// Deletes all rows of `tenant` that `sweeps` reach; their `select` takes mode, app, account.
///
/// # Errors
/// As [`sweep`].
pub async fn erase_tenant(
    store: &Store,
    tenant: &Tenant,
    sweeps: &[Sweep],
) -> Result<u64, StorageError> {
    let mut erased = 0u64;
    for one in sweeps {
        let rows = sweep(store, *one, &tenant_values(tenant)).await?;
        erased = erased.saturating_add(rows);
    }
    Ok(erased)
}
