//! Making a plan.

use super::super::RESERVE_PLAN_WRITE;
use super::{PERCENT, check_expires_on, days_after_charge, release_after};
use crate::bounds::check_ahead;
use crate::operations::examples;
use crate::operations::optional_time;
use crate::plan::{Plan, State, Terms};
use crate::store::plan as store;
use crate::turn::Turn;
use crate::version::MANUAL_RELEASE;
use crate::wire::{self, View};
use coffer_base::{Currency, limit};
use coffer_dialect::{ApiError, Fields, Metadata, MetadataChange, Object};
use coffer_kernel::{Applied, Arguments, Ctx, Definition, Failure, WriteOperation};
use coffer_storage::Tx;

/// `POST /v1/reserve/plans`.
pub(crate) struct Create;

/// A plan that is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    percent: i64,
    terms: Terms,
    currency: Option<Currency>,
    metadata: Metadata,
}

#[derive(Clone, Copy)]
enum Type {
    Fixed,
    Rolling,
    Manual,
}

/// The types by the words of the wire. Callers of versions that do not know the last are refused
/// later, where the version is known.
const TYPES: [(&str, Type); 3] = [
    ("fixed_release", Type::Fixed),
    ("rolling_release", Type::Rolling),
    ("manual_release", Type::Manual),
];

impl WriteOperation for Create {
    const DEFINITION: Definition =
        Definition::write("reserve.plans.create", "/v1/reserve/plans", RESERVE_PLAN_WRITE, &[])
            .example(examples::PLANS_CREATE);
    type Input = Wanted;
    type Out = Plan;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Wanted, ApiError> {
        let fields = arguments.params.only(&[
            "percent",
            "type",
            "currency",
            "fixed_release",
            "fixed_release[release_after]",
            "rolling_release",
            "rolling_release[days_after_charge]",
            "rolling_release[expires_on]",
            "metadata",
        ])?;
        let percent = fields.optional_integer_within("percent", PERCENT)?;
        let percent = percent.ok_or_else(|| ApiError::parameter_missing("percent"))?;
        let kind = fields.required_choice("type", &TYPES)?;
        let currency = fields.optional_currency("currency")?;
        let terms = terms(&fields, kind)?;
        let change = fields.metadata()?.unwrap_or(MetadataChange::Clear);
        Ok(Wanted { percent, terms, currency, metadata: change.apply(&Metadata::default())? })
    }

    fn check(&self, wanted: &Wanted, ctx: &Ctx) -> Result<(), ApiError> {
        match wanted.terms {
            Terms::Fixed { release_after } => {
                check_ahead("fixed_release[release_after]", release_after, ctx.now())?;
            }
            Terms::Rolling { expires_on, .. } => check_expires_on(expires_on, ctx.now())?,
            Terms::Manual if !ctx.version().is_at_least(MANUAL_RELEASE) => {
                let known = TYPES
                    .iter()
                    .map(|(word, _)| *word)
                    .filter(|word| *word != Terms::Manual.as_str());
                return Err(ApiError::invalid_choice("type", known));
            }
            Terms::Manual => {}
        }
        Ok(())
    }

    async fn apply(
        &self,
        wanted: &Wanted,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Plan>, Failure> {
        let owner = ctx.owner();
        let mut turn = Turn::take(tx, &owner, ctx.cause()).await?;
        if store::count_active(turn.tx, &owner).await? >= limit::ACTIVE_PLANS {
            return Err(too_many().into());
        }
        let plan = Plan {
            seq: turn.next_seq()?,
            id: turn.new_id("resplan"),
            created: turn.now(),
            currency: wanted.currency,
            percent: wanted.percent,
            terms: wanted.terms,
            state: State::Active,
            announcing: false,
            metadata: wanted.metadata.clone(),
        };
        store::insert(turn.tx, &owner, &plan);
        turn.tell("reserve.plan.created", wire::plan_in_event(&plan, &owner), None).await?;
        turn.finish()?;
        Ok(Applied { subject: plan.id.clone(), out: plan, fingerprint: None })
    }

    fn render(&self, plan: &Plan, ctx: &Ctx) -> Object {
        wire::plan(plan, &View::of(ctx))
    }
}

fn too_many() -> ApiError {
    ApiError::invalid(format!(
        "This account has {} active plans already, the most that it can have. Disable one first.",
        limit::ACTIVE_PLANS
    ))
}

/// The block that is named for the type, and no other.
fn terms(fields: &Fields<'_>, kind: Type) -> Result<Terms, ApiError> {
    let own = match kind {
        Type::Fixed => "fixed_release",
        Type::Rolling => "rolling_release",
        Type::Manual => "",
    };
    let strange = ["fixed_release", "rolling_release"]
        .into_iter()
        .find(|block| *block != own && fields.has(block));
    if let Some(strange) = strange {
        return Err(ApiError::parameters_unknown(&[strange.to_owned()]));
    }
    match kind {
        Type::Fixed => {
            let release_after = release_after(&fields.required_object(own)?)?;
            Ok(Terms::Fixed { release_after })
        }
        Type::Rolling => {
            let block = fields.required_object(own)?;
            let days = days_after_charge(&block)?;
            let missing = || ApiError::parameter_missing(block.path("days_after_charge"));
            let expires_on = optional_time(&block, "expires_on")?;
            Ok(Terms::Rolling { days_after_charge: days.ok_or_else(missing)?, expires_on })
        }
        Type::Manual => Ok(Terms::Manual),
    }
}
