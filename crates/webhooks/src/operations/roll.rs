//! Rolling an endpoint's secret: for a while deliveries are signed with the new one and the old.

use super::create::WithSecret;
use super::{CREATE, WEBHOOK_WRITE, new_secret, of_path};
use crate::store::secret::{self, SealedSecret};
use crate::{limits, store, wire};
use coffer_base::{Redacted, id::random_id, limit};
use coffer_dialect::{ApiError, Object};
use coffer_kernel::{
    Applied, Arguments, Ctx, Definition, Example, Failure, ReplayPolicy, SealingOperation,
    keyring_failure,
};
use coffer_storage::Tx;

/// `POST /v1/webhook_endpoints/:id/roll_secret`.
pub(crate) struct Roll;

/// Which endpoint, and for how many seconds the old secret stays.
pub(crate) struct Input {
    id: String,
    expires_in: i64,
}

/// The new secret: sealed, and as it is shown once.
pub(crate) struct Sealed {
    secret: Redacted<String>,
    sealed: SealedSecret,
}

impl SealingOperation for Roll {
    const DEFINITION: Definition = Definition::write(
        "webhook_endpoints.roll_secret",
        "/v1/webhook_endpoints/:id/roll_secret",
        WEBHOOK_WRITE,
        &[],
    )
    .example(Example::of(&[("expires_in", "60")]).on(CREATE).or("expires_in", "61"));
    type Input = Input;
    type Sealed = Sealed;
    type Out = WithSecret;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Input, ApiError> {
        let fields = arguments.params.only(&["expires_in"])?;
        let within = 0..=limits::ROLL_SECONDS;
        let sent = fields.optional_integer_within("expires_in", within)?;
        let expires_in = sent.unwrap_or(limits::ROLL_SECONDS);
        Ok(Input { id: arguments.id().to_owned(), expires_in })
    }

    async fn seal(&self, input: &Input, ctx: &Ctx) -> Result<Sealed, ApiError> {
        let secret = new_secret(ctx);
        let secret_id = random_id("whs", limit::RANDOM_ID_CHARACTERS, ctx.random());
        let sealed = secret::seal(ctx.keys()?, ctx.tenant(), &input.id, secret_id, &secret)
            .map_err(|error| keyring_failure(&error))?;
        Ok(Sealed { secret, sealed })
    }

    async fn apply(
        &self,
        input: &Input,
        sealed: &Sealed,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<WithSecret>, Failure> {
        let mut endpoint = of_path(tx, ctx, &input.id).await?;
        if let Some(old) = endpoint.old_tenant.as_ref().filter(|old| **old != endpoint.tenant) {
            secret::delete_all(tx, old, &endpoint.id);
        }
        if input.expires_in == 0 {
            secret::delete_all(tx, &endpoint.tenant, &endpoint.id);
        } else {
            secret::end(tx, &endpoint.tenant, &endpoint.id, ctx.now().plus(input.expires_in));
        }
        let tenant = ctx.tenant();
        secret::insert(tx, tenant, &endpoint.id, &sealed.sealed, ctx.now());
        endpoint.old_tenant = Some(endpoint.tenant.clone());
        endpoint.app = tenant.app.as_str().to_owned();
        endpoint.tenant = tenant.account.as_str().to_owned();
        store::set_tenants(tx, &endpoint);
        let subject = endpoint.id.clone();
        Ok(Applied { out: (endpoint, sealed.secret.clone()), subject, fingerprint: None })
    }

    fn render(&self, (endpoint, secret): &WithSecret, _ctx: &Ctx) -> Object {
        wire::endpoint(endpoint, Some(secret))
    }

    fn replay_policy(&self, (endpoint, _): &WithSecret) -> ReplayPolicy {
        ReplayPolicy::ShowOnce { id: endpoint.id.clone() }
    }
}
