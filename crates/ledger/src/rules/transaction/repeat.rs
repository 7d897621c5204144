//! Transactions that are told again: with more than before, with another date, or with other
//! figures, which are refused.

use super::{ReserveRules, charged, payout, settle};
use crate::model::account::SourceType;
use crate::model::transaction::{NewTransaction, Transaction};
use crate::reasons;
use crate::store::transaction as store;
use crate::tx::LedgerTx;
use coffer_dialect::ApiError;
use coffer_kernel::Failure;
use std::fmt::Display;

/// Compares a stored transaction with how it is told again. What was left out then or now is not
/// compared; what was left out before is added; and of one that is still pending the date may move.
pub(super) async fn again<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    known: Transaction,
    told: &NewTransaction,
    rules: &R,
) -> Result<Transaction, Failure> {
    check_figures(&known, told)?;
    check_words(&known, told)?;
    let mut now = known.clone();
    now.category = now.category.or_else(|| told.category.clone());
    now.source = now.source.or_else(|| told.source.clone());
    now.source_transfer = now.source_transfer.or_else(|| told.source_transfer.clone());
    now.exchange_rate = now.exchange_rate.or_else(|| told.exchange_rate.clone());
    now.payout = now.payout.or_else(|| told.payout.clone());
    let names_charge = known.charge.is_none() && now.parked && told.charge().is_some();
    if names_charge {
        now.charge = told.charge().map(str::to_owned);
    }
    if known.available_on != told.available_on {
        if known.settled {
            return Err(differs(
                &known.id,
                "available_on",
                &known.available_on,
                &told.available_on,
            ));
        }
        settle::move_date(ledger, &mut now, told.available_on, rules).await?;
    }
    if now != known {
        store::update(ledger.tx, ledger.owner, &now);
        store::update_shown(ledger.tx, ledger.owner, &now);
    }
    if names_charge {
        charged::name_charge(ledger, &mut now, rules).await?;
    }
    payout::again(ledger, &now, told).await?;
    Ok(now)
}

/// Refuses another figure than was told before. The category is one where it decides the kind.
fn check_figures(known: &Transaction, told: &NewTransaction) -> Result<(), Failure> {
    let id = &known.id;
    same(id, "type", &known.word, Some(&told.word))?;
    same(id, "amount", &known.amount, Some(&told.amount))?;
    same(id, "currency", &known.pool.currency, Some(&told.currency))?;
    same(id, "created", &known.created, Some(&told.created))?;
    same(id, "fee", &known.fee, told.fee.as_ref())?;
    same(id, "application_fee", &known.application_fee, told.application_fee.as_ref())?;
    same(id, "balance_type", &known.balance_type, told.balance_type.as_ref())?;
    if told.category.is_some() && told.kind() != known.kind {
        let before = known.category.as_deref().unwrap_or("none").to_owned();
        same(id, "reporting_category", &before, told.category.as_ref())?;
    }
    Ok(())
}

/// Refuses other words than were told before.
fn check_words(known: &Transaction, told: &NewTransaction) -> Result<(), Failure> {
    let id = &known.id;
    for (param, before, now) in [
        ("reporting_category", &known.category, &told.category),
        ("source", &known.source, &told.source),
        ("source_transfer", &known.source_transfer, &told.source_transfer),
        ("payout", &known.payout, &told.payout),
        ("payout_request", &known.payout_request, &told.payout_request),
        ("exchange_rate", &known.exchange_rate, &told.exchange_rate),
    ] {
        if let Some(before) = before {
            same(id, param, before, now.as_ref())?;
        }
    }
    if let Some(before) = &known.charge {
        same(id, "charge", before, told.charge().map(str::to_owned).as_ref())?;
    }
    if known.pool_told {
        let now = told.source_type.map(SourceType::as_str);
        same(id, "source_type", &known.pool.source_type.as_str(), now.as_ref())?;
    }
    Ok(())
}

/// Checks a figure that is told again; `told` is `None` if it was left out.
fn same<T: PartialEq + Display>(
    id: &str,
    param: &'static str,
    known: &T,
    told: Option<&T>,
) -> Result<(), Failure> {
    match told {
        Some(told) if told != known => Err(differs(id, param, known, told)),
        _ => Ok(()),
    }
}

/// The refusal of another figure.
fn differs(id: &str, param: &'static str, known: &impl Display, told: &impl Display) -> Failure {
    let message = format!(
        "'{id}' was told before with another {param}: {known}, not {told}. What the processor told \
         stays as it is."
    );
    ApiError::invalid_param(param, message).because(&reasons::TOLD_OTHERWISE).into()
}
