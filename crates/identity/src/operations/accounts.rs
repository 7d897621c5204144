//! `/v1/admin/accounts`: create, list, retrieve, delete.
//!
//! An account is whoever installs apps, or develops them. Deleting one is a purge: it takes the
//! apps that the account develops with it, and all that any app stored for it.

use super::Shared;
use crate::objects::Account;
use crate::reasons;
use crate::{store, wire};
use coffer_base::AccountId;
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{
    Access, Applied, Arguments, Collection, Committed, Ctx, Definition, Example, Failure,
    PagePosition, Routes, WriteOperation,
};
use coffer_storage::{StorageError, Store, Tx};

const KIND: &str = "account";
const URL: &str = "/v1/admin/accounts";
const ONE: &str = "/v1/admin/accounts/:id";

pub(super) fn register(routes: &mut Routes, shared: &Shared) {
    routes
        .write(Create(shared.clone()))
        .collection(Accounts(shared.clone()))
        .write(Delete(shared.clone()));
}

/// Makes an account; `id` keeps one that is known elsewhere already.
struct Create(Shared);

impl WriteOperation for Create {
    const DEFINITION: Definition = Definition::post("admin.accounts.create", URL, Access::Admin);
    /// The id that the caller chose, and the display name.
    type Input = (Option<AccountId>, String);
    type Out = Account;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Self::Input, ApiError> {
        let fields = arguments.params.only(&["id", "name"])?;
        let id = fields.has("id").then(|| wire::account_id(&fields, "id")).transpose()?;
        Ok((id, wire::name(&fields)?))
    }

    async fn apply(
        &self,
        (id, name): &Self::Input,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Account>, Failure> {
        let id = id.clone().unwrap_or_else(|| AccountId::random(ctx.random()));
        let mac = &self.0.mac;
        if store::find_account_in(tx, mac, id.as_str()).await?.is_some() {
            let message = format!("An account '{id}' exists already.");
            let error = ApiError::invalid_param("id", message).because(&reasons::ID_TAKEN);
            return Err(error.with_about("an account").into());
        }
        let seq = store::next_seq(tx).await?;
        let account = Account { id: id.clone(), seq, name: name.clone(), created: ctx.now() };
        store::insert_account(tx, mac, &account).await?;
        Ok(Applied { out: account, subject: id.to_string(), fingerprint: None })
    }

    fn render(&self, account: &Account, _ctx: &Ctx) -> Object {
        wire::account(account)
    }
}

/// All accounts.
#[derive(Clone)]
struct Accounts(Shared);

impl Collection for Accounts {
    const KIND: &'static str = KIND;
    const LIST: Definition = Definition::get("admin.accounts.list", URL, Access::AUDITED).as_list();
    const RETRIEVE: Definition = Definition::get("admin.accounts.retrieve", ONE, Access::AUDITED);
    const FILTERS: &'static [&'static str] = &[];
    type Filter = ();
    type Item = Account;

    fn filter(&self, _fields: &Fields<'_>) -> Result<(), ApiError> {
        Ok(())
    }

    async fn find(
        &self,
        store: &Store,
        _ctx: &Ctx,
        id: &str,
    ) -> Result<Option<Account>, StorageError> {
        store::find_account(store, &self.0.mac, id).await
    }

    fn seq(item: &Account) -> i64 {
        item.seq
    }

    async fn page(
        &self,
        store: &Store,
        _ctx: &Ctx,
        position: PagePosition,
        _filter: &(),
    ) -> Result<Vec<Account>, StorageError> {
        store::list_accounts(store, &self.0.mac, position).await
    }

    async fn render(
        &self,
        _store: &Store,
        _ctx: &Ctx,
        items: Vec<Account>,
    ) -> Result<Vec<Object>, StorageError> {
        Ok(items.iter().map(wire::account).collect())
    }
}

/// Erases an account: its apps, its installs, and everything that any app keeps for it.
struct Delete(Shared);

impl WriteOperation for Delete {
    const DEFINITION: Definition = Definition::delete("admin.accounts.delete", ONE, Access::Admin)
        .continues()
        .of_many_accounts()
        .example(Example::EMPTY.on("admin.accounts.create"));
    type Input = String;
    type Out = String;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<String, ApiError> {
        arguments.params.only(&[])?;
        Ok(arguments.id().to_owned())
    }

    async fn apply(
        &self,
        id: &String,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<String>, Failure> {
        let Some(account) = store::find_account_in(tx, &self.0.mac, id).await? else {
            return Err(ApiError::not_found(KIND, id, "id").into());
        };
        self.0.end_installs_of_account(tx, ctx, &account.id).await?;
        store::purge_account(tx, &self.0.mac, &account.id, store::Purge::by(ctx)).await?;
        Ok(Applied { out: id.clone(), subject: id.clone(), fingerprint: None })
    }

    fn render(&self, id: &String, _ctx: &Ctx) -> Object {
        wire::deleted(id, KIND)
    }

    async fn committed(&self, _id: &String, ctx: &Ctx) -> Result<Committed, ApiError> {
        Ok(self.0.destroy_keys(ctx).await)
    }
}
