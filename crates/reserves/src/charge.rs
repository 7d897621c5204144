//! A charge: money that came in, as the processor told it (reserves §10, §11 decision 19).

use crate::account::{Bucket, SourceType};
use crate::draw::held_pending;
use crate::ledger::{Entry, Pool, Posting};
use crate::store::charge as store;
use crate::turn::Turn;
use coffer_base::{Currency, Timestamp, clock::DAY_SECONDS, limit};
use coffer_dialect::Object;
use coffer_kernel::Failure;

/// A charge and what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Charge {
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) amount: i64,
    pub(crate) currency: Currency,
    /// The processor's fee; `None` until it was told.
    pub(crate) fee: Option<i64>,
    pub(crate) application_fee: i64,
    pub(crate) source_type: SourceType,
    /// The platform's transfer that the charge stands for.
    pub(crate) source_transfer: Option<String>,
    pub(crate) created: Timestamp,
    pub(crate) available_on: Timestamp,
    /// The refunds that did not fail, together.
    pub(crate) refunded: i64,
    pub(crate) disputed: bool,
    /// What still waits for `available_on`, held back or not.
    pub(crate) pending: i64,
    /// Whether its money has become available.
    pub(crate) settled: bool,
}

impl Charge {
    /// What is left after fees (reserves §11, decision 19); may be negative.
    pub(crate) fn net(&self) -> i64 {
        let fees = self.fee.unwrap_or(0).saturating_add(self.application_fee);
        self.amount.saturating_sub(fees)
    }

    /// The pool that it came to.
    pub(crate) const fn pool(&self) -> Pool {
        Pool { currency: self.currency, source_type: self.source_type }
    }

    /// How much of `amount` is taken from what the charge has pending, of which `held` is held
    /// back; the rest comes from what is available (reserves §11, decision 21).
    fn share_of_pending(&self, held: i64, amount: i64) -> i64 {
        if self.settled { 0 } else { self.pending.saturating_sub(held).clamp(0, amount.max(0)) }
    }

    /// When money that was left pending, if any was, becomes available.
    fn available_on(&self, pending: i64, now: Timestamp) -> Timestamp {
        if pending > 0 { self.available_on } else { now }
    }

    /// The object on the wire.
    pub(crate) fn render(&self, livemode: bool) -> Object {
        Object::new(&self.id, "ledger.charge")
            .set("amount", self.amount)
            .set("amount_refunded", self.refunded)
            .set("application_fee", self.application_fee)
            .set("available_on", self.available_on)
            .set("created", self.created)
            .set("currency", self.currency.to_string())
            .set("disputed", self.disputed)
            .set("fee", self.fee.unwrap_or(0))
            .set("livemode", livemode)
            .set("net", self.net())
            .set("refunded", self.refunded >= self.amount)
            .set("source_transfer", self.source_transfer.clone())
            .set("source_type", self.source_type.as_str())
            .set("status", if self.settled { "available" } else { "pending" })
    }

    /// The object that a hold's `source_charge` expands to (reserves §11, decision 30).
    pub(crate) fn render_source(&self, livemode: bool) -> Object {
        let fee = Some(self.application_fee).filter(|&fee| fee > 0);
        Object::new(&self.id, "charge")
            .set("amount", self.amount)
            .set("amount_refunded", self.refunded)
            .set("application_fee_amount", fee)
            .set("created", self.created)
            .set("currency", self.currency.to_string())
            .set("disputed", self.disputed)
            .set("livemode", livemode)
            .set("refunded", self.refunded >= self.amount)
            .set("source_transfer", self.source_transfer.clone())
            .set("status", "succeeded")
    }
}

/// When a charge's money is available if the processor does not say: at a midnight (reserves §12,
/// first walk).
pub(crate) fn usual_availability(created: Timestamp) -> Timestamp {
    created.midnight_after().plus((limit::AVAILABLE_AFTER_DAYS - 1) * DAY_SECONDS)
}

/// Adds a charge: what came, and the fees of it.
///
/// # Errors
/// As [`Turn::post`].
pub(crate) async fn add(turn: &mut Turn<'_, '_>, charge: &Charge) -> Result<(), Failure> {
    store::insert(turn.tx, turn.owner, charge);
    let (pool, payments) = (charge.pool(), Bucket::payments(!charge.settled));
    let entry = Entry {
        kind: "charge",
        source: &charge.id,
        created: charge.created,
        available_on: charge.available_on,
        application_fee: charge.application_fee,
        postings: &[
            pool.posting(Bucket::Clearing, payments, charge.amount),
            pool.posting(payments, Bucket::Fees, charge.fee.unwrap_or(0)),
            pool.posting(payments, Bucket::Fees, charge.application_fee),
        ],
    };
    turn.post(&entry).await
}

/// Corrects a charge's fee; holds stay as they are (reserves §11, decision 19).
///
/// # Errors
/// As [`Turn::post`].
pub(crate) async fn correct_fee(
    turn: &mut Turn<'_, '_>,
    charge: &mut Charge,
    fee: i64,
) -> Result<(), Failure> {
    let more = fee.saturating_sub(charge.fee.unwrap_or(0));
    let held = held_pending(turn, &charge.id).await?;
    let from_pending = match more {
        // A fee that comes back comes to where the charge's money stands.
        ..0 if charge.settled => 0,
        ..0 => more,
        _ => charge.share_of_pending(held, more),
    };
    let postings = [
        signed(charge.pool(), Bucket::PaymentsPending, from_pending),
        signed(charge.pool(), Bucket::PaymentsAvailable, more.saturating_sub(from_pending)),
    ];
    let entry = Entry {
        kind: "stripe_fee",
        source: &charge.id,
        created: turn.now(),
        available_on: charge.available_on(from_pending.saturating_abs(), turn.now()),
        application_fee: 0,
        postings: &postings,
    };
    turn.post(&entry).await?;
    charge.fee = Some(fee);
    charge.pending = charge.pending.saturating_sub(from_pending);
    store::update(turn.tx, turn.owner, charge);
    Ok(())
}

/// A fee that is taken of `payments`, or comes back to it if it is negative.
fn signed(pool: Pool, payments: Bucket, fee: i64) -> Posting {
    if fee >= 0 {
        pool.posting(payments, Bucket::Fees, fee)
    } else {
        pool.posting(Bucket::Fees, payments, fee.saturating_neg())
    }
}

/// What a refund or a dispute takes of a charge, or brings back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken<'a> {
    /// The word for it, which is its balance transactions' `type`.
    pub(crate) kind: &'static str,
    /// The id of the refund or the dispute.
    pub(crate) source: &'a str,
    pub(crate) created: Timestamp,
    pub(crate) amount: i64,
    pub(crate) fee: i64,
}

/// Money that left for the processor because of a charge: `amount` of what was charged, and
/// `fee` from what is available. Answers how much of it was still pending.
///
/// # Errors
/// As [`Turn::post`].
pub(crate) async fn take_back(
    turn: &mut Turn<'_, '_>,
    charge: &mut Charge,
    taken: &Taken<'_>,
) -> Result<i64, Failure> {
    let held = held_pending(turn, &charge.id).await?;
    let pending = charge.share_of_pending(held, taken.amount);
    let (pool, available) = (charge.pool(), taken.amount.saturating_sub(pending));
    let entry = Entry {
        kind: taken.kind,
        source: taken.source,
        created: taken.created,
        available_on: charge.available_on(pending, taken.created),
        application_fee: 0,
        postings: &[
            pool.posting(Bucket::PaymentsPending, Bucket::Clearing, pending),
            pool.posting(Bucket::PaymentsAvailable, Bucket::Clearing, available),
            pool.posting(Bucket::PaymentsAvailable, Bucket::Fees, taken.fee),
        ],
    };
    turn.post(&entry).await?;
    charge.pending = charge.pending.saturating_sub(pending);
    Ok(pending)
}

/// Money that came back after all: to where it was taken from, or to what is available once the
/// charge's money is.
///
/// # Errors
/// As [`Turn::post`].
pub(crate) async fn give_back(
    turn: &mut Turn<'_, '_>,
    charge: &mut Charge,
    taken: &Taken<'_>,
    from_pending: i64,
) -> Result<(), Failure> {
    let pending = if charge.settled { 0 } else { from_pending };
    let (pool, available) = (charge.pool(), taken.amount.saturating_sub(pending));
    let entry = Entry {
        kind: taken.kind,
        source: taken.source,
        created: taken.created,
        available_on: charge.available_on(pending, taken.created),
        application_fee: 0,
        postings: &[
            pool.posting(Bucket::Clearing, Bucket::PaymentsPending, pending),
            pool.posting(Bucket::Clearing, Bucket::PaymentsAvailable, available),
            pool.posting(Bucket::Fees, Bucket::PaymentsAvailable, taken.fee),
        ],
    };
    turn.post(&entry).await?;
    charge.pending = charge.pending.saturating_add(pending);
    Ok(())
}

/// Lets a charge's money become available, with what is held back of it: one entry.
///
/// # Errors
/// As [`Turn::post`].
pub(crate) async fn settle(turn: &mut Turn<'_, '_>, charge: &mut Charge) -> Result<(), Failure> {
    let held = crate::draw::settle_holds(turn, &charge.id).await?;
    let own = charge.pending.saturating_sub(held);
    let pool = charge.pool();
    // Fees above the amount leave less than nothing to wait for.
    let payments = if own >= 0 {
        pool.posting(Bucket::PaymentsPending, Bucket::PaymentsAvailable, own)
    } else {
        let owed = own.saturating_neg();
        pool.posting(Bucket::PaymentsAvailable, Bucket::PaymentsPending, owed)
    };
    let entry = Entry {
        kind: "availability",
        source: &charge.id,
        created: turn.now(),
        available_on: turn.now(),
        application_fee: 0,
        postings: &[
            payments,
            pool.posting(Bucket::ReservedPending, Bucket::ReservedAvailable, held),
        ],
    };
    turn.post(&entry).await?;
    charge.pending = 0;
    charge.settled = true;
    store::update(turn.tx, turn.owner, charge);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge(pending: i64, settled: bool) -> Charge {
        Charge {
            seq: 1,
            id: "ch_1".into(),
            amount: 10_000,
            currency: Currency::parse("usd").unwrap(),
            fee: Some(320),
            application_fee: 0,
            source_type: SourceType::Card,
            source_transfer: None,
            created: Timestamp::from_unix(0),
            available_on: Timestamp::from_unix(172_800),
            refunded: 0,
            disputed: false,
            pending,
            settled,
        }
    }

    #[test]
    fn money_is_taken_from_where_the_charge_stands_and_never_from_what_is_held() {
        let pending = charge(9680, false);
        assert_eq!(pending.share_of_pending(1452, 3000), 3000);
        assert_eq!(pending.share_of_pending(1452, 10_000), 8228);
        assert_eq!(pending.share_of_pending(0, 10_000), 9680);
        assert_eq!(charge(-5, false).share_of_pending(0, 10), 0);
        assert_eq!(charge(0, true).share_of_pending(0, 10), 0);
    }

    #[test]
    fn net_is_what_fees_leave() {
        let mut charge = charge(0, false);
        assert_eq!(charge.net(), 9680);
        charge.application_fee = 2000;
        charge.fee = None;
        assert_eq!(charge.net(), 8000);
        charge.application_fee = 20_000;
        assert_eq!(charge.net(), -10_000);
    }

    #[test]
    fn money_is_usually_available_at_the_second_midnight() {
        let at = |unix| usual_availability(Timestamp::from_unix(unix)).unix();
        // 1 March 2026, 10:00 and 00:00 UTC: 3 March.
        assert_eq!(at(1_772_359_200), 1_772_496_000);
        assert_eq!(at(1_772_323_200), 1_772_496_000);
    }
}
