//! A request of each operation that succeeds: see [`Example`].

use coffer_kernel::Example;

const USD: (&str, &str) = ("currency", "usd");

pub(crate) const CHARGES_CREATE: Example =
    Example::of(&[("id", "ch_{n}"), ("amount", "10000"), USD]).or("amount", "8");
pub(crate) const CHARGES_RETRIEVE: Example = Example::EMPTY.on("ledger.charges.create");
pub(crate) const CHARGES_UPDATE: Example =
    Example::of(&[("fee", "320")]).on("ledger.charges.create").or("fee", "321");

pub(crate) const REFUNDS_CREATE: Example =
    Example::of(&[("id", "re_{n}"), ("charge", "{ledger.charges.create}"), ("amount", "7")])
        .or("amount", "8");
pub(crate) const REFUNDS_RETRIEVE: Example = Example::EMPTY.on("ledger.refunds.create");
pub(crate) const REFUNDS_UPDATE: Example =
    Example::of(&[("status", "failed")]).on("ledger.refunds.create");

pub(crate) const DISPUTES_CREATE: Example = Example::of(&[
    ("id", "du_{n}"),
    ("charge", "{ledger.charges.create}"),
    ("amount", "7"),
    ("fee", "3"),
])
.or("amount", "8");
pub(crate) const DISPUTES_RETRIEVE: Example = Example::EMPTY.on("ledger.disputes.create");
pub(crate) const DISPUTES_UPDATE: Example =
    Example::of(&[("status", "won")]).on("ledger.disputes.create").or("status", "lost");

pub(crate) const PAYOUTS_CREATE: Example =
    Example::of(&[("id", "po_{n}"), ("amount", "7"), USD, ("reported", "true")]).or("amount", "8");
pub(crate) const PAYOUTS_RETRIEVE: Example = Example::EMPTY.on("ledger.payouts.create");
pub(crate) const PAYOUTS_UPDATE: Example =
    Example::of(&[("status", "paid")]).on("ledger.payouts.create").or("status", "failed");

pub(crate) const HOLDS_CREATE: Example =
    Example::of(&[("amount", "700"), USD, ("release_schedule[release_after]", "{now+30d}")])
        .or("amount", "701");
pub(crate) const HOLDS_RETRIEVE: Example = Example::EMPTY.on("reserve.holds.create");
pub(crate) const HOLDS_UPDATE: Example =
    Example::of(&[("release_schedule[release_after]", "{now+40d}")])
        .on("reserve.holds.create")
        .or("metadata[k]", "v");

pub(crate) const PLANS_CREATE: Example = Example::of(&[
    ("percent", "5"),
    ("type", "rolling_release"),
    ("rolling_release[days_after_charge]", "9"),
])
.or("percent", "6");
pub(crate) const PLANS_RETRIEVE: Example = Example::EMPTY.on("reserve.plans.create");
pub(crate) const PLANS_UPDATE: Example =
    Example::of(&[("percent", "7")]).on("reserve.plans.create").or("percent", "8");

pub(crate) const RELEASES_CREATE: Example =
    Example::of(&[("reserve_hold", "{reserve.holds.create}"), ("amount", "10")]).or("amount", "11");
pub(crate) const RELEASES_RETRIEVE: Example = Example::EMPTY.on("reserve.releases.create");
pub(crate) const RELEASES_UPDATE: Example =
    Example::of(&[("metadata[k]", "v")]).on("reserve.releases.create").or("metadata[k]", "w");
