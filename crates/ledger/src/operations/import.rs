//! A page of the processor's balance transactions at once, as its list gives it.

pub(super) mod page;

use super::LEDGER_WRITE;
use super::intake::check_created;
use super::transactions::{check, log_unknown_type};
use crate::limits;
use crate::model::transaction::NewTransaction;
use crate::operations::examples;
use crate::params::optional_processor_id;
use crate::reasons;
use crate::rules::warning::note_conflict;
use crate::rules::{ReserveRules, transaction};
use crate::tx::LedgerTx;
use coffer_dialect::{ApiError, Object, Value};
use coffer_kernel::{
    Applied, Arguments, Committed, Ctx, Definition, Failure, JsonBody, WriteOperation,
};
use coffer_storage::Tx;
use std::collections::BTreeMap;

/// `POST /v1/ledger/transactions/import`: one page is one unit of work. What is wrong with one
/// transaction is told of it, and keeps no other from being recorded.
pub(crate) struct Import<R>(pub(crate) R);

/// A page as it was sent.
#[derive(Debug)]
pub(crate) struct Page {
    /// Each transaction, or what is wrong with it: in the order in which they are recorded.
    rows: Vec<Row>,
}

/// A transaction of a page.
#[derive(Debug)]
struct Row {
    /// Its id as it was sent; empty if it has none.
    id: String,
    told: Result<NewTransaction, ApiError>,
}

/// What became of a page.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    received: i64,
    recorded: i64,
    /// Those that were told before.
    known: i64,
    /// Those of this page that wait for what they are about.
    parked: i64,
    refused: i64,
    /// The first refusals, with the ids of what they refuse.
    refusals: Vec<(String, ApiError)>,
    /// The types that nobody knows, and how many transactions of each were recorded.
    unknown: BTreeMap<String, usize>,
}

impl<R: ReserveRules> WriteOperation for Import<R> {
    const DEFINITION: Definition = Definition::write(
        "ledger.transactions.import",
        "/v1/ledger/transactions/import",
        LEDGER_WRITE,
        &[],
    )
    .one_at_a_time()
    .takes(JsonBody { name: "page", most: limits::PAGE_BYTES })
    .example(examples::TRANSACTIONS_IMPORT);
    type Input = Page;
    type Out = Outcome;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Page, ApiError> {
        let fields = arguments.params.only(&["page", "payout"])?;
        let text = fields.required_plain("page", limits::PAGE_BYTES)?;
        let payout = optional_processor_id(&fields, "payout")?;
        Ok(Page { rows: page::read(&text, payout.as_deref())? })
    }

    async fn apply(
        &self,
        page: &Page,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Outcome>, Failure> {
        let owner = ctx.owner();
        let mut ledger = LedgerTx::begin(tx, &owner, ctx.cause()).await?;
        let mut outcome = Outcome::default();
        for row in &page.rows {
            let result = match in_time(row, ctx) {
                Ok(told) => transaction::tell(&mut ledger, told, &self.0).await,
                Err(refusal) => Err(refusal.into()),
            };
            if let Err(Failure::Refused(error)) = &result {
                note_conflict(&mut ledger, &row.id, error)?;
            }
            outcome.add(&row.id, result)?;
        }
        ledger.finish();
        Ok(Applied { subject: String::new(), out: outcome, fingerprint: None })
    }

    async fn committed(&self, outcome: &Outcome, _ctx: &Ctx) -> Result<Committed, ApiError> {
        for (word, transactions) in &outcome.unknown {
            log_unknown_type(word, *transactions);
        }
        Ok(Committed::Done)
    }

    fn render(&self, outcome: &Outcome, ctx: &Ctx) -> Object {
        let refusal = |(id, error): &(String, ApiError)| {
            let object = Object::bare()
                .set("code", error.code().map(str::to_owned))
                .set("id", id.clone())
                .set("message", error.message().to_owned())
                .set("param", error.param().map(str::to_owned));
            Value::Object(object)
        };
        Object::singleton("ledger.import")
            .set("known", outcome.known)
            .set("livemode", ctx.tenant().mode.is_live())
            .set("parked", outcome.parked)
            .set("received", outcome.received)
            .set("recorded", outcome.recorded)
            .set("refusals", Value::List(outcome.refusals.iter().map(refusal).collect()))
            .set("refused", outcome.refused)
    }
}

impl Outcome {
    /// Counts what became of one transaction. A refusal that comes after something was written ends
    /// the page: a sum that does not fit.
    fn add(
        &mut self,
        id: &str,
        result: Result<transaction::Recorded, Failure>,
    ) -> Result<(), Failure> {
        self.received = self.received.saturating_add(1);
        match result {
            Ok(recorded) => {
                if recorded.is_of_unknown_type() {
                    let word = recorded.transaction.word.clone();
                    let count = self.unknown.entry(word).or_default();
                    *count = count.saturating_add(1);
                }
                let count = if recorded.is_new { &mut self.recorded } else { &mut self.known };
                *count = count.saturating_add(1);
                self.parked = self.parked.saturating_add(recorded.transaction.parked.into());
                Ok(())
            }
            Err(Failure::Refused(error)) if !error.is_because(&reasons::BALANCE_OVERFLOW) => {
                self.refused = self.refused.saturating_add(1);
                if self.refusals.len() < limits::REFUSALS_SHOWN {
                    self.refusals.push((id.to_owned(), error));
                }
                Ok(())
            }
            Err(failure) => Err(failure),
        }
    }
}

/// A transaction that is right by itself, unless it lies in the future.
fn in_time<'a>(row: &'a Row, ctx: &Ctx) -> Result<&'a NewTransaction, ApiError> {
    let told = row.told.as_ref().map_err(Clone::clone)?;
    check_created(Some(told.created), ctx.now()).map(|()| told)
}

/// Checks a transaction of a page as one that is told alone.
fn checked(told: NewTransaction) -> Result<NewTransaction, ApiError> {
    check(&told).map(|()| told)
}
