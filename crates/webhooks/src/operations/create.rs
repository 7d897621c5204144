//! Creating an endpoint. It gets what happens from then on.

use super::{CREATE, WEBHOOK_WRITE, description, new_secret};
use crate::endpoint::Endpoint;
use crate::event_type::EventTypes;
use crate::listener::Presence;
use crate::store::secret::{self, SealedSecret};
use crate::url::{self, UrlRules};
use crate::{limits, reasons, store, wire};
use coffer_base::{Redacted, id::random_id, limit};
use coffer_dialect::{ApiError, ApiVersion, Metadata, MetadataChange, Object};
use coffer_kernel::outbound::Destinations;
use coffer_kernel::{
    Applied, Arguments, Ctx, Definition, Example, Failure, ReplayPolicy, SealingOperation,
    keyring_failure,
};
use coffer_storage::Tx;
use std::sync::Arc;

/// `POST /v1/webhook_endpoints`.
pub(crate) struct Create {
    pub(crate) presence: Arc<Presence>,
    pub(crate) rules: UrlRules,
    pub(crate) destinations: Arc<Destinations>,
    /// Most endpoints of one owner.
    pub(crate) most: i64,
}

/// The parameters.
pub(crate) struct Input {
    url: String,
    events: EventTypes,
    api_version: Option<String>,
    connect: bool,
    description: Option<String>,
    metadata: Metadata,
}

/// The endpoint's id, and its secret: sealed, and as it is shown once.
pub(crate) struct Sealed {
    id: String,
    secret: Redacted<String>,
    sealed: SealedSecret,
}

/// The endpoint, and its secret.
pub(crate) type WithSecret = (Endpoint, Redacted<String>);

impl SealingOperation for Create {
    const DEFINITION: Definition =
        Definition::write(CREATE, wire::URL, WEBHOOK_WRITE, &[]).of_stripe().example(
            Example::of(&[("url", "https://hooks.invalid/{n}"), ("enabled_events[]", "*")])
                .or("description", "another"),
        );
    type Input = Input;
    type Sealed = Sealed;
    type Out = WithSecret;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Input, ApiError> {
        let fields = arguments.params.only(&[
            "url",
            "enabled_events",
            "api_version",
            "connect",
            "description",
            "metadata",
        ])?;
        let url = fields.required_plain("url", limits::URL_CHARACTERS)?;
        let events = EventTypes::parse(&fields)?;
        let events = events.ok_or_else(|| ApiError::parameter_missing("enabled_events"))?;
        let api_version = fields.optional_plain("api_version", limit::ID_CHARACTERS)?;
        if let Some(named) = &api_version {
            ApiVersion::parse(Some(named))
                .map_err(|error| error.with_param("api_version").because(&reasons::VERSION))?;
        }
        let change = fields.metadata()?.unwrap_or(MetadataChange::Clear);
        Ok(Input {
            url,
            events,
            api_version,
            connect: fields.optional_bool("connect")?.unwrap_or(false),
            description: description(&fields)?.flatten(),
            metadata: change.apply(&Metadata::default())?,
        })
    }

    async fn seal(&self, input: &Input, ctx: &Ctx) -> Result<Sealed, ApiError> {
        url::check(&input.url, ctx.tenant().mode, self.rules, &self.destinations)?;
        if input.connect && ctx.owner().account != ctx.owner().platform {
            return Err(ApiError::invalid_param(
                "connect",
                "An endpoint for the events of all connected accounts belongs to the platform: \
                 leave the Stripe-Account header out.",
            )
            .because(&reasons::CONNECT));
        }
        let secret = new_secret(ctx);
        let id = random_id("we", limits::ENDPOINT_ID_CHARACTERS, ctx.random());
        let secret_id = random_id("whs", limit::RANDOM_ID_CHARACTERS, ctx.random());
        let sealed = secret::seal(ctx.keys()?, ctx.tenant(), &id, secret_id, &secret)
            .map_err(|error| keyring_failure(&error))?;
        Ok(Sealed { id, secret, sealed })
    }

    async fn apply(
        &self,
        input: &Input,
        sealed: &Sealed,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<WithSecret>, Failure> {
        let owner = ctx.owner();
        let seq = store::lock_owner(tx, &owner).await?;
        if store::count(tx, &owner).await? >= self.most {
            return Err(too_many(self.most).into());
        }
        self.presence.may_be_some();
        let tenant = ctx.tenant();
        let version = input.api_version.clone();
        let endpoint = Endpoint {
            owner,
            seq,
            id: sealed.id.clone(),
            created: ctx.now(),
            app: tenant.app.as_str().to_owned(),
            tenant: tenant.account.as_str().to_owned(),
            old_tenant: None,
            connect: input.connect,
            application: input.connect.then(|| tenant.app.as_str().to_owned()),
            url: input.url.clone(),
            description: input.description.clone(),
            metadata: input.metadata.clone(),
            events: input.events.clone(),
            api_version: version.clone(),
            version: version.unwrap_or_else(|| ctx.version().as_str().to_owned()),
            enabled: true,
            holder: String::new(),
        };
        store::insert(tx, &endpoint);
        secret::insert(tx, tenant, &endpoint.id, &sealed.sealed, ctx.now());
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

fn too_many(most: i64) -> ApiError {
    ApiError::invalid(format!(
        "You have reached the maximum of {most} webhook endpoints. Delete one before you add \
         another."
    ))
    .because(&reasons::TOO_MANY)
    .with_about(most.to_string())
}
