//! The intake of disputes. Creating one means that its funds were withdrawn; movements tell what
//! follows of its money, and words its outcome.

use super::intake::{self, Intake, With, check_same, check_told, first_told};
use super::refunds::{find_charge, pool_of};
use super::{LEDGER_READ, LEDGER_WRITE, TRANSIENT};
use crate::limits;
use crate::model::account::SourceType;
use crate::model::dispute::{Dispute, FirstTelling, Status};
use crate::model::entry::Pool;
use crate::model::movement;
use crate::operations::examples;
use crate::params::{optional_currency, optional_time, processor_id, source_type};
use crate::reasons;
use crate::rules::{ReserveRules, dispute};
use crate::store::movement as movements;
use crate::tx::LedgerTx;
use coffer_base::{Currency, Timestamp};
use coffer_dialect::{ApiError, Fields, Object, Value};
use coffer_kernel::{Ctx, Definition, Failure};
use coffer_storage::{StorageError, Store};

/// What retrieving a dispute expands: what was told of its money later.
const MOVEMENTS: &str = "movements";

/// The parameters of a new dispute.
#[derive(Clone, Debug)]
pub(crate) struct CreateParams {
    id: String,
    /// The processor's id of the charge.
    charge: String,
    amount: i64,
    /// Needed while the charge is not known.
    currency: Option<Currency>,
    /// Read while the charge is not known; cards if it was not sent.
    source_type: Option<SourceType>,
    /// What the processor charges for the dispute itself; 0 if it was not sent.
    fee: Option<i64>,
    created: Option<Timestamp>,
}

/// A word about a dispute's outcome, and whether its fee came back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UpdateParams {
    /// Any, in any order: what was lost can be won the next day.
    status: Status,
    /// Refused with another status than won.
    fee_returned: Option<bool>,
    /// The time of the message; that of the request if it was not sent. The newest word counts.
    created: Option<Timestamp>,
}

impl Intake for Dispute {
    const KIND: &'static str = "dispute";
    const CREATE: Definition =
        Definition::write("ledger.disputes.create", "/v1/ledger/disputes", LEDGER_WRITE, &[])
            .one_at_a_time()
            .retries(TRANSIENT)
            .example(examples::DISPUTES_CREATE);
    const UPDATE: Definition =
        Definition::write("ledger.disputes.update", "/v1/ledger/disputes/:id", LEDGER_WRITE, &[])
            .one_at_a_time()
            .retries(TRANSIENT)
            .example(examples::DISPUTES_UPDATE);
    const LIST: Definition =
        Definition::list("ledger.disputes.list", "/v1/ledger/disputes", LEDGER_READ, &[]);
    const RETRIEVE: Definition = Definition::retrieve(
        "ledger.disputes.retrieve",
        "/v1/ledger/disputes/:id",
        LEDGER_READ,
        &[MOVEMENTS],
    )
    .example(examples::DISPUTES_RETRIEVE);
    const CREATE_PARAMS: &'static [&'static str] =
        &["id", "charge", "amount", "currency", "source_type", "fee", "created"];
    const UPDATE_PARAMS: &'static [&'static str] = &["status", "fee_returned", "created"];
    type CreateParams = CreateParams;
    type UpdateParams = UpdateParams;
    /// Its status is a word; what moves follows from it only for facts.
    const UPDATE_MOVES: bool = false;

    fn parse_create(fields: &Fields<'_>) -> Result<CreateParams, ApiError> {
        Ok(CreateParams {
            id: processor_id(fields, "id")?,
            charge: processor_id(fields, "charge")?,
            amount: fields.required_amount("amount")?,
            currency: optional_currency(fields, "currency")?,
            source_type: source_type(fields)?,
            fee: fields.optional_fee("fee")?,
            created: optional_time(fields, "created")?,
        })
    }

    fn parse_update(fields: &Fields<'_>) -> Result<UpdateParams, ApiError> {
        let status = fields.required_choice("status", &Status::CHOICES)?;
        let fee_returned = fields.optional_bool("fee_returned")?;
        if fee_returned == Some(true) && status != Status::Won {
            let message = "Only the fee of a dispute that was won comes back: leave fee_returned \
                           out, or tell the fee by a movement.";
            let error = ApiError::invalid_param("fee_returned", message);
            return Err(error.because(&reasons::FEE_OF_LOST_DISPUTE));
        }
        Ok(UpdateParams { status, fee_returned, created: optional_time(fields, "created")? })
    }

    async fn record<R: ReserveRules>(
        ledger: &mut LedgerTx<'_, '_>,
        params: &CreateParams,
        with: With<'_, R>,
    ) -> Result<Self, Failure> {
        let charge = find_charge(ledger, Some(&params.charge)).await?;
        let told = (params.currency, params.source_type);
        let pool = pool_of(charge.as_ref(), &params.charge, told)?;
        let dispute = params.dispute(ledger, pool)?;
        match charge {
            Some(mut charge) => dispute::record(ledger, &mut charge, dispute, with.rules).await,
            None => dispute::record_parked(ledger, &params.charge, dispute).await,
        }
    }

    /// What of it was not told before is told for the first time.
    async fn reconcile<R: ReserveRules>(
        mut self,
        ledger: &mut LedgerTx<'_, '_>,
        params: &CreateParams,
        _rules: &R,
    ) -> Result<Self, Failure> {
        let (id, told) = (&params.id, &self.told);
        check_same(id, "charge", self.charge.as_ref(), Some(&params.charge))?;
        check_same(id, "amount", Some(&self.amount), Some(&params.amount))?;
        check_same(id, "currency", Some(&self.currency), params.currency.as_ref())?;
        check_told(id, "fee", (told.fee.as_ref(), &self.fee), params.fee.as_ref())?;
        let times = (told.created.as_ref(), &self.created);
        check_told(id, "created", times, params.created.as_ref())?;
        let late = FirstTelling {
            fee: first_told(told.fee, params.fee),
            created: first_told(told.created, params.created),
        };
        if late != FirstTelling::default() {
            dispute::tell_late(ledger, &mut self, &late).await?;
        }
        Ok(self)
    }

    /// The newest word counts, whatever came before it. A dispute of which no movement was told
    /// brings its money back when it is won.
    async fn apply_update<R: ReserveRules>(
        mut self,
        ledger: &mut LedgerTx<'_, '_>,
        params: &UpdateParams,
        rules: &R,
    ) -> Result<Self, Failure> {
        intake::check_created(params.created, ledger.now())?;
        let created = params.created.unwrap_or(ledger.now());
        if self.status_created.is_some_and(|newest| created < newest) {
            return Ok(self);
        }
        let returned = params.fee_returned.filter(|returned| !returned || self.moved);
        check_same(&self.id, "fee_returned", Some(&self.fee_returned), returned.as_ref())?;
        self.status_created = Some(created);
        if params.status == Status::Won && !self.moved {
            let mut charge = find_charge(ledger, self.charge.as_deref()).await?;
            let fee_returned = params.fee_returned == Some(true);
            dispute::win(ledger, charge.as_mut(), &mut self, fee_returned, rules).await?;
        } else {
            dispute::say(ledger, &mut self, params.status);
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
            .set("parked", self.parked)
            .set("reinstated", self.reinstated)
            .set("source_type", self.source_type.as_str())
            .set("status", self.status.as_str())
            .set("withdrawn", self.withdrawn)
    }

    async fn expanded(
        &self,
        store: &Store,
        ctx: &Ctx,
    ) -> Result<Vec<(&'static str, Value)>, StorageError> {
        if !ctx.expands(MOVEMENTS) {
            return Ok(Vec::new());
        }
        let of = (movement::Kind::Dispute, self.id.as_str());
        let newest = movements::newest(store, &ctx.owner(), of, limits::MOVEMENTS_SHOWN).await?;
        let livemode = ctx.tenant().mode.is_live();
        let shown = newest.iter().map(|each| {
            let object = Object::new(&each.id, "ledger.movement")
                .set("amount", each.amount)
                .set("created", each.created)
                .set("currency", self.currency.to_string())
                .set("drawn", each.consumed)
                .set("fee", each.fee)
                .set("livemode", livemode);
            Value::Object(object)
        });
        Ok(vec![(MOVEMENTS, Value::List(shown.collect()))])
    }
}

impl CreateParams {
    /// The dispute of these parameters, all of whose money is withdrawn.
    fn dispute(&self, ledger: &mut LedgerTx<'_, '_>, pool: Pool) -> Result<Dispute, Failure> {
        Ok(Dispute {
            seq: ledger.next_seq()?,
            id: self.id.clone(),
            charge: Some(self.charge.clone()),
            amount: self.amount,
            currency: pool.currency,
            source_type: pool.source_type,
            fee: self.fee.unwrap_or(0),
            created: self.created.unwrap_or(ledger.now()),
            consumed: 0,
            from_pending: 0,
            withdrawn: self.amount,
            reinstated: 0,
            status: Status::Open,
            status_created: None,
            fee_returned: false,
            moved: false,
            parked: false,
            told: FirstTelling { fee: self.fee, created: self.created },
        })
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
