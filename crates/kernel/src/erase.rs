//! Deleting many rows in small transactions, whatever room they belong to.

use crate::store::{SweepRows, tenant_values};
use coffer_base::Tenant;
use coffer_storage::{Query, StorageError, Store, Value};

pub use crate::store::{ERASE, Sweep};

/// Deletes all rows that `params` choose, in batches, and says how many there were.
///
/// # Errors
/// [`StorageError`] of the engine; what was deleted stays so, and a second call goes on.
pub async fn sweep(store: &Store, sweep: Sweep, params: &[Value]) -> Result<u64, StorageError> {
    sweep_while(store, sweep, params, None).await
}

async fn sweep_while(
    store: &Store,
    sweep: Sweep,
    params: &[Value],
    condition: Option<&Query>,
) -> Result<u64, StorageError> {
    let mut deleted = 0u64;
    loop {
        let batch = SweepRows::new(sweep, params.to_vec()).on(condition);
        let rows = store.write(batch).await?;
        deleted = deleted.saturating_add(rows);
        if rows == 0 {
            return Ok(deleted);
        }
    }
}

/// Deletes all rows of `tenant` that `sweeps` reach; their `select` takes mode, app, account. Each
/// batch asks `condition` first, in its own transaction, and nothing more is deleted once that
/// finds no row.
///
/// # Errors
/// As [`sweep`].
pub async fn erase_tenant(
    store: &Store,
    tenant: &Tenant,
    sweeps: &[Sweep],
    condition: &Query,
) -> Result<u64, StorageError> {
    let mut erased = 0u64;
    for one in sweeps {
        let rows = sweep_while(store, *one, &tenant_values(tenant), Some(condition)).await?;
        erased = erased.saturating_add(rows);
    }
    Ok(erased)
}
