//! Erasing a tenant's rows, in small transactions, whatever family they belong to.

use crate::store::EraseRows;
use coffer_base::{Tenant, limit};
use coffer_storage::{StorageError, Store};

pub use crate::store::ERASE;

/// Deletes all rows of `tenant` that `statements` reach, and says how many there were. Each
/// statement deletes a batch and takes mode, app, account and the size of the batch.
///
/// # Errors
/// [`StorageError`] of the engine; what was deleted stays so, and a second call goes on.
pub async fn erase_tenant(
    store: &Store,
    tenant: &Tenant,
    statements: &[&'static str],
) -> Result<u64, StorageError> {
    let mut erased = 0u64;
    for statement in statements {
        loop {
            let work = EraseRows { tenant: tenant.clone(), statement, limit: limit::JOB_BATCH };
            let rows = store.write(work).await?;
            erased = erased.saturating_add(rows);
            if rows == 0 {
                break;
            }
        }
    }
    Ok(erased)
}
