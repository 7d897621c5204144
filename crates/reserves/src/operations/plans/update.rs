//! Changing an active plan. A new percentage or number of days applies to later charges; a new date
//! of a fixed plan applies to the holds that it has too, whose events a scheduled task emits.

use super::super::RESERVE_PLAN_WRITE;
use super::{PERCENT, check_expires_on, days_after_charge, plan_of_path, release_after};
use crate::Consumption;
use crate::expand::IN_PLAN;
use crate::model::plan::{Plan, State, Terms};
use crate::operations::dates::check_ahead;
use crate::operations::examples;
use crate::reasons;
use crate::store::{plan as store, plan_version};
use crate::wire::{self, View};
use coffer_base::Timestamp;
use coffer_dialect::{ApiError, Fields, MetadataChange, Object};
use coffer_kernel::{Applied, Arguments, Ctx, Definition, Failure, WriteOperation};
use coffer_ledger::LedgerTx;
use coffer_ledger::params::optional_time;
use coffer_storage::Tx;

/// `POST /v1/reserve/plans/:id`.
pub(crate) struct Update;

/// The parameters of an update; those that were not sent are `None`.
#[derive(Clone, Debug)]
pub(crate) struct UpdateParams {
    id: String,
    percent: Option<i64>,
    /// The new date of a fixed plan: 3 to 180 days ahead, as at creation.
    fixed: Option<Timestamp>,
    /// What changes of a rolling plan's terms.
    rolling: Option<Rolling>,
    /// It applies to the holds that the plan has, too.
    draw: Option<Consumption>,
    hold_transfers: Option<bool>,
    metadata: Option<MetadataChange>,
}

/// The parameters about a rolling plan's terms. `Some(None)` removes `expires_on`.
#[derive(Clone, Copy, Debug)]
struct Rolling {
    days_after_charge: Option<i64>,
    expires_on: Option<Option<Timestamp>>,
}

impl WriteOperation for Update {
    const DEFINITION: Definition = Definition::write(
        "reserve.plans.update",
        "/v1/reserve/plans/:id",
        RESERVE_PLAN_WRITE,
        IN_PLAN,
    )
    .of_stripe()
    .one_at_a_time()
    .example(examples::PLANS_UPDATE);
    type Input = UpdateParams;
    type Out = Plan;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<UpdateParams, ApiError> {
        let fields = arguments.params.only(&[
            "percent",
            "fixed_release",
            "fixed_release[release_after]",
            "rolling_release",
            "rolling_release[days_after_charge]",
            "rolling_release[expires_on]",
            "reserve_draw",
            "hold_transfers",
            "metadata",
        ])?;
        let percent = fields.optional_integer_within("percent", PERCENT)?;
        let fixed = fields.optional_object("fixed_release")?;
        let rolling = fields.optional_object("rolling_release")?;
        Ok(UpdateParams {
            id: arguments.id().to_owned(),
            percent,
            fixed: fixed.map(|block| release_after(&block)).transpose()?,
            rolling: rolling.map(|block| rolling_params(&block)).transpose()?,
            draw: fields.optional_choice("reserve_draw", &Consumption::CHOICES)?,
            hold_transfers: fields.optional_bool("hold_transfers")?,
            metadata: fields.metadata()?,
        })
    }

    fn check(&self, params: &UpdateParams, ctx: &Ctx) -> Result<(), ApiError> {
        if let Some(release_after) = params.fixed {
            check_ahead("fixed_release[release_after]", release_after, ctx.now())?;
        }
        let expires_on = params.rolling.and_then(|rolling| rolling.expires_on).flatten();
        check_expires_on(expires_on, ctx.now())
    }

    async fn apply(
        &self,
        params: &UpdateParams,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Plan>, Failure> {
        let owner = ctx.owner();
        let mut ledger = LedgerTx::begin(tx, &owner, ctx.cause()).await?;
        let before = plan_of_path(&mut ledger, &params.id).await?;
        let after = params.apply(&before)?;
        if after != before {
            store::update(ledger.tx, &owner, &after);
            if (after.percent, after.terms) != (before.percent, before.terms) {
                plan_version::record(&mut ledger, &after)?;
            }
            let object = wire::plan_in_event(&after, &owner);
            let previous = previous(&before, &after);
            ledger.emit_event("reserve.plan.updated", object, Some(previous)).await?;
        }
        ledger.finish();
        Ok(Applied { subject: after.id.clone(), out: after, fingerprint: None })
    }

    fn render(&self, plan: &Plan, ctx: &Ctx) -> Object {
        wire::plan(plan, &View::of(ctx))
    }
}

/// Reads the block of a rolling plan, of which either parameter may be left out.
fn rolling_params(block: &Fields<'_>) -> Result<Rolling, ApiError> {
    let days_after_charge = days_after_charge(block)?;
    let name = "expires_on";
    let expires_on = match block.has(name) {
        false => None,
        // An empty value removes it; any other is read as in a create.
        true if block.clearable_integer(name)?.is_none() => Some(None),
        true => Some(optional_time(block, name)?),
    };
    Ok(Rolling { days_after_charge, expires_on })
}

impl UpdateParams {
    /// The plan after the update; 400 if it is not active.
    fn apply(&self, plan: &Plan) -> Result<Plan, ApiError> {
        if plan.state != State::Active {
            let state = match plan.state {
                State::Expired => "expired",
                _ => "disabled",
            };
            return Err(ApiError::invalid(format!(
                "The plan '{}' is {state} and can no longer be changed.",
                plan.id
            ))
            .because(&reasons::PLAN_NOT_ACTIVE)
            .with_about(state));
        }
        let terms = self.terms(plan.terms)?;
        let moved = terms.scheduled_release() != plan.terms.scheduled_release();
        let metadata = match &self.metadata {
            Some(change) => change.apply(&plan.metadata)?,
            None => plan.metadata.clone(),
        };
        Ok(Plan {
            percent: self.percent.unwrap_or(plan.percent),
            terms,
            // An earlier move may not be announced yet.
            announcing: plan.announcing || moved,
            draw: self.draw.or(plan.draw),
            hold_transfers: self.hold_transfers.or(plan.hold_transfers),
            metadata,
            ..plan.clone()
        })
    }

    /// The terms after the update. A block of another type is refused as unknown, since a plan's
    /// type never changes.
    fn terms(&self, terms: Terms) -> Result<Terms, ApiError> {
        let unexpected = |block: &'static str| {
            ApiError::parameters_unknown(&[block.to_owned()])
                .because(&reasons::BLOCK_OF_OTHER_TYPE)
                .with_about(block)
        };
        match (terms, self.fixed, self.rolling) {
            (_, None, None) => Ok(terms),
            (Terms::Fixed { .. }, Some(release_after), None) => Ok(Terms::Fixed { release_after }),
            (Terms::Rolling { days_after_charge, expires_on }, None, Some(new)) => {
                Ok(Terms::Rolling {
                    days_after_charge: new.days_after_charge.unwrap_or(days_after_charge),
                    expires_on: new.expires_on.unwrap_or(expires_on),
                })
            }
            (Terms::Fixed { .. }, _, Some(_)) | (Terms::Manual, None, Some(_)) => {
                Err(unexpected("rolling_release"))
            }
            (Terms::Rolling { .. } | Terms::Manual, Some(_), _) => Err(unexpected("fixed_release")),
        }
    }
}

/// The fields that the update changed, as they were: the event's `previous_attributes`.
fn previous(before: &Plan, after: &Plan) -> Object {
    let mut previous = Object::bare();
    if before.percent != after.percent {
        previous = previous.set("percent", before.percent);
    }
    if before.terms != after.terms {
        previous = previous.set(before.terms.as_str(), wire::terms(before.terms));
    }
    if before.draw != after.draw {
        let draw = before.draw.map(Consumption::as_str).map(str::to_owned);
        previous = previous.set("reserve_draw", draw);
    }
    if before.hold_transfers != after.hold_transfers {
        previous = previous.set("hold_transfers", before.hold_transfers);
    }
    if before.metadata != after.metadata {
        previous = previous.set("metadata", before.metadata.render());
    }
    previous
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_dialect::Params;

    #[test]
    fn an_end_is_kept_set_or_removed() {
        let read = |query: &str| {
            let params = Params::decode(Some(query), b"").unwrap();
            let known = ["r", "r[days_after_charge]", "r[expires_on]"];
            let block = params.only(&known).unwrap().required_object("r").unwrap();
            rolling_params(&block).map(|rolling| (rolling.days_after_charge, rolling.expires_on))
        };
        assert_eq!(read("r[days_after_charge]=30").unwrap(), (Some(30), None));
        assert_eq!(read("r[expires_on]=").unwrap(), (None, Some(None)));
        let end = Timestamp::from_unix(1_775_001_600);
        assert_eq!(read("r[expires_on]=1775001600").unwrap(), (None, Some(Some(end))));
        assert!(read("r[expires_on]=soon").is_err());
    }
}
