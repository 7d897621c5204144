//! Disabling a plan. From the commit on it reserves nothing, since a charge locks the same ledger;
//! a scheduled task releases its holds.

use super::super::RESERVE_PLAN_WRITE;
use super::plan_of_path;
use crate::expand::IN_PLAN;
use crate::model::plan::{Plan, State};
use crate::operations::examples;
use crate::reasons;
use crate::store::{plan as store, plan_version};
use crate::wire::{self, View};
use coffer_dialect::{ApiError, Object};
use coffer_kernel::{Applied, Arguments, Ctx, Definition, Failure, WriteOperation};
use coffer_ledger::LedgerTx;
use coffer_storage::Tx;

/// `POST /v1/reserve/plans/:id/disable`.
pub(crate) struct Disable;

impl WriteOperation for Disable {
    const DEFINITION: Definition = Definition::write(
        "reserve.plans.disable",
        "/v1/reserve/plans/:id/disable",
        RESERVE_PLAN_WRITE,
        IN_PLAN,
    )
    .of_stripe()
    .one_at_a_time()
    .example(examples::PLANS_RETRIEVE);
    type Input = String;
    type Out = Plan;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<String, ApiError> {
        arguments.params.only(&[])?;
        Ok(arguments.id().to_owned())
    }

    /// Only an active plan can be disabled. No event is emitted yet: `reserve.plan.disabled`
    /// follows once nothing is left of its holds.
    async fn apply(
        &self,
        id: &String,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Plan>, Failure> {
        let owner = ctx.owner();
        let mut ledger = LedgerTx::begin(tx, &owner, ctx.cause()).await?;
        let mut plan = plan_of_path(&mut ledger, id).await?;
        let over = match plan.state {
            State::Active => None,
            State::Expired => Some("has expired"),
            State::Draining { .. } | State::Disabled { .. } => Some("is disabled already"),
        };
        if let Some(over) = over {
            let error = ApiError::invalid(format!("The plan '{id}' {over}."));
            let about = if plan.state == State::Expired { "expired" } else { "disabled" };
            return Err(error.because(&reasons::PLAN_NOT_ACTIVE).with_about(about).into());
        }
        plan.state = State::Draining { since: ledger.now() };
        store::update(ledger.tx, &owner, &plan);
        plan_version::record(&mut ledger, &plan)?;
        ledger.finish();
        Ok(Applied { subject: plan.id.clone(), out: plan, fingerprint: None })
    }

    fn render(&self, plan: &Plan, ctx: &Ctx) -> Object {
        wire::plan(plan, &View::of(ctx))
    }
}
