//! Whether a caller who was accepted may still write, asked inside the transaction: the key may
//! have expired or been revoked, and its app uninstalled, while the body was on its way.

use crate::authorize::check_evidence;
use crate::principal::{Authenticate, Evidence, Principal};
use coffer_base::Clock;
use coffer_dialect::ApiError;
use coffer_storage::{Query, StorageError, Tx, Work};
use std::sync::Arc;

/// Asks it for one caller; alone, it is a unit of work that changes nothing.
pub(crate) struct Reauthorization {
    pub(crate) authenticate: Arc<dyn Authenticate>,
    pub(crate) principal: Arc<Principal>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Reauthorization {
    /// What to ask the store.
    pub(crate) fn evidence(&self) -> Vec<(Evidence, Query)> {
        self.authenticate.evidence(&self.principal)
    }

    /// Whether the caller may go on, by the time now and what the store has answered.
    ///
    /// # Errors
    /// 401 if the key has expired or was revoked, 403 if its app is no longer on the account.
    pub(crate) fn check(
        &self,
        found: impl IntoIterator<Item = (Evidence, bool)>,
    ) -> Result<(), ApiError> {
        check_evidence(&self.principal, self.clock.now_of(&self.principal.platform), found)
    }
}

impl Work for Reauthorization {
    type Out = Result<(), ApiError>;

    fn grows(&self) -> bool {
        false
    }

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Out, StorageError> {
        let mut found = Vec::new();
        for (evidence, Query { sql, params }) in self.evidence() {
            found.push((evidence, !tx.query(sql, &params).await?.is_empty()));
        }
        Ok(self.check(found))
    }
}
