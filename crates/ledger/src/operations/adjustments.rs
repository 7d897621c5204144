//! The intake of adjustments: money that comes or goes without a charge, a refund, a dispute or a
//! payout.

use super::intake::{self, Intake, ListFilter, With, check_same, check_told, first_told};
use super::transactions::check_word;
use super::{LEDGER_READ, LEDGER_WRITE, TRANSIENT};
use crate::limits;
use crate::model::account::SourceType;
use crate::model::adjustment::{Adjustment, DEFAULT_TYPE, FirstTelling};
use crate::model::entry::Pool;
use crate::operations::examples;
use crate::params::{
    optional_currency, optional_processor_id, optional_time, processor_id, required_currency,
    signed_amount, source_type,
};
use crate::reasons;
use crate::rules::adjustment::Late;
use crate::rules::{ReserveRules, adjustment};
use crate::store::adjustment::Filter;
use crate::tx::LedgerTx;
use coffer_base::{Currency, Timestamp};
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{Definition, Failure};

/// The parameters of a new adjustment.
#[derive(Clone, Debug)]
pub(crate) struct CreateParams {
    id: String,
    /// Signed, and not 0.
    amount: i64,
    currency: Currency,
    /// [`DEFAULT_TYPE`] if it was not sent.
    word: Option<String>,
    category: Option<String>,
    source_type: Option<SourceType>,
    created: Option<Timestamp>,
    /// `created` if it was not sent.
    available_on: Option<Timestamp>,
    charge: Option<String>,
    /// Whether it takes from the reserve of `charge` first.
    draws: Option<bool>,
    payout: Option<String>,
}

/// What is told of an adjustment later, or corrected: at least one of them.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct UpdateParams {
    source_type: Option<SourceType>,
    created: Option<Timestamp>,
    available_on: Option<Timestamp>,
}

impl Intake for Adjustment {
    const KIND: &'static str = "adjustment";
    const CREATE: Definition =
        Definition::write("ledger.adjustments.create", "/v1/ledger/adjustments", LEDGER_WRITE, &[])
            .one_at_a_time()
            .retries(TRANSIENT)
            .example(examples::ADJUSTMENTS_CREATE);
    const UPDATE: Definition = Definition::write(
        "ledger.adjustments.update",
        "/v1/ledger/adjustments/:id",
        LEDGER_WRITE,
        &[],
    )
    .one_at_a_time()
    .retries(TRANSIENT)
    .example(examples::ADJUSTMENTS_UPDATE);
    const LIST: Definition =
        Definition::list("ledger.adjustments.list", "/v1/ledger/adjustments", LEDGER_READ, &[]);
    const RETRIEVE: Definition = Definition::retrieve(
        "ledger.adjustments.retrieve",
        "/v1/ledger/adjustments/:id",
        LEDGER_READ,
        &[],
    )
    .example(examples::ADJUSTMENTS_RETRIEVE);
    const CREATE_PARAMS: &'static [&'static str] = &[
        "id",
        "amount",
        "currency",
        "type",
        "reporting_category",
        "source_type",
        "created",
        "available_on",
        "charge",
        "draw",
        "payout",
    ];
    const UPDATE_PARAMS: &'static [&'static str] = &["source_type", "created", "available_on"];
    type CreateParams = CreateParams;
    type UpdateParams = UpdateParams;

    fn parse_create(fields: &Fields<'_>) -> Result<CreateParams, ApiError> {
        let params = CreateParams {
            id: processor_id(fields, "id")?,
            amount: signed_amount(fields, "amount")?,
            currency: required_currency(fields, "currency")?,
            word: fields.optional_plain("type", limits::TYPE_CHARACTERS)?,
            category: fields.optional_plain("reporting_category", limits::TYPE_CHARACTERS)?,
            source_type: source_type(fields)?,
            created: optional_time(fields, "created")?,
            available_on: optional_time(fields, "available_on")?,
            charge: optional_processor_id(fields, "charge")?,
            draws: fields.optional_bool("draw")?,
            payout: optional_processor_id(fields, "payout")?,
        };
        for (name, word) in [("type", &params.word), ("reporting_category", &params.category)] {
            word.as_deref().map_or(Ok(()), |word| check_word(name, word))?;
        }
        params.check()?;
        Ok(params)
    }

    fn parse_update(fields: &Fields<'_>) -> Result<UpdateParams, ApiError> {
        let params = UpdateParams {
            source_type: source_type(fields)?,
            created: optional_time(fields, "created")?,
            available_on: optional_time(fields, "available_on")?,
        };
        if params == UpdateParams::default() {
            return Err(ApiError::parameter_missing("available_on"));
        }
        Ok(params)
    }

    async fn record<R: ReserveRules>(
        ledger: &mut LedgerTx<'_, '_>,
        params: &CreateParams,
        with: With<'_, R>,
    ) -> Result<Self, Failure> {
        let adjustment = params.adjustment(ledger)?;
        adjustment::record(ledger, adjustment, with.rules).await
    }

    async fn reconcile<R: ReserveRules>(
        mut self,
        ledger: &mut LedgerTx<'_, '_>,
        params: &CreateParams,
        _rules: &R,
    ) -> Result<Self, Failure> {
        check_own(&self)?;
        params.compare(&self)?;
        let told = &self.told;
        let new = UpdateParams {
            source_type: first_told(told.source_type, params.source_type),
            created: first_told(told.created, params.created),
            available_on: first_told(told.available_on, params.available_on),
        };
        if new != UpdateParams::default() {
            new.apply(ledger, &mut self).await?;
        }
        Ok(self)
    }

    async fn apply_update<R: ReserveRules>(
        mut self,
        ledger: &mut LedgerTx<'_, '_>,
        params: &UpdateParams,
        _rules: &R,
    ) -> Result<Self, Failure> {
        check_own(&self)?;
        intake::check_created(params.created, ledger.now())?;
        params.apply(ledger, &mut self).await?;
        Ok(self)
    }

    fn told_by_transaction(&self) -> bool {
        self.by_transaction
    }

    fn render(&self, livemode: bool) -> Object {
        Object::new(&self.id, "ledger.adjustment")
            .set("amount", self.amount)
            .set("available_on", self.available_on)
            .set("charge", self.charge.clone())
            .set("created", self.created)
            .set("currency", self.currency().to_string())
            .set("drawn", self.consumed)
            .set("fee", self.fee)
            .set("livemode", livemode)
            .set("net", self.net())
            .set("parked", self.parked)
            .set("payout", self.payout.clone())
            .set("reporting_category", self.category.clone())
            .set("source", self.source.clone())
            .set("source_type", self.pool.source_type.as_str())
            .set("status", if self.settled { "available" } else { "pending" })
            .set("type", self.word.clone())
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
    const PARAMS: &'static [&'static str] = &[
        "created",
        "created[gt]",
        "created[gte]",
        "created[lt]",
        "created[lte]",
        "currency",
        "type",
    ];

    fn parse(fields: &Fields<'_>) -> Result<Self, ApiError> {
        Ok(Self {
            created: fields.created_range()?,
            currency: optional_currency(fields, "currency")?,
            word: fields.id_filter("type")?,
        })
    }
}

impl CreateParams {
    /// Checks what the types of single parameters do not say.
    fn check(&self) -> Result<(), ApiError> {
        let refuse = |param: &'static str, message: &'static str| {
            ApiError::invalid_param(param, message).because(&reasons::AMOUNT_OF_NOTHING)
        };
        if self.amount == 0 {
            return Err(refuse("amount", "An adjustment of nothing is none: send an amount."));
        }
        if self.draws != Some(true) {
            return Ok(());
        }
        if self.amount > 0 {
            let message = "Only an adjustment that takes money draws: its amount is negative.";
            return Err(refuse("draw", message));
        }
        self.charge.as_ref().map(drop).ok_or_else(|| ApiError::parameter_missing("charge"))
    }

    fn adjustment(&self, ledger: &mut LedgerTx<'_, '_>) -> Result<Adjustment, Failure> {
        let created = self.created.unwrap_or(ledger.now());
        let available_on = self.available_on.unwrap_or(created);
        check_available_on(created, available_on)?;
        let settled = available_on <= ledger.now();
        let source_type = self.source_type.unwrap_or_default();
        Ok(Adjustment {
            seq: ledger.next_seq()?,
            id: self.id.clone(),
            amount: self.amount,
            fee: 0,
            pool: Pool { currency: self.currency, source_type },
            word: self.word.clone().unwrap_or_else(|| DEFAULT_TYPE.to_owned()),
            category: self.category.clone(),
            source: None,
            charge: self.charge.clone(),
            payout: self.payout.clone(),
            draws: self.draws == Some(true),
            consumed: 0,
            created,
            available_on,
            pending: if settled { 0 } else { self.amount },
            settled,
            by_transaction: false,
            parked: false,
            told: FirstTelling {
                word: self.word.clone(),
                source_type: self.source_type,
                created: self.created,
                available_on: self.available_on,
            },
        })
    }

    /// Compares a stored adjustment with how it is sent again.
    fn compare(&self, known: &Adjustment) -> Result<(), Failure> {
        let (id, told) = (&self.id, &known.told);
        check_same(id, "amount", Some(&known.amount), Some(&self.amount))?;
        check_same(id, "currency", Some(&known.currency()), Some(&self.currency))?;
        check_same(id, "type", Some(&known.word), self.word.as_ref())?;
        check_same(id, "reporting_category", known.category.as_ref(), self.category.as_ref())?;
        let source_type = self.source_type.map(SourceType::as_str);
        let first = told.source_type.map(SourceType::as_str);
        let types = (first.as_ref(), &known.pool.source_type.as_str());
        check_told(id, "source_type", types, source_type.as_ref())?;
        let times = (told.created.as_ref(), &known.created);
        check_told(id, "created", times, self.created.as_ref())?;
        let dates = (told.available_on.as_ref(), &known.available_on);
        check_told(id, "available_on", dates, self.available_on.as_ref())?;
        check_same(id, "charge", known.charge.as_ref(), self.charge.as_ref())?;
        check_same(id, "draw", Some(&known.draws), self.draws.as_ref())?;
        check_same(id, "payout", known.payout.as_ref(), self.payout.as_ref())
    }
}

impl UpdateParams {
    /// Applies what is told, and remembers what of it is told for the first time.
    async fn apply(
        &self,
        ledger: &mut LedgerTx<'_, '_>,
        adjustment: &mut Adjustment,
    ) -> Result<(), Failure> {
        let created = self.created.unwrap_or(adjustment.created);
        let is_default = adjustment.told.available_on.is_none();
        let follows = self.created.filter(|_| is_default);
        let available_on = self.available_on.or(follows).unwrap_or(adjustment.available_on);
        check_available_on(created, available_on)?;
        let pool = self.source_type.map(|source_type| Pool { source_type, ..adjustment.pool });
        let told = &mut adjustment.told;
        told.source_type = told.source_type.or(self.source_type);
        told.created = told.created.or(self.created);
        told.available_on = told.available_on.or(self.available_on);
        let late = Late { pool, created: self.created, available_on: Some(available_on) };
        adjustment::tell_late(ledger, adjustment, late).await
    }
}

/// Checks that an adjustment counts within [`limits::COUNTS_WITHIN_SECONDS`] of its time.
fn check_available_on(created: Timestamp, at: Timestamp) -> Result<(), ApiError> {
    let between = at.unix().saturating_sub(created.unix());
    if between.saturating_abs() <= limits::COUNTS_WITHIN_SECONDS {
        return Ok(());
    }
    let message = format!(
        "'available_on' must lie within 400 days of 'created': it is {at}, and 'created' is \
         {created}, both in Unix seconds."
    );
    let error = ApiError::invalid_param("available_on", message);
    Err(error.because(&reasons::AVAILABLE_ON_RANGE))
}

/// Refuses an adjustment that a transaction told: as a fact it would count twice.
fn check_own(adjustment: &Adjustment) -> Result<(), ApiError> {
    if !adjustment.by_transaction {
        return Ok(());
    }
    let message = format!(
        "The adjustment '{}' was told by a transaction: as a fact it would count twice.",
        adjustment.id
    );
    Err(ApiError::invalid_param("id", message).because(&reasons::OTHER_INTAKE))
}
