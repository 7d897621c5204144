//! Set: create a secret, or replace the one of that name.

use super::find::find_live;
use super::{SECRET_WRITE, check_version};
use crate::announced::Announced;
use crate::lease;
use crate::limits;
use crate::reasons;
use crate::secret::{Locator, Secret, is_live};
use crate::store::{self, LockedScope, LockedSecret, RowKey, StoredSecret};
use crate::wire;
use crate::{SCOPES, SECRETS_PER_SCOPE};
use coffer_base::{Redacted, Timestamp, id::random_id};
use coffer_dialect::{ApiError, Object};
use coffer_kernel::conditions::{IF_VERSION, LEASE};
use coffer_kernel::{
    Applied, Arguments, Ctx, Definition, Example, Failure, RequestScope, SealingOperation,
    keyring_failure,
};
use coffer_keyring::Digest;
use coffer_storage::{Store, Tx};

/// `POST /v1/apps/secrets`.
pub(crate) struct Set {
    /// Secrets in one scope, unless the app has a quota of its own.
    pub(crate) secrets_per_scope: i64,
    /// How many seconds before its expiry a secret is announced, if it is.
    pub(crate) announced_before: Option<i64>,
}

/// The parameters, each within its bounds; the expiry is compared with the time when the payload is
/// sealed.
pub(crate) struct Input {
    locator: Locator,
    payload: Redacted<String>,
    expires_at: Option<Timestamp>,
}

/// What is ready before the transaction begins: the payload sealed, and all digests made.
pub(crate) struct Sealed {
    key: RowKey,
    /// A digest of the payload under the tenant's key, for the audit.
    fingerprint: Digest,
    /// The row, if the secret turns out to be a new one; `seq` is not known yet.
    fresh: StoredSecret,
    /// The most live secrets that the scope may hold, by the app's quota or the setting.
    quota: i64,
    /// What counts as announced of the secret.
    announced: Announced,
}

impl SealingOperation for Set {
    const DEFINITION: Definition =
        Definition::write("apps.secrets.create", wire::URL, SECRET_WRITE, wire::EXPANDABLE)
            .of_stripe()
            .depends_on(&[IF_VERSION, LEASE])
            .example(
                Example::of(&[("name", "n{n}"), ("payload", "value"), ("scope[type]", "account")])
                    .or("payload", "other"),
            );
    type Input = Input;
    type Sealed = Sealed;
    type Out = Secret;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Input, ApiError> {
        let [scope, kind, user] = wire::SCOPE_PARAMS;
        let fields =
            arguments.params.only(&["name", wire::PAYLOAD, scope, kind, user, "expires_at"])?;
        let name = wire::name(&fields)?;
        let payload = fields.secret_text(wire::PAYLOAD, limits::SECRET_PAYLOAD_CHARACTERS)?.clone();
        let scope = wire::scope(&fields)?;
        let expires_at = fields.optional_integer("expires_at")?.map(Timestamp::from_unix);
        Ok(Input { locator: Locator { scope, name }, payload, expires_at })
    }

    fn scope(input: &Input) -> RequestScope {
        input.locator.scope.request_scope()
    }

    async fn seal(&self, input: &Input, ctx: &Ctx) -> Result<Sealed, ApiError> {
        check_expiry(input.expires_at, ctx.now())?;
        let keys = ctx.keys()?;
        let associated_data = input.locator.associated_data(keys, input.expires_at);
        let plaintext = input.payload.expose().as_bytes();
        let sealed =
            keys.seal(&associated_data, plaintext).map_err(|error| keyring_failure(&error))?;
        let quota = ctx.principal().quota(SECRETS_PER_SCOPE.name);
        let key = store::row_key(&input.locator, keys, ctx.tenant());
        ctx.audit_name(key.name, &input.locator.name);
        Ok(Sealed {
            key,
            fingerprint: keys.digest("secret-value", &[plaintext]),
            fresh: StoredSecret {
                seq: 0,
                id: random_id("appsecret", limits::SECRET_ID_CHARACTERS, ctx.random()),
                created: ctx.now(),
                expires_at: input.expires_at,
                name: input.locator.name.clone(),
                sealed,
                version: 1,
            },
            quota: quota.unwrap_or(self.secrets_per_scope),
            announced: Announced::when_set(input.expires_at, ctx.now(), self.announced_before),
        })
    }

    async fn apply(
        &self,
        input: &Input,
        sealed: &Sealed,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Secret>, Failure> {
        let Sealed { key, fresh, .. } = sealed;
        let locator = &input.locator;
        let scope = store::lock_scope(tx, key, ctx.now()).await?;
        let LockedScope { seq, existing, live, expired } = scope;
        let is_there = |old: &LockedSecret| is_live(old.secret.expires_at, ctx.now());
        check_conditions(ctx, existing.as_ref().filter(|old| is_there(old)))?;
        let (id, created, version) = match existing {
            Some(old) if is_there(&old) => {
                let LockedSecret { secret: old, .. } = old;
                let version = old.version.saturating_add(1);
                store::replace(tx, key, fresh, version, sealed.announced);
                (old.id, old.created, version)
            }
            other => {
                if let Some(LockedSecret { secret: expired, .. }) = other {
                    store::remove(tx, key, &expired.id, expired.seq, ctx.now());
                    let name = Some(key.name);
                    store::audit_expiry(tx, key.tenant.clone(), &expired.id, name, ctx.now());
                }
                check_quota(live, sealed.quota)?;
                if live == 0 {
                    ctx.check_amount(&SCOPES)?;
                }
                let kept = sealed.quota.saturating_mul(2).max(limits::EXPIRED_PER_SCOPE);
                if expired > kept && !ctx.is_clock_doubtful() {
                    store::remove_expired(tx, key, ctx.now(), limits::EXPIRED_PER_WRITE).await?;
                }
                let fresh = StoredSecret { seq, ..fresh.clone() };
                store::insert(tx, key, locator, &fresh, sealed.announced);
                (fresh.id, fresh.created, fresh.version)
            }
        };
        let payload = ctx.expands(wire::PAYLOAD).then(|| input.payload.clone());
        let locator = locator.clone();
        let expires_at = fresh.expires_at;
        let secret = Secret { id: id.clone(), locator, created, expires_at, payload, version };
        Ok(Applied { out: secret, subject: id, fingerprint: Some(sealed.fingerprint) })
    }

    fn render(&self, secret: &Secret, ctx: &Ctx) -> Object {
        wire::render(secret, ctx)
    }

    async fn reread(
        &self,
        input: &Input,
        ctx: &Ctx,
        store: &Store,
    ) -> Result<Option<Object>, Failure> {
        let found = find_live(&input.locator, ctx, store).await?;
        Ok(found.map(|secret| wire::render(&secret, ctx)))
    }
}

/// Checks what the request depends on: the secret's version, and a lease that is in force.
fn check_conditions(ctx: &Ctx, existing: Option<&LockedSecret>) -> Result<(), ApiError> {
    check_version(ctx, existing.map(|old| &old.secret))?;
    let Some(token) = ctx.conditions().lease.as_deref() else { return Ok(()) };
    match existing {
        Some(old) if old.lease.admits(token, &old.secret.id) => Ok(()),
        _ => Err(lease::lost()),
    }
}

/// Whether one more secret may be in the scope.
fn check_quota(live: i64, most: i64) -> Result<(), Failure> {
    if live < most {
        return Ok(());
    }
    Err(Failure::Refused(ApiError::invalid(format!(
        "This scope already holds {live} secrets, which is as many as it may. Delete one before \
         you add another."
    ))
    .because(&reasons::SCOPE_FULL)
    .with_about(most.to_string())))
}

/// An expiry lies ahead, and by 100 years at most: a time in milliseconds is refused by that.
fn check_expiry(expires_at: Option<Timestamp>, now: Timestamp) -> Result<(), ApiError> {
    let Some(at) = expires_at else { return Ok(()) };
    if at <= now {
        return Err(ApiError::invalid_param(
            "expires_at",
            format!("The expiry must lie in the future; it is {now} now, in Unix seconds."),
        )
        .because(&reasons::EXPIRY_PAST));
    }
    if at > now.plus(limits::EXPIRY_AHEAD_SECONDS) {
        return Err(ApiError::invalid_param(
            "expires_at",
            "The expiry may not lie more than 100 years ahead. It is a time in Unix seconds, \
             not in milliseconds.",
        )
        .because(&reasons::EXPIRY_FAR));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_lies_ahead_by_a_hundred_years_at_most() {
        let now = Timestamp::from_unix(1_800_000_000);
        let check = |ahead| check_expiry(Some(now.plus(ahead)), now);
        assert!(check_expiry(None, now).is_ok());
        assert!(check(1).is_ok());
        assert!(check(limits::EXPIRY_AHEAD_SECONDS).is_ok());
        for wrong in [-1, 0, limits::EXPIRY_AHEAD_SECONDS + 1] {
            assert_eq!(check(wrong).unwrap_err().param(), Some("expires_at"));
        }
    }
}
