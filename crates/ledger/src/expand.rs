//! Facts of the processor as Stripe shows them, for the objects that expand to them: what the
//! ledger knows of each, under the names of Stripe's fields. Each function reads all of a page at
//! once.

use crate::model::adjustment::Adjustment;
use crate::model::charge::Charge;
use crate::model::dispute::{Dispute, Status};
use crate::model::payout::Payout;
use crate::model::refund::Refund;
use crate::sql::{Source, by_ids};
use coffer_base::Owner;
use coffer_dialect::{Object, Value};
use coffer_storage::StorageError;
use std::collections::BTreeMap;

/// Objects by their ids.
pub type Objects = BTreeMap<String, Object>;

/// A field that names another object: the object if it is expanded, else its id.
pub fn link(id: &str, objects: &Objects) -> Value {
    objects.get(id).cloned().map_or_else(|| Value::from(id.to_owned()), Value::Object)
}

/// As [`link`]; null if there is no id.
pub fn optional_link(id: Option<&str>, objects: &Objects) -> Value {
    id.map_or(Value::Null, |id| link(id, objects))
}

/// The charges with these ids.
///
/// # Errors
/// If the database does not answer, or a row is corrupt.
pub async fn charges<'a>(
    source: &mut impl Source,
    owner: &Owner,
    ids: impl Iterator<Item = &'a str> + Send,
) -> Result<Objects, StorageError> {
    let charges = by_ids::<Charge>(source, owner, ids).await?;
    let livemode = owner.mode.is_live();
    Ok(charges.into_iter().map(|(id, charge)| (id, render_charge(&charge, livemode))).collect())
}

/// The refunds with these ids, in which their charges are expanded on request.
///
/// # Errors
/// If the database does not answer, or a row is corrupt.
pub async fn refunds<'a>(
    source: &mut impl Source,
    owner: &Owner,
    ids: impl Iterator<Item = &'a str> + Send,
    with_charges: bool,
) -> Result<Objects, StorageError> {
    let refunds = by_ids::<Refund>(source, owner, ids).await?;
    let of = refunds.values().filter_map(|refund| refund.charge.as_deref());
    let charges = charges(source, owner, of.filter(|_| with_charges)).await?;
    let render = |(id, refund): (String, Refund)| {
        let object = Object::new(&id, "refund")
            .set("amount", refund.amount)
            .set("charge", optional_link(refund.charge.as_deref(), &charges))
            .set("created", refund.created)
            .set("currency", refund.currency.to_string())
            .set("status", if refund.failed() { "failed" } else { "succeeded" });
        (id, object)
    };
    Ok(refunds.into_iter().map(render).collect())
}

/// The disputes with these ids, in which their charges are expanded on request.
///
/// # Errors
/// If the database does not answer, or a row is corrupt.
pub async fn disputes<'a>(
    source: &mut impl Source,
    owner: &Owner,
    ids: impl Iterator<Item = &'a str> + Send,
    with_charges: bool,
) -> Result<Objects, StorageError> {
    let disputes = by_ids::<Dispute>(source, owner, ids).await?;
    let of = disputes.values().filter_map(|dispute| dispute.charge.as_deref());
    let charges = charges(source, owner, of.filter(|_| with_charges)).await?;
    let render = |(id, dispute): (String, Dispute)| {
        let object = Object::new(&id, "dispute")
            .set("amount", dispute.amount)
            .set("charge", optional_link(dispute.charge.as_deref(), &charges))
            .set("created", dispute.created)
            .set("currency", dispute.currency.to_string())
            .set("livemode", owner.mode.is_live())
            .set("status", status(dispute.status));
        (id, object)
    };
    Ok(disputes.into_iter().map(render).collect())
}

/// Stripe's word for a dispute's status: the ledger's `open` is of funds that are withdrawn.
const fn status(status: Status) -> &'static str {
    match status {
        Status::Open => "needs_response",
        Status::Won => "won",
        Status::Lost => "lost",
    }
}

/// The payouts with these ids.
///
/// # Errors
/// If the database does not answer, or a row is corrupt.
pub async fn payouts<'a>(
    source: &mut impl Source,
    owner: &Owner,
    ids: impl Iterator<Item = &'a str> + Send,
) -> Result<Objects, StorageError> {
    let payouts = by_ids::<Payout>(source, owner, ids).await?;
    let render = |(id, payout): (String, Payout)| {
        let object = Object::new(&id, "payout")
            .set("amount", payout.amount)
            .set("created", payout.created)
            .set("currency", payout.currency.to_string())
            .set("livemode", owner.mode.is_live())
            .set("source_type", payout.source_type.as_str())
            .set("status", payout.status.as_str());
        (id, object)
    };
    Ok(payouts.into_iter().map(render).collect())
}

/// The adjustments with these ids.
///
/// # Errors
/// If the database does not answer, or a row is corrupt.
pub async fn adjustments<'a>(
    source: &mut impl Source,
    owner: &Owner,
    ids: impl Iterator<Item = &'a str> + Send,
) -> Result<Objects, StorageError> {
    let adjustments = by_ids::<Adjustment>(source, owner, ids).await?;
    let render = |(id, adjustment): (String, Adjustment)| {
        let object = Object::new(&id, "ledger.adjustment")
            .set("amount", adjustment.amount)
            .set("created", adjustment.created)
            .set("currency", adjustment.pool.currency.to_string())
            .set("fee", adjustment.fee)
            .set("livemode", owner.mode.is_live())
            .set("net", adjustment.net())
            .set("reporting_category", adjustment.category.clone())
            .set("source_type", adjustment.pool.source_type.as_str())
            .set("type", adjustment.word.clone());
        (id, object)
    };
    Ok(adjustments.into_iter().map(render).collect())
}

fn render_charge(charge: &Charge, livemode: bool) -> Object {
    let fee = Some(charge.application_fee).filter(|&fee| fee > 0);
    Object::new(&charge.id, "charge")
        .set("amount", charge.amount)
        .set("amount_refunded", charge.shown_refunded())
        .set("application_fee_amount", fee)
        .set("created", charge.created)
        .set("currency", charge.currency.to_string())
        .set("disputed", charge.disputed)
        .set("livemode", livemode)
        .set("refunded", charge.refunded >= charge.amount)
        .set("source_transfer", charge.source_transfer.clone())
        .set("status", "succeeded")
}
