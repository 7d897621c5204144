//! Transactions that send money to the account's bank, and those that bring it back.

use super::{amount_posting, fee_posting, post_all};
use crate::model::account::Bucket;
use crate::model::entry::Entry;
use crate::model::kind::Kind;
use crate::model::payout::{self, Payout, Status};
use crate::model::transaction::{NewTransaction, PayoutWords, Transaction};
use crate::reasons;
use crate::rules::payout::{become_status, record_breach};
use crate::sql;
use crate::store::payout as payouts;
use crate::store::transaction as store;
use crate::tx::LedgerTx;
use coffer_dialect::ApiError;
use coffer_kernel::Failure;

/// Records a payout that has left. One that was asked of the ledger is the same payout, which gets
/// the processor's id and is counted once. It waits if it names one that was not asked yet.
pub(super) async fn leave(
    ledger: &mut LedgerTx<'_, '_>,
    transaction: &mut Transaction,
    told: &NewTransaction,
) -> Result<(), Failure> {
    let asked = asked_for(ledger, transaction).await?;
    transaction.parked = transaction.payout_request.is_some() && asked.is_none();
    let known = match asked {
        Some(asked) => Some(asked),
        None => sql::find::<Payout>(ledger.tx, ledger.owner, &transaction.record).await?,
    };
    let to = match &known {
        None => Bucket::PayoutsInTransit,
        Some(known) => {
            follow_pool(transaction, known);
            leaves_for(ledger, known, transaction).await?
        }
    };
    let postings = [
        amount_posting(transaction, to, Bucket::PaymentsAvailable),
        fee_posting(transaction, Bucket::PaymentsAvailable),
    ];
    post_all(ledger, transaction, &postings).await?;
    let mut payout = match known {
        None => insert(ledger, transaction, told, Status::InTransit)?,
        Some(known) => confirm(ledger, (transaction, to), told, known),
    };
    arrive(ledger, &mut payout, told).await?;
    let available = ledger.balance(transaction.pool).await?.of(Bucket::PaymentsAvailable);
    if available < 0 {
        record_breach(ledger, &payout, available).await?;
    }
    Ok(())
}

/// What the page says of a payout besides its money, when its transaction is told again.
pub(super) async fn again(
    ledger: &mut LedgerTx<'_, '_>,
    transaction: &Transaction,
    told: &NewTransaction,
) -> Result<(), Failure> {
    let PayoutWords { paid, automatic, .. } = told.payout_words;
    if transaction.kind != Kind::Payout || (!paid && automatic.is_none()) {
        return Ok(());
    }
    let known = sql::find::<Payout>(ledger.tx, ledger.owner, &transaction.record).await?;
    let Some(mut payout) = known else { return Ok(()) };
    if payout.automatic.is_none() && automatic.is_some() {
        payout.automatic = automatic;
        payouts::confirm(ledger.tx, ledger.owner, &payout);
    }
    arrive(ledger, &mut payout, told).await
}

/// A payout that is on its way has arrived, if the page says so.
async fn arrive(
    ledger: &mut LedgerTx<'_, '_>,
    payout: &mut Payout,
    told: &NewTransaction,
) -> Result<(), Failure> {
    if told.payout_words.paid && payout.status == Status::InTransit {
        become_status(ledger, payout, Status::Paid).await?;
    }
    Ok(())
}

/// The payout that a transaction says was asked of the ledger.
async fn asked_for(
    ledger: &mut LedgerTx<'_, '_>,
    transaction: &mut Transaction,
) -> Result<Option<Payout>, Failure> {
    let Some(request) = &transaction.payout_request else { return Ok(None) };
    let Some(asked) = sql::find::<Payout>(ledger.tx, ledger.owner, request).await? else {
        return Ok(None);
    };
    check_asked(&asked, transaction)?;
    transaction.record.clone_from(&asked.id);
    Ok(Some(asked))
}

/// Refuses a transaction that cannot be the payout which was asked for, whether it names that or
/// has the processor's id of it.
fn check_asked(asked: &Payout, transaction: &Transaction) -> Result<(), ApiError> {
    let param = if transaction.payout_request.is_some() { "payout_request" } else { "source" };
    let refuse = |what: &str, asked_for: String, told: String| {
        let message = format!(
            "The payout '{}' was asked for with another {what}: {asked_for}, not {told}.",
            asked.id
        );
        Err(ApiError::invalid_param(param, message).because(&reasons::OTHER_REQUEST))
    };
    if asked.amount != transaction.size() {
        return refuse("amount", asked.amount.to_string(), transaction.size().to_string());
    }
    if asked.currency != transaction.pool.currency {
        let told = transaction.pool.currency.to_string();
        return refuse("currency", asked.currency.to_string(), told);
    }
    if transaction.pool_told && asked.source_type != transaction.pool.source_type {
        let told = transaction.pool.source_type.as_str().to_owned();
        return refuse("source_type", asked.source_type.as_str().to_owned(), told);
    }
    match (&asked.processor_id, &transaction.source) {
        (Some(known), Some(source)) if known != source => {
            refuse("processor_id", known.clone(), source.clone())
        }
        _ => Ok(()),
    }
}

/// The pool of a payout is its transactions', unless they were told another.
const fn follow_pool(transaction: &mut Transaction, payout: &Payout) {
    if !transaction.pool_told {
        transaction.pool.source_type = payout.source_type;
    }
}

/// Where the money of a payout that is known goes when the processor tells that it has left. What
/// the ledger took for the asking comes back first, so that the processor's own transaction takes
/// it; and what was told to have come back already has left for the processor, as has what is of
/// another pool than the payout.
async fn leaves_for(
    ledger: &mut LedgerTx<'_, '_>,
    known: &Payout,
    transaction: &Transaction,
) -> Result<Bucket, Failure> {
    if known.by_transaction {
        let in_transit = known.status == Status::InTransit && known.pool() == transaction.pool;
        return Ok(if in_transit { Bucket::PayoutsInTransit } else { Bucket::Clearing });
    }
    if known.reported {
        let message =
            format!("The payout '{}' was told before as a fact: it would count twice.", known.id);
        let error = ApiError::invalid_param("source", message);
        return Err(error.because(&reasons::OTHER_INTAKE).into());
    }
    check_asked(known, transaction)?;
    let from = match known.status {
        Status::InTransit => Bucket::PayoutsInTransit,
        Status::Paid => Bucket::Clearing,
        Status::Failed | Status::Canceled => {
            if !payouts::came_back(ledger.tx, ledger.owner, &known.id).await? {
                // It came back when it was told to have failed; now it has left after all.
                return Ok(Bucket::PayoutsInTransit);
            }
            // The processor has told what came back before it told what left.
            Bucket::Clearing
        }
    };
    let entry = Entry {
        kind: "payout_confirmation",
        source: &known.id,
        created: ledger.now(),
        available_on: ledger.now(),
        application_fee: 0,
        postings: &[
            known.pool().posting(from, Bucket::PaymentsAvailable, known.amount),
            known.pool().posting(Bucket::Fees, Bucket::PaymentsAvailable, known.fee.unwrap_or(0)),
        ],
    };
    ledger.post(&entry).await?;
    Ok(from)
}

/// Stores what the processor's transaction says of a payout that is known, whose money went `to`.
fn confirm(
    ledger: &mut LedgerTx<'_, '_>,
    (transaction, to): (&Transaction, Bucket),
    told: &NewTransaction,
    mut known: Payout,
) -> Payout {
    if known.by_transaction {
        let is_out = matches!(known.status, Status::InTransit | Status::Paid);
        if is_out && known.pool() == transaction.pool {
            known.amount = known.amount.saturating_add(transaction.size());
        }
    } else {
        if to == Bucket::PayoutsInTransit {
            known.status = Status::InTransit;
        }
        known.by_transaction = true;
        known.fee = Some(transaction.fee);
        known.processor_id = known.processor_id.or_else(|| transaction.source.clone());
    }
    known.arrival_date = Some(arrival(told));
    known.automatic = known.automatic.or(told.payout_words.automatic);
    payouts::confirm(ledger.tx, ledger.owner, &known);
    known
}

/// When a payout is expected at the bank.
fn arrival(told: &NewTransaction) -> coffer_base::Timestamp {
    told.payout_words.arrival_date.unwrap_or(told.available_on)
}

/// Adds the payout of a transaction.
fn insert(
    ledger: &mut LedgerTx<'_, '_>,
    transaction: &Transaction,
    told: &NewTransaction,
    status: Status,
) -> Result<Payout, Failure> {
    let payout = Payout {
        seq: ledger.next_seq()?,
        id: transaction.record.clone(),
        amount: transaction.size(),
        currency: transaction.pool.currency,
        source_type: transaction.pool.source_type,
        reported: true,
        created: transaction.created,
        status,
        processor_id: None,
        fee: Some(transaction.fee),
        arrival_date: Some(arrival(told)),
        by_transaction: true,
        automatic: told.payout_words.automatic,
        told: payout::FirstTelling::default(),
    };
    payouts::insert(ledger.tx, ledger.owner, &payout);
    Ok(payout)
}

/// Records a payout's money that came back: out of transit, or from the processor if it was paid,
/// or is not known to have left.
pub(super) async fn come_back(
    ledger: &mut LedgerTx<'_, '_>,
    transaction: &mut Transaction,
    told: &NewTransaction,
) -> Result<(), Failure> {
    let status = match transaction.word.as_str() {
        "payout_cancel" => Status::Canceled,
        _ => Status::Failed,
    };
    let known = sql::find::<Payout>(ledger.tx, ledger.owner, &transaction.record).await?;
    if let Some(known) = &known {
        follow_pool(transaction, known);
        transaction.record.clone_from(&known.id);
    }
    let (pool, size) = (transaction.pool, transaction.size());
    let carried = match &known {
        Some(known) if known.status == Status::InTransit => {
            carried(ledger, known, transaction).await?
        }
        _ => 0,
    };
    let from_transit = carried.min(size);
    let postings = [
        pool.posting(Bucket::PayoutsInTransit, Bucket::PaymentsAvailable, from_transit),
        pool.posting(
            Bucket::Clearing,
            Bucket::PaymentsAvailable,
            size.saturating_sub(from_transit),
        ),
        pool.posting(
            Bucket::PayoutsInTransit,
            Bucket::Clearing,
            carried.saturating_sub(from_transit),
        ),
        fee_posting(transaction, Bucket::PaymentsAvailable),
    ];
    post_all(ledger, transaction, &postings).await?;
    match known {
        None => insert(ledger, transaction, told, status).map(drop),
        Some(mut known) => {
            known.status = status;
            payouts::confirm(ledger.tx, ledger.owner, &known);
            Ok(())
        }
    }
}

/// What a payout in transit carries of what comes back in a pool. What it carries of its own, if
/// that is another one, is the processor's from now on, and the money comes from there.
async fn carried(
    ledger: &mut LedgerTx<'_, '_>,
    known: &Payout,
    transaction: &Transaction,
) -> Result<i64, Failure> {
    let pool = known.pool();
    if pool == transaction.pool {
        return Ok(known.amount);
    }
    let entry = Entry {
        kind: "payout_paid",
        source: &known.id,
        created: ledger.now(),
        available_on: ledger.now(),
        application_fee: 0,
        postings: &[pool.posting(Bucket::PayoutsInTransit, Bucket::Clearing, known.amount)],
    };
    ledger.post(&entry).await?;
    Ok(0)
}

/// Whether the payout that is being asked for was told before by a transaction that names it. It is
/// that one then, under the id with which it is asked for, and has left already.
pub(crate) async fn carry_out(
    ledger: &mut LedgerTx<'_, '_>,
    asked: &Payout,
) -> Result<Option<Payout>, Failure> {
    let waiting = store::parked_for_request(ledger.tx, ledger.owner, &asked.id).await?;
    let Some(mut transaction) = waiting else { return Ok(None) };
    check_asked(asked, &transaction).map_err(|error| {
        ApiError::invalid_param("id", error.message().to_owned()).because(&reasons::OTHER_REQUEST)
    })?;
    let found = sql::find::<Payout>(ledger.tx, ledger.owner, &transaction.record).await?;
    let Some(mut payout) = found else { return Ok(None) };
    payout.processor_id = Some(std::mem::replace(&mut payout.id, asked.id.clone()));
    payouts::confirm(ledger.tx, ledger.owner, &payout);
    transaction.record.clone_from(&asked.id);
    transaction.parked = false;
    store::update(ledger.tx, ledger.owner, &transaction);
    Ok(Some(payout))
}
