//! Find: one secret by scope and name.

use super::{SECRET_READ, open, secret};
use crate::secret::{Locator, Secret, is_live};
use crate::{store, wire};
use coffer_dialect::{ApiError, Object};
use coffer_kernel::{Arguments, Ctx, Definition, Example, Failure, ReadOperation, RequestScope};
use coffer_storage::Store;

/// `GET /v1/apps/secrets/find`.
pub(crate) struct Find;

impl ReadOperation for Find {
    const DEFINITION: Definition = Definition::retrieve(
        "apps.secrets.find",
        "/v1/apps/secrets/find",
        SECRET_READ,
        wire::EXPANDABLE,
    )
    .of_stripe()
    .example(Example::of(&[("name", "{apps.secrets.create:name}"), ("scope[type]", "account")]));
    type Input = Locator;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Locator, ApiError> {
        let [scope, kind, user] = wire::SCOPE_PARAMS;
        let fields = arguments.params.only(&["name", scope, kind, user])?;
        let name = wire::name(&fields)?;
        Ok(Locator { scope: wire::scope(&fields)?, name })
    }

    fn scope(locator: &Locator) -> RequestScope {
        locator.scope.request_scope()
    }

    async fn run(&self, locator: &Locator, ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        match find_live(locator, ctx, store).await? {
            Some(secret) => {
                ctx.audit_subject(&secret.id);
                Ok(wire::render(&secret, ctx))
            }
            None => Err(wire::not_found(locator).into()),
        }
    }
}

/// The secret at `locator` that has not expired, if there is one.
///
/// # Errors
/// When the store fails, or the secret does not open.
pub(super) async fn find_live(
    locator: &Locator,
    ctx: &Ctx,
    store: &Store,
) -> Result<Option<Secret>, Failure> {
    let Some(keys) = ctx.existing_keys() else { return Ok(None) };
    let key = store::row_key(locator, keys, ctx.tenant());
    ctx.audit_name(key.name, &locator.name);
    let Some(stored) = store::find(store, &key).await? else { return Ok(None) };
    // Opened before its expiry is believed: that, too, could have been tampered with.
    let payload = open(&stored, locator, keys)?;
    let live = is_live(stored.expires_at, ctx.now());
    Ok(live.then(|| secret(stored, locator.clone(), payload, ctx)))
}
