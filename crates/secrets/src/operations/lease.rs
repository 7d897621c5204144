//! Lease: let one worker of many use up a secret's value, such as a refresh token that a provider
//! accepts once, and store the one that follows.

use super::{SECRET_WRITE, check_version};
use crate::lease::{LeaseState, Wish, token_of};
use crate::secret::{Locator, is_live, numbered};
use crate::{limits, reasons, store, wire};
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::conditions::IF_VERSION;
use coffer_kernel::{
    Applied, Arguments, Ctx, Definition, Example, Failure, RequestScope, WriteOperation,
};
use coffer_storage::Tx;

/// `POST /v1/apps/secrets/lease`. It is refused on a full disk as a set is: nobody should use a
/// value up whose successor cannot be stored.
pub(crate) struct LeaseSecret;

/// The parameters.
pub(crate) struct Input {
    locator: Locator,
    wish: Wish,
    ttl: i64,
    spend: bool,
}

/// The lease of a secret as the caller sees it.
pub(crate) struct Leased {
    locator: Locator,
    id: String,
    version: i64,
    lease: LeaseState,
    /// Seconds for which the caller has it; 0 if it has released it.
    ttl: i64,
}

impl WriteOperation for LeaseSecret {
    const DEFINITION: Definition =
        Definition::write("apps.secrets.lease", "/v1/apps/secrets/lease", SECRET_WRITE, &[])
            .depends_on(&[IF_VERSION])
            .example(
                Example::of(&[("name", "{apps.secrets.create:name}"), ("scope[type]", "account")])
                    .or("ttl", "10"),
            );
    type Input = Input;
    type Out = Leased;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Input, ApiError> {
        let [scope, kind, user] = wire::SCOPE_PARAMS;
        let known = ["name", scope, kind, user, "ttl", "token", "spend", "takeover", "release"];
        let fields = arguments.params.only(&known)?;
        let name = wire::name(&fields)?;
        let locator = Locator { scope: wire::scope(&fields)?, name };
        let seconds = limits::LEASE_SECONDS_LEAST..=limits::LEASE_SECONDS_MOST;
        let ttl = fields.optional_integer_within("ttl", seconds)?;
        let spend = fields.optional_bool("spend")?.unwrap_or(false);
        let wish = wish(&fields, spend)?;
        Ok(Input { locator, wish, ttl: ttl.unwrap_or(limits::LEASE_SECONDS), spend })
    }

    fn scope(input: &Input) -> RequestScope {
        input.locator.scope.request_scope()
    }

    async fn apply(
        &self,
        input: &Input,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Leased>, Failure> {
        let locator = &input.locator;
        let key = &store::row_key(locator, ctx.keys()?, ctx.tenant());
        ctx.audit_name(key.name, &locator.name);
        let (found, now) = store::lock_secret(tx, key, ctx.now()).await?;
        let found = found.filter(|found| is_live(found.secret.expires_at, ctx.now()));
        let Some(store::LockedSecret { secret, lease }) = found else {
            return Err(Failure::Refused(wire::not_found(locator)));
        };
        check_version(ctx, Some(&secret))?;
        let lease = lease.after(&input.wish, &secret.id, now, input.ttl, input.spend)?;
        store::set_lease(tx, key, &lease);
        let ttl = if matches!(input.wish, Wish::Release(_)) { 0 } else { input.ttl };
        let (subject, version) = (secret.id.clone(), secret.version);
        let locator = locator.clone();
        let out = Leased { locator, id: secret.id, version, lease, ttl };
        Ok(Applied { out, subject, fingerprint: None })
    }

    fn render(&self, leased: &Leased, ctx: &Ctx) -> Object {
        let Leased { locator, id, version, lease, ttl } = leased;
        let version = numbered(*version, id);
        Object::singleton("apps.secret_lease")
            .set("fence", lease.number)
            .set("livemode", ctx.tenant().mode.is_live())
            .set("name", locator.name.clone())
            .set("scope", wire::scope_object(&locator.scope))
            .set("secret", id.clone())
            .set("spend", lease.spent == lease.number)
            .set("takeover", lease.spent != 0 && lease.spent != lease.number)
            .set("token", token_of(lease.number, id))
            .set("ttl", *ttl)
            .set("version", version.clone())
            .versioned(version)
    }
}

/// What the parameters ask for.
fn wish(fields: &Fields<'_>, spend: bool) -> Result<Wish, ApiError> {
    let token = fields.optional_plain("token", limits::LEASE_TOKEN_CHARACTERS)?;
    let takeover = fields.optional_bool("takeover")?.unwrap_or(false);
    let release = fields.optional_bool("release")?.unwrap_or(false);
    let refused = |param: &str, message: &'static str| {
        Err(ApiError::invalid_param(param, message).because(&reasons::LEASE_WISHES))
    };
    match (token, release) {
        (Some(_), _) if takeover => refused(
            "takeover",
            "Whoever has a token has the lease: send takeover=true without a token.",
        ),
        (None, true) => refused(
            "token",
            "A release names the lease that ends: send the token that came with it.",
        ),
        (Some(_), true) if spend => {
            refused("spend", "A lease that is released uses nothing up: send spend or release.")
        }
        (Some(token), true) => Ok(Wish::Release(token)),
        (Some(token), false) => Ok(Wish::Keep(token)),
        (None, false) => Ok(Wish::Take { takeover }),
    }
}
