//! The intake of disputes. Creating one means that its funds were withdrawn.

use super::intake::{self, Intake, check_same};
use super::refunds::charge_of;
use super::{LEDGER_READ, LEDGER_WRITE};
use crate::model::dispute::{Dispute, Status, Told};
use crate::operations::examples;
use crate::params::{optional_time, processor_id};
use crate::reasons;
use crate::rules::{ReserveRules, dispute};
use crate::tx::LedgerTx;
use coffer_base::Timestamp;
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{Definition, Failure};

/// The parameters of a new dispute.
#[derive(Clone, Debug)]
pub(crate) struct CreateParams {
    id: String,
    /// The processor's id of the charge, which must be recorded before.
    charge: String,
    amount: i64,
    /// What the processor charges for the dispute itself; 0 if it was not sent.
    fee: Option<i64>,
    created: Option<Timestamp>,
}

/// How a dispute ended, and whether its fee came back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UpdateParams {
    /// Won or lost: a dispute is open when it is created, and cannot become so again.
    status: Status,
    /// Refused with a lost dispute, whose fee never comes back.
    fee_returned: Option<bool>,
}

impl Intake for Dispute {
    const KIND: &'static str = "dispute";
    const CREATE: Definition =
        Definition::write("ledger.disputes.create", "/v1/ledger/disputes", LEDGER_WRITE, &[])
            .one_at_a_time()
            .example(examples::DISPUTES_CREATE);
    const UPDATE: Definition =
        Definition::write("ledger.disputes.update", "/v1/ledger/disputes/:id", LEDGER_WRITE, &[])
            .one_at_a_time()
            .example(examples::DISPUTES_UPDATE);
    const LIST: Definition =
        Definition::list("ledger.disputes.list", "/v1/ledger/disputes", LEDGER_READ, &[]);
    const RETRIEVE: Definition = Definition::retrieve(
        "ledger.disputes.retrieve",
        "/v1/ledger/disputes/:id",
        LEDGER_READ,
        &[],
    )
    .example(examples::DISPUTES_RETRIEVE);
    const CREATE_PARAMS: &'static [&'static str] = &["id", "charge", "amount", "fee", "created"];
    const UPDATE_PARAMS: &'static [&'static str] = &["status", "fee_returned"];
    type CreateParams = CreateParams;
    type UpdateParams = UpdateParams;

    fn parse_create(fields: &Fields<'_>) -> Result<CreateParams, ApiError> {
        Ok(CreateParams {
            id: processor_id(fields, "id")?,
            charge: processor_id(fields, "charge")?,
            amount: fields.required_amount("amount")?,
            fee: fields.optional_fee("fee")?,
            created: optional_time(fields, "created")?,
        })
    }

    fn parse_update(fields: &Fields<'_>) -> Result<UpdateParams, ApiError> {
        let choices = [("won", Status::Won), ("lost", Status::Lost)];
        let status = fields.required_choice("status", &choices)?;
        let fee_returned = fields.optional_bool("fee_returned")?;
        if fee_returned == Some(true) && status == Status::Lost {
            let message = "The fee of a lost dispute does not come back: leave fee_returned out.";
            let error = ApiError::invalid_param("fee_returned", message);
            return Err(error.because(&reasons::FEE_OF_LOST_DISPUTE));
        }
        Ok(UpdateParams { status, fee_returned })
    }

    async fn record<R: ReserveRules>(
        ledger: &mut LedgerTx<'_, '_>,
        params: &CreateParams,
        rules: &R,
    ) -> Result<Self, Failure> {
        let mut charge = charge_of(ledger, &params.charge).await?;
        let dispute = Self {
            seq: ledger.next_seq()?,
            id: params.id.clone(),
            charge: Some(charge.id.clone()),
            amount: params.amount,
            currency: charge.currency,
            source_type: charge.source_type,
            fee: params.fee.unwrap_or(0),
            created: params.created.unwrap_or(ledger.now()),
            consumed: 0,
            from_pending: 0,
            withdrawn: params.amount,
            reinstated: 0,
            status: Status::Open,
            status_created: None,
            fee_returned: false,
            moved: false,
            parked: false,
            told: Told { fee: params.fee, created: params.created },
        };
        dispute::record(ledger, &mut charge, dispute, rules).await
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
        check_same(&params.id, "fee", &self.fee, params.fee.as_ref())?;
        check_same(&params.id, "created", &self.created, params.created.as_ref())?;
        Ok(self)
    }

    /// An open dispute ends; one that ended already is compared with what is sent.
    async fn apply_update<R: ReserveRules>(
        mut self,
        ledger: &mut LedgerTx<'_, '_>,
        params: &UpdateParams,
        _rules: &R,
    ) -> Result<Self, Failure> {
        match (self.status, params.status) {
            (Status::Open, Status::Won) => {
                let mut charge =
                    charge_of(ledger, self.charge.as_deref().unwrap_or_default()).await?;
                let fee_returned = params.fee_returned == Some(true);
                dispute::win(ledger, &mut charge, &mut self, fee_returned).await?;
            }
            (Status::Open, _) => dispute::lose(ledger, &mut self),
            (known, sent) => {
                check_same(&self.id, "status", &known.as_str(), Some(&sent.as_str()))?;
                let fee_returned = params.fee_returned.as_ref();
                check_same(&self.id, "fee_returned", &self.fee_returned, fee_returned)?;
            }
        }
        Ok(self)
    }

    fn render(&self, livemode: bool) -> Object {
        Object::new(&self.id, "ledger.dispute")
            .set("amount", self.amount)
            .set("charge", self.charge.clone())
            .set("created", self.created)
            .set("currency", self.currency.to_string())
            .set("drawn", self.consumed)
            .set("fee", self.fee)
            .set("fee_returned", self.fee_returned)
            .set("livemode", livemode)
            .set("status", self.status.as_str())
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
