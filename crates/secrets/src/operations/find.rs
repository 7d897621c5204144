//! Find: one secret by scope and name.

use super::{SECRET_READ, open, secret};
use crate::secret::{Place, is_live};
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
    .example(Example::of(&[("name", "{apps.secrets.create:name}"), ("scope[type]", "account")]));
    type Input = Place;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Place, ApiError> {
        let [scope, kind, user] = wire::SCOPE_PARAMS;
        let fields = arguments.params.only(&["name", scope, kind, user])?;
        let name = wire::name(&fields)?;
        Ok(Place { scope: wire::scope(&fields)?, name })
    }

    fn scope(place: &Place) -> RequestScope {
        place.scope.request_scope()
    }

    async fn run(&self, place: &Place, ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        let Some(keys) = ctx.existing_keys() else { return Err(wire::not_found(place).into()) };
        let key = store::row_key(place, keys, ctx.tenant());
        let stored = store::find(store, &key).await?;
        let Some(stored) = stored else { return Err(wire::not_found(place).into()) };
        // Opened before its expiry is believed: that, too, could have been tampered with.
        let payload = open(&stored, place, keys)?;
        if !is_live(stored.expires_at, ctx.now()) {
            return Err(wire::not_found(place).into());
        }
        Ok(wire::render(&secret(stored, place.clone(), payload, ctx), ctx))
    }
}
