//! Find: one secret by scope and name.

use super::{SECRET_READ, open, secret};
use crate::secret::{Place, is_live};
use crate::{store, wire};
use coffer_dialect::{ApiError, Object};
use coffer_kernel::{
    Access, Arguments, Ctx, Definition, Method, Reach, ReadOperation, storage_failure,
};
use coffer_storage::Store;

/// `GET /v1/apps/secrets/find`.
pub(crate) struct Find;

impl ReadOperation for Find {
    const DEFINITION: Definition = Definition {
        name: "apps.secrets.find",
        method: Method::Get,
        path: "/v1/apps/secrets/find",
        access: Access::Tenant { permission: SECRET_READ },
        expandable: wire::EXPANDABLE,
        list: false,
    };
    type Input = Place;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Place, ApiError> {
        let [scope, kind, user] = wire::SCOPE_PARAMS;
        let fields = arguments.params.only(&["name", scope, kind, user])?;
        let name = wire::name(&fields)?;
        Ok(Place { scope: wire::scope(&fields)?, name })
    }

    fn reach(place: &Place) -> Reach {
        place.scope.reach()
    }

    async fn run(&self, place: &Place, ctx: &Ctx, store: &Store) -> Result<Object, ApiError> {
        let Some(keys) = ctx.existing_keys() else { return Err(wire::not_found(place)) };
        let key = store::row_key(place, keys, ctx.tenant());
        let stored = store::find(store, &key).await.map_err(|error| storage_failure(&error))?;
        let Some(stored) = stored else { return Err(wire::not_found(place)) };
        // Opened before its expiry is believed: that, too, could have been tampered with.
        let payload = open(&stored, place, keys)?;
        if !is_live(stored.expires_at, ctx.now()) {
            return Err(wire::not_found(place));
        }
        Ok(wire::render(&secret(stored, place.clone(), payload, ctx), ctx))
    }
}
