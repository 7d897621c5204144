//! Creating a hold that is of no plan. Its money is taken of what is available in its pool, which
//! may go below zero unless the operator forbids it.

use super::super::RESERVE_HOLD_WRITE;
use super::super::dates::check_ahead;
use super::{RELEASE_AFTER, release_after};
use crate::Settings;
use crate::expand::IN_HOLD;
use crate::model::hold::{Hold, Origin, Schedule};
use crate::operations::examples;
use crate::reasons;
use crate::rules::hold;
use crate::wire::{self, Expanded, View};
use coffer_base::{Currency, Timestamp};
use coffer_dialect::{ApiError, Metadata, MetadataChange, Object};
use coffer_kernel::{Applied, Arguments, Ctx, Definition, Failure, WriteOperation};
use coffer_ledger::params::source_type;
use coffer_ledger::{Bucket, LedgerTx, Pool, SourceType};
use coffer_storage::Tx;

/// `POST /v1/reserve/holds`.
pub(crate) struct Create {
    /// Of them it reads [`Settings::strict`].
    pub(crate) settings: Settings,
}

/// The parameters of a new hold.
#[derive(Clone, Debug)]
pub(crate) struct CreateParams {
    /// Above 0, in minor units.
    amount: i64,
    currency: Currency,
    /// 3 to 180 days ahead; the hold is released at the midnight after it.
    release_after: Timestamp,
    metadata: Metadata,
    /// Cards if it was not sent.
    source_type: SourceType,
}

impl WriteOperation for Create {
    const DEFINITION: Definition =
        Definition::write("reserve.holds.create", "/v1/reserve/holds", RESERVE_HOLD_WRITE, IN_HOLD)
            .of_stripe()
            .one_at_a_time()
            .example(examples::HOLDS_CREATE);
    type Input = CreateParams;
    type Out = Hold;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<CreateParams, ApiError> {
        let known =
            ["amount", "currency", "release_schedule", RELEASE_AFTER, "metadata", "source_type"];
        let fields = arguments.params.only(&known)?;
        let amount = fields.required_amount("amount")?;
        let currency = fields.required_currency("currency")?;
        let release_after = release_after(&fields.required_object("release_schedule")?)?;
        let change = fields.metadata()?.unwrap_or(MetadataChange::Clear);
        let metadata = change.apply(&Metadata::default())?;
        let source_type = source_type(&fields)?.unwrap_or_default();
        Ok(CreateParams { amount, currency, release_after, metadata, source_type })
    }

    fn check(&self, params: &CreateParams, ctx: &Ctx) -> Result<(), ApiError> {
        check_ahead(RELEASE_AFTER, params.release_after, ctx.now())
    }

    async fn apply(
        &self,
        params: &CreateParams,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Hold>, Failure> {
        let owner = ctx.owner();
        let mut ledger = LedgerTx::begin(tx, &owner, ctx.cause()).await?;
        let hold = params.hold(&mut ledger)?;
        if self.settings.strict {
            let available = ledger.balance(hold.pool).await?.of(Bucket::PaymentsAvailable);
            if available < hold.amount {
                return Err(insufficient(&hold, available).into());
            }
        }
        hold::record(&mut ledger, &hold).await?;
        ledger.finish();
        Ok(Applied { subject: hold.id.clone(), out: hold, fingerprint: None })
    }

    fn render(&self, hold: &Hold, ctx: &Ctx) -> Object {
        wire::hold(hold, &[], Expanded::default(), &View::of(ctx))
    }
}

impl CreateParams {
    /// The hold of these parameters, which is of available money and has a date of its own.
    fn hold(&self, ledger: &mut LedgerTx<'_, '_>) -> Result<Hold, Failure> {
        Ok(Hold {
            seq: ledger.next_seq()?,
            id: ledger.new_id("reshold"),
            created: ledger.now(),
            amount: self.amount,
            released: 0,
            pool: Pool { currency: self.currency, source_type: self.source_type },
            origin: Origin::Standalone,
            schedule: Schedule::Own {
                release_after: Some(self.release_after),
                scheduled_release: self.release_after.midnight_after(),
            },
            pending: false,
            available_on: ledger.now(),
            metadata: self.metadata.clone(),
        })
    }
}

/// The refusal of a hold above what is available, if the operator asks for it (`reserve_strict`).
fn insufficient(hold: &Hold, available: i64) -> ApiError {
    let message = format!(
        "The account has {available} {} of source type {} available, less than the {} to be held.",
        hold.pool.currency,
        hold.pool.source_type.as_str(),
        hold.amount
    );
    ApiError::invalid_param("amount", message)
        .because(&reasons::HOLD_ABOVE_AVAILABLE)
        .with_code("balance_insufficient")
}
