//! The intake of refunds.

use super::intake::{self, Intake, ListFilter, check_same};
use super::{LEDGER_READ, LEDGER_WRITE};
use crate::model::charge::Charge;
use crate::model::refund::Refund;
use crate::operations::examples;
use crate::params::{optional_time, processor_id};
use crate::reasons;
use crate::rules::{ReserveRules, refund};
use crate::sql;
use crate::store::refund::Filter;
use crate::tx::LedgerTx;
use coffer_base::Timestamp;
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{Definition, Failure};

/// The charge that a refund or a dispute names. It must be recorded before: 400 otherwise, so that
/// the platform sends what it left out, and then this again.
pub(super) async fn charge_of(ledger: &mut LedgerTx<'_, '_>, id: &str) -> Result<Charge, Failure> {
    let found = sql::find(ledger.tx, ledger.owner, id).await?;
    Ok(found.ok_or_else(|| ApiError::no_such(Charge::KIND, id, "charge"))?)
}

/// The filter of refunds, which is that of disputes too.
impl ListFilter for Filter {
    const PARAMS: &'static [&'static str] =
        &["charge", "created", "created[gt]", "created[gte]", "created[lt]", "created[lte]"];

    fn parse(fields: &Fields<'_>) -> Result<Self, ApiError> {
        let charge = fields.id_filter("charge")?;
        Ok(Self { charge, created: fields.created_range()? })
    }
}

/// The parameters of a new refund.
#[derive(Clone, Debug)]
pub(crate) struct CreateParams {
    id: String,
    /// The processor's id of the charge, which must be recorded before.
    charge: String,
    /// At most what earlier refunds left of the charge.
    amount: i64,
    created: Option<Timestamp>,
}

impl Intake for Refund {
    const KIND: &'static str = "refund";
    const CREATE: Definition =
        Definition::write("ledger.refunds.create", "/v1/ledger/refunds", LEDGER_WRITE, &[])
            .one_at_a_time()
            .example(examples::REFUNDS_CREATE);
    const UPDATE: Definition =
        Definition::write("ledger.refunds.update", "/v1/ledger/refunds/:id", LEDGER_WRITE, &[])
            .one_at_a_time()
            .example(examples::REFUNDS_UPDATE);
    const LIST: Definition =
        Definition::list("ledger.refunds.list", "/v1/ledger/refunds", LEDGER_READ, &[]);
    const RETRIEVE: Definition =
        Definition::retrieve("ledger.refunds.retrieve", "/v1/ledger/refunds/:id", LEDGER_READ, &[])
            .example(examples::REFUNDS_RETRIEVE);
    const CREATE_PARAMS: &'static [&'static str] = &["id", "charge", "amount", "created"];
    const UPDATE_PARAMS: &'static [&'static str] = &["status"];
    type CreateParams = CreateParams;
    /// That it failed: nothing else can follow.
    type UpdateParams = ();

    fn parse_create(fields: &Fields<'_>) -> Result<CreateParams, ApiError> {
        Ok(CreateParams {
            id: processor_id(fields, "id")?,
            charge: processor_id(fields, "charge")?,
            amount: fields.required_amount("amount")?,
            created: optional_time(fields, "created")?,
        })
    }

    fn parse_update(fields: &Fields<'_>) -> Result<(), ApiError> {
        fields.required_choice("status", &[("failed", ())])
    }

    async fn record<R: ReserveRules>(
        ledger: &mut LedgerTx<'_, '_>,
        params: &CreateParams,
        rules: &R,
    ) -> Result<Self, Failure> {
        let mut charge = charge_of(ledger, &params.charge).await?;
        let left = charge.amount.saturating_sub(charge.refunded);
        if params.amount > left {
            let message = format!(
                "A refund of {} is more than what is left of the charge '{}': {left} of {}.",
                params.amount, charge.id, charge.amount
            );
            let error = ApiError::invalid_param("amount", message);
            return Err(error.because(&reasons::REFUND_ABOVE_REST).into());
        }
        let refund = Self {
            seq: ledger.next_seq()?,
            id: params.id.clone(),
            charge: Some(charge.id.clone()),
            amount: params.amount,
            currency: charge.currency,
            source_type: charge.source_type,
            created: params.created.unwrap_or(ledger.now()),
            consumed: 0,
            from_pending: 0,
            failed_amount: 0,
            parked: false,
            told_created: params.created,
        };
        refund::record(ledger, &mut charge, refund, rules).await
    }

    async fn reconcile<R: ReserveRules>(
        self,
        _ledger: &mut LedgerTx<'_, '_>,
        params: &CreateParams,
        _rules: &R,
    ) -> Result<Self, Failure> {
        check_same(
            &params.id,
            "charge",
            &self.charge.clone().unwrap_or_default(),
            Some(&params.charge),
        )?;
        check_same(&params.id, "amount", &self.amount, Some(&params.amount))?;
        check_same(&params.id, "created", &self.created, params.created.as_ref())?;
        Ok(self)
    }

    async fn apply_update<R: ReserveRules>(
        mut self,
        ledger: &mut LedgerTx<'_, '_>,
        _failed: &(),
        _rules: &R,
    ) -> Result<Self, Failure> {
        if !self.failed() {
            let mut charge = charge_of(ledger, self.charge.as_deref().unwrap_or_default()).await?;
            refund::fail(ledger, &mut charge, &mut self).await?;
        }
        Ok(self)
    }

    fn render(&self, livemode: bool) -> Object {
        Object::new(&self.id, "ledger.refund")
            .set("amount", self.amount)
            .set("charge", self.charge.clone())
            .set("created", self.created)
            .set("currency", self.currency.to_string())
            .set("drawn", self.consumed)
            .set("livemode", livemode)
            .set("status", if self.failed() { "failed" } else { "succeeded" })
    }
}

impl intake::CreateParams for CreateParams {
    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Option<Timestamp> {
        self.created
    }
}
