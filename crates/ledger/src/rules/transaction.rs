//! What told transactions do. Their balance effect is the same for all: the net, in the bucket that
//! their `available_on` says. The kind decides what else happens: which object is made or extended,
//! and what is reserved of it or consumed for it.

mod ahead;
mod charge;
mod charged;
mod payout;
mod repeat;
mod settle;

pub(crate) use ahead::look_ahead;
pub(crate) use payout::carry_out;
pub(crate) use settle::settle;

use super::warning::look_at_transaction;
use super::{ReserveRules, parked};
use crate::model::account::{Bucket, SourceType};
use crate::model::adjustment::{self, Adjustment};
use crate::model::balance_transaction::{BalanceTransactionLine, ProcessorLine};
use crate::model::charge::Charge;
use crate::model::entry::{Entry, Pool, Posting};
use crate::model::intake::Intake;
use crate::model::kind::Kind;
use crate::model::transaction::{HISTORY, NewTransaction, PAYMENTS, Transaction};
use crate::reasons;
use crate::sql;
use crate::store::adjustment as adjustments;
use crate::store::transaction as store;
use crate::tx::LedgerTx;
use coffer_base::Timestamp;
use coffer_dialect::ApiError;
use coffer_kernel::Failure;

/// A transaction that is recorded.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) transaction: Transaction,
    /// Whether it was not told before.
    pub(crate) is_new: bool,
}

/// Records a transaction, or compares one that was told before with how it is told again.
///
/// # Errors
/// 400 if the ledger takes facts at its time, if what it names contradicts it, or if it was told
/// before with another figure. Nothing of it is written then, unless a sum does not fit into 64
/// bits.
pub(crate) async fn tell<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    told: &NewTransaction,
    rules: &R,
) -> Result<Recorded, Failure> {
    let known = match ledger.absent.transactions.remove(&told.id) {
        true => None,
        false => sql::find::<Transaction>(ledger.tx, ledger.owner, &told.id).await?,
    };
    let is_new = known.is_none();
    let transaction = match known {
        Some(known) => repeat::again(ledger, known, told, rules).await?,
        None => record(ledger, told, rules).await?,
    };
    Ok(Recorded { transaction, is_new })
}

/// Records a transaction that was not told before.
async fn record<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    told: &NewTransaction,
    rules: &R,
) -> Result<Transaction, Failure> {
    check_intake(ledger, told)?;
    check_own(ledger, told).await?;
    let mut transaction = transaction_of(ledger, told)?;
    if transaction.posted || transaction.balance_type == HISTORY {
        match transaction.kind {
            Kind::Charge => charge::record(ledger, &mut transaction, rules).await?,
            Kind::Payout => payout::leave(ledger, &mut transaction, told).await?,
            Kind::PayoutReturn => payout::come_back(ledger, &mut transaction, told).await?,
            kind if kind.is_of_charge() && transaction.posted => {
                charged::record(ledger, &mut transaction, rules).await?;
            }
            _ if transaction.posted => adjust(ledger, &mut transaction).await?,
            _ => {}
        }
    }
    store::insert(ledger.tx, ledger.owner, &transaction);
    look_at_transaction(ledger, &transaction).await?;
    if transaction.kind == Kind::Charge && !ledger.absent.awaited.remove(&transaction.record) {
        // After the charge's own row, since what waits for it is taken out of what it brought.
        if let Some(mut charge) = find_charge(ledger, Some(&transaction.record)).await? {
            charge_came(ledger, &mut charge, rules).await?;
        }
    }
    Ok(transaction)
}

/// Takes up what waits for a charge that has just been told: the facts, and the transactions of the
/// time after them.
pub(crate) async fn charge_came<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &mut Charge,
    rules: &R,
) -> Result<(), Failure> {
    parked::take_up(ledger, charge, rules).await?;
    charged::take_up(ledger, &charge.id, rules).await
}

/// Refuses a transaction of a time whose money is told by facts.
fn check_intake(ledger: &LedgerTx<'_, '_>, told: &NewTransaction) -> Result<(), ApiError> {
    if ledger.intake.at(told.created) != Some(Intake::Facts) || told.balance_type() == HISTORY {
        return Ok(());
    }
    let error = match ledger.intake.since {
        Some(since) if ledger.intake.intake == Some(Intake::Transactions) => {
            ApiError::invalid_param(
                "created",
                format!(
                    "This ledger takes transactions from {since} on, in Unix seconds, and facts \
                     before it: '{}' of {} would count twice.",
                    told.id, told.created
                ),
            )
        }
        _ => ApiError::invalid_param(
            "id",
            "This ledger takes facts: transactions beside them would count twice. Set its intake \
             to transactions first, with POST /v1/ledger/settings.",
        ),
    };
    Err(error.because(&reasons::OTHER_INTAKE))
}

/// Refuses a fact of a time whose money is told by transactions.
///
/// # Errors
/// 400 if its money would count twice.
pub(crate) fn check_fact(ledger: &LedgerTx<'_, '_>, created: Timestamp) -> Result<(), ApiError> {
    if ledger.intake.at(created) != Some(Intake::Transactions) {
        return Ok(());
    }
    let message = "This ledger takes the processor's transactions: facts beside them would count \
                   twice. Tell them with POST /v1/ledger/transactions; GET /v1/ledger/settings \
                   says from when on.";
    Err(ApiError::invalid_param("id", message).because(&reasons::OTHER_INTAKE))
}

/// Refuses the id of a balance transaction that the ledger itself made, such as of a hold.
async fn check_own(ledger: &mut LedgerTx<'_, '_>, told: &NewTransaction) -> Result<(), Failure> {
    use crate::model::balance_transaction::BalanceTransaction;
    let own_length = "txn_".len().saturating_add(crate::limits::ID_CHARACTERS);
    if told.id.len() != own_length {
        return Ok(());
    }
    let own = sql::find::<BalanceTransaction>(ledger.tx, ledger.owner, &told.id).await?;
    let message = "The ledger made this balance transaction itself; it is none of the processor's.";
    let refusal = || ApiError::invalid_param("id", message).because(&reasons::OWN_TRANSACTION);
    own.map_or(Ok(()), |_| Err(refusal().into()))
}

/// The transaction as it is told, before it is known what it is about.
fn transaction_of(
    ledger: &mut LedgerTx<'_, '_>,
    told: &NewTransaction,
) -> Result<Transaction, Failure> {
    let kind = told.kind();
    let posted = told.balance_type() == PAYMENTS;
    Ok(Transaction {
        seq: ledger.next_seq()?,
        id: told.id.clone(),
        word: told.word.clone(),
        kind,
        amount: told.amount,
        fee: told.fee.unwrap_or(0),
        application_fee: told.application_fee.unwrap_or(0),
        pool: Pool { currency: told.currency, source_type: told.source_type.unwrap_or_default() },
        pool_told: told.source_type.is_some(),
        created: told.created,
        available_on: told.available_on,
        balance_type: told.balance_type().to_owned(),
        category: told.category.clone(),
        source: told.source.clone(),
        charge: told.charge().map(str::to_owned),
        source_transfer: told.source_transfer.clone(),
        payout: told.payout.clone(),
        payout_request: told.payout_request.clone(),
        exchange_rate: told.exchange_rate.clone(),
        record: told.record().to_owned(),
        drawn: 0,
        posted,
        settled: !posted || kind.is_of_payout() || told.available_on <= ledger.now(),
        parked: false,
        recorded: ledger.now(),
    })
}

/// Posts a transaction that moves its amount between the payments balance and the processor, and
/// its fee. Every kind but payouts does.
async fn post(ledger: &mut LedgerTx<'_, '_>, transaction: &Transaction) -> Result<(), Failure> {
    let payments = Bucket::payments(!transaction.settled);
    let postings = [
        amount_posting(transaction, Bucket::Clearing, payments),
        fee_posting(transaction, payments),
    ];
    post_all(ledger, transaction, &postings).await
}

/// Posts an adjustment, and makes its object: under the id of its source, or under its own if it
/// has none or several transactions have the same. Where that is an adjustment's already, such as a
/// fact's, it gets an id of the ledger's.
async fn adjust(
    ledger: &mut LedgerTx<'_, '_>,
    transaction: &mut Transaction,
) -> Result<(), Failure> {
    post(ledger, transaction).await?;
    if is_adjustment(ledger, &transaction.record).await? {
        transaction.record.clone_from(&transaction.id);
        if is_adjustment(ledger, &transaction.record).await? {
            transaction.record = ledger.new_id("ladj");
        }
    }
    let adjustment = Adjustment {
        seq: ledger.next_seq()?,
        id: transaction.record.clone(),
        amount: transaction.amount,
        fee: transaction.fee,
        pool: transaction.pool,
        word: transaction.word.clone(),
        category: transaction.category.clone(),
        source: transaction.source.clone(),
        charge: transaction.charge.clone(),
        payout: transaction.payout.clone(),
        draws: false,
        consumed: 0,
        created: transaction.created,
        available_on: transaction.available_on,
        pending: 0,
        settled: transaction.settled,
        by_transaction: true,
        parked: false,
        told: adjustment::FirstTelling::default(),
    };
    adjustments::insert(ledger.tx, ledger.owner, &adjustment);
    Ok(())
}

async fn is_adjustment(ledger: &mut LedgerTx<'_, '_>, id: &str) -> Result<bool, Failure> {
    Ok(sql::find::<Adjustment>(ledger.tx, ledger.owner, id).await?.is_some())
}

/// Posts what a transaction moves, with the balance transaction that the processor shows.
async fn post_all(
    ledger: &mut LedgerTx<'_, '_>,
    transaction: &Transaction,
    postings: &[Posting],
) -> Result<(), Failure> {
    let entry = Entry {
        kind: &transaction.word,
        source: transaction.source.as_deref().unwrap_or_default(),
        created: transaction.created,
        available_on: transaction.available_on,
        application_fee: transaction.application_fee,
        postings,
    };
    let shown = ProcessorLine {
        id: &transaction.id,
        currency: transaction.pool.currency,
        line: BalanceTransactionLine {
            reserved: false,
            pending: !transaction.settled,
            amount: transaction.amount,
            fee: transaction.fee,
        },
        category: transaction.category.as_deref(),
        exchange_rate: transaction.exchange_rate.as_deref(),
        payout: match transaction.kind.is_of_payout() {
            true => Some(&transaction.record),
            false => transaction.payout.as_deref(),
        },
    };
    ledger.post_told(&entry, &shown).await
}

/// The posting of a transaction's amount: from `outside` to `payments` if it comes in, and the
/// other way if it goes out.
fn amount_posting(transaction: &Transaction, outside: Bucket, payments: Bucket) -> Posting {
    let (pool, size) = (transaction.pool, transaction.size());
    if transaction.amount >= 0 {
        pool.posting(outside, payments, size)
    } else {
        pool.posting(payments, outside, size)
    }
}

/// The posting of a transaction's fee, which comes back if it is negative.
fn fee_posting(transaction: &Transaction, payments: Bucket) -> Posting {
    let (pool, size) = (transaction.pool, transaction.fee.saturating_abs());
    if transaction.fee >= 0 {
        pool.posting(payments, Bucket::Fees, size)
    } else {
        pool.posting(Bucket::Fees, payments, size)
    }
}

/// Moves what a transaction did to another pool, that of its charge: its net leaves the one and
/// enters the other, in the bucket where it stands. Its balance transaction stays, since the
/// account sees no pools there.
async fn move_to(
    ledger: &mut LedgerTx<'_, '_>,
    transaction: &mut Transaction,
    source_type: SourceType,
) -> Result<(), Failure> {
    if transaction.pool_told || transaction.pool.source_type == source_type {
        return Ok(());
    }
    let payments = Bucket::payments(!transaction.settled);
    let undone = [
        amount_posting(transaction, Bucket::Clearing, payments).reversed(),
        fee_posting(transaction, payments).reversed(),
    ];
    transaction.pool.source_type = source_type;
    let done = [
        amount_posting(transaction, Bucket::Clearing, payments),
        fee_posting(transaction, payments),
    ];
    let postings = [undone, done].concat();
    let entry = Entry {
        kind: "pool_change",
        source: &transaction.id,
        created: ledger.now(),
        available_on: ledger.now(),
        application_fee: 0,
        postings: &postings,
    };
    ledger.post(&entry).await
}

/// A charge that is known, if its id is.
async fn find_charge(
    ledger: &mut LedgerTx<'_, '_>,
    id: Option<&str>,
) -> Result<Option<Charge>, Failure> {
    let Some(id) = id else { return Ok(None) };
    Ok(sql::find(ledger.tx, ledger.owner, id).await?)
}
