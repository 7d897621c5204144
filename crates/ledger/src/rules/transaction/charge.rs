//! Transactions that bring a charge's money.

use super::{ReserveRules, find_charge, post};
use crate::model::charge::{Charge, FirstTelling};
use crate::model::transaction::Transaction;
use crate::money::sum;
use crate::reasons;
use crate::store::charge as store;
use crate::tx::LedgerTx;
use coffer_dialect::ApiError;
use coffer_kernel::Failure;

/// Records a charge, or what another capture adds to it: its money, what plans reserve of the net,
/// and its row. One of the time before the ledger has no money, and nothing is reserved of it.
pub(super) async fn record<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    transaction: &mut Transaction,
    rules: &R,
) -> Result<(), Failure> {
    let known = match ledger.absent.charges.remove(&transaction.record) {
        true => None,
        false => find_charge(ledger, Some(&transaction.record)).await?,
    };
    if let Some(known) = &known {
        check_known(known, transaction)?;
        if !transaction.pool_told {
            transaction.pool.source_type = known.source_type;
        }
    }
    let part = part_of(ledger, transaction)?;
    if transaction.posted {
        post(ledger, transaction).await?;
    }
    match known {
        None => store::insert(ledger.tx, ledger.owner, &part),
        Some(known) => store::update(ledger.tx, ledger.owner, &extended(known, &part)?),
    }
    if transaction.posted {
        rules.money_in(ledger, &part).await?;
    }
    Ok(())
}

/// Refuses money for a charge that a fact has told already, and a capture in another currency.
fn check_known(known: &Charge, transaction: &Transaction) -> Result<(), ApiError> {
    if !known.by_transaction {
        let message = format!(
            "The charge '{}' was told before as a fact: its money would count twice.",
            known.id
        );
        return Err(ApiError::invalid_param("source", message).because(&reasons::OTHER_INTAKE));
    }
    if known.currency == transaction.pool.currency {
        return Ok(());
    }
    let message = format!(
        "The charge '{}' has been told in {}, and this is in {}.",
        known.id, known.currency, transaction.pool.currency
    );
    Err(ApiError::invalid_param("currency", message).because(&reasons::TOLD_OTHERWISE))
}

/// The charge as one transaction brings it, which is the whole of it unless there are several
/// captures.
fn part_of(ledger: &mut LedgerTx<'_, '_>, transaction: &Transaction) -> Result<Charge, Failure> {
    Ok(Charge { seq: ledger.next_seq()?, ..view_of(transaction) })
}

/// The charge as a transaction shows it, with the transaction's number in place of its own.
pub(super) fn view_of(transaction: &Transaction) -> Charge {
    Charge {
        seq: transaction.seq,
        id: transaction.record.clone(),
        amount: transaction.amount,
        currency: transaction.pool.currency,
        fee: Some(transaction.fee.saturating_sub(transaction.application_fee)),
        application_fee: transaction.application_fee,
        source_type: transaction.pool.source_type,
        source_transfer: transaction.source_transfer.clone(),
        created: transaction.created,
        available_on: transaction.available_on,
        refunded: 0,
        disputed: false,
        pending: 0,
        settled: transaction.settled,
        by_transaction: true,
        told: FirstTelling::default(),
    }
}

/// A charge with what another capture adds to it.
fn extended(known: Charge, part: &Charge) -> Result<Charge, ApiError> {
    Ok(Charge {
        amount: sum(known.amount, part.amount)?,
        fee: Some(sum(known.fee.unwrap_or(0), part.fee.unwrap_or(0))?),
        application_fee: sum(known.application_fee, part.application_fee)?,
        available_on: known.available_on.max(part.available_on),
        settled: known.settled && part.settled,
        ..known
    })
}
