//! Disputes: the processor's intake (reserves §13.1). Telling one means that funds were withdrawn
//! (reserves §11, decision 18).

use super::fact::Fact;
use super::refunds::{FILTERS, charge_of, filter};
use super::{LEDGER_READ, LEDGER_WRITE, optional_time, processor_id, same};
use crate::Settings;
use crate::dispute::{self, Dispute, Status};
use crate::operations::examples;
use crate::store::{dispute as store, refund::Filter};
use crate::turn::Turn;
use coffer_base::{Owner, Timestamp};
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{Definition, Failure, PagePosition};
use coffer_storage::{StorageError, Store, Tx};

/// A dispute as it is told.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    id: String,
    charge: String,
    amount: i64,
    fee: Option<i64>,
    created: Option<Timestamp>,
}

/// How a dispute ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    status: Status,
    fee_returned: Option<bool>,
}

impl Fact for Dispute {
    const KIND: &'static str = "dispute";
    const CREATE: Definition =
        Definition::write("ledger.disputes.create", "/v1/ledger/disputes", LEDGER_WRITE, &[])
            .example(examples::DISPUTES_CREATE);
    const UPDATE: Definition =
        Definition::write("ledger.disputes.update", "/v1/ledger/disputes/:id", LEDGER_WRITE, &[])
            .example(examples::DISPUTES_UPDATE);
    const LIST: Definition =
        Definition::list("ledger.disputes.list", "/v1/ledger/disputes", LEDGER_READ, &[]);
    const RETRIEVE: Definition = Definition::retrieve(
        "ledger.disputes.retrieve",
        "/v1/ledger/disputes/:id",
        LEDGER_READ,
        &[],
    )
    .example(examples::DISPUTES_RETRIEVE);
    const TOLD: &'static [&'static str] = &["id", "charge", "amount", "fee", "created"];
    const NEWS: &'static [&'static str] = &["status", "fee_returned"];
    const FILTERS: &'static [&'static str] = FILTERS;
    type Told = Told;
    type News = Ended;
    type Filter = Filter;

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
            fee: fields.optional_fee("fee")?,
            created: optional_time(fields, "created")?,
        })
    }

    fn news(fields: &Fields<'_>) -> Result<Ended, ApiError> {
        let choices = [("won", Status::Won), ("lost", Status::Lost)];
        let status = fields.required_choice("status", &choices)?;
        let fee_returned = fields.optional_bool("fee_returned")?;
        if fee_returned == Some(true) && status == Status::Lost {
            let message = "The fee of a lost dispute does not come back: leave fee_returned out.";
            return Err(ApiError::invalid_param("fee_returned", message));
        }
        Ok(Ended { status, fee_returned })
    }

    fn filter(fields: &Fields<'_>) -> Result<Filter, ApiError> {
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
        filter: &Filter,
    ) -> Result<Vec<Self>, StorageError> {
        store::page(store, owner, position, filter).await
    }

    async fn first(
        turn: &mut Turn<'_, '_>,
        told: &Told,
        settings: &Settings,
    ) -> Result<Self, Failure> {
        let mut charge = charge_of(turn, &told.charge).await?;
        let dispute = Self {
            seq: turn.next_seq()?,
            id: told.id.clone(),
            charge: charge.id.clone(),
            amount: told.amount,
            currency: charge.currency,
            fee: told.fee.unwrap_or(0),
            created: told.created.unwrap_or(turn.now()),
            drawn: 0,
            from_pending: 0,
            status: Status::Open,
            fee_returned: false,
        };
        dispute::add(turn, &mut charge, dispute, settings).await
    }

    async fn again(self, _turn: &mut Turn<'_, '_>, told: &Told) -> Result<Self, Failure> {
        same(&told.id, "charge", &self.charge, Some(&told.charge))?;
        same(&told.id, "amount", &self.amount, Some(&told.amount))?;
        same(&told.id, "fee", &self.fee, told.fee.as_ref())?;
        same(&told.id, "created", &self.created, told.created.as_ref())?;
        Ok(self)
    }

    async fn follow(mut self, turn: &mut Turn<'_, '_>, ended: &Ended) -> Result<Self, Failure> {
        match (self.status, ended.status) {
            (Status::Open, Status::Won) => {
                let mut charge = charge_of(turn, &self.charge).await?;
                let fee_returned = ended.fee_returned == Some(true);
                dispute::win(turn, &mut charge, &mut self, fee_returned).await?;
            }
            (Status::Open, _) => dispute::lose(turn, &mut self),
            (known, told) => {
                same(&self.id, "status", &known.as_str(), Some(&told.as_str()))?;
                let sent = ended.fee_returned.as_ref();
                same(&self.id, "fee_returned", &self.fee_returned, sent)?;
            }
        }
        Ok(self)
    }
}
