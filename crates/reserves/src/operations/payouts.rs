//! Payouts: asked for, or told as a fact (reserves §13, §11 decision 18).

use super::{LEDGER_READ, LEDGER_WRITE, processor_id, same, source_type};
use crate::account::SourceType;
use crate::payout::{self, Payout, Status};
use crate::store::payout as store;
use crate::turn::Turn;
use coffer_base::Currency;
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{
    Applied, Arguments, Collection, Ctx, Definition, Failure, PagePosition, Reach, WriteOperation,
};
use coffer_storage::{StorageError, Store, Tx};

/// What errors call a payout.
const KIND: &str = "payout";

/// `POST /v1/ledger/payouts`.
pub(crate) struct Create;

/// A payout as it is asked for or told.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    id: String,
    amount: i64,
    currency: Currency,
    source_type: Option<SourceType>,
    reported: Option<bool>,
}

impl WriteOperation for Create {
    const DEFINITION: Definition =
        Definition::write("ledger.payouts.create", "/v1/ledger/payouts", LEDGER_WRITE, &[]);
    type Input = Told;
    type Prepared = Told;
    type Out = Payout;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Told, ApiError> {
        let known = ["id", "amount", "currency", "source_type", "reported"];
        let fields = arguments.params.only(&known)?;
        Ok(Told {
            id: processor_id(&fields, "id")?,
            amount: fields.required_amount("amount")?,
            currency: fields.required_currency("currency")?,
            source_type: source_type(&fields)?,
            reported: fields.optional_bool("reported")?,
        })
    }

    fn reach(_input: &Told) -> Reach {
        Reach::Backend
    }

    async fn prepare(&self, told: &Told, _ctx: &Ctx) -> Result<Told, ApiError> {
        Ok(told.clone())
    }

    async fn apply(
        &self,
        told: &Told,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Payout>, Failure> {
        let owner = ctx.owner();
        let mut turn = Turn::take(tx, &owner, ctx.cause()).await?;
        let payout = match store::find(turn.tx, &owner, &told.id).await? {
            Some(known) => told.again(known)?,
            None => {
                let payout = told.first(&mut turn)?;
                payout::add(&mut turn, &payout).await?;
                payout
            }
        };
        turn.finish()?;
        Ok(applied(payout))
    }

    fn render(&self, payout: &Payout, ctx: &Ctx) -> Object {
        payout.render(ctx.tenant().mode.is_live())
    }
}

fn applied(payout: Payout) -> Applied<Payout> {
    Applied { subject: payout.id.clone(), out: payout, fingerprint: None }
}

impl Told {
    fn first(&self, turn: &mut Turn<'_, '_>) -> Result<Payout, Failure> {
        Ok(Payout {
            seq: turn.next_seq()?,
            id: self.id.clone(),
            amount: self.amount,
            currency: self.currency,
            source_type: self.source_type.unwrap_or_default(),
            reported: self.reported == Some(true),
            created: turn.now(),
            status: Status::InTransit,
        })
    }

    fn again(&self, known: Payout) -> Result<Payout, Failure> {
        same(&self.id, "amount", &known.amount, Some(&self.amount))?;
        same(&self.id, "currency", &known.currency, Some(&self.currency))?;
        let source_type = self.source_type.map(SourceType::as_str);
        same(&self.id, "source_type", &known.source_type.as_str(), source_type.as_ref())?;
        same(&self.id, "reported", &known.reported, self.reported.as_ref())?;
        Ok(known)
    }
}

/// `POST /v1/ledger/payouts/:id`: what became of it.
pub(crate) struct Update;

impl WriteOperation for Update {
    const DEFINITION: Definition =
        Definition::write("ledger.payouts.update", "/v1/ledger/payouts/:id", LEDGER_WRITE, &[]);
    type Input = (String, Status);
    type Prepared = (String, Status);
    type Out = Payout;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<(String, Status), ApiError> {
        let fields = arguments.params.only(&["status"])?;
        let choices =
            [("paid", Status::Paid), ("failed", Status::Failed), ("canceled", Status::Canceled)];
        Ok((arguments.id().to_owned(), fields.required_choice("status", &choices)?))
    }

    fn reach(_input: &(String, Status)) -> Reach {
        Reach::Backend
    }

    async fn prepare(
        &self,
        input: &(String, Status),
        _ctx: &Ctx,
    ) -> Result<(String, Status), ApiError> {
        Ok(input.clone())
    }

    async fn apply(
        &self,
        (id, status): &(String, Status),
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Payout>, Failure> {
        let owner = ctx.owner();
        let mut turn = Turn::take(tx, &owner, ctx.cause()).await?;
        let found = store::find(turn.tx, &owner, id).await?;
        let mut payout = found.ok_or_else(|| ApiError::not_found(KIND, id, "id"))?;
        payout::become_status(&mut turn, &mut payout, *status).await?;
        turn.finish()?;
        Ok(applied(payout))
    }

    fn render(&self, payout: &Payout, ctx: &Ctx) -> Object {
        payout.render(ctx.tenant().mode.is_live())
    }
}

/// `GET /v1/ledger/payouts` and `GET /v1/ledger/payouts/:id`.
#[derive(Clone, Copy)]
pub(crate) struct Payouts;

impl Collection for Payouts {
    const KIND: &'static str = KIND;
    const LIST: Definition =
        Definition::list("ledger.payouts.list", "/v1/ledger/payouts", LEDGER_READ, &[]);
    const RETRIEVE: Definition =
        Definition::retrieve("ledger.payouts.retrieve", "/v1/ledger/payouts/:id", LEDGER_READ, &[]);
    const FILTERS: &'static [&'static str] = &[
        "created",
        "created[gt]",
        "created[gte]",
        "created[lt]",
        "created[lte]",
        "currency",
        "status",
    ];
    type Filter = store::Filter;
    type Item = Payout;

    fn filter(&self, fields: &Fields<'_>) -> Result<store::Filter, ApiError> {
        let choices = [
            ("in_transit", Status::InTransit),
            ("paid", Status::Paid),
            ("failed", Status::Failed),
            ("canceled", Status::Canceled),
        ];
        Ok(store::Filter {
            created: fields.created_range()?,
            currency: fields.optional_currency("currency")?,
            status: fields.optional_choice("status", &choices)?,
        })
    }

    async fn find(
        &self,
        store: &Store,
        ctx: &Ctx,
        id: &str,
    ) -> Result<Option<Payout>, StorageError> {
        store::read(store, &ctx.owner(), id).await
    }

    fn seq(payout: &Payout) -> i64 {
        payout.seq
    }

    async fn page(
        &self,
        store: &Store,
        ctx: &Ctx,
        position: PagePosition,
        filter: &store::Filter,
    ) -> Result<Vec<Payout>, StorageError> {
        store::page(store, &ctx.owner(), position, filter).await
    }

    async fn render(
        &self,
        _store: &Store,
        ctx: &Ctx,
        payouts: Vec<Payout>,
    ) -> Result<Vec<Object>, StorageError> {
        let livemode = ctx.tenant().mode.is_live();
        Ok(payouts.iter().map(|payout| payout.render(livemode)).collect())
    }
}
