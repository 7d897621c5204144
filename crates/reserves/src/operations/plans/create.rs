//! Creating a plan. It applies to charges that are created from then on, and to none before.

use super::super::RESERVE_PLAN_WRITE;
use super::{PERCENT, check_expires_on, days_after_charge, release_after};
use crate::Consumption;
use crate::expand::IN_PLAN;
use crate::limits;
use crate::model::plan::{Plan, State, Terms};
use crate::operations::dates::check_ahead;
use crate::operations::examples;
use crate::reasons;
use crate::store::{plan as store, plan_version};
use crate::version::MANUAL_RELEASE;
use crate::wire::{self, View};
use coffer_base::Currency;
use coffer_dialect::{ApiError, Fields, Metadata, MetadataChange, Object};
use coffer_kernel::{Applied, Arguments, Ctx, Definition, Failure, WriteOperation};
use coffer_ledger::LedgerTx;
use coffer_ledger::params::optional_time;
use coffer_storage::Tx;

/// `POST /v1/reserve/plans`.
pub(crate) struct Create;

/// The parameters of a new plan.
#[derive(Clone, Debug)]
pub(crate) struct CreateParams {
    /// 1 to 100.
    percent: i64,
    /// From the block that is named after `type`.
    terms: Terms,
    /// The plan applies to charges in it; to all if it was not sent.
    currency: Option<Currency>,
    /// What the operator set if it was not sent.
    draw: Option<Consumption>,
    /// Whether it holds of charges that stand for transfers: it does if it was not sent.
    hold_transfers: Option<bool>,
    metadata: Metadata,
}

/// What `type` says, before the block of that name is read.
#[derive(Clone, Copy)]
enum Type {
    Fixed,
    Rolling,
    Manual,
}

/// The types by their names on the wire. `manual_release` is checked again once the caller's
/// version is known.
const TYPES: [(&str, Type); 3] = [
    ("fixed_release", Type::Fixed),
    ("rolling_release", Type::Rolling),
    ("manual_release", Type::Manual),
];

impl WriteOperation for Create {
    const DEFINITION: Definition =
        Definition::write("reserve.plans.create", "/v1/reserve/plans", RESERVE_PLAN_WRITE, IN_PLAN)
            .of_stripe()
            .one_at_a_time()
            .example(examples::PLANS_CREATE);
    type Input = CreateParams;
    type Out = Plan;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<CreateParams, ApiError> {
        let fields = arguments.params.only(&[
            "percent",
            "type",
            "currency",
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
        let percent = percent.ok_or_else(|| ApiError::parameter_missing("percent"))?;
        let kind = fields.required_choice("type", &TYPES)?;
        let currency = fields.optional_currency("currency")?;
        let terms = terms(&fields, kind)?;
        let change = fields.metadata()?.unwrap_or(MetadataChange::Clear);
        Ok(CreateParams {
            percent,
            terms,
            currency,
            draw: fields.optional_choice("reserve_draw", &Consumption::CHOICES)?,
            hold_transfers: fields.optional_bool("hold_transfers")?,
            metadata: change.apply(&Metadata::default())?,
        })
    }

    /// What needs the time or the version: a fixed plan's date, a rolling plan's end, and whether
    /// the caller's version has manual plans. An older version answers as if it had never heard of
    /// them.
    fn check(&self, params: &CreateParams, ctx: &Ctx) -> Result<(), ApiError> {
        match params.terms {
            Terms::Fixed { release_after } => {
                check_ahead("fixed_release[release_after]", release_after, ctx.now())?;
            }
            Terms::Rolling { expires_on, .. } => check_expires_on(expires_on, ctx.now())?,
            Terms::Manual if !ctx.version().is_at_least(MANUAL_RELEASE) => {
                let known = TYPES
                    .iter()
                    .map(|(word, _)| *word)
                    .filter(|word| *word != Terms::Manual.as_str());
                let error = ApiError::invalid_choice("type", known);
                return Err(error.because(&reasons::TYPE_TOO_NEW));
            }
            Terms::Manual => {}
        }
        Ok(())
    }

    async fn apply(
        &self,
        params: &CreateParams,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Plan>, Failure> {
        let owner = ctx.owner();
        let mut ledger = LedgerTx::begin(tx, &owner, ctx.cause()).await?;
        if store::count_active(ledger.tx, &owner).await? >= limits::ACTIVE_PLANS {
            return Err(too_many().into());
        }
        let plan = Plan {
            seq: ledger.next_seq()?,
            id: ledger.new_id("resplan"),
            created: ledger.now(),
            currency: params.currency,
            percent: params.percent,
            terms: params.terms,
            state: State::Active,
            announcing: false,
            draw: params.draw,
            hold_transfers: params.hold_transfers,
            metadata: params.metadata.clone(),
        };
        store::insert(ledger.tx, &owner, &plan);
        plan_version::record(&mut ledger, &plan)?;
        ledger.emit_event("reserve.plan.created", wire::plan_in_event(&plan, &owner), None).await?;
        ledger.finish();
        Ok(Applied { subject: plan.id.clone(), out: plan, fingerprint: None })
    }

    fn render(&self, plan: &Plan, ctx: &Ctx) -> Object {
        wire::plan(plan, &View::of(ctx))
    }
}

/// The refusal of one active plan too many: every charge looks at all of them.
fn too_many() -> ApiError {
    ApiError::invalid(format!(
        "This account has {} active plans already, the most that it can have. Disable one first.",
        limits::ACTIVE_PLANS
    ))
    .because(&reasons::TOO_MANY_PLANS)
    .with_about(limits::ACTIVE_PLANS.to_string())
}

/// The block that is named after the type; any other is refused.
fn terms(fields: &Fields<'_>, kind: Type) -> Result<Terms, ApiError> {
    let own = match kind {
        Type::Fixed => "fixed_release",
        Type::Rolling => "rolling_release",
        Type::Manual => "",
    };
    let unexpected = ["fixed_release", "rolling_release"]
        .into_iter()
        .find(|block| *block != own && fields.has(block));
    if let Some(unexpected) = unexpected {
        let error = ApiError::parameters_unknown(&[unexpected.to_owned()]);
        return Err(error.because(&reasons::BLOCK_OF_OTHER_TYPE).with_about(unexpected));
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
