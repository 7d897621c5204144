//! `/v1/admin/api_keys`: create, list, retrieve, roll, revoke, lock.
//!
//! Keys are never deleted by hand, so that audit entries, which name them, stay explained; a
//! revoked key is listed with the time of its revocation. Admin keys with the role `keys` make,
//! roll and revoke keys of apps; admin keys are the operators' own affair.

mod create;
mod lock;
mod roll;

pub(crate) use lock::UnlockMaking;

use super::Shared;
use crate::objects::{ApiKey, Kind};
use crate::reasons;
use crate::store::Selection;
use crate::unstored::RevocationRequest;
use crate::{store, wire};
use coffer_base::limit;
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{
    Access, AdminRole, Applied, Arguments, Collection, Committed, Ctx, Definition, Example,
    Failure, PagePosition, Routes, SealingOperation, storage_failure,
};
use coffer_storage::{StorageError, Store, Tx};
use create::Create;
use lock::Lock;
use roll::Roll;

const KIND: &str = "api_key";
const URL: &str = "/v1/admin/api_keys";
const ONE: &str = "/v1/admin/api_keys/:id";

pub(super) fn register(routes: &mut Routes, shared: &Shared) {
    routes
        .seal(Create(shared.clone()))
        .collection(ApiKeys(shared.clone()))
        .seal(Roll(shared.clone()))
        .seal(Revoke(shared.clone()))
        .write(Lock(shared.clone()));
}

/// Whoever reads keys: whether they are those that there should be is an auditor's question too.
const READERS: Access = Access::AdminOf(&[AdminRole::Auditor, AdminRole::Keys]);

/// Whoever changes keys.
const KEEPERS: Access = Access::AdminOf(&[AdminRole::Keys]);

/// Refuses everybody but operators what is about an admin key.
///
/// # Errors
/// 403 for another role.
fn check_operator(ctx: &Ctx) -> Result<(), ApiError> {
    if ctx.principal().admin_role() == Some(AdminRole::Operator) {
        return Ok(());
    }
    let error = ApiError::forbidden("Only operators make, roll and revoke admin keys.");
    Err(error.because(&reasons::OPERATORS_ONLY))
}

/// The same if the key `id` is an admin key, for whoever is no operator. An operator's request does
/// not wait for the store here.
async fn check_may_change(shared: &Shared, id: &str, ctx: &Ctx) -> Result<(), ApiError> {
    if check_operator(ctx).is_ok() {
        return Ok(());
    }
    let found = store::find_key(&shared.store, &shared.mac, id).await;
    match found.map_err(|error| storage_failure(&error))? {
        Some(key) if key.kind == Kind::Admin => check_operator(ctx),
        _ => Ok(()),
    }
}

/// All keys, or those of one app. Revoked and expired ones are listed too.
#[derive(Clone)]
struct ApiKeys(Shared);

impl Collection for ApiKeys {
    const KIND: &'static str = KIND;
    const LIST: Definition = Definition::get("admin.api_keys.list", URL, READERS).as_list();
    const RETRIEVE: Definition = Definition::get("admin.api_keys.retrieve", ONE, READERS);
    const FILTERS: &'static [&'static str] = &["app"];
    type Filter = String;
    type Item = ApiKey;

    fn filter(&self, fields: &Fields<'_>) -> Result<String, ApiError> {
        wire::filter(fields, "app")
    }

    async fn find(
        &self,
        store: &Store,
        _ctx: &Ctx,
        id: &str,
    ) -> Result<Option<ApiKey>, StorageError> {
        store::find_key(store, &self.0.mac, id).await
    }

    fn seq(item: &ApiKey) -> i64 {
        item.seq
    }

    async fn page(
        &self,
        store: &Store,
        _ctx: &Ctx,
        position: PagePosition,
        filter: &String,
    ) -> Result<Vec<ApiKey>, StorageError> {
        let selection = Selection { position, app: filter, account: "" };
        store::list_keys(store, &self.0.mac, &selection).await
    }

    async fn render(
        &self,
        _store: &Store,
        _ctx: &Ctx,
        items: Vec<ApiKey>,
    ) -> Result<Vec<Object>, StorageError> {
        let counted = items.iter().filter(|key| key.uses.is_some());
        let counted: Vec<_> = counted.map(|key| key.id.as_str()).collect();
        let used = coffer_keyring::uses(self.0.keyring.store(), &counted).await?;
        let object = |key: &ApiKey| {
            wire::counted(wire::api_key(key, None), key, used.get(&key.id).copied().unwrap_or(0))
        };
        Ok(items.iter().map(object).collect())
    }
}

/// Revokes a key, and the ephemeral keys that it made, at once and for good.
struct Revoke(Shared);

impl SealingOperation for Revoke {
    const DEFINITION: Definition =
        Definition::post("admin.api_keys.revoke", "/v1/admin/api_keys/:id/revoke", KEEPERS)
            .continues()
            .shrinks()
            .example(Example::EMPTY.on("admin.api_keys.create"));
    type Input = String;
    type Sealed = ();
    type Out = ApiKey;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<String, ApiError> {
        arguments.params.only(&[])?;
        Ok(arguments.id().to_owned())
    }

    async fn seal(&self, id: &String, ctx: &Ctx) -> Result<(), ApiError> {
        if id.len() > limit::ID_CHARACTERS {
            return Err(ApiError::not_found(KIND, id, "id"));
        }
        check_may_change(&self.0, id, ctx).await?;
        let asked = RevocationRequest::of_any(ctx, Self::DEFINITION.name);
        self.0.directory.revoke_in_memory(id, asked);
        Ok(())
    }

    async fn apply(
        &self,
        id: &String,
        _sealed: &(),
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<ApiKey>, Failure> {
        let mac = &self.0.mac;
        let Some(mut key) = store::find_key_in(tx, mac, id).await? else {
            return Err(ApiError::not_found(KIND, id, "id").into());
        };
        self.0.directory.unstored().found(id, None);
        store::revoke_key(tx, mac, &key, ctx.now()).await?;
        key.revoked_at.get_or_insert(ctx.now());
        Ok(Applied { out: key, subject: id.clone(), fingerprint: None })
    }

    fn render(&self, key: &ApiKey, _ctx: &Ctx) -> Object {
        wire::api_key(key, None)
    }

    async fn committed(&self, key: &ApiKey, _ctx: &Ctx) -> Result<Committed, ApiError> {
        self.0.directory.unstored().remove(&key.id, None);
        Ok(self.0.settle().await)
    }

    fn failed(&self, id: &String, _ctx: &Ctx, failure: Failure) -> ApiError {
        self.0.revocation_failed(id, None, failure)
    }
}
