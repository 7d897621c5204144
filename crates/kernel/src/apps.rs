//! Whose apps are whose, for work that no request started, and to which no principal came.

use crate::principal::Authenticate;
use coffer_base::{AccountId, AppId};
use coffer_storage::StorageError;
use std::sync::{Arc, OnceLock};

/// Who develops which app. It is put together with the jobs, before whoever knows it is, and knows
/// nothing until then. Cheap to clone.
#[derive(Clone, Default)]
pub struct Apps(Arc<OnceLock<Arc<dyn Authenticate>>>);

impl Apps {
    /// Asks `authenticate` from now on; a second one is ignored.
    pub fn ask(&self, authenticate: Arc<dyn Authenticate>) {
        let _ = self.0.set(authenticate);
    }

    /// The account that develops an app; `None` if there is no such app.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn developer_of(&self, app: &AppId) -> Result<Option<AccountId>, StorageError> {
        match self.0.get() {
            Some(authenticate) => authenticate.developer_of(app.as_str()).await,
            None => Ok(None),
        }
    }

    /// The apps that an account develops.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn of_developer(&self, account: &AccountId) -> Result<Vec<AppId>, StorageError> {
        match self.0.get() {
            Some(authenticate) => authenticate.apps_of(account.as_str()).await,
            None => Ok(Vec::new()),
        }
    }
}
