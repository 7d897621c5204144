//! Refunds: the processor's intake (reserves §13.1).

use super::fact::Fact;
use super::{LEDGER_READ, LEDGER_WRITE, optional_processor_id, optional_time, processor_id, same};
use crate::Settings;
use crate::charge::Charge;
use crate::operations::examples;
use crate::refund::{self, Refund};
use crate::store::{charge as charges, refund as store};
use crate::turn::Turn;
use coffer_base::{Owner, Timestamp};
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{Definition, Failure, PagePosition};
use coffer_storage::{StorageError, Store, Tx};

/// The charge that a fact is about (reserves §11, decision 20).
///
/// # Errors
/// 400 if it was not told yet.
pub(crate) async fn charge_of(turn: &mut Turn<'_, '_>, id: &str) -> Result<Charge, Failure> {
    let found = charges::find(turn.tx, turn.owner, id).await?;
    Ok(found.ok_or_else(|| ApiError::no_such(Charge::KIND, id, "charge"))?)
}

/// The parameters that narrow a list of what is about charges.
pub(crate) const FILTERS: &[&str] =
    &["charge", "created", "created[gt]", "created[gte]", "created[lt]", "created[lte]"];

/// Reads [`FILTERS`].
pub(crate) fn filter(fields: &Fields<'_>) -> Result<store::Filter, ApiError> {
    let charge = optional_processor_id(fields, "charge")?;
    Ok(store::Filter { charge, created: fields.created_range()? })
}

/// A refund as it is told.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    id: String,
    charge: String,
    amount: i64,
    created: Option<Timestamp>,
}

impl Fact for Refund {
    const KIND: &'static str = "refund";
    const CREATE: Definition =
        Definition::write("ledger.refunds.create", "/v1/ledger/refunds", LEDGER_WRITE, &[])
            .example(examples::REFUNDS_CREATE);
    const UPDATE: Definition =
        Definition::write("ledger.refunds.update", "/v1/ledger/refunds/:id", LEDGER_WRITE, &[])
            .example(examples::REFUNDS_UPDATE);
    const LIST: Definition =
        Definition::list("ledger.refunds.list", "/v1/ledger/refunds", LEDGER_READ, &[]);
    const RETRIEVE: Definition =
        Definition::retrieve("ledger.refunds.retrieve", "/v1/ledger/refunds/:id", LEDGER_READ, &[])
            .example(examples::REFUNDS_RETRIEVE);
    const TOLD: &'static [&'static str] = &["id", "charge", "amount", "created"];
    const NEWS: &'static [&'static str] = &["status"];
    const FILTERS: &'static [&'static str] = FILTERS;
    type Told = Told;
    /// It failed: nothing else can follow.
    type News = ();
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
            charge: processor_id(fields, "charge")?,
            amount: fields.required_amount("amount")?,
            created: optional_time(fields, "created")?,
        })
    }

    fn news(fields: &Fields<'_>) -> Result<(), ApiError> {
        fields.required_choice("status", &[("failed", ())])
    }

    fn filter(fields: &Fields<'_>) -> Result<store::Filter, ApiError> {
        filter(fields)
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
        let mut charge = charge_of(turn, &told.charge).await?;
        let left = charge.amount.saturating_sub(charge.refunded);
        if told.amount > left {
            let message = format!(
                "A refund of {} is more than what is left of the charge '{}': {left} of {}.",
                told.amount, charge.id, charge.amount
            );
            return Err(ApiError::invalid_param("amount", message).into());
        }
        let refund = Self {
            seq: turn.next_seq()?,
            id: told.id.clone(),
            charge: charge.id.clone(),
            amount: told.amount,
            currency: charge.currency,
            created: told.created.unwrap_or(turn.now()),
            drawn: 0,
            from_pending: 0,
            failed: false,
        };
        refund::add(turn, &mut charge, refund, settings).await
    }

    async fn again(self, _turn: &mut Turn<'_, '_>, told: &Told) -> Result<Self, Failure> {
        same(&told.id, "charge", &self.charge, Some(&told.charge))?;
        same(&told.id, "amount", &self.amount, Some(&told.amount))?;
        same(&told.id, "created", &self.created, told.created.as_ref())?;
        Ok(self)
    }

    async fn follow(mut self, turn: &mut Turn<'_, '_>, _failed: &()) -> Result<Self, Failure> {
        if !self.failed {
            let mut charge = charge_of(turn, &self.charge).await?;
            refund::fail(turn, &mut charge, &mut self).await?;
        }
        Ok(self)
    }
}
