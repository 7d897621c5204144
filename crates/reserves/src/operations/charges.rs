//! Charges: the processor's intake (reserves §13.1).

use super::fact::Fact;
use super::{
    LEDGER_READ, LEDGER_WRITE, optional_processor_id, optional_time, processor_id, same,
    source_type,
};
use crate::Settings;
use crate::account::SourceType;
use crate::charge::{self, Charge};
use crate::holding::reserve_for_charge;
use crate::operations::examples;
use crate::store::charge as store;
use crate::turn::Turn;
use coffer_base::{Currency, Owner, Timestamp, limit};
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{Definition, Failure, PagePosition};
use coffer_storage::{StorageError, Store, Tx};

/// A charge as it is told.
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

impl Fact for Charge {
    const KIND: &'static str = "charge";
    const CREATE: Definition =
        Definition::write("ledger.charges.create", "/v1/ledger/charges", LEDGER_WRITE, &[])
            .example(examples::CHARGES_CREATE);
    const UPDATE: Definition =
        Definition::write("ledger.charges.update", "/v1/ledger/charges/:id", LEDGER_WRITE, &[])
            .example(examples::CHARGES_UPDATE);
    const LIST: Definition =
        Definition::list("ledger.charges.list", "/v1/ledger/charges", LEDGER_READ, &[]);
    const RETRIEVE: Definition =
        Definition::retrieve("ledger.charges.retrieve", "/v1/ledger/charges/:id", LEDGER_READ, &[])
            .example(examples::CHARGES_RETRIEVE);
    const TOLD: &'static [&'static str] = &[
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
    const NEWS: &'static [&'static str] = &["fee"];
    const FILTERS: &'static [&'static str] =
        &["created", "created[gt]", "created[gte]", "created[lt]", "created[lte]", "currency"];
    type Told = Told;
    /// The fee, which is known later.
    type News = i64;
    type Filter = store::Filter;

    fn id(&self) -> &str {
        &self.id
    }

    fn seq(&self) -> i64 {
        self.seq
    }

    fn render(&self, livemode: bool) -> Object {
        self.render(livemode)
    }

    fn told(fields: &Fields<'_>) -> Result<Told, ApiError> {
        Ok(Told {
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

    fn news(fields: &Fields<'_>) -> Result<i64, ApiError> {
        fields.optional_fee("fee")?.ok_or_else(|| ApiError::parameter_missing("fee"))
    }

    fn filter(fields: &Fields<'_>) -> Result<store::Filter, ApiError> {
        let created = fields.created_range()?;
        Ok(store::Filter { created, currency: fields.optional_currency("currency")? })
    }

    fn told_id(told: &Told) -> &str {
        &told.id
    }

    fn told_at(told: &Told) -> Option<Timestamp> {
        told.created
    }

    async fn find(tx: &mut Tx<'_>, owner: &Owner, id: &str) -> Result<Option<Self>, StorageError> {
        store::find(tx, owner, id).await
    }

    async fn read(store: &Store, owner: &Owner, id: &str) -> Result<Option<Self>, StorageError> {
        store::read(store, owner, id).await
    }

    async fn page(
        store: &Store,
        owner: &Owner,
        position: PagePosition,
        filter: &store::Filter,
    ) -> Result<Vec<Self>, StorageError> {
        store::page(store, owner, position, filter).await
    }

    async fn first(
        turn: &mut Turn<'_, '_>,
        told: &Told,
        settings: &Settings,
    ) -> Result<Self, Failure> {
        let charge = told.charge(turn)?;
        charge::add(turn, &charge).await?;
        reserve_for_charge(turn, &charge, settings).await?;
        Ok(charge)
    }

    /// It stays as it is, except that its fee may come late (reserves §11, decision 19).
    async fn again(mut self, turn: &mut Turn<'_, '_>, told: &Told) -> Result<Self, Failure> {
        let id = &told.id;
        same(id, "amount", &self.amount, Some(&told.amount))?;
        same(id, "currency", &self.currency, Some(&told.currency))?;
        same(id, "application_fee", &self.application_fee, told.application_fee.as_ref())?;
        let source_type = told.source_type.map(SourceType::as_str);
        same(id, "source_type", &self.source_type.as_str(), source_type.as_ref())?;
        let transfer = self.source_transfer.clone().unwrap_or_default();
        same(id, "source_transfer", &transfer, told.source_transfer.as_ref())?;
        same(id, "created", &self.created, told.created.as_ref())?;
        same(id, "available_on", &self.available_on, told.available_on.as_ref())?;
        match (self.fee, told.fee) {
            (None, Some(fee)) => charge::correct_fee(turn, &mut self, fee).await?,
            (Some(before), sent) => same(id, "fee", &before, sent.as_ref())?,
            (None, None) => {}
        }
        Ok(self)
    }

    async fn follow(mut self, turn: &mut Turn<'_, '_>, fee: &i64) -> Result<Self, Failure> {
        charge::correct_fee(turn, &mut self, *fee).await?;
        Ok(self)
    }
}

impl Told {
    /// The charge that is told for the first time.
    fn charge(&self, turn: &mut Turn<'_, '_>) -> Result<Charge, Failure> {
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
}
