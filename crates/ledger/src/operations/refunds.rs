//! The intake of refunds.

use super::intake::{self, Intake, ListFilter, With, check_same, check_told, first_told};
use super::{LEDGER_READ, LEDGER_WRITE, TRANSIENT};
use crate::model::account::SourceType;
use crate::model::charge::Charge;
use crate::model::entry::Pool;
use crate::model::refund::Refund;
use crate::operations::examples;
use crate::params::{
    optional_currency, optional_processor_id, optional_time, processor_id, source_type,
};
use crate::reasons;
use crate::rules::refund::Failed;
use crate::rules::{ReserveRules, refund};
use crate::sql;
use crate::store::refund::Filter;
use crate::tx::LedgerTx;
use coffer_base::{Currency, Timestamp};
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{Definition, Failure};

/// The charge of a fact, if it is known.
pub(super) async fn find_charge(
    ledger: &mut LedgerTx<'_, '_>,
    id: Option<&str>,
) -> Result<Option<Charge>, Failure> {
    let Some(id) = id else { return Ok(None) };
    Ok(sql::find(ledger.tx, ledger.owner, id).await?)
}

/// The pool of a refund or a dispute: its charge's, or what is told of it while the charge is not
/// known. Then its currency is needed: 400 without, so that the platform sends the charge first, or
/// the currency with this.
pub(super) fn pool_of(
    charge: Option<&Charge>,
    id: &str,
    (currency, source_type): (Option<Currency>, Option<SourceType>),
) -> Result<Pool, ApiError> {
    match (charge, currency) {
        (Some(charge), Some(currency)) if currency != charge.currency => {
            let message = format!(
                "The charge '{id}' is in {}, and this in {currency}: its currency is the charge's.",
                charge.currency
            );
            let error = ApiError::invalid_param("currency", message);
            Err(error.because(&reasons::OTHER_CURRENCY))
        }
        (Some(charge), _) => Ok(charge.pool()),
        (None, Some(currency)) => {
            Ok(Pool { currency, source_type: source_type.unwrap_or_default() })
        }
        (None, None) => Err(ApiError::no_such(Charge::KIND, id, "charge")),
    }
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
    /// The processor's id of the charge.
    charge: String,
    /// It may exceed the charge, of which the processor converted it at another day's rate.
    amount: i64,
    /// Needed while the charge is not known.
    currency: Option<Currency>,
    /// Read while the charge is not known; cards if it was not sent.
    source_type: Option<SourceType>,
    created: Option<Timestamp>,
}

/// That a refund failed, or a part of it.
#[derive(Clone, Debug)]
pub(crate) struct UpdateParams {
    /// The failure's own id; a refund has one failure without.
    id: Option<String>,
    /// How much came back; the rest of the refund if it was not sent.
    amount: Option<i64>,
    created: Option<Timestamp>,
}

impl Intake for Refund {
    const KIND: &'static str = "refund";
    const CREATE: Definition =
        Definition::write("ledger.refunds.create", "/v1/ledger/refunds", LEDGER_WRITE, &[])
            .one_at_a_time()
            .retries(TRANSIENT)
            .example(examples::REFUNDS_CREATE);
    const UPDATE: Definition =
        Definition::write("ledger.refunds.update", "/v1/ledger/refunds/:id", LEDGER_WRITE, &[])
            .one_at_a_time()
            .retries(TRANSIENT)
            .example(examples::REFUNDS_UPDATE);
    const LIST: Definition =
        Definition::list("ledger.refunds.list", "/v1/ledger/refunds", LEDGER_READ, &[]);
    const RETRIEVE: Definition =
        Definition::retrieve("ledger.refunds.retrieve", "/v1/ledger/refunds/:id", LEDGER_READ, &[])
            .example(examples::REFUNDS_RETRIEVE);
    const CREATE_PARAMS: &'static [&'static str] =
        &["id", "charge", "amount", "currency", "source_type", "created"];
    const UPDATE_PARAMS: &'static [&'static str] = &["status", "amount", "id", "created"];
    type CreateParams = CreateParams;
    type UpdateParams = UpdateParams;

    fn parse_create(fields: &Fields<'_>) -> Result<CreateParams, ApiError> {
        Ok(CreateParams {
            id: processor_id(fields, "id")?,
            charge: processor_id(fields, "charge")?,
            amount: fields.required_amount("amount")?,
            currency: optional_currency(fields, "currency")?,
            source_type: source_type(fields)?,
            created: optional_time(fields, "created")?,
        })
    }

    /// A refund that was canceled has failed. One that is pending is told once it has taken place.
    fn parse_update(fields: &Fields<'_>) -> Result<UpdateParams, ApiError> {
        fields.required_choice("status", &[("failed", ()), ("canceled", ())])?;
        Ok(UpdateParams {
            id: optional_processor_id(fields, "id")?,
            amount: fields.optional_amount("amount")?,
            created: optional_time(fields, "created")?,
        })
    }

    async fn record<R: ReserveRules>(
        ledger: &mut LedgerTx<'_, '_>,
        params: &CreateParams,
        with: With<'_, R>,
    ) -> Result<Self, Failure> {
        let charge = find_charge(ledger, Some(&params.charge)).await?;
        let told = (params.currency, params.source_type);
        let pool = pool_of(charge.as_ref(), &params.charge, told)?;
        let refund = Self {
            seq: ledger.next_seq()?,
            id: params.id.clone(),
            charge: Some(params.charge.clone()),
            amount: params.amount,
            currency: pool.currency,
            source_type: pool.source_type,
            created: params.created.unwrap_or(ledger.now()),
            consumed: 0,
            from_pending: 0,
            failed_amount: 0,
            parked: false,
            told_created: params.created,
        };
        match charge {
            Some(mut charge) => refund::record(ledger, &mut charge, refund, with.rules).await,
            None => refund::record_parked(ledger, &params.charge, refund).await,
        }
    }

    async fn reconcile<R: ReserveRules>(
        mut self,
        ledger: &mut LedgerTx<'_, '_>,
        params: &CreateParams,
        _rules: &R,
    ) -> Result<Self, Failure> {
        let id = &params.id;
        check_same(id, "charge", self.charge.as_ref(), Some(&params.charge))?;
        check_same(id, "amount", Some(&self.amount), Some(&params.amount))?;
        check_same(id, "currency", Some(&self.currency), params.currency.as_ref())?;
        let times = (self.told_created.as_ref(), &self.created);
        check_told(id, "created", times, params.created.as_ref())?;
        if let Some(created) = first_told(self.told_created, params.created) {
            refund::tell_created(ledger, &mut self, created);
        }
        Ok(self)
    }

    async fn apply_update<R: ReserveRules>(
        mut self,
        ledger: &mut LedgerTx<'_, '_>,
        params: &UpdateParams,
        rules: &R,
    ) -> Result<Self, Failure> {
        intake::check_created(params.created, ledger.now())?;
        if params.id.is_none() && params.amount.is_none() && self.rest() <= 0 {
            return Ok(self);
        }
        let failure = params.failure(&self, ledger.now());
        let known = refund::find_failure(ledger, &self, &failure.id).await?;
        if let Some(known) = known {
            check_same(&failure.id, "amount", Some(&known.amount), params.amount.as_ref())?;
            check_same(&failure.id, "created", Some(&known.created), params.created.as_ref())?;
            return Ok(self);
        }
        if failure.amount > self.rest() || failure.amount <= 0 {
            return Err(above_rest(&self, failure.amount).into());
        }
        let mut charge = find_charge(ledger, self.charge.as_deref()).await?;
        refund::fail_part(ledger, charge.as_mut(), &mut self, &failure, rules).await?;
        Ok(self)
    }

    fn render(&self, livemode: bool) -> Object {
        Object::new(&self.id, "ledger.refund")
            .set("amount", self.amount)
            .set("charge", self.charge.clone())
            .set("created", self.created)
            .set("currency", self.currency.to_string())
            .set("drawn", self.consumed)
            .set("failed_amount", self.failed_amount)
            .set("livemode", livemode)
            .set("parked", self.parked)
            .set("source_type", self.source_type.as_str())
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

impl UpdateParams {
    /// The failure. Without an id it is the refund's one failure of that amount, or of all that is
    /// left; ids are never empty.
    fn failure(&self, refund: &Refund, now: Timestamp) -> Failed {
        let own = match self.amount {
            Some(_) => refund.id.clone(),
            None => String::new(),
        };
        Failed {
            id: self.id.clone().unwrap_or(own),
            amount: self.amount.unwrap_or(refund.rest()),
            created: self.created.unwrap_or(now),
        }
    }
}

/// The refusal of a failure of more than a refund.
fn above_rest(refund: &Refund, amount: i64) -> ApiError {
    let message = format!(
        "A failure of {amount} is not what is left of the refund '{}': {} of {}.",
        refund.id,
        refund.rest(),
        refund.amount
    );
    ApiError::invalid_param("amount", message).because(&reasons::FAILURE_ABOVE_REST)
}
