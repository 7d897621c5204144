//! Disputes: the processor's intake (reserves §13). Telling one means that funds were withdrawn
//! (reserves §11, decision 18).

use super::refunds::{FILTERS, charge_of, filter};
use super::{LEDGER_READ, LEDGER_WRITE, check_created, optional_time, processor_id, same};
use crate::Settings;
use crate::charge::Charge;
use crate::dispute::{self, Dispute, Status};
use crate::store::{dispute as store, refund::Filter};
use crate::turn::Turn;
use coffer_base::Timestamp;
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{
    Applied, Arguments, Collection, Ctx, Definition, Failure, PagePosition, Reach, WriteOperation,
};
use coffer_storage::{StorageError, Store, Tx};

/// What errors call a dispute.
const KIND: &str = "dispute";

/// `POST /v1/ledger/disputes`.
pub(crate) struct Create {
    pub(crate) settings: Settings,
}

/// A dispute as it is told.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    id: String,
    charge: String,
    amount: i64,
    fee: Option<i64>,
    created: Option<Timestamp>,
}

impl WriteOperation for Create {
    const DEFINITION: Definition =
        Definition::write("ledger.disputes.create", "/v1/ledger/disputes", LEDGER_WRITE, &[]);
    type Input = Told;
    type Prepared = Told;
    type Out = Dispute;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Told, ApiError> {
        let fields = arguments.params.only(&["id", "charge", "amount", "fee", "created"])?;
        Ok(Told {
            id: processor_id(&fields, "id")?,
            charge: processor_id(&fields, "charge")?,
            amount: fields.required_amount("amount")?,
            fee: fields.optional_fee("fee")?,
            created: optional_time(&fields, "created")?,
        })
    }

    fn reach(_input: &Told) -> Reach {
        Reach::Backend
    }

    async fn prepare(&self, told: &Told, ctx: &Ctx) -> Result<Told, ApiError> {
        check_created(told.created, ctx)?;
        Ok(told.clone())
    }

    async fn apply(
        &self,
        told: &Told,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Dispute>, Failure> {
        let owner = ctx.owner();
        let mut turn = Turn::take(tx, &owner, ctx.cause()).await?;
        let dispute = match store::find(turn.tx, &owner, &told.id).await? {
            Some(known) => told.again(known)?,
            None => {
                let mut charge = charge_of(&mut turn, &told.charge).await?;
                let dispute = told.first(&mut turn, &charge)?;
                dispute::add(&mut turn, &mut charge, dispute, &self.settings).await?
            }
        };
        turn.finish()?;
        Ok(applied(dispute))
    }

    fn render(&self, dispute: &Dispute, ctx: &Ctx) -> Object {
        dispute.render(ctx.tenant().mode.is_live())
    }
}

fn applied(dispute: Dispute) -> Applied<Dispute> {
    Applied { subject: dispute.id.clone(), out: dispute, fingerprint: None }
}

impl Told {
    fn first(&self, turn: &mut Turn<'_, '_>, charge: &Charge) -> Result<Dispute, Failure> {
        Ok(Dispute {
            seq: turn.next_seq()?,
            id: self.id.clone(),
            charge: charge.id.clone(),
            amount: self.amount,
            currency: charge.currency,
            fee: self.fee.unwrap_or(0),
            created: self.created.unwrap_or(turn.now()),
            drawn: 0,
            from_pending: 0,
            status: Status::Open,
            fee_returned: false,
        })
    }

    fn again(&self, known: Dispute) -> Result<Dispute, Failure> {
        same(&self.id, "charge", &known.charge, Some(&self.charge))?;
        same(&self.id, "amount", &known.amount, Some(&self.amount))?;
        same(&self.id, "fee", &known.fee, self.fee.as_ref())?;
        same(&self.id, "created", &known.created, self.created.as_ref())?;
        Ok(known)
    }
}

/// `POST /v1/ledger/disputes/:id`: how it ended.
pub(crate) struct Update;

/// How a dispute ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    id: String,
    status: Status,
    fee_returned: Option<bool>,
}

impl WriteOperation for Update {
    const DEFINITION: Definition =
        Definition::write("ledger.disputes.update", "/v1/ledger/disputes/:id", LEDGER_WRITE, &[]);
    type Input = Ended;
    type Prepared = Ended;
    type Out = Dispute;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Ended, ApiError> {
        let fields = arguments.params.only(&["status", "fee_returned"])?;
        let choices = [("won", Status::Won), ("lost", Status::Lost)];
        let status = fields.required_choice("status", &choices)?;
        let fee_returned = fields.optional_bool("fee_returned")?;
        if fee_returned == Some(true) && status == Status::Lost {
            let message = "The fee of a lost dispute does not come back: leave fee_returned out.";
            return Err(ApiError::invalid_param("fee_returned", message));
        }
        Ok(Ended { id: arguments.id().to_owned(), status, fee_returned })
    }

    fn reach(_input: &Ended) -> Reach {
        Reach::Backend
    }

    async fn prepare(&self, ended: &Ended, _ctx: &Ctx) -> Result<Ended, ApiError> {
        Ok(ended.clone())
    }

    async fn apply(
        &self,
        ended: &Ended,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Dispute>, Failure> {
        let owner = ctx.owner();
        let mut turn = Turn::take(tx, &owner, ctx.cause()).await?;
        let found = store::find(turn.tx, &owner, &ended.id).await?;
        let mut dispute = found.ok_or_else(|| ApiError::not_found(KIND, &ended.id, "id"))?;
        match (dispute.status, ended.status) {
            (Status::Open, Status::Won) => {
                let mut charge = charge_of(&mut turn, &dispute.charge).await?;
                let fee_returned = ended.fee_returned == Some(true);
                dispute::win(&mut turn, &mut charge, &mut dispute, fee_returned).await?;
            }
            (Status::Open, _) => dispute::lose(&mut turn, &mut dispute),
            (known, told) => {
                same(&dispute.id, "status", &known.as_str(), Some(&told.as_str()))?;
                let sent = ended.fee_returned.as_ref();
                same(&dispute.id, "fee_returned", &dispute.fee_returned, sent)?;
            }
        }
        turn.finish()?;
        Ok(applied(dispute))
    }

    fn render(&self, dispute: &Dispute, ctx: &Ctx) -> Object {
        dispute.render(ctx.tenant().mode.is_live())
    }
}

/// `GET /v1/ledger/disputes` and `GET /v1/ledger/disputes/:id`.
#[derive(Clone, Copy)]
pub(crate) struct Disputes;

impl Collection for Disputes {
    const KIND: &'static str = KIND;
    const LIST: Definition =
        Definition::list("ledger.disputes.list", "/v1/ledger/disputes", LEDGER_READ, &[]);
    const RETRIEVE: Definition = Definition::retrieve(
        "ledger.disputes.retrieve",
        "/v1/ledger/disputes/:id",
        LEDGER_READ,
        &[],
    );
    const FILTERS: &'static [&'static str] = FILTERS;
    type Filter = Filter;
    type Item = Dispute;

    fn filter(&self, fields: &Fields<'_>) -> Result<Filter, ApiError> {
        filter(fields)
    }

    async fn find(
        &self,
        store: &Store,
        ctx: &Ctx,
        id: &str,
    ) -> Result<Option<Dispute>, StorageError> {
        store::read(store, &ctx.owner(), id).await
    }

    fn seq(dispute: &Dispute) -> i64 {
        dispute.seq
    }

    async fn page(
        &self,
        store: &Store,
        ctx: &Ctx,
        position: PagePosition,
        filter: &Filter,
    ) -> Result<Vec<Dispute>, StorageError> {
        store::page(store, &ctx.owner(), position, filter).await
    }

    async fn render(
        &self,
        _store: &Store,
        ctx: &Ctx,
        disputes: Vec<Dispute>,
    ) -> Result<Vec<Object>, StorageError> {
        let livemode = ctx.tenant().mode.is_live();
        Ok(disputes.iter().map(|dispute| dispute.render(livemode)).collect())
    }
}
