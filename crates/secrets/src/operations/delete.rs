//! Delete: one secret by scope and name.

use super::{SECRET_WRITE, check_version};
use crate::secret::{Locator, Secret, is_live};
use crate::{store, wire};
use coffer_dialect::{ApiError, Object};
use coffer_kernel::conditions::IF_VERSION;
use coffer_kernel::{
    Applied, Arguments, Ctx, Definition, Example, Failure, RequestScope, WriteOperation,
};
use coffer_storage::Tx;

/// `POST /v1/apps/secrets/delete`. A secret that has expired is not found, as for every read, even
/// if its row is still there.
pub(crate) struct Delete {
    /// Whether the response is the whole secret and `deleted: true`, and not the three keys that
    /// Stripe documents: see [`crate::DELETE_RETURNS_SECRET`].
    pub(crate) returns_secret: bool,
}

impl WriteOperation for Delete {
    const DEFINITION: Definition = Definition::write(
        "apps.secrets.delete",
        "/v1/apps/secrets/delete",
        SECRET_WRITE,
        wire::EXPANDABLE,
    )
    .of_stripe()
    .shrinks()
    .depends_on(&[IF_VERSION])
    .example(
        Example::of(&[("name", "{apps.secrets.create:name}"), ("scope[type]", "account")])
            .or("name", "another"),
    );
    type Input = Locator;
    type Out = Secret;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Locator, ApiError> {
        let [scope, kind, user] = wire::SCOPE_PARAMS;
        let fields = arguments.params.only(&["name", scope, kind, user])?;
        let name = wire::name(&fields)?;
        Ok(Locator { scope: wire::scope(&fields)?, name })
    }

    fn scope(locator: &Locator) -> RequestScope {
        locator.scope.request_scope()
    }

    async fn apply(
        &self,
        locator: &Locator,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Secret>, Failure> {
        let key = &store::row_key(locator, ctx.keys()?, ctx.tenant());
        ctx.audit_name(key.name, &locator.name);
        let found = store::lock_scope(tx, key, ctx.now()).await?.existing;
        let found = found.map(|locked| locked.secret);
        let Some(secret) = found.filter(|secret| is_live(secret.expires_at, ctx.now())) else {
            return Err(Failure::Refused(wire::not_found(locator)));
        };
        check_version(ctx, Some(&secret))?;
        store::remove(tx, key, &secret.id, secret.seq, ctx.now());
        let subject = secret.id.clone();
        let out = Secret {
            id: secret.id,
            locator: locator.clone(),
            created: secret.created,
            expires_at: secret.expires_at,
            payload: None,
            version: secret.version,
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
