//! `/v1/admin/accounts`.

use super::Shared;
use crate::objects::Account;
use crate::{store, wire};
use coffer_base::AccountId;
use coffer_dialect::{ApiError, Object, PageRequest};
use coffer_kernel::{
    Access, Applied, Arguments, Ctx, Definition, Failure, Method, PagePosition, Reach,
    ReadOperation, Routes, WriteOperation, storage_failure,
};
use coffer_storage::{Store, Tx};

const KIND: &str = "account";
const URL: &str = "/v1/admin/accounts";
const ONE: &str = "/v1/admin/accounts/:id";

pub(super) fn register(routes: &mut Routes, shared: &Shared) {
    routes.write(Create).read(List).read(Retrieve).write(Delete(shared.clone()));
}

const fn definition(name: &'static str, method: Method, path: &'static str) -> Definition {
    Definition { name, method, path, access: Access::Admin, expandable: &[], list: false }
}

/// Makes an account; `id` keeps one that is known elsewhere already.
struct Create;

impl WriteOperation for Create {
    const DEFINITION: Definition = definition("admin.accounts.create", Method::Post, URL);
    type Input = (Option<AccountId>, String);
    type Prepared = (AccountId, String);
    type Out = Account;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Self::Input, ApiError> {
        let fields = arguments.params.only(&["id", "name"])?;
        let id = fields.has("id").then(|| wire::account_id(&fields, "id")).transpose()?;
        Ok((id, wire::name(&fields)?))
    }

    fn reach(_input: &Self::Input) -> Reach {
        Reach::Backend
    }

    async fn prepare(&self, input: &Self::Input, ctx: &Ctx) -> Result<Self::Prepared, ApiError> {
        let (id, name) = input.clone();
        Ok((id.unwrap_or_else(|| AccountId::random(ctx.random())), name))
    }

    async fn apply(
        &self,
        (id, name): &Self::Prepared,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Account>, Failure> {
        if store::find_account_in(tx, id.as_str()).await?.is_some() {
            let message = format!("An account '{id}' exists already.");
            return Err(ApiError::invalid_param("id", message).into());
        }
        let seq = store::next_seq(tx, "account").await?;
        let account = Account { id: id.clone(), seq, name: name.clone(), created: ctx.now() };
        store::insert_account(tx, &account).await?;
        Ok(Applied { out: account, subject: id.to_string(), fingerprint: None })
    }

    fn render(&self, account: &Account, _ctx: &Ctx) -> Object {
        wire::account(account)
    }
}

struct Retrieve;

impl ReadOperation for Retrieve {
    const DEFINITION: Definition = definition("admin.accounts.retrieve", Method::Get, ONE);
    type Input = String;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<String, ApiError> {
        arguments.params.only(&[])?;
        Ok(arguments.id().to_owned())
    }

    fn reach(_input: &String) -> Reach {
        Reach::Backend
    }

    async fn run(&self, id: &String, _ctx: &Ctx, store: &Store) -> Result<Object, ApiError> {
        let found =
            store::find_account(store, id).await.map_err(|error| storage_failure(&error))?;
        let account = found.ok_or_else(|| ApiError::not_found(KIND, id, "id"))?;
        Ok(wire::account(&account))
    }
}

struct List;

impl ReadOperation for List {
    const DEFINITION: Definition =
        Definition { list: true, ..definition("admin.accounts.list", Method::Get, URL) };
    type Input = PageRequest;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<PageRequest, ApiError> {
        PageRequest::parse(&arguments.params.only(&PageRequest::PARAMS)?)
    }

    fn reach(_input: &PageRequest) -> Reach {
        Reach::Backend
    }

    async fn run(
        &self,
        request: &PageRequest,
        _ctx: &Ctx,
        store: &Store,
    ) -> Result<Object, ApiError> {
        let failed = |error| storage_failure(&error);
        let seq = match &request.cursor {
            Some((_, id)) => store::find_account(store, id).await.map_err(failed)?.map(|a| a.seq),
            None => None,
        };
        let position = PagePosition::of(request, KIND, seq)?;
        let rows = store::list_accounts(store, position).await.map_err(failed)?;
        Ok(wire::page(rows, position, URL, wire::account))
    }
}

/// Erases an account: its apps, its installs, and everything that any app keeps for it.
struct Delete(Shared);

impl WriteOperation for Delete {
    const DEFINITION: Definition = definition("admin.accounts.delete", Method::Delete, ONE);
    type Input = String;
    type Prepared = String;
    type Out = String;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<String, ApiError> {
        arguments.params.only(&[])?;
        Ok(arguments.id().to_owned())
    }

    fn reach(_input: &String) -> Reach {
        Reach::Backend
    }

    async fn prepare(&self, id: &String, _ctx: &Ctx) -> Result<String, ApiError> {
        Ok(id.clone())
    }

    async fn apply(
        &self,
        id: &String,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<String>, Failure> {
        let Some(account) = store::find_account_in(tx, id).await? else {
            return Err(ApiError::not_found(KIND, id, "id").into());
        };
        store::purge_account(tx, &account.id, store::Purge::by(ctx)).await?;
        Ok(Applied { out: id.clone(), subject: id.clone(), fingerprint: None })
    }

    fn render(&self, id: &String, _ctx: &Ctx) -> Object {
        wire::deleted(id, KIND)
    }

    async fn committed(&self, _id: &String, ctx: &Ctx) -> Result<(), ApiError> {
        self.0.shred(ctx).await
    }
}
