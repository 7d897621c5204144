//! Disabling a plan: it holds nothing more, and gives back what it held (reserves §4.3, §11
//! decisions 9 and 24).

use super::super::RESERVE_PLAN_WRITE;
use super::plan_of_path;
use crate::operations::examples;
use crate::plan::{Plan, State};
use crate::store::plan as store;
use crate::turn::Turn;
use crate::wire::{self, View};
use coffer_dialect::{ApiError, Object};
use coffer_kernel::{Applied, Arguments, Ctx, Definition, Failure, WriteOperation};
use coffer_storage::Tx;

/// `POST /v1/reserve/plans/:id/disable`. The holds are released in the background.
pub(crate) struct Disable;

impl WriteOperation for Disable {
    const DEFINITION: Definition = Definition::write(
        "reserve.plans.disable",
        "/v1/reserve/plans/:id/disable",
        RESERVE_PLAN_WRITE,
        &[],
    )
    .example(examples::PLANS_RETRIEVE);
    type Input = String;
    type Out = Plan;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<String, ApiError> {
        arguments.params.only(&[])?;
        Ok(arguments.id().to_owned())
    }

    async fn apply(
        &self,
        id: &String,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Plan>, Failure> {
        let owner = ctx.owner();
        let mut turn = Turn::take(tx, &owner, ctx.cause()).await?;
        let mut plan = plan_of_path(&mut turn, id).await?;
        let over = match plan.state {
            State::Active => None,
            State::Expired => Some("has expired"),
            State::Draining { .. } | State::Disabled { .. } => Some("is disabled already"),
        };
        if let Some(over) = over {
            return Err(ApiError::invalid(format!("The plan '{id}' {over}.")).into());
        }
        plan.state = State::Draining { since: turn.now() };
        store::update(turn.tx, &owner, &plan);
        turn.finish()?;
        Ok(Applied { subject: plan.id.clone(), out: plan, fingerprint: None })
    }

    fn render(&self, plan: &Plan, ctx: &Ctx) -> Object {
        wire::plan(plan, &View::of(ctx))
    }
}
