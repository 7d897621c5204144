//! Delete: one secret by scope and name (secret store §3.4).

use super::SECRET_WRITE;
use crate::secret::{Place, Secret, is_live};
use crate::store::{self, RowKey};
use crate::wire;
use coffer_dialect::{ApiError, Object};
use coffer_kernel::{
    Access, Applied, Arguments, Ctx, Definition, Failure, Method, Reach, WriteOperation,
};
use coffer_storage::Tx;

/// `POST /v1/apps/secrets/delete`.
pub(crate) struct Delete {
    /// Whether the answer is the whole secret and `deleted: true`.
    pub(crate) returns_secret: bool,
}

pub(crate) struct Prepared {
    key: RowKey,
    place: Place,
}

impl WriteOperation for Delete {
    const DEFINITION: Definition = Definition {
        name: "apps.secrets.delete",
        method: Method::Post,
        path: "/v1/apps/secrets/delete",
        access: Access::Tenant { permission: SECRET_WRITE },
        expandable: wire::EXPANDABLE,
        list: false,
    };
    type Input = Place;
    type Prepared = Prepared;
    type Out = Secret;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Place, ApiError> {
        let [scope, kind, user] = wire::SCOPE_PARAMS;
        let fields = arguments.params.only(&["name", scope, kind, user])?;
        let name = wire::name(&fields)?;
        Ok(Place { scope: wire::scope(&fields)?, name })
    }

    fn reach(place: &Place) -> Reach {
        place.scope.reach()
    }

    async fn prepare(&self, place: &Place, ctx: &Ctx) -> Result<Prepared, ApiError> {
        let key = store::row_key(place, ctx.keys()?, ctx.tenant());
        Ok(Prepared { key, place: place.clone() })
    }

    async fn apply(
        &self,
        prepared: &Prepared,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Secret>, Failure> {
        let Prepared { key, place } = prepared;
        let found = store::lock_scope(tx, key, ctx.now()).await?.existing;
        let Some(secret) = found.filter(|secret| is_live(secret.expires_at, ctx.now())) else {
            return Err(Failure::Refused(wire::not_found(place)));
        };
        store::remove(tx, key, &secret.id, secret.seq, ctx.now());
        let subject = secret.id.clone();
        let out = Secret {
            id: secret.id,
            place: place.clone(),
            created: secret.created,
            expires_at: secret.expires_at,
            payload: None,
        };
        Ok(Applied { out, subject, fingerprint: None })
    }

    fn render(&self, secret: &Secret, ctx: &Ctx) -> Object {
        let object = if self.returns_secret {
            wire::render(secret, ctx)
        } else {
            Object::new(&secret.id, "apps.secret")
        };
        object.set("deleted", true)
    }
}
