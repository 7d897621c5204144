//! `/v1/admin/accounts/:id/purge`, `/v1/admin/accounts/:id/users/purge` and `/v1/admin/erasures`:
//! erasing an account or one of its users, with a receipt.
//!
//! The keys of what is erased are destroyed after the transaction, and the receipt then says from
//! which epoch of the key store on its copies hold none of them: whoever has older copies still has
//! the keys, and deletes those copies. A user has no keys of its own: the account's keys are
//! rotated, and those from before destroyed.

use super::Shared;
use crate::objects::ErasureReceipt;
use crate::{store, wire};
use coffer_base::limit;
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{
    Access, Applied, Arguments, Collection, Committed, Ctx, Definition, Example, Failure,
    PagePosition, Routes, WriteOperation,
};
use coffer_storage::{StorageError, Store, Tx};

const KIND: &str = "erasure";

pub(super) fn register(routes: &mut Routes, shared: &Shared) {
    routes
        .write(PurgeAccount(shared.clone()))
        .write(PurgeUser(shared.clone()))
        .collection(Erasures);
}

/// Erases an account as its deletion does, and answers with a receipt.
struct PurgeAccount(Shared);

impl WriteOperation for PurgeAccount {
    const DEFINITION: Definition =
        Definition::post("admin.accounts.purge", "/v1/admin/accounts/:id/purge", Access::Admin)
            .continues()
            .shrinks()
            .of_many_accounts()
            .example(Example::EMPTY.on("admin.accounts.create"));
    type Input = String;
    type Out = ErasureReceipt;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<String, ApiError> {
        arguments.params.only(&[])?;
        Ok(arguments.id().to_owned())
    }

    async fn apply(
        &self,
        id: &String,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<ErasureReceipt>, Failure> {
        let Some(account) = store::find_account_in(tx, &self.0.mac, id).await? else {
            return Err(ApiError::not_found("account", id, "id").into());
        };
        self.0.end_installs_of_account(tx, ctx, &account.id).await?;
        store::purge_account(tx, &self.0.mac, &account.id, store::Purge::by(ctx)).await?;
        let receipt = ErasureReceipt::of(ctx, account.id, None);
        let receipt = store::insert_receipt(tx, receipt).await?;
        Ok(Applied { out: receipt, subject: id.clone(), fingerprint: None })
    }

    fn render(&self, receipt: &ErasureReceipt, _ctx: &Ctx) -> Object {
        wire::erasure(receipt)
    }

    async fn committed(&self, _receipt: &ErasureReceipt, ctx: &Ctx) -> Result<Committed, ApiError> {
        Ok(self.0.destroy_keys(ctx).await)
    }
}

/// Deletes what all apps keep for one user of an account, in both modes, ends the user's ephemeral
/// keys, and rotates the account's keys, so that no backup of the data from before opens.
struct PurgeUser(Shared);

/// Whose rows go: the account by its id, and its user.
struct PurgeUserParams {
    account: String,
    user: String,
}

impl WriteOperation for PurgeUser {
    const DEFINITION: Definition =
        Definition::post("admin.users.purge", "/v1/admin/accounts/:id/users/purge", Access::Admin)
            .continues()
            .shrinks()
            .example(Example::of(&[("user", "usr_1")]).on("admin.accounts.create"));
    type Input = PurgeUserParams;
    type Out = ErasureReceipt;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<PurgeUserParams, ApiError> {
        let fields = arguments.params.only(&["user"])?;
        let user = wire::plain(fields.required_text("user", limit::SCOPE_USER_CHARACTERS)?);
        Ok(PurgeUserParams { account: arguments.id().to_owned(), user })
    }

    async fn apply(
        &self,
        params: &PurgeUserParams,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<ErasureReceipt>, Failure> {
        let PurgeUserParams { account: id, user } = params;
        let Some(account) = store::find_account_in(tx, &self.0.mac, id).await? else {
            return Err(ApiError::not_found("account", id, "id").into());
        };
        store::revoke_user(tx, &self.0.mac, &account.id, user, ctx.now()).await?;
        let receipt = ErasureReceipt::of(ctx, account.id, Some(user.clone()));
        let receipt = store::insert_receipt(tx, receipt).await?;
        Ok(Applied { out: receipt, subject: id.clone(), fingerprint: None })
    }

    fn render(&self, receipt: &ErasureReceipt, _ctx: &Ctx) -> Object {
        wire::erasure(receipt)
    }

    /// The rows are gone before the answer; the old keys are, once all else is sealed under new
    /// ones.
    async fn committed(&self, receipt: &ErasureReceipt, _ctx: &Ctx) -> Result<Committed, ApiError> {
        self.0.settle().await;
        if let Err(error) = self.0.eraser.erase_user(&self.0.store, receipt).await {
            tracing::warn!(%error, "rows of a user that was erased are not deleted yet");
        }
        Ok(Committed::Accepted)
    }
}

/// The receipts.
#[derive(Clone)]
struct Erasures;

impl Collection for Erasures {
    const KIND: &'static str = KIND;
    const LIST: Definition =
        Definition::get("admin.erasures.list", "/v1/admin/erasures", Access::AUDITED).as_list();
    const RETRIEVE: Definition =
        Definition::get("admin.erasures.retrieve", "/v1/admin/erasures/:id", Access::AUDITED);
    const FILTERS: &'static [&'static str] = &[];
    type Filter = ();
    type Item = ErasureReceipt;

    fn filter(&self, _fields: &Fields<'_>) -> Result<(), ApiError> {
        Ok(())
    }

    async fn find(
        &self,
        store: &Store,
        _ctx: &Ctx,
        id: &str,
    ) -> Result<Option<ErasureReceipt>, StorageError> {
        store::find_receipt(store, id).await
    }

    fn seq(item: &ErasureReceipt) -> i64 {
        item.seq
    }

    async fn page(
        &self,
        store: &Store,
        _ctx: &Ctx,
        position: PagePosition,
        _filter: &(),
    ) -> Result<Vec<ErasureReceipt>, StorageError> {
        store::list_receipts(store, position).await
    }

    async fn render(
        &self,
        _store: &Store,
        _ctx: &Ctx,
        items: Vec<ErasureReceipt>,
    ) -> Result<Vec<Object>, StorageError> {
        Ok(items.iter().map(wire::erasure).collect())
    }
}
