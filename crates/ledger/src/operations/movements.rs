//! Movements of a dispute's money: withdrawn or reinstated, in parts, and any number of times.

use super::intake::{Intake, check_created, check_same};
use super::refunds::find_charge;
use super::{LEDGER_WRITE, TRANSIENT};
use crate::model::dispute::Dispute;
use crate::operations::examples;
use crate::params::{optional_time, processor_id, signed_amount};
use crate::reasons;
use crate::rules::dispute::Move;
use crate::rules::warning::keep_conflict;
use crate::rules::{ReserveRules, dispute, transaction};
use crate::sql;
use crate::tx::LedgerTx;
use coffer_base::Timestamp;
use coffer_dialect::{ApiError, Object, limits};
use coffer_kernel::{Applied, Arguments, Ctx, Definition, Failure, WriteOperation};
use coffer_storage::{StorageError, Tx};

/// `POST /v1/ledger/disputes/:id/movements`, which answers with the dispute.
pub(crate) struct Create<R>(pub(crate) R);

/// The parameters of a movement.
#[derive(Clone, Debug)]
pub(crate) struct CreateParams {
    dispute: String,
    id: String,
    /// Negative if money was withdrawn; 0 only beside a fee.
    amount: i64,
    /// Positive if it was taken.
    fee: Option<i64>,
    created: Option<Timestamp>,
}

impl<R: ReserveRules> WriteOperation for Create<R> {
    const DEFINITION: Definition = Definition::write(
        "ledger.disputes.movements.create",
        "/v1/ledger/disputes/:id/movements",
        LEDGER_WRITE,
        &[],
    )
    .one_at_a_time()
    .retries(TRANSIENT)
    .example(examples::MOVEMENTS_CREATE);
    type Input = CreateParams;
    type Out = Dispute;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<CreateParams, ApiError> {
        let fields = arguments.params.only(&["id", "amount", "fee", "created"])?;
        let most = limits::AMOUNT_CEILING;
        let params = CreateParams {
            dispute: arguments.id().to_owned(),
            id: processor_id(&fields, "id")?,
            amount: signed_amount(&fields, "amount")?,
            fee: fields.optional_integer_within("fee", -most..=most)?,
            created: optional_time(&fields, "created")?,
        };
        if params.amount == 0 && params.fee.unwrap_or(0) == 0 {
            let message = "A movement of nothing is none: send an amount, or a fee.";
            let error = ApiError::invalid_param("amount", message);
            return Err(error.because(&reasons::AMOUNT_OF_NOTHING));
        }
        Ok(params)
    }

    fn check(&self, params: &CreateParams, ctx: &Ctx) -> Result<(), ApiError> {
        check_created(params.created, ctx.now())
    }

    async fn apply(
        &self,
        params: &CreateParams,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Dispute>, Failure> {
        let owner = ctx.owner();
        let mut ledger = LedgerTx::begin(tx, &owner, ctx.cause()).await?;
        transaction::check_fact(&ledger, params.created.unwrap_or(ctx.now()))?;
        let found = sql::find::<Dispute>(ledger.tx, &owner, &params.dispute).await?;
        let unknown = || ApiError::not_found(Dispute::KIND, &params.dispute, "id");
        let mut known = found.ok_or_else(unknown)?;
        match dispute::find_movement(&mut ledger, &known, &params.id).await? {
            Some(before) => {
                let id = &params.id;
                check_same(id, "amount", Some(&before.amount), Some(&params.amount))?;
                check_same(id, "fee", Some(&before.fee), params.fee.as_ref())?;
                check_same(id, "created", Some(&before.created), params.created.as_ref())?;
            }
            None => {
                let mut charge = find_charge(&mut ledger, known.charge.as_deref()).await?;
                let moved = params.moved(ledger.now());
                let charge = charge.as_mut();
                dispute::move_money(&mut ledger, charge, &mut known, &moved, &self.0).await?;
            }
        }
        ledger.finish();
        Ok(Applied { subject: known.id.clone(), out: known, fingerprint: None })
    }

    async fn refused(
        &self,
        params: &CreateParams,
        refusal: &ApiError,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<(), StorageError> {
        keep_conflict(tx, ctx, &params.id, refusal).await
    }

    fn render(&self, dispute: &Dispute, ctx: &Ctx) -> Object {
        dispute.render(ctx.tenant().mode.is_live())
    }
}

impl CreateParams {
    fn moved(&self, now: Timestamp) -> Move {
        Move {
            id: self.id.clone(),
            amount: self.amount,
            fee: self.fee.unwrap_or(0),
            created: self.created.unwrap_or(now),
        }
    }
}
