//! `/v1/ephemeral_keys`: keys for one user of one account, created by the app's backend.
//!
//! A backend hands one to the user's device, which then calls the API itself. The key ends with its
//! expiry, with its revocation, or with the key that created it, whichever comes first: with that
//! one's expiry, its revocation, or its last use, and what the ephemeral key does are uses of it.

use super::Shared;
use crate::api_key::{Holder, NewKey, Terms};
use crate::limits;
use crate::objects::{ApiKey, Bound};
use crate::reasons;
use crate::unstored::RevocationRequest;
use crate::{store, wire};
use coffer_base::{Redacted, limit};
use coffer_dialect::{ApiError, Object};
use coffer_kernel::{
    Access, AccountAccess, Applied, Arguments, Committed, Ctx, Definition, Example, Failure,
    ReplayPolicy, Role, Routes, UseLimit, WriteOperation,
};
use coffer_storage::Tx;

/// The permission that a restricted key needs to make ephemeral keys. Those have its other
/// permissions and no more.
pub(crate) const PERMISSION: &str = "ephemeral_key_write";

const KIND: &str = "ephemeral_key";

/// What Stripe's ephemeral keys are for, which these are not.
const PARAMETERS_OF_STRIPE: [&str; 4] =
    ["customer", "issuing_card", "nonce", "verification_session"];

/// The refusal of a request for an ephemeral key of Stripe's.
fn not_stripes(param: &str) -> ApiError {
    let message = format!(
        "'{param}' belongs to Stripe's ephemeral keys, which let a device see a customer, a card \
         or a verification. Coffer's let it see the secrets of one user: send 'user', and nothing \
         of Stripe's. For a key of Stripe's, send this request to Stripe."
    );
    ApiError::invalid_param(param, message)
        .with_code("parameter_unknown")
        .because(&reasons::EPHEMERAL_KEY_OF_STRIPE)
}

pub(super) fn register(routes: &mut Routes, shared: &Shared) {
    routes.write(Create(shared.clone())).write(Delete(shared.clone()));
}

/// Makes a key for one user.
struct Create(Shared);

/// The parameters of a new key. The account is the one that the request is for.
struct CreateParams {
    /// The app's own id of the user, up to [`limit::SCOPE_USER_CHARACTERS`].
    user: String,
    /// Seconds from the request's time until the key expires.
    expires_in: i64,
    /// Read, unless the backend asks for more.
    account_access: AccountAccess,
}

/// A key that was made, and the token that its one answer shows.
struct Created {
    key: ApiKey,
    token: Redacted<String>,
}

impl WriteOperation for Create {
    const DEFINITION: Definition = Definition::post(
        "ephemeral_keys.create",
        "/v1/ephemeral_keys",
        Access::Tenant { permission: PERMISSION },
    )
    .example(Example::of(&[("user", "usr_1")]));
    type Input = CreateParams;
    type Out = Created;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<CreateParams, ApiError> {
        let mut of_stripe = PARAMETERS_OF_STRIPE.into_iter();
        if let Some(param) = of_stripe.find(|param| arguments.params.has(param)) {
            return Err(not_stripes(param));
        }
        let fields = arguments.params.only(&["account_access", "expires_in", "user"])?;
        let user = fields.required_text("user", limit::SCOPE_USER_CHARACTERS)?;
        let bounds = limits::EPHEMERAL_SECONDS_FLOOR..=limits::EPHEMERAL_SECONDS_CEILING;
        let expires_in = fields.optional_integer_within("expires_in", bounds)?;
        let access = [AccountAccess::Read, AccountAccess::Write].map(|one| (one.as_str(), one));
        let account_access = fields.optional_choice("account_access", &access)?;
        Ok(CreateParams {
            user: wire::plain(user),
            expires_in: expires_in.unwrap_or(limits::EPHEMERAL_SECONDS_DEFAULT),
            account_access: account_access.unwrap_or(AccountAccess::Read),
        })
    }

    /// One that would be refused from the start is not made.
    fn check(&self, _params: &CreateParams, ctx: &Ctx) -> Result<(), ApiError> {
        if !ctx.principal().use_limit().is_some_and(UseLimit::is_used_up) {
            return Ok(());
        }
        let message = "This was the last use of your key. An ephemeral key's uses are those of the \
                       key that makes it, so there is none left for one: use another key.";
        Err(ApiError::forbidden(message).because(&reasons::LAST_USE))
    }

    async fn apply(
        &self,
        params: &CreateParams,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Created>, Failure> {
        let principal = ctx.principal();
        let permissions = match &principal.role {
            Role::Restricted { permissions } => Some(permissions.clone()),
            _ => None,
        };
        let tenant = ctx.tenant();
        let holder = Holder::User {
            app: tenant.app.clone(),
            mode: tenant.mode,
            bound: Bound {
                account: tenant.account.named(),
                user: params.user.clone(),
                account_access: params.account_access,
            },
            permissions,
            parent: principal.key_id.to_string(),
        };
        let expires_at = Some(ctx.now().plus(params.expires_in));
        let terms = Terms { expires_at, ..Terms::default() };
        let new = NewKey::generate(holder, terms, ctx.random(), ctx.now());
        let key = new.insert(tx, &self.0.mac).await?;
        let subject = key.id.clone();
        Ok(Applied { out: Created { key, token: new.token().clone() }, subject, fingerprint: None })
    }

    fn render(&self, created: &Created, _ctx: &Ctx) -> Object {
        wire::ephemeral_key(&created.key, Some(&created.token))
    }

    fn replay_policy(&self, created: &Created) -> ReplayPolicy {
        ReplayPolicy::ShowOnce { id: created.key.id.clone() }
    }
}

/// Revokes one before its time.
struct Delete(Shared);

impl WriteOperation for Delete {
    const DEFINITION: Definition = Definition::delete(
        "ephemeral_keys.delete",
        "/v1/ephemeral_keys/:id",
        Access::Tenant { permission: PERMISSION },
    )
    .continues()
    .example(Example::EMPTY.on("ephemeral_keys.create"));
    type Input = String;
    type Out = ApiKey;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<String, ApiError> {
        arguments.params.only(&[])?;
        Ok(arguments.id().to_owned())
    }

    fn check(&self, id: &String, ctx: &Ctx) -> Result<(), ApiError> {
        if id.len() <= limit::ID_CHARACTERS {
            let asked = RevocationRequest::of_own(ctx, Self::DEFINITION.name);
            self.0.directory.revoke_in_memory(id, asked);
        }
        Ok(())
    }

    async fn apply(
        &self,
        id: &String,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<ApiKey>, Failure> {
        let tenant = ctx.tenant();
        let found = store::find_key_in(tx, &self.0.mac, id).await?;
        // Another app's, account's or mode's key is not there for this caller.
        let own = found.filter(|key| {
            key.app.as_ref() == Some(&tenant.app)
                && key.mode == Some(tenant.mode)
                && key
                    .bound
                    .as_ref()
                    .is_some_and(|bound| bound.account.as_str() == tenant.account.name())
        });
        let Some(key) = own else {
            return Err(ApiError::not_found(KIND, id, "id").into());
        };
        self.0.directory.unstored().found(id, Some(tenant));
        store::revoke_key(tx, &self.0.mac, &key, ctx.now()).await?;
        Ok(Applied { out: key, subject: id.clone(), fingerprint: None })
    }

    fn render(&self, key: &ApiKey, _ctx: &Ctx) -> Object {
        wire::ephemeral_key(key, None).set("deleted", true)
    }

    async fn committed(&self, key: &ApiKey, ctx: &Ctx) -> Result<Committed, ApiError> {
        self.0.directory.unstored().remove(&key.id, Some(ctx.tenant()));
        Ok(self.0.settle().await)
    }

    fn failed(&self, id: &String, ctx: &Ctx, failure: Failure) -> ApiError {
        self.0.revocation_failed(id, Some(ctx.tenant()), failure)
    }
}
