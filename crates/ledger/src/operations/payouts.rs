//! The intake of payouts: one that is asked for can be refused, one that is reported has taken
//! place.

use super::intake::{self, Intake, ListFilter, check_same};
use super::{LEDGER_READ, LEDGER_WRITE};
use crate::model::account::SourceType;
use crate::model::payout::{Payout, Status, Told};
use crate::operations::examples;
use crate::params::{processor_id, source_type};
use crate::rules::{ReserveRules, payout};
use crate::store::payout::Filter;
use crate::tx::LedgerTx;
use coffer_base::{Currency, Timestamp};
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{Definition, Failure};

/// The parameters of a new payout.
#[derive(Clone, Debug)]
pub(crate) struct CreateParams {
    id: String,
    amount: i64,
    currency: Currency,
    /// The pool that it takes from; cards if it was not sent.
    source_type: Option<SourceType>,
    /// Whether it has taken place already; a payout that was only asked for is the default.
    reported: Option<bool>,
}

impl Intake for Payout {
    const KIND: &'static str = "payout";
    const CREATE: Definition =
        Definition::write("ledger.payouts.create", "/v1/ledger/payouts", LEDGER_WRITE, &[])
            .one_at_a_time()
            .example(examples::PAYOUTS_CREATE);
    const UPDATE: Definition =
        Definition::write("ledger.payouts.update", "/v1/ledger/payouts/:id", LEDGER_WRITE, &[])
            .one_at_a_time()
            .example(examples::PAYOUTS_UPDATE);
    const LIST: Definition =
        Definition::list("ledger.payouts.list", "/v1/ledger/payouts", LEDGER_READ, &[]);
    const RETRIEVE: Definition =
        Definition::retrieve("ledger.payouts.retrieve", "/v1/ledger/payouts/:id", LEDGER_READ, &[])
            .example(examples::PAYOUTS_RETRIEVE);
    const CREATE_PARAMS: &'static [&'static str] =
        &["id", "amount", "currency", "source_type", "reported"];
    const UPDATE_PARAMS: &'static [&'static str] = &["status"];
    type CreateParams = CreateParams;
    /// Its new status.
    type UpdateParams = Status;

    fn parse_create(fields: &Fields<'_>) -> Result<CreateParams, ApiError> {
        Ok(CreateParams {
            id: processor_id(fields, "id")?,
            amount: fields.required_amount("amount")?,
            currency: fields.required_currency("currency")?,
            source_type: source_type(fields)?,
            reported: fields.optional_bool("reported")?,
        })
    }

    fn parse_update(fields: &Fields<'_>) -> Result<Status, ApiError> {
        let choices = [Status::Paid, Status::Failed, Status::Canceled];
        fields.required_choice("status", &choices.map(|status| (status.as_str(), status)))
    }

    async fn record<R: ReserveRules>(
        ledger: &mut LedgerTx<'_, '_>,
        params: &CreateParams,
        _rules: &R,
    ) -> Result<Self, Failure> {
        let payout = Self {
            seq: ledger.next_seq()?,
            id: params.id.clone(),
            amount: params.amount,
            currency: params.currency,
            source_type: params.source_type.unwrap_or_default(),
            reported: params.reported == Some(true),
            created: ledger.now(),
            status: Status::InTransit,
            processor_id: None,
            fee: None,
            arrival_date: None,
            by_transaction: false,
            told: Told::default(),
        };
        payout::record(ledger, &payout).await?;
        Ok(payout)
    }

    async fn reconcile<R: ReserveRules>(
        self,
        _ledger: &mut LedgerTx<'_, '_>,
        params: &CreateParams,
        _rules: &R,
    ) -> Result<Self, Failure> {
        check_same(&params.id, "amount", &self.amount, Some(&params.amount))?;
        check_same(&params.id, "currency", &self.currency, Some(&params.currency))?;
        let source_type = params.source_type.map(SourceType::as_str);
        check_same(&params.id, "source_type", &self.source_type.as_str(), source_type.as_ref())?;
        check_same(&params.id, "reported", &self.reported, params.reported.as_ref())?;
        Ok(self)
    }

    async fn apply_update<R: ReserveRules>(
        mut self,
        ledger: &mut LedgerTx<'_, '_>,
        status: &Status,
        _rules: &R,
    ) -> Result<Self, Failure> {
        payout::become_status(ledger, &mut self, *status).await?;
        Ok(self)
    }

    fn render(&self, livemode: bool) -> Object {
        Object::new(&self.id, "ledger.payout")
            .set("amount", self.amount)
            .set("created", self.created)
            .set("currency", self.currency.to_string())
            .set("livemode", livemode)
            .set("reported", self.reported)
            .set("source_type", self.source_type.as_str())
            .set("status", self.status.as_str())
    }
}

impl intake::CreateParams for CreateParams {
    fn id(&self) -> &str {
        &self.id
    }

    /// A payout is created when it is recorded.
    fn created(&self) -> Option<Timestamp> {
        None
    }
}

impl ListFilter for Filter {
    const PARAMS: &'static [&'static str] = &[
        "created",
        "created[gt]",
        "created[gte]",
        "created[lt]",
        "created[lte]",
        "currency",
        "status",
    ];

    fn parse(fields: &Fields<'_>) -> Result<Self, ApiError> {
        let choices = Status::ALL.map(|status| (status.as_str(), status));
        Ok(Self {
            created: fields.created_range()?,
            currency: fields.optional_currency("currency")?,
            status: fields.optional_choice("status", &choices)?,
        })
    }
}
