//! Payouts: asked for, or told as a fact (reserves §13.1, §11 decision 18).

use super::fact::Fact;
use super::{LEDGER_READ, LEDGER_WRITE, processor_id, same, source_type};
use crate::Settings;
use crate::account::SourceType;
use crate::operations::examples;
use crate::payout::{self, Payout, Status};
use crate::store::payout as store;
use crate::turn::Turn;
use coffer_base::{Currency, Owner};
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{Definition, Failure, PagePosition};
use coffer_storage::{StorageError, Store, Tx};

/// A payout as it is asked for or told.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    id: String,
    amount: i64,
    currency: Currency,
    source_type: Option<SourceType>,
    reported: Option<bool>,
}

impl Fact for Payout {
    const KIND: &'static str = "payout";
    const CREATE: Definition =
        Definition::write("ledger.payouts.create", "/v1/ledger/payouts", LEDGER_WRITE, &[])
            .example(examples::PAYOUTS_CREATE);
    const UPDATE: Definition =
        Definition::write("ledger.payouts.update", "/v1/ledger/payouts/:id", LEDGER_WRITE, &[])
            .example(examples::PAYOUTS_UPDATE);
    const LIST: Definition =
        Definition::list("ledger.payouts.list", "/v1/ledger/payouts", LEDGER_READ, &[]);
    const RETRIEVE: Definition =
        Definition::retrieve("ledger.payouts.retrieve", "/v1/ledger/payouts/:id", LEDGER_READ, &[])
            .example(examples::PAYOUTS_RETRIEVE);
    const TOLD: &'static [&'static str] = &["id", "amount", "currency", "source_type", "reported"];
    const NEWS: &'static [&'static str] = &["status"];
    const FILTERS: &'static [&'static str] = &[
        "created",
        "created[gt]",
        "created[gte]",
        "created[lt]",
        "created[lte]",
        "currency",
        "status",
    ];
    type Told = Told;
    /// What became of it.
    type News = Status;
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
            source_type: source_type(fields)?,
            reported: fields.optional_bool("reported")?,
        })
    }

    fn news(fields: &Fields<'_>) -> Result<Status, ApiError> {
        let choices = [Status::Paid, Status::Failed, Status::Canceled];
        fields.required_choice("status", &choices.map(|status| (status.as_str(), status)))
    }

    fn filter(fields: &Fields<'_>) -> Result<store::Filter, ApiError> {
        let choices = Status::ALL.map(|status| (status.as_str(), status));
        Ok(store::Filter {
            created: fields.created_range()?,
            currency: fields.optional_currency("currency")?,
            status: fields.optional_choice("status", &choices)?,
        })
    }

    fn told_id(told: &Told) -> &str {
        &told.id
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
        _settings: &Settings,
    ) -> Result<Self, Failure> {
        let payout = Self {
            seq: turn.next_seq()?,
            id: told.id.clone(),
            amount: told.amount,
            currency: told.currency,
            source_type: told.source_type.unwrap_or_default(),
            reported: told.reported == Some(true),
            created: turn.now(),
            status: Status::InTransit,
        };
        payout::add(turn, &payout).await?;
        Ok(payout)
    }

    async fn again(self, _turn: &mut Turn<'_, '_>, told: &Told) -> Result<Self, Failure> {
        same(&told.id, "amount", &self.amount, Some(&told.amount))?;
        same(&told.id, "currency", &self.currency, Some(&told.currency))?;
        let source_type = told.source_type.map(SourceType::as_str);
        same(&told.id, "source_type", &self.source_type.as_str(), source_type.as_ref())?;
        same(&told.id, "reported", &self.reported, told.reported.as_ref())?;
        Ok(self)
    }

    async fn follow(mut self, turn: &mut Turn<'_, '_>, status: &Status) -> Result<Self, Failure> {
        payout::become_status(turn, &mut self, *status).await?;
        Ok(self)
    }
}
