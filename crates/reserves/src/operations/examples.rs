//! A request of each operation that succeeds: see [`Example`]. Holds need no money that is
//! available, since the balance may go below zero by default.

use coffer_kernel::Example;

/// In the middle of the 3 to 180 days, so that clocks do not matter.
pub(crate) const HOLDS_CREATE: Example = Example::of(&[
    ("amount", "700"),
    ("currency", "usd"),
    ("release_schedule[release_after]", "{now+30d}"),
])
.or("amount", "701");
pub(crate) const HOLDS_RETRIEVE: Example = Example::EMPTY.on("reserve.holds.create");
pub(crate) const HOLDS_UPDATE: Example =
    Example::of(&[("release_schedule[release_after]", "{now+40d}")])
        .on("reserve.holds.create")
        .or("metadata[k]", "v");

/// A rolling plan, which every version can create.
pub(crate) const PLANS_CREATE: Example = Example::of(&[
    ("percent", "5"),
    ("type", "rolling_release"),
    ("rolling_release[days_after_charge]", "9"),
])
.or("percent", "6");
pub(crate) const PLANS_RETRIEVE: Example = Example::EMPTY.on("reserve.plans.create");
pub(crate) const PLANS_UPDATE: Example =
    Example::of(&[("percent", "7")]).on("reserve.plans.create").or("percent", "8");

/// A part of the hold, so that something is left for another release.
pub(crate) const RELEASES_CREATE: Example =
    Example::of(&[("reserve_hold", "{reserve.holds.create}"), ("amount", "10")]).or("amount", "11");
pub(crate) const RELEASES_RETRIEVE: Example = Example::EMPTY.on("reserve.releases.create");
pub(crate) const RELEASES_UPDATE: Example =
    Example::of(&[("metadata[k]", "v")]).on("reserve.releases.create").or("metadata[k]", "w");
