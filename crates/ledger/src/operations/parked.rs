//! What is parked: transactions and facts that wait for the charge, or the payout, that they are
//! about. Their money is posted; the list says what the platform has yet to tell.

use super::LEDGER_READ;
use crate::model::parked::{Kind, ParkedIntake};
use crate::model::transaction::Transaction;
use crate::sql;
use crate::store::parked as facts;
use crate::store::transaction::Filter;
use coffer_base::Timestamp;
use coffer_dialect::{ApiError, CreatedRange, Fields, Object};
use coffer_kernel::{Collection, Ctx, Definition, PagePosition};
use coffer_storage::{StorageError, Store};

/// Something that waits.
#[derive(Clone, Debug)]
pub(crate) enum Waiting {
    /// A told transaction.
    Transaction(Box<Transaction>),
    /// A fact.
    Intake(ParkedIntake),
}

impl Waiting {
    /// Its number in the ledger.
    const fn seq(&self) -> i64 {
        match self {
            Self::Transaction(transaction) => transaction.seq,
            Self::Intake(fact) => fact.seq,
        }
    }
}

/// `GET /v1/ledger/parked` and `GET /v1/ledger/parked/:id`.
#[derive(Clone, Copy)]
pub(crate) struct Parked;

impl Collection for Parked {
    const KIND: &'static str = "parked";
    const LIST: Definition =
        Definition::list("ledger.parked.list", "/v1/ledger/parked", LEDGER_READ, &[]);
    const RETRIEVE: Definition =
        Definition::retrieve("ledger.parked.retrieve", "/v1/ledger/parked/:id", LEDGER_READ, &[]);
    const FILTERS: &'static [&'static str] = &[];
    type Filter = ();
    type Item = Waiting;

    fn filter(&self, _fields: &Fields<'_>) -> Result<(), ApiError> {
        Ok(())
    }

    async fn find(
        &self,
        store: &Store,
        ctx: &Ctx,
        id: &str,
    ) -> Result<Option<Waiting>, StorageError> {
        let owner = ctx.owner();
        let transaction = sql::read::<Transaction>(store, &owner, id).await?;
        if let Some(transaction) = transaction.filter(|transaction| transaction.parked) {
            return Ok(Some(Waiting::Transaction(Box::new(transaction))));
        }
        Ok(facts::find(store, &owner, id).await?.map(Waiting::Intake))
    }

    fn seq(waiting: &Waiting) -> i64 {
        waiting.seq()
    }

    /// A page of each kind, from which the page of both is taken: they are numbered together.
    async fn page(
        &self,
        store: &Store,
        ctx: &Ctx,
        position: PagePosition,
        _filter: &(),
    ) -> Result<Vec<Waiting>, StorageError> {
        let owner = ctx.owner();
        let parked = Some(true);
        let all = Filter { word: None, currency: None, parked, created: CreatedRange::ALL };
        let transactions = crate::page::<Transaction>(store, &owner, position, &all).await?;
        let facts = crate::page::<ParkedIntake>(store, &owner, position, &()).await?;
        let transactions = transactions.into_iter().map(Box::new).map(Waiting::Transaction);
        let mut both: Vec<_> = transactions.chain(facts.into_iter().map(Waiting::Intake)).collect();
        both.sort_by_key(Waiting::seq);
        if !position.newer {
            both.reverse();
        }
        both.truncate(usize::try_from(position.fetch).unwrap_or(usize::MAX));
        Ok(both)
    }

    async fn render(
        &self,
        _store: &Store,
        ctx: &Ctx,
        waiting: Vec<Waiting>,
    ) -> Result<Vec<Object>, StorageError> {
        let livemode = ctx.tenant().mode.is_live();
        Ok(waiting.iter().map(|each| render(each, livemode)).collect())
    }
}

/// The object on the wire, and in events.
pub(crate) fn render(waiting: &Waiting, livemode: bool) -> Object {
    match waiting {
        Waiting::Transaction(transaction) => object(&transaction.id, "transaction", livemode)
            .set("charge", transaction.charge.clone())
            .set("created", transaction.created)
            .set("payout_request", transaction.payout_request.clone())
            .set("recorded", transaction.recorded),
        Waiting::Intake(fact) => object(&fact.id, word(fact.kind), livemode)
            .set("charge", fact.charge.clone())
            .set("created", fact.created)
            .set("payout_request", None::<Timestamp>)
            .set("recorded", fact.recorded),
    }
}

fn object(id: &str, kind: &'static str, livemode: bool) -> Object {
    Object::new(id, "ledger.parked").set("kind", kind).set("livemode", livemode)
}

/// The kind of a fact on the wire.
const fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Refund => "refund",
        Kind::Dispute => "dispute",
        Kind::Adjustment => "adjustment",
    }
}
