//! The intake of charges. It is the one kind of facts of which a figure, the processor's fee, may
//! be reported later.

use super::intake::{self, Intake, ListFilter, check_same};
use super::{LEDGER_READ, LEDGER_WRITE};
use crate::limits;
use crate::model::account::SourceType;
use crate::model::charge::{Charge, Told, default_available_on};
use crate::operations::examples;
use crate::params::{optional_processor_id, optional_time, processor_id, source_type};
use crate::reasons;
use crate::rules::{ReserveRules, charge};
use crate::store::charge::Filter;
use crate::tx::LedgerTx;
use coffer_base::{Currency, Timestamp};
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{Definition, Failure};

/// The parameters of a new charge.
#[derive(Clone, Debug)]
pub(crate) struct CreateParams {
    id: String,
    amount: i64,
    currency: Currency,
    fee: Option<i64>,
    /// 0 if it was not sent.
    application_fee: Option<i64>,
    source_type: Option<SourceType>,
    /// The platform's transfer that the charge stands for, as far as it has one.
    source_transfer: Option<String>,
    /// The time of the request if it was not sent.
    created: Option<Timestamp>,
    /// Within a year after `created`; [`default_available_on`] if it was not sent.
    available_on: Option<Timestamp>,
}

impl Intake for Charge {
    const KIND: &'static str = "charge";
    const CREATE: Definition =
        Definition::write("ledger.charges.create", "/v1/ledger/charges", LEDGER_WRITE, &[])
            .one_at_a_time()
            .example(examples::CHARGES_CREATE);
    const UPDATE: Definition =
        Definition::write("ledger.charges.update", "/v1/ledger/charges/:id", LEDGER_WRITE, &[])
            .one_at_a_time()
            .example(examples::CHARGES_UPDATE);
    const LIST: Definition =
        Definition::list("ledger.charges.list", "/v1/ledger/charges", LEDGER_READ, &[]);
    const RETRIEVE: Definition =
        Definition::retrieve("ledger.charges.retrieve", "/v1/ledger/charges/:id", LEDGER_READ, &[])
            .example(examples::CHARGES_RETRIEVE);
    const CREATE_PARAMS: &'static [&'static str] = &[
        "id",
        "amount",
        "currency",
        "fee",
        "application_fee",
        "source_type",
        "source_transfer",
        "created",
        "available_on",
    ];
    const UPDATE_PARAMS: &'static [&'static str] = &["fee"];
    type CreateParams = CreateParams;
    /// The fee, which the processor may know later than the charge.
    type UpdateParams = i64;

    fn parse_create(fields: &Fields<'_>) -> Result<CreateParams, ApiError> {
        Ok(CreateParams {
            id: processor_id(fields, "id")?,
            amount: fields.required_amount("amount")?,
            currency: fields.required_currency("currency")?,
            fee: fields.optional_fee("fee")?,
            application_fee: fields.optional_fee("application_fee")?,
            source_type: source_type(fields)?,
            source_transfer: optional_processor_id(fields, "source_transfer")?,
            created: optional_time(fields, "created")?,
            available_on: optional_time(fields, "available_on")?,
        })
    }

    fn parse_update(fields: &Fields<'_>) -> Result<i64, ApiError> {
        fields.optional_fee("fee")?.ok_or_else(|| ApiError::parameter_missing("fee"))
    }

    async fn record<R: ReserveRules>(
        ledger: &mut LedgerTx<'_, '_>,
        params: &CreateParams,
        rules: &R,
    ) -> Result<Self, Failure> {
        let charge = params.charge(ledger)?;
        charge::record(ledger, &charge, rules).await?;
        Ok(charge)
    }

    /// A fee that was not known yet is added, as a correction of the books.
    async fn reconcile<R: ReserveRules>(
        mut self,
        ledger: &mut LedgerTx<'_, '_>,
        params: &CreateParams,
        rules: &R,
    ) -> Result<Self, Failure> {
        let id = &params.id;
        check_same(id, "amount", &self.amount, Some(&params.amount))?;
        check_same(id, "currency", &self.currency, Some(&params.currency))?;
        check_same(id, "application_fee", &self.application_fee, params.application_fee.as_ref())?;
        let source_type = params.source_type.map(SourceType::as_str);
        check_same(id, "source_type", &self.source_type.as_str(), source_type.as_ref())?;
        let transfer = self.source_transfer.clone().unwrap_or_default();
        check_same(id, "source_transfer", &transfer, params.source_transfer.as_ref())?;
        check_same(id, "created", &self.created, params.created.as_ref())?;
        check_same(id, "available_on", &self.available_on, params.available_on.as_ref())?;
        match (self.fee, params.fee) {
            (None, Some(fee)) => charge::correct_fee(ledger, &mut self, fee, rules).await?,
            (Some(before), sent) => check_same(id, "fee", &before, sent.as_ref())?,
            (None, None) => {}
        }
        Ok(self)
    }

    async fn apply_update<R: ReserveRules>(
        mut self,
        ledger: &mut LedgerTx<'_, '_>,
        fee: &i64,
        rules: &R,
    ) -> Result<Self, Failure> {
        charge::correct_fee(ledger, &mut self, *fee, rules).await?;
        Ok(self)
    }

    fn render(&self, livemode: bool) -> Object {
        Object::new(&self.id, "ledger.charge")
            .set("amount", self.amount)
            .set("amount_refunded", self.refunded)
            .set("application_fee", self.application_fee)
            .set("available_on", self.available_on)
            .set("created", self.created)
            .set("currency", self.currency.to_string())
            .set("disputed", self.disputed)
            .set("fee", self.fee.unwrap_or(0))
            .set("livemode", livemode)
            .set("net", self.net())
            .set("refunded", self.refunded >= self.amount)
            .set("source_transfer", self.source_transfer.clone())
            .set("source_type", self.source_type.as_str())
            .set("status", if self.settled { "available" } else { "pending" })
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

impl ListFilter for Filter {
    const PARAMS: &'static [&'static str] =
        &["created", "created[gt]", "created[gte]", "created[lt]", "created[lte]", "currency"];

    fn parse(fields: &Fields<'_>) -> Result<Self, ApiError> {
        let created = fields.created_range()?;
        Ok(Self { created, currency: fields.optional_currency("currency")? })
    }
}

impl CreateParams {
    /// The charge of these parameters. Money whose time has come already is available from the
    /// start, and never pending.
    fn charge(&self, ledger: &mut LedgerTx<'_, '_>) -> Result<Charge, Failure> {
        let created = self.created.unwrap_or(ledger.now());
        let available_on = self.available_on(created)?;
        let mut charge = Charge {
            seq: ledger.next_seq()?,
            id: self.id.clone(),
            amount: self.amount,
            currency: self.currency,
            fee: self.fee,
            application_fee: self.application_fee.unwrap_or(0),
            source_type: self.source_type.unwrap_or_default(),
            source_transfer: self.source_transfer.clone(),
            created,
            available_on,
            refunded: 0,
            disputed: false,
            pending: 0,
            settled: available_on <= ledger.now(),
            by_transaction: false,
            told: Told {
                fee: self.fee,
                application_fee: self.application_fee,
                source_type: self.source_type,
                created: self.created,
                available_on: self.available_on,
            },
        };
        if !charge.settled {
            charge.pending = charge.net();
        }
        Ok(charge)
    }

    /// When the money of a charge that was created at `created` becomes available. A time before
    /// the charge, or more than [`limits::AVAILABLE_AFTER_SECONDS`] after it, is refused.
    fn available_on(&self, created: Timestamp) -> Result<Timestamp, ApiError> {
        let Some(at) = self.available_on else {
            return Ok(default_available_on(created));
        };
        let latest = created.plus(limits::AVAILABLE_AFTER_SECONDS);
        if at >= created && at <= latest {
            return Ok(at);
        }
        Err(ApiError::invalid_param(
            "available_on",
            format!(
                "'available_on' must lie within a year after the charge: from {created} to \
                 {latest}, in Unix seconds, not {at}."
            ),
        )
        .because(&reasons::AVAILABLE_ON_RANGE))
    }
}
