//! Beginning a rotation.

use super::{KeyringSources, failed, rendered};
use coffer_base::limit;
use coffer_dialect::{ApiError, Object};
use coffer_kernel::{
    Access, Applied, Arguments, Ctx, Definition, Example, Failure, SealingOperation,
};
use coffer_keyring::{Rotation, RotationPlan, begin_rotation, highest_rotation};
use coffer_storage::Tx;

/// `POST /v1/admin/keyring/rotate`: new keys, all records sealed under them, and the end of the old
/// ones. A job does it; this answers once it is written down.
pub(super) struct Rotate(pub(super) KeyringSources);

/// Which keys.
const KEYS: [(&str, (bool, bool)); 3] =
    [("all", (true, true)), ("master", (true, false)), ("tenant", (false, true))];

impl SealingOperation for Rotate {
    const DEFINITION: Definition =
        Definition::post("admin.keyring.rotate", "/v1/admin/keyring/rotate", Access::Admin)
            .example(Example::EMPTY);
    type Input = RotationPlan;
    /// The number above which the rotation's is.
    type Sealed = i64;
    type Out = Rotation;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<RotationPlan, ApiError> {
        let fields = arguments.params.only(&["keys", "app", "account", "keep"])?;
        let keys = fields.optional_choice("keys", &KEYS)?;
        let app = fields.optional_plain("app", limit::ID_CHARACTERS)?;
        let account = fields.optional_plain("account", limit::ID_CHARACTERS)?;
        let is_narrowed = app.is_some() || account.is_some();
        let (master, tenants) = keys.unwrap_or((!is_narrowed, true));
        if is_narrowed && master {
            let message = "'app' and 'account' narrow the tenants' keys: send keys=tenant.";
            return Err(ApiError::invalid_param("keys", message));
        }
        let keep = fields.optional_bool("keep")?.unwrap_or(false);
        let plan = RotationPlan { master, tenants, fresh: true, keep, app, ..Default::default() };
        match account {
            None => Ok(plan),
            Some(account) => plan.of_account(&account).map_err(|_| {
                let message = "An account's id begins with 'acct_'.";
                ApiError::invalid_param("account", message)
            }),
        }
    }

    async fn seal(&self, plan: &RotationPlan, _ctx: &Ctx) -> Result<i64, ApiError> {
        number_above(&self.0, plan).await
    }

    async fn apply(
        &self,
        plan: &RotationPlan,
        above: &i64,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Rotation>, Failure> {
        begin(plan, *above, ctx, tx).await
    }

    fn render(&self, rotation: &Rotation, _ctx: &Ctx) -> Object {
        rendered(rotation, &self.0.kinds)
    }
}

/// `POST /v1/admin/keyring/destroy`: destroys old keys that were kept, once no record is sealed
/// under them.
pub(super) struct Destroy(pub(super) KeyringSources);

impl SealingOperation for Destroy {
    const DEFINITION: Definition =
        Definition::post("admin.keyring.destroy", "/v1/admin/keyring/destroy", Access::Admin)
            .shrinks()
            .example(Example::EMPTY);
    type Input = RotationPlan;
    type Sealed = i64;
    type Out = Rotation;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<RotationPlan, ApiError> {
        arguments.params.only(&[])?;
        Ok(RotationPlan { master: true, tenants: true, ..RotationPlan::default() })
    }

    async fn seal(&self, plan: &RotationPlan, _ctx: &Ctx) -> Result<i64, ApiError> {
        number_above(&self.0, plan).await
    }

    async fn apply(
        &self,
        plan: &RotationPlan,
        above: &i64,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Rotation>, Failure> {
        begin(plan, *above, ctx, tx).await
    }

    fn render(&self, rotation: &Rotation, _ctx: &Ctx) -> Object {
        rendered(rotation, &self.0.kinds)
    }
}

/// A new master key takes the root key: it is read now, so that whoever asks learns what is wrong
/// with it.
async fn number_above(sources: &KeyringSources, plan: &RotationPlan) -> Result<i64, ApiError> {
    if plan.master && plan.fresh {
        sources.keyring.open_masters().await.map_err(|error| failed(&error))?;
    }
    let above = highest_rotation(sources.keyring.store()).await;
    above.map_err(|error| coffer_kernel::storage_failure(&error))
}

async fn begin(
    plan: &RotationPlan,
    above: i64,
    ctx: &Ctx,
    tx: &mut Tx<'_>,
) -> Result<Applied<Rotation>, Failure> {
    let out = begin_rotation(tx, plan, ctx.request_id(), above, ctx.now()).await?;
    if out.plan != *plan {
        let message = format!(
            "The rotation {} is under way, and there is one at a time. See how far it has come \
             with `coffer keyring status`.",
            out.number
        );
        return Err(Failure::Refused(ApiError::invalid(message)));
    }
    let subject = format!("rotation_{}", out.number);
    Ok(Applied { out, subject, fingerprint: None })
}
