//! Refunds: the processor's intake (reserves §13).

use super::{LEDGER_READ, LEDGER_WRITE, check_created, optional_time, processor_id, same};
use crate::Settings;
use crate::charge::Charge;
use crate::operations::charges::KIND as CHARGE;
use crate::refund::{self, Refund};
use crate::store::{charge as charges, refund as store};
use crate::turn::Turn;
use coffer_base::Timestamp;
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{
    Applied, Arguments, Collection, Ctx, Definition, Failure, PagePosition, Reach, WriteOperation,
};
use coffer_storage::{StorageError, Store, Tx};

/// What errors call a refund.
const KIND: &str = "refund";

/// The charge that a fact is about (reserves §11, decision 20).
///
/// # Errors
/// 400 if it was not told yet.
pub(crate) async fn charge_of(turn: &mut Turn<'_, '_>, id: &str) -> Result<Charge, Failure> {
    let found = charges::find(turn.tx, turn.owner, id).await?;
    Ok(found.ok_or_else(|| ApiError::no_such(CHARGE, id, "charge"))?)
}

/// The parameters that narrow a list of what is about charges.
pub(crate) const FILTERS: &[&str] =
    &["charge", "created", "created[gt]", "created[gte]", "created[lt]", "created[lte]"];

/// Reads [`FILTERS`].
pub(crate) fn filter(fields: &Fields<'_>) -> Result<store::Filter, ApiError> {
    let charge = super::optional_processor_id(fields, "charge")?;
    Ok(store::Filter { charge, created: fields.created_range()? })
}

/// `POST /v1/ledger/refunds`.
pub(crate) struct Create {
    pub(crate) settings: Settings,
}

/// A refund as it is told.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    id: String,
    charge: String,
    amount: i64,
    created: Option<Timestamp>,
}

impl WriteOperation for Create {
    const DEFINITION: Definition =
        Definition::write("ledger.refunds.create", "/v1/ledger/refunds", LEDGER_WRITE, &[]);
    type Input = Told;
    type Prepared = Told;
    type Out = Refund;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Told, ApiError> {
        let fields = arguments.params.only(&["id", "charge", "amount", "created"])?;
        Ok(Told {
            id: processor_id(&fields, "id")?,
            charge: processor_id(&fields, "charge")?,
            amount: fields.required_amount("amount")?,
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
    ) -> Result<Applied<Refund>, Failure> {
        let owner = ctx.owner();
        let mut turn = Turn::take(tx, &owner, ctx.cause()).await?;
        let refund = match store::find(turn.tx, &owner, &told.id).await? {
            Some(known) => told.again(known)?,
            None => {
                let mut charge = charge_of(&mut turn, &told.charge).await?;
                let refund = told.first(&mut turn, &charge)?;
                refund::add(&mut turn, &mut charge, refund, &self.settings).await?
            }
        };
        turn.finish()?;
        Ok(applied(refund))
    }

    fn render(&self, refund: &Refund, ctx: &Ctx) -> Object {
        refund.render(ctx.tenant().mode.is_live())
    }
}

fn applied(refund: Refund) -> Applied<Refund> {
    Applied { subject: refund.id.clone(), out: refund, fingerprint: None }
}

impl Told {
    fn first(&self, turn: &mut Turn<'_, '_>, charge: &Charge) -> Result<Refund, Failure> {
        let left = charge.amount.saturating_sub(charge.refunded);
        if self.amount > left {
            let message = format!(
                "A refund of {} is more than what is left of the charge '{}': {left} of {}.",
                self.amount, charge.id, charge.amount
            );
            return Err(ApiError::invalid_param("amount", message).into());
        }
        Ok(Refund {
            seq: turn.next_seq()?,
            id: self.id.clone(),
            charge: charge.id.clone(),
            amount: self.amount,
            currency: charge.currency,
            created: self.created.unwrap_or(turn.now()),
            drawn: 0,
            from_pending: 0,
            failed: false,
        })
    }

    fn again(&self, known: Refund) -> Result<Refund, Failure> {
        same(&self.id, "charge", &known.charge, Some(&self.charge))?;
        same(&self.id, "amount", &known.amount, Some(&self.amount))?;
        same(&self.id, "created", &known.created, self.created.as_ref())?;
        Ok(known)
    }
}

/// `POST /v1/ledger/refunds/:id`: it failed.
pub(crate) struct Update;

impl WriteOperation for Update {
    const DEFINITION: Definition =
        Definition::write("ledger.refunds.update", "/v1/ledger/refunds/:id", LEDGER_WRITE, &[]);
    type Input = String;
    type Prepared = String;
    type Out = Refund;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<String, ApiError> {
        let fields = arguments.params.only(&["status"])?;
        fields.required_choice("status", &[("failed", ())])?;
        Ok(arguments.id().to_owned())
    }

    fn reach(_input: &String) -> Reach {
        Reach::Backend
    }

    async fn prepare(&self, id: &String, _ctx: &Ctx) -> Result<String, ApiError> {
        Ok(id.clone())
    }

    async fn apply(
        &self,
        id: &String,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Refund>, Failure> {
        let owner = ctx.owner();
        let mut turn = Turn::take(tx, &owner, ctx.cause()).await?;
        let found = store::find(turn.tx, &owner, id).await?;
        let mut refund = found.ok_or_else(|| ApiError::not_found(KIND, id, "id"))?;
        if !refund.failed {
            let mut charge = charge_of(&mut turn, &refund.charge).await?;
            refund::fail(&mut turn, &mut charge, &mut refund).await?;
        }
        turn.finish()?;
        Ok(applied(refund))
    }

    fn render(&self, refund: &Refund, ctx: &Ctx) -> Object {
        refund.render(ctx.tenant().mode.is_live())
    }
}

/// `GET /v1/ledger/refunds` and `GET /v1/ledger/refunds/:id`.
#[derive(Clone, Copy)]
pub(crate) struct Refunds;

impl Collection for Refunds {
    const KIND: &'static str = KIND;
    const LIST: Definition =
        Definition::list("ledger.refunds.list", "/v1/ledger/refunds", LEDGER_READ, &[]);
    const RETRIEVE: Definition =
        Definition::retrieve("ledger.refunds.retrieve", "/v1/ledger/refunds/:id", LEDGER_READ, &[]);
    const FILTERS: &'static [&'static str] = FILTERS;
    type Filter = store::Filter;
    type Item = Refund;

    fn filter(&self, fields: &Fields<'_>) -> Result<store::Filter, ApiError> {
        filter(fields)
    }

    async fn find(
        &self,
        store: &Store,
        ctx: &Ctx,
        id: &str,
    ) -> Result<Option<Refund>, StorageError> {
        store::read(store, &ctx.owner(), id).await
    }

    fn seq(refund: &Refund) -> i64 {
        refund.seq
    }

    async fn page(
        &self,
        store: &Store,
        ctx: &Ctx,
        position: PagePosition,
        filter: &store::Filter,
    ) -> Result<Vec<Refund>, StorageError> {
        store::page(store, &ctx.owner(), position, filter).await
    }

    async fn render(
        &self,
        _store: &Store,
        ctx: &Ctx,
        refunds: Vec<Refund>,
    ) -> Result<Vec<Object>, StorageError> {
        let livemode = ctx.tenant().mode.is_live();
        Ok(refunds.iter().map(|refund| refund.render(livemode)).collect())
    }
}
