//! Emptying an app, between two runs of a test suite in developer mode.
//!
//! The app keeps its id and its keys, and is from then on developed by a new account. Ledgers,
//! events and the clock belong to the account that develops an app, so those of the new one are
//! empty, and nothing of a ledger is deleted, which its triggers would refuse. What the app keeps
//! for accounts is erased as when it is deleted, its installs are forgotten, and so are the
//! ephemeral keys.

use crate::objects::{Account, App};
use crate::operations::Shared;
use crate::store::{self, Purge};
use coffer_base::{AccountId, AppId};
use coffer_dialect::ApiError;
use coffer_kernel::{Ctx, Failure};
use coffer_storage::Tx;

/// Empties apps.
pub struct ResetApp(Shared);

/// What became of the account that developed the app before.
pub struct Reset {
    /// The app that was emptied.
    pub app: AppId,
    /// The account, if it is gone: nobody else needed it.
    pub gone: Option<AccountId>,
}

impl ResetApp {
    pub(crate) fn new(shared: Shared) -> Self {
        Self(shared)
    }

    /// Empties the caller's app, as a part of the caller's transaction.
    ///
    /// # Errors
    /// A 404 if the app is being deleted; when the store fails.
    pub async fn apply(&self, ctx: &Ctx, tx: &mut Tx<'_>) -> Result<Reset, Failure> {
        let (mac, id) = (&self.0.mac, &ctx.tenant().app);
        let Some(app) = store::find_app_in(tx, mac, id.as_str()).await? else {
            return Err(ApiError::not_found("app", id.as_str(), "id").into());
        };
        let before = store::find_account_in(tx, mac, app.account.as_str()).await?;
        let account = Account {
            id: AccountId::random(ctx.random()),
            seq: store::next_seq(tx).await?,
            name: before.map(|before| before.name).unwrap_or_default(),
            created: ctx.now(),
        };
        store::insert_account(tx, mac, &account).await?;
        store::empty_app(tx, mac, &app, Purge::by(ctx)).await?;
        let moved = App { account: account.id, ..app.clone() };
        store::update_app(tx, mac, &moved).await?;
        let gone = store::delete_unused_account(tx, &app.account).await?.then_some(app.account);
        Ok(Reset { app: app.id, gone })
    }

    /// Erases what was listed for it, all of it before the response, so that the app can be used
    /// again at once. Call it after the commit.
    ///
    /// # Errors
    /// An unknown outcome if a store fails. The job then goes on.
    pub async fn finish(&self) -> Result<(), ApiError> {
        self.0.settle().await;
        let erased = self.0.eraser.erase(&self.0.store).await;
        erased.map(drop).map_err(|error| ApiError::unknown_outcome(error.to_string()))
    }
}
