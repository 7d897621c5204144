//! Charges: the processor's intake (reserves §13).

use super::{
    LEDGER_READ, LEDGER_WRITE, check_created, optional_processor_id, optional_time, processor_id,
    same, source_type,
};
use crate::Settings;
use crate::account::SourceType;
use crate::charge::{self, Charge};
use crate::holding::reserve_for_charge;
use crate::store::charge as store;
use crate::turn::Turn;
use coffer_base::{Currency, Timestamp, limit};
use coffer_dialect::{ApiError, CreatedRange, Fields, Object};
use coffer_kernel::{
    Applied, Arguments, Collection, Ctx, Definition, Failure, PagePosition, Reach, WriteOperation,
};
use coffer_storage::{StorageError, Store, Tx};

/// What errors call a charge.
pub(crate) const KIND: &str = "charge";

/// `POST /v1/ledger/charges`.
pub(crate) struct Create {
    pub(crate) settings: Settings,
}

/// A charge as it is told; what was not sent is `None`.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    id: String,
    amount: i64,
    currency: Currency,
    fee: Option<i64>,
    application_fee: Option<i64>,
    source_type: Option<SourceType>,
    source_transfer: Option<String>,
    created: Option<Timestamp>,
    available_on: Option<Timestamp>,
}

impl WriteOperation for Create {
    const DEFINITION: Definition =
        Definition::write("ledger.charges.create", "/v1/ledger/charges", LEDGER_WRITE, &[]);
    type Input = Told;
    type Prepared = Told;
    type Out = Charge;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Told, ApiError> {
        let fields = arguments.params.only(&[
            "id",
            "amount",
            "currency",
            "fee",
            "application_fee",
            "source_type",
            "source_transfer",
            "created",
            "available_on",
        ])?;
        Ok(Told {
            id: processor_id(&fields, "id")?,
            amount: fields.required_amount("amount")?,
            currency: fields.required_currency("currency")?,
            fee: fields.optional_fee("fee")?,
            application_fee: fields.optional_fee("application_fee")?,
            source_type: source_type(&fields)?,
            source_transfer: optional_processor_id(&fields, "source_transfer")?,
            created: optional_time(&fields, "created")?,
            available_on: optional_time(&fields, "available_on")?,
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
    ) -> Result<Applied<Charge>, Failure> {
        let owner = ctx.owner();
        let mut turn = Turn::take(tx, &owner, ctx.cause()).await?;
        let charge = match store::find(turn.tx, &owner, &told.id).await? {
            Some(known) => told.again(&mut turn, known).await?,
            None => {
                let charge = told.first(&mut turn)?;
                charge::add(&mut turn, &charge).await?;
                reserve_for_charge(&mut turn, &charge, &self.settings).await?;
                charge
            }
        };
        turn.finish()?;
        Ok(applied(charge))
    }

    fn render(&self, charge: &Charge, ctx: &Ctx) -> Object {
        charge.render(ctx.tenant().mode.is_live())
    }
}

fn applied(charge: Charge) -> Applied<Charge> {
    Applied { subject: charge.id.clone(), out: charge, fingerprint: None }
}

impl Told {
    /// The charge that is told for the first time.
    fn first(&self, turn: &mut Turn<'_, '_>) -> Result<Charge, Failure> {
        let created = self.created.unwrap_or(turn.now());
        let available_on = self.available_on(created)?;
        let mut charge = Charge {
            seq: turn.next_seq()?,
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
            settled: available_on <= turn.now(),
        };
        if !charge.settled {
            charge.pending = charge.net();
        }
        Ok(charge)
    }

    /// When the money of a charge of `created` is available.
    fn available_on(&self, created: Timestamp) -> Result<Timestamp, ApiError> {
        let Some(at) = self.available_on else {
            return Ok(charge::usual_availability(created));
        };
        let latest = created.plus(limit::AVAILABLE_AFTER_SECONDS);
        if at >= created && at <= latest {
            return Ok(at);
        }
        Err(ApiError::invalid_param(
            "available_on",
            format!(
                "'available_on' must lie within a year after the charge: from {created} to \
                 {latest}, in Unix seconds, not {at}."
            ),
        ))
    }

    /// The charge that is told again: it stays as it is, except that its fee may come late
    /// (reserves §11, decision 19).
    async fn again(&self, turn: &mut Turn<'_, '_>, mut known: Charge) -> Result<Charge, Failure> {
        let id = &self.id;
        same(id, "amount", &known.amount, Some(&self.amount))?;
        same(id, "currency", &known.currency, Some(&self.currency))?;
        same(id, "application_fee", &known.application_fee, self.application_fee.as_ref())?;
        let source_type = self.source_type.map(SourceType::as_str);
        same(id, "source_type", &known.source_type.as_str(), source_type.as_ref())?;
        let transfer = known.source_transfer.clone().unwrap_or_default();
        same(id, "source_transfer", &transfer, self.source_transfer.as_ref())?;
        same(id, "created", &known.created, self.created.as_ref())?;
        same(id, "available_on", &known.available_on, self.available_on.as_ref())?;
        match (known.fee, self.fee) {
            (None, Some(fee)) => charge::correct_fee(turn, &mut known, fee).await?,
            (Some(before), sent) => same(id, "fee", &before, sent.as_ref())?,
            (None, None) => {}
        }
        Ok(known)
    }
}

/// `POST /v1/ledger/charges/:id`: the fee, which is known later.
pub(crate) struct Update;

impl WriteOperation for Update {
    const DEFINITION: Definition =
        Definition::write("ledger.charges.update", "/v1/ledger/charges/:id", LEDGER_WRITE, &[]);
    type Input = (String, i64);
    type Prepared = (String, i64);
    type Out = Charge;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<(String, i64), ApiError> {
        let fields = arguments.params.only(&["fee"])?;
        let fee = fields.optional_fee("fee")?.ok_or_else(|| ApiError::parameter_missing("fee"))?;
        Ok((arguments.id().to_owned(), fee))
    }

    fn reach(_input: &(String, i64)) -> Reach {
        Reach::Backend
    }

    async fn prepare(&self, input: &(String, i64), _ctx: &Ctx) -> Result<(String, i64), ApiError> {
        Ok(input.clone())
    }

    async fn apply(
        &self,
        (id, fee): &(String, i64),
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Charge>, Failure> {
        let owner = ctx.owner();
        let mut turn = Turn::take(tx, &owner, ctx.cause()).await?;
        let found = store::find(turn.tx, &owner, id).await?;
        let mut charge = found.ok_or_else(|| ApiError::not_found(KIND, id, "id"))?;
        charge::correct_fee(&mut turn, &mut charge, *fee).await?;
        turn.finish()?;
        Ok(applied(charge))
    }

    fn render(&self, charge: &Charge, ctx: &Ctx) -> Object {
        charge.render(ctx.tenant().mode.is_live())
    }
}

/// `GET /v1/ledger/charges` and `GET /v1/ledger/charges/:id`.
#[derive(Clone, Copy)]
pub(crate) struct Charges;

impl Collection for Charges {
    const KIND: &'static str = KIND;
    const LIST: Definition =
        Definition::list("ledger.charges.list", "/v1/ledger/charges", LEDGER_READ, &[]);
    const RETRIEVE: Definition =
        Definition::retrieve("ledger.charges.retrieve", "/v1/ledger/charges/:id", LEDGER_READ, &[]);
    const FILTERS: &'static [&'static str] =
        &["created", "created[gt]", "created[gte]", "created[lt]", "created[lte]", "currency"];
    type Filter = store::Filter;
    type Item = Charge;

    fn filter(&self, fields: &Fields<'_>) -> Result<store::Filter, ApiError> {
        let created: CreatedRange = fields.created_range()?;
        Ok(store::Filter { created, currency: fields.optional_currency("currency")? })
    }

    async fn find(
        &self,
        store: &Store,
        ctx: &Ctx,
        id: &str,
    ) -> Result<Option<Charge>, StorageError> {
        store::read(store, &ctx.owner(), id).await
    }

    fn seq(charge: &Charge) -> i64 {
        charge.seq
    }

    async fn page(
        &self,
        store: &Store,
        ctx: &Ctx,
        position: PagePosition,
        filter: &store::Filter,
    ) -> Result<Vec<Charge>, StorageError> {
        store::page(store, &ctx.owner(), position, filter).await
    }

    async fn render(
        &self,
        _store: &Store,
        ctx: &Ctx,
        charges: Vec<Charge>,
    ) -> Result<Vec<Object>, StorageError> {
        let livemode = ctx.tenant().mode.is_live();
        Ok(charges.iter().map(|charge| charge.render(livemode)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_available_within_a_year_after_the_charge_and_usually_in_two_days() {
        let created = Timestamp::from_unix(1_772_359_200);
        let available = |available_on: Option<Timestamp>| {
            let told = Told {
                id: "ch_1".into(),
                amount: 1,
                currency: Currency::parse("usd").unwrap(),
                fee: None,
                application_fee: None,
                source_type: None,
                source_transfer: None,
                created: Some(created),
                available_on,
            };
            told.available_on(created)
        };
        let latest = created.plus(limit::AVAILABLE_AFTER_SECONDS);
        assert_eq!(available(None).unwrap(), charge::usual_availability(created));
        assert_eq!(available(Some(created)).unwrap(), created);
        assert_eq!(available(Some(latest)).unwrap(), latest);
        for wrong in [created.plus(-1), latest.plus(1)] {
            assert_eq!(available(Some(wrong)).unwrap_err().param(), Some("available_on"));
        }
    }
}
