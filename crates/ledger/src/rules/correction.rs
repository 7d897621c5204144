//! What is told of a charge later, or corrected: its time, its date, its pool, its fees.

use super::ReserveRules;
use super::charge::{correct_fees, settle, signed_posting};
use crate::model::account::{Bucket, SourceType};
use crate::model::charge::{Charge, default_available_on};
use crate::model::entry::{Entry, Pool, Posting};
use crate::reasons;
use crate::store::charge as store;
use crate::tx::LedgerTx;
use coffer_base::Timestamp;
use coffer_dialect::ApiError;
use coffer_kernel::Failure;

/// What of a charge is told: what is `None` stays as it is.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Correction {
    /// The processor's fee.
    pub fee: Option<i64>,
    /// The platform's fee.
    pub application_fee: Option<i64>,
    /// The pool of its money.
    pub source_type: Option<SourceType>,
    /// When the customer paid. A date that nobody told follows it.
    pub created: Option<Timestamp>,
    /// When its money becomes available. Money that is available already stays so.
    pub available_on: Option<Timestamp>,
}

/// Applies what is told, and remembers what of it is told for the first time.
///
/// # Errors
/// 400 if the pool changes of a charge of which something was taken.
pub async fn correct<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &mut Charge,
    new: &Correction,
    rules: &R,
) -> Result<(), Failure> {
    if let Some(source_type) = new.source_type {
        change_pool(ledger, charge, source_type, rules).await?;
    }
    let mut available_on = new.available_on;
    if let Some(created) = new.created {
        charge.created = created;
        let is_default = charge.told.available_on.is_none();
        available_on = available_on.or(is_default.then(|| default_available_on(created)));
    }
    remember(charge, new);
    if let Some(at) = available_on {
        change_date(ledger, charge, at, rules).await?;
    }
    let fees = (new.fee.or(charge.fee), new.application_fee.unwrap_or(charge.application_fee));
    if fees != (charge.fee, charge.application_fee) {
        correct_fees(ledger, charge, fees, rules).await?;
    }
    store::update(ledger.tx, ledger.owner, charge);
    Ok(())
}

/// The first telling of each figure is kept beside the figure itself.
fn remember(charge: &mut Charge, new: &Correction) {
    let told = &mut charge.told;
    told.fee = told.fee.or(new.fee);
    told.application_fee = told.application_fee.or(new.application_fee);
    told.source_type = told.source_type.or(new.source_type);
    told.created = told.created.or(new.created);
    told.available_on = told.available_on.or(new.available_on);
}

/// Moves the date of a charge's money, which becomes available at once if the date has come.
async fn change_date<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &mut Charge,
    at: Timestamp,
    rules: &R,
) -> Result<(), Failure> {
    if charge.available_on == at {
        return Ok(());
    }
    if charge.settled {
        charge.available_on = at;
        return Ok(());
    }
    rules.money_moved(ledger, charge, at).await?;
    charge.available_on = at;
    if at <= ledger.now() {
        settle(ledger, charge, rules).await?;
    }
    Ok(())
}

/// Moves all that a charge brought to another pool. What refunds and disputes took is in the pool
/// that they found, so that a charge of which they took stays in its own.
async fn change_pool<R: ReserveRules>(
    ledger: &mut LedgerTx<'_, '_>,
    charge: &mut Charge,
    source_type: SourceType,
    rules: &R,
) -> Result<(), Failure> {
    if charge.source_type == source_type {
        return Ok(());
    }
    if charge.refunded != 0 || charge.disputed {
        let message = format!(
            "The source_type of '{}' is {} and cannot become {}: a refund or a dispute has taken \
             of its money already.",
            charge.id,
            charge.source_type.as_str(),
            source_type.as_str()
        );
        let error = ApiError::invalid_param("source_type", message);
        return Err(error.because(&reasons::POOL_OF_TAKEN_CHARGE).into());
    }
    let reserved = rules.pool_changed(ledger, charge, source_type).await?;
    let before = brought(charge, charge.pool(), reserved);
    charge.source_type = source_type;
    let after = brought(charge, charge.pool(), reserved);
    let postings: Vec<Posting> = before.map(Posting::reversed).into_iter().chain(after).collect();
    let entry = Entry {
        kind: "pool_change",
        source: &charge.id,
        created: ledger.now(),
        available_on: ledger.now(),
        application_fee: 0,
        postings: &postings,
    };
    ledger.post(&entry).await
}

/// Where the money of a charge stands in its pool, of which `reserved` is reserved, pending and
/// available.
fn brought(charge: &Charge, pool: Pool, [pending, available]: [i64; 2]) -> [Posting; 5] {
    let net = charge.net();
    let settled = net.saturating_sub(charge.pending).saturating_sub(available);
    let from = |to, amount| signed_posting(pool, (Bucket::Clearing, to), amount);
    [
        from(Bucket::PaymentsPending, charge.pending.saturating_sub(pending)),
        from(Bucket::PaymentsAvailable, settled),
        from(Bucket::ReservedPending, pending),
        from(Bucket::ReservedAvailable, available),
        from(Bucket::Fees, charge.amount.saturating_sub(net)),
    ]
}
