//! The intake of payouts: one that is asked for can be refused, one that is reported has taken
//! place.

use super::intake::{self, Intake, ListFilter, With, check_same, check_told, first_told};
use super::{LEDGER_READ, LEDGER_WRITE, TRANSIENT};
use crate::model::account::SourceType;
use crate::model::payout::{FirstTelling, Payout, Status};
use crate::operations::examples;
use crate::params::{
    optional_currency, optional_processor_id, optional_time, processor_id, required_currency,
    source_type, told_amount,
};
use crate::reasons;
use crate::rules::payout::Late;
use crate::rules::{ReserveRules, payout, transaction};
use crate::sql;
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
    /// What may be told later as well.
    late: FirstTelling,
}

/// What followed a payout, or is told of it later: at least one of them.
#[derive(Clone, Debug)]
pub(crate) struct UpdateParams {
    status: Option<Status>,
    late: Late,
}

impl Intake for Payout {
    const KIND: &'static str = "payout";
    const CREATE: Definition =
        Definition::write("ledger.payouts.create", "/v1/ledger/payouts", LEDGER_WRITE, &[])
            .one_at_a_time()
            .retries(TRANSIENT)
            .example(examples::PAYOUTS_CREATE);
    const UPDATE: Definition =
        Definition::write("ledger.payouts.update", "/v1/ledger/payouts/:id", LEDGER_WRITE, &[])
            .one_at_a_time()
            .retries(TRANSIENT)
            .example(examples::PAYOUTS_UPDATE);
    const LIST: Definition =
        Definition::list("ledger.payouts.list", "/v1/ledger/payouts", LEDGER_READ, &[]);
    const RETRIEVE: Definition =
        Definition::retrieve("ledger.payouts.retrieve", "/v1/ledger/payouts/:id", LEDGER_READ, &[])
            .example(examples::PAYOUTS_RETRIEVE);
    const CREATE_PARAMS: &'static [&'static str] =
        &["id", "amount", "currency", "source_type", "reported", "fee", "created", "arrival_date"];
    const UPDATE_PARAMS: &'static [&'static str] =
        &["status", "processor_id", "fee", "created", "arrival_date"];
    type CreateParams = CreateParams;
    type UpdateParams = UpdateParams;
    /// Its status is a word, also where transactions tell its money.
    const UPDATE_MOVES: bool = false;

    fn parse_create(fields: &Fields<'_>) -> Result<CreateParams, ApiError> {
        Ok(CreateParams {
            id: processor_id(fields, "id")?,
            amount: told_amount(fields, "amount")?,
            currency: required_currency(fields, "currency")?,
            source_type: source_type(fields)?,
            reported: fields.optional_bool("reported")?,
            late: FirstTelling {
                fee: fields.optional_fee("fee")?,
                created: optional_time(fields, "created")?,
                arrival_date: optional_time(fields, "arrival_date")?,
            },
        })
    }

    fn parse_update(fields: &Fields<'_>) -> Result<UpdateParams, ApiError> {
        let choices = [Status::Paid, Status::Failed, Status::Canceled];
        let choices = choices.map(|status| (status.as_str(), status));
        let params = UpdateParams {
            status: fields.optional_choice("status", &choices)?,
            late: Late {
                processor_id: optional_processor_id(fields, "processor_id")?,
                fee: fields.optional_fee("fee")?,
                created: optional_time(fields, "created")?,
                arrival_date: optional_time(fields, "arrival_date")?,
            },
        };
        if params.status.is_none() && params.late == Late::default() {
            return Err(ApiError::parameter_missing("status"));
        }
        Ok(params)
    }

    async fn record<R: ReserveRules>(
        ledger: &mut LedgerTx<'_, '_>,
        params: &CreateParams,
        with: With<'_, R>,
    ) -> Result<Self, Failure> {
        let payout = params.payout(ledger)?;
        if payout.reported
            && with.settings.payout_match
            && let Some(asked) = payout::asked_for(ledger, &payout).await?
        {
            return params.confirm(ledger, asked).await;
        }
        if !payout.reported {
            // The processor's transaction may have been faster than the asking.
            if let Some(carried) = transaction::carry_out(ledger, &payout).await? {
                return Ok(carried);
            }
        }
        payout::record(ledger, &payout, with.settings.payout_floor).await?;
        Ok(payout)
    }

    /// One that was asked for, and has taken place, is confirmed: that counts nothing again.
    async fn reconcile<R: ReserveRules>(
        mut self,
        ledger: &mut LedgerTx<'_, '_>,
        params: &CreateParams,
        _rules: &R,
    ) -> Result<Self, Failure> {
        let (id, told) = (&params.id, &self.told);
        check_same(id, "amount", Some(&self.amount), Some(&params.amount))?;
        check_same(id, "currency", Some(&self.currency), Some(&params.currency))?;
        let source_type = params.source_type.map(SourceType::as_str);
        check_same(id, "source_type", Some(&self.source_type.as_str()), source_type.as_ref())?;
        let asks = params.reported.filter(|reported| !reported);
        check_same(id, "reported", Some(&self.reported), asks.as_ref())?;
        let sent = params.late;
        let fee = self.fee.unwrap_or(0);
        check_told(id, "fee", (told.fee.as_ref(), &fee), sent.fee.as_ref())?;
        let times = (told.created.as_ref(), &self.created);
        check_told(id, "created", times, sent.created.as_ref())?;
        if let (Some(first), Some(now)) = (told.arrival_date, self.arrival_date) {
            let dates = (Some(&first), &now);
            check_told(id, "arrival_date", dates, sent.arrival_date.as_ref())?;
        }
        let late = Late {
            processor_id: None,
            fee: first_told(told.fee, sent.fee),
            created: first_told(told.created, sent.created),
            arrival_date: first_told(told.arrival_date, sent.arrival_date),
        };
        if late != Late::default() {
            payout::tell_late(ledger, &mut self, &late).await?;
        }
        Ok(self)
    }

    async fn apply_update<R: ReserveRules>(
        mut self,
        ledger: &mut LedgerTx<'_, '_>,
        params: &UpdateParams,
        _rules: &R,
    ) -> Result<Self, Failure> {
        intake::check_created(params.late.created, ledger.now())?;
        if let Some(processor_id) = &params.late.processor_id {
            check_processor_id(ledger, &self, processor_id).await?;
        }
        // Late figures of one that transactions tell are theirs to tell.
        if params.late != Late::default() && !self.by_transaction {
            payout::tell_late(ledger, &mut self, &params.late).await?;
        }
        if let Some(status) = params.status {
            payout::become_status(ledger, &mut self, status).await?;
        }
        Ok(self)
    }

    fn told_by_transaction(&self) -> bool {
        self.by_transaction
    }

    fn render(&self, livemode: bool) -> Object {
        Object::new(&self.id, "ledger.payout")
            .set("amount", self.amount)
            .set("arrival_date", self.arrival_date)
            .set("automatic", self.automatic)
            .set("created", self.created)
            .set("currency", self.currency.to_string())
            .set("fee", self.fee.unwrap_or(0))
            .set("livemode", livemode)
            .set("processor_id", self.processor_id.clone())
            .set("reported", self.reported)
            .set("source_type", self.source_type.as_str())
            .set("status", self.status.as_str())
    }
}

impl intake::CreateParams for CreateParams {
    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> Option<Timestamp> {
        self.late.created
    }

    fn asks(&self) -> bool {
        self.reported != Some(true)
    }
}

impl CreateParams {
    fn payout(&self, ledger: &mut LedgerTx<'_, '_>) -> Result<Payout, Failure> {
        Ok(Payout {
            seq: ledger.next_seq()?,
            id: self.id.clone(),
            processor_id: None,
            amount: self.amount,
            currency: self.currency,
            source_type: self.source_type.unwrap_or_default(),
            reported: self.reported == Some(true),
            fee: self.late.fee,
            created: self.late.created.unwrap_or(ledger.now()),
            arrival_date: self.late.arrival_date,
            status: Status::InTransit,
            by_transaction: false,
            automatic: None,
            told: self.late,
        })
    }

    /// The payout that was asked for gets the id under which it is reported, and counts once.
    async fn confirm(
        &self,
        ledger: &mut LedgerTx<'_, '_>,
        mut asked: Payout,
    ) -> Result<Payout, Failure> {
        let late = Late {
            processor_id: Some(self.id.clone()),
            fee: self.late.fee,
            created: self.late.created,
            arrival_date: self.late.arrival_date,
        };
        payout::tell_late(ledger, &mut asked, &late).await?;
        Ok(asked)
    }
}

/// Checks the processor's id of a payout that was asked for: no other payout may have it, since
/// both have moved money.
async fn check_processor_id(
    ledger: &mut LedgerTx<'_, '_>,
    payout: &Payout,
    processor_id: &str,
) -> Result<(), Failure> {
    if let Some(known) = &payout.processor_id {
        let sent = processor_id.to_owned();
        check_same(&payout.id, "processor_id", Some(known), Some(&sent))?;
    }
    let other = sql::find::<Payout>(ledger.tx, ledger.owner, processor_id).await?;
    if other.is_none_or(|other| other.seq == payout.seq) {
        return Ok(());
    }
    let message = format!(
        "'{processor_id}' was told before as a payout of its own, and both have moved money. Set \
         the one that did not take place to failed, and leave '{}' as it is.",
        payout.id
    );
    let error = ApiError::invalid_param("processor_id", message);
    Err(error.because(&reasons::PROCESSOR_ID_TAKEN).into())
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
            currency: optional_currency(fields, "currency")?,
            status: fields.optional_choice("status", &choices)?,
        })
    }
}
