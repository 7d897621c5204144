//! What requests expand in holds and releases: read with one statement for each kind of objects,
//! however many there are on a page, and from a transaction where one is open.

use crate::model::hold::Hold;
use crate::model::plan::Plan;
use crate::model::release::{Release, ReleaseDetail, Source as Consumer};
use crate::store::release::details_of_page;
use crate::wire::{self, Expanded, View};
use coffer_dialect::Object;
use coffer_kernel::Ctx;
use coffer_ledger::expand::{self, Objects};
use coffer_ledger::sql::{Source, by_ids};
use coffer_storage::StorageError;
use std::collections::BTreeMap;

/// What can be expanded in a hold. Hashes are always shown, and expanding them changes nothing.
pub(crate) const IN_HOLD: &[&str] = &[
    "metadata",
    "release_details",
    "release_schedule",
    "reserve_plan",
    "reserve_plan.fixed_release",
    "reserve_plan.manual_release",
    "reserve_plan.metadata",
    "reserve_plan.rolling_release",
    "source_charge",
];

/// What can be expanded in a plan: nothing but hashes.
pub(crate) const IN_PLAN: &[&str] =
    &["fixed_release", "manual_release", "metadata", "rolling_release"];

/// What can be expanded in a release. One of many holds shows none, and expands none.
pub(crate) const IN_RELEASE: &[&str] = &[
    "metadata",
    "reserve_hold",
    "reserve_hold.metadata",
    "reserve_hold.release_details",
    "reserve_hold.release_schedule",
    "reserve_hold.reserve_plan",
    "reserve_hold.reserve_plan.fixed_release",
    "reserve_hold.reserve_plan.manual_release",
    "reserve_hold.reserve_plan.metadata",
    "reserve_hold.reserve_plan.rolling_release",
    "reserve_hold.source_charge",
    "reserve_plan",
    "reserve_plan.fixed_release",
    "reserve_plan.manual_release",
    "reserve_plan.metadata",
    "reserve_plan.rolling_release",
    "source_transaction",
    "source_transaction.dispute",
    "source_transaction.dispute.charge",
    "source_transaction.refund",
    "source_transaction.refund.charge",
];

/// What can be expanded in a balance transaction: what can be in any of its sources, as far as four
/// levels go.
pub(crate) const IN_BALANCE_TRANSACTION: &[&str] = &[
    "fee_details",
    "source",
    "source.charge",
    "source.metadata",
    "source.release_details",
    "source.release_schedule",
    "source.reserve_hold",
    "source.reserve_hold.metadata",
    "source.reserve_hold.release_details",
    "source.reserve_hold.release_schedule",
    "source.reserve_hold.reserve_plan",
    "source.reserve_hold.reserve_plan.fixed_release",
    "source.reserve_hold.reserve_plan.manual_release",
    "source.reserve_hold.reserve_plan.metadata",
    "source.reserve_hold.reserve_plan.rolling_release",
    "source.reserve_hold.source_charge",
    "source.reserve_plan",
    "source.reserve_plan.fixed_release",
    "source.reserve_plan.manual_release",
    "source.reserve_plan.metadata",
    "source.reserve_plan.rolling_release",
    "source.source_charge",
    "source.source_transaction",
    "source.source_transaction.dispute",
    "source.source_transaction.dispute.charge",
    "source.source_transaction.refund",
    "source.source_transaction.refund.charge",
];

/// What holds of a page show of other objects.
pub(crate) struct HoldLinks {
    /// By the numbers of the holds; a hold without releases has none.
    details: BTreeMap<i64, Vec<ReleaseDetail>>,
    plans: Objects,
    charges: Objects,
    view: View,
}

impl HoldLinks {
    /// Reads what `holds` are linked with, as far as the request expands it. They stand at `path`
    /// in the response: empty, or with a dot at its end.
    ///
    /// # Errors
    /// If the database does not answer, or a row is corrupt.
    pub(crate) async fn read(
        source: &mut impl Source,
        ctx: &Ctx,
        path: &str,
        holds: &[Hold],
    ) -> Result<Self, StorageError> {
        let owner = ctx.owner();
        let of_plans = holds.iter().filter_map(Hold::plan).map(|plan| plan.id.as_str());
        let asked = ctx.expands(&format!("{path}source_charge"));
        let of_charges = holds.iter().filter_map(Hold::charge).filter(|_| asked);
        Ok(Self {
            details: details_of_page(source, &owner, holds).await?,
            plans: plans(source, ctx, path, of_plans).await?,
            charges: expand::charges(source, &owner, of_charges).await?,
            view: View::of(ctx),
        })
    }

    /// One hold of the page. An object that was not read is shown as its id.
    pub(crate) fn render(&self, hold: &Hold) -> Object {
        let expanded = Expanded {
            reserve_plan: hold.plan().and_then(|plan| self.plans.get(&plan.id)).cloned(),
            source_charge: hold.charge().and_then(|charge| self.charges.get(charge)).cloned(),
            ..Expanded::default()
        };
        let details = self.details.get(&hold.seq).map_or(&[][..], Vec::as_slice);
        wire::hold(hold, details, expanded, &self.view)
    }
}

/// What releases of a page show of other objects.
pub(crate) struct ReleaseLinks {
    holds: Objects,
    plans: Objects,
    refunds: Objects,
    disputes: Objects,
    view: View,
}

impl ReleaseLinks {
    /// As [`HoldLinks::read`].
    ///
    /// # Errors
    /// If the database does not answer, or a row is corrupt.
    pub(crate) async fn read(
        source: &mut impl Source,
        ctx: &Ctx,
        path: &str,
        releases: &[Release],
    ) -> Result<Self, StorageError> {
        let owner = ctx.owner();
        let asks = |field: &str| ctx.expands(&format!("{path}{field}"));
        let of_plans = releases.iter().filter_map(|release| release.plan.as_deref());
        let sources = || releases.iter().filter_map(|release| release.source.as_ref());
        let (refunds, disputes) = ("source_transaction.refund", "source_transaction.dispute");
        let of_refunds = sources().filter_map(|source| match source {
            Consumer::Refund(id) if asks(refunds) => Some(id.as_str()),
            _ => None,
        });
        let of_disputes = sources().filter_map(|source| match source {
            Consumer::Dispute(id) if asks(disputes) => Some(id.as_str()),
            _ => None,
        });
        let refunds_charge = asks("source_transaction.refund.charge");
        let disputes_charge = asks("source_transaction.dispute.charge");
        Ok(Self {
            holds: holds(source, ctx, path, releases).await?,
            plans: plans(source, ctx, path, of_plans).await?,
            refunds: expand::refunds(source, &owner, of_refunds, refunds_charge).await?,
            disputes: expand::disputes(source, &owner, of_disputes, disputes_charge).await?,
            view: View::of(ctx),
        })
    }

    /// One release of the page. An object that was not read is shown as its id.
    pub(crate) fn render(&self, release: &Release) -> Object {
        let consumer = release.source.as_ref().and_then(|source| match source {
            Consumer::Refund(id) => self.refunds.get(id),
            Consumer::Dispute(id) => self.disputes.get(id),
        });
        let expanded = Expanded {
            reserve_hold: release.hold.as_ref().and_then(|id| self.holds.get(id)).cloned(),
            reserve_plan: release.plan.as_ref().and_then(|id| self.plans.get(id)).cloned(),
            source_transaction: consumer.cloned(),
            source_charge: None,
        };
        wire::release(release, expanded, &self.view)
    }
}

/// The holds to which releases at `path` expand.
async fn holds(
    source: &mut impl Source,
    ctx: &Ctx,
    path: &str,
    releases: &[Release],
) -> Result<Objects, StorageError> {
    let asked = ctx.expands(&format!("{path}reserve_hold"));
    let ids = releases.iter().filter_map(|release| release.hold.as_deref());
    let holds = by_ids::<Hold>(source, &ctx.owner(), ids.filter(|_| asked)).await?;
    let holds: Vec<Hold> = holds.into_values().collect();
    let links = HoldLinks::read(source, ctx, &format!("{path}reserve_hold."), &holds).await?;
    Ok(holds.iter().map(|hold| (hold.id.clone(), links.render(hold))).collect())
}

/// The plans to which objects at `path` expand.
async fn plans<'a>(
    source: &mut impl Source,
    ctx: &Ctx,
    path: &str,
    ids: impl Iterator<Item = &'a str> + Send,
) -> Result<Objects, StorageError> {
    let asked = ctx.expands(&format!("{path}reserve_plan"));
    let plans = by_ids::<Plan>(source, &ctx.owner(), ids.filter(|_| asked)).await?;
    let view = View::of(ctx);
    Ok(plans.into_iter().map(|(id, plan)| (id, wire::plan(&plan, &view))).collect())
}

/// The holds and releases to which balance transactions expand, by id.
///
/// # Errors
/// If the database does not answer, or a row is corrupt.
pub(crate) async fn sources(
    source: &mut impl Source,
    ctx: &Ctx,
    holds: &[&str],
    releases: &[&str],
) -> Result<Objects, StorageError> {
    let owner = ctx.owner();
    let path = "source.";
    let holds = by_ids::<Hold>(source, &owner, holds.iter().copied()).await?;
    let holds: Vec<Hold> = holds.into_values().collect();
    let links = HoldLinks::read(source, ctx, path, &holds).await?;
    let mut objects: Objects =
        holds.iter().map(|hold| (hold.id.clone(), links.render(hold))).collect();
    let releases = by_ids::<Release>(source, &owner, releases.iter().copied()).await?;
    let releases: Vec<Release> = releases.into_values().collect();
    let links = ReleaseLinks::read(source, ctx, path, &releases).await?;
    objects.extend(releases.iter().map(|each| (each.id.clone(), links.render(each))));
    Ok(objects)
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_dialect::limits::EXPAND_DEPTH;
    use std::collections::BTreeSet;

    /// An object expands the same wherever it stands: what it can by itself, as far as the levels
    /// go, and nothing else.
    #[test]
    fn an_object_inside_of_another_expands_what_it_does_alone() {
        let at = |at: &str, inner: &[&str]| -> Vec<String> {
            inner.iter().map(|field| format!("{at}.{field}")).collect()
        };
        let own = |fields: &[&str]| -> Vec<String> {
            fields.iter().map(|field| (*field).to_owned()).collect()
        };
        let transaction = own(&["fee_details", "source", "source.charge"]);
        let hashes = own(&["metadata", "release_details", "release_schedule"]);
        let of_hold = own(&["reserve_plan", "source_charge"]);
        let sources = ["", ".dispute", ".dispute.charge", ".refund", ".refund.charge"];
        let of_source = sources.map(|field| format!("source_transaction{field}")).to_vec();
        let of_release = own(&["metadata", "reserve_hold", "reserve_plan"]);
        for (object, expected) in [
            (IN_HOLD, [hashes, of_hold, at("reserve_plan", IN_PLAN)].concat()),
            (
                IN_RELEASE,
                [of_release, of_source, at("reserve_hold", IN_HOLD), at("reserve_plan", IN_PLAN)]
                    .concat(),
            ),
            (
                IN_BALANCE_TRANSACTION,
                [transaction, at("source", IN_HOLD), at("source", IN_RELEASE)].concat(),
            ),
        ] {
            let levels = |field: &&String| field.split('.').count() <= EXPAND_DEPTH;
            let expected: BTreeSet<_> =
                expected.iter().filter(levels).map(String::as_str).collect();
            assert_eq!(object.iter().copied().collect::<BTreeSet<_>>(), expected);
            assert_eq!(object.len(), expected.len());
        }
    }
}
