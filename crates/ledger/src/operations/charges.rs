//! The intake of charges. What of one is not told in the first message is told later, by the same
//! call or by its own, which also corrects it.

use super::intake::{self, Intake, ListFilter, With, check_same, check_told, first_told};
use super::{LEDGER_READ, LEDGER_WRITE, TRANSIENT};
use crate::limits;
use crate::model::account::SourceType;
use crate::model::charge::{Charge, FirstTelling, default_available_on};
use crate::operations::examples;
use crate::params::{
    optional_currency, optional_processor_id, optional_time, processor_id, required_currency,
    source_type,
};
use crate::reasons;
use crate::rules::correction::{Correction, correct};
use crate::rules::{ReserveRules, charge, transaction};
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
            .retries(TRANSIENT)
            .example(examples::CHARGES_CREATE);
    const UPDATE: Definition =
        Definition::write("ledger.charges.update", "/v1/ledger/charges/:id", LEDGER_WRITE, &[])
            .one_at_a_time()
            .retries(TRANSIENT)
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
    const UPDATE_PARAMS: &'static [&'static str] =
        &["fee", "application_fee", "source_type", "created", "available_on"];
    type CreateParams = CreateParams;
    /// What the processor knows later than the charge, or corrects: at least one figure.
    type UpdateParams = Correction;

    fn parse_create(fields: &Fields<'_>) -> Result<CreateParams, ApiError> {
        Ok(CreateParams {
            id: processor_id(fields, "id")?,
            amount: fields.required_amount("amount")?,
            currency: required_currency(fields, "currency")?,
            fee: fields.optional_fee("fee")?,
            application_fee: fields.optional_fee("application_fee")?,
            source_type: source_type(fields)?,
            source_transfer: optional_processor_id(fields, "source_transfer")?,
            created: optional_time(fields, "created")?,
            available_on: optional_time(fields, "available_on")?,
        })
    }

    fn parse_update(fields: &Fields<'_>) -> Result<Correction, ApiError> {
        let new = Correction {
            fee: fields.optional_fee("fee")?,
            application_fee: fields.optional_fee("application_fee")?,
            source_type: source_type(fields)?,
            created: optional_time(fields, "created")?,
            available_on: optional_time(fields, "available_on")?,
        };
        if new == Correction::default() {
            return Err(ApiError::parameter_missing("fee"));
        }
        Ok(new)
    }

    async fn record<R: ReserveRules>(
        ledger: &mut LedgerTx<'_, '_>,
        params: &CreateParams,
        with: With<'_, R>,
    ) -> Result<Self, Failure> {
        let mut charge = params.charge(ledger)?;
        charge::record(ledger, &charge, with.rules).await?;
        transaction::charge_came(ledger, &mut charge, with.rules).await?;
        Ok(charge)
    }

    async fn reconcile<R: ReserveRules>(
        mut self,
        ledger: &mut LedgerTx<'_, '_>,
        params: &CreateParams,
        rules: &R,
    ) -> Result<Self, Failure> {
        check_own(&self)?;
        params.compare(&self)?;
        let told = &self.told;
        let new = Correction {
            fee: first_told(told.fee, params.fee),
            application_fee: first_told(told.application_fee, params.application_fee),
            source_type: first_told(told.source_type, params.source_type),
            created: first_told(told.created, params.created),
            available_on: first_told(told.available_on, params.available_on),
        };
        let transfer = params.source_transfer.as_ref().filter(|_| self.source_transfer.is_none());
        if new == Correction::default() && transfer.is_none() {
            return Ok(self);
        }
        if let Some(at) = new.available_on {
            check_available_on(new.created.unwrap_or(self.created), at)?;
        }
        if let Some(transfer) = transfer {
            self.source_transfer = Some(transfer.clone());
        }
        correct(ledger, &mut self, &new, rules).await?;
        Ok(self)
    }

    async fn apply_update<R: ReserveRules>(
        mut self,
        ledger: &mut LedgerTx<'_, '_>,
        new: &Correction,
        rules: &R,
    ) -> Result<Self, Failure> {
        check_own(&self)?;
        intake::check_created(new.created, ledger.now())?;
        if let Some(at) = new.available_on {
            check_available_on(new.created.unwrap_or(self.created), at)?;
            if self.settled && at != self.available_on {
                return Err(is_available(&self).into());
            }
        }
        correct(ledger, &mut self, new, rules).await?;
        Ok(self)
    }

    fn told_by_transaction(&self) -> bool {
        self.by_transaction
    }

    fn render(&self, livemode: bool) -> Object {
        let object = Object::new(&self.id, "ledger.charge")
            .set("amount", self.amount)
            .set("amount_refunded", self.shown_refunded())
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
            .set("status", if self.settled { "available" } else { "pending" });
        // Shown where it is worth a look: rates differ from day to day, and mistakes happen.
        if self.refunded > self.amount { object.set("over_refunded", true) } else { object }
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
        Ok(Self { created, currency: optional_currency(fields, "currency")? })
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
            told: FirstTelling {
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

    /// When the money of a charge that was created at `created` becomes available.
    fn available_on(&self, created: Timestamp) -> Result<Timestamp, ApiError> {
        let Some(at) = self.available_on else {
            return Ok(default_available_on(created));
        };
        check_available_on(created, at).map(|()| at)
    }

    /// Compares a stored charge with how it is sent again.
    fn compare(&self, known: &Charge) -> Result<(), Failure> {
        let (id, told) = (&self.id, &known.told);
        check_same(id, "amount", Some(&known.amount), Some(&self.amount))?;
        check_same(id, "currency", Some(&known.currency), Some(&self.currency))?;
        let fees = (told.application_fee.as_ref(), &known.application_fee);
        check_told(id, "application_fee", fees, self.application_fee.as_ref())?;
        let source_type = self.source_type.map(SourceType::as_str);
        let first = told.source_type.map(SourceType::as_str);
        let types = (first.as_ref(), &known.source_type.as_str());
        check_told(id, "source_type", types, source_type.as_ref())?;
        if let Some(transfer) = &known.source_transfer {
            check_same(id, "source_transfer", Some(transfer), self.source_transfer.as_ref())?;
        }
        let times = (told.created.as_ref(), &known.created);
        check_told(id, "created", times, self.created.as_ref())?;
        let dates = (told.available_on.as_ref(), &known.available_on);
        check_told(id, "available_on", dates, self.available_on.as_ref())?;
        let fee = known.fee.unwrap_or(0);
        check_told(id, "fee", (told.fee.as_ref(), &fee), self.fee.as_ref())
    }
}

/// Refuses a time before the charge, or more than [`limits::AVAILABLE_AFTER_SECONDS`] after it.
fn check_available_on(created: Timestamp, at: Timestamp) -> Result<(), ApiError> {
    let latest = created.plus(limits::AVAILABLE_AFTER_SECONDS);
    if at >= created && at <= latest {
        return Ok(());
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

/// Refuses a charge whose money a transaction told, or none: as a fact it would count twice.
fn check_own(charge: &Charge) -> Result<(), ApiError> {
    if !charge.by_transaction {
        return Ok(());
    }
    let message = format!(
        "The charge '{}' was told by a transaction: as a fact its money would count twice.",
        charge.id
    );
    Err(ApiError::invalid_param("id", message).because(&reasons::OTHER_INTAKE))
}

/// The refusal of another date for money that is available.
fn is_available(charge: &Charge) -> ApiError {
    let message = format!(
        "The money of '{}' has been available since {}, in Unix seconds: its date cannot move \
         any more.",
        charge.id, charge.available_on
    );
    ApiError::invalid_param("available_on", message).because(&reasons::DATE_OF_AVAILABLE)
}
