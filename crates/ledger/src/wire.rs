//! Objects of events, which rules emit.

use crate::model::account::Bucket;
use crate::model::entry::{Balance, Pool};
use crate::model::payout::Breach;
use coffer_dialect::Object;

/// A breach on the wire.
pub(crate) fn breach(breach: &Breach, livemode: bool) -> Object {
    Object::new(&breach.id, "ledger.breach")
        .set("amount", breach.amount)
        .set("available_after", breach.available_after)
        .set("created", breach.created)
        .set("currency", breach.currency.to_string())
        .set("livemode", livemode)
        .set("payout", breach.payout.clone())
        .set("source_type", breach.source_type.as_str())
}

/// The balance of a pool, in the event that tells that it went below zero.
pub(crate) fn pool(pool: Pool, balance: &Balance, livemode: bool) -> Object {
    let reserved = balance.of(Bucket::ReservedPending);
    let reserved = reserved.saturating_add(balance.of(Bucket::ReservedAvailable));
    Object::singleton("ledger.pool")
        .set("available", balance.of(Bucket::PaymentsAvailable))
        .set("balance", balance.payments())
        .set("currency", pool.currency.to_string())
        .set("livemode", livemode)
        .set("pending", balance.of(Bucket::PaymentsPending))
        .set("reserved", reserved)
        .set("source_type", pool.source_type.as_str())
}
