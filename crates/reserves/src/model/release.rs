//! Releases: reserved money that goes back to the payments balance.

use super::hold::Hold;
use coffer_base::{Currency, Timestamp};
use coffer_dialect::Metadata;
use coffer_storage::StorageError;

/// A release. It is final: it is never undone, and nothing of it but its metadata changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Release {
    /// Its number in the ledger, which orders lists.
    pub(crate) seq: i64,
    /// `resrel_` and random characters.
    pub(crate) id: String,
    /// The real time of the release, later than the holds' date after an outage.
    pub(crate) created: Timestamp,
    /// The sum of its allocations, above 0.
    pub(crate) amount: i64,
    /// That of all of its holds.
    pub(crate) currency: Currency,
    pub(crate) reason: Reason,
    /// The id of the hold, if there is only one.
    pub(crate) hold: Option<String>,
    /// The id of the plan whose end or date it is.
    pub(crate) plan: Option<String>,
    /// The refund or the dispute that consumes the money: set for [`Reason::HoldReversed`] alone.
    pub(crate) source: Option<Source>,
    /// Empty unless a caller asked for the release, or set some later.
    pub(crate) metadata: Metadata,
}

/// Why money is released.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reason {
    /// A caller asked for it.
    HoldReleasedEarly,
    /// Its date came, or that of its plan.
    HoldExpired,
    /// A refund or a dispute consumes it. The money passes through the payments balance, out of
    /// which the refund or dispute is then taken.
    HoldReversed,
    /// Its plan was disabled. All that the plan holds is released, also what has a date of its own.
    PlanDisabled,
}

impl Reason {
    /// Every reason, so that a name from a row finds its own.
    const ALL: [Self; 4] =
        [Self::HoldReleasedEarly, Self::HoldExpired, Self::HoldReversed, Self::PlanDisabled];

    /// Its name in rows, and on the wire in the newest version.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::HoldReleasedEarly => "hold_released_early",
            Self::HoldExpired => "hold_expired",
            Self::HoldReversed => "hold_reversed",
            Self::PlanDisabled => "plan_disabled",
        }
    }

    /// The reason with this name in rows.
    pub(crate) fn from_row(name: &str) -> Result<Self, StorageError> {
        let mut all = Self::ALL.into_iter();
        all.find(|reason| reason.as_str() == name)
            .ok_or_else(|| StorageError::Corrupt("a release has no known reason".into()))
    }

    /// Whether a caller asked for the release. The wire shows others as made by Stripe, and without
    /// metadata at first.
    pub(crate) const fn is_by_caller(self) -> bool {
        matches!(self, Self::HoldReleasedEarly)
    }
}

/// What consumes reserved money.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Source {
    /// The refund with this id.
    Refund(String),
    /// The dispute with this id.
    Dispute(String),
}

impl Source {
    /// Its kind, in rows and on the wire.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Refund(_) => "refund",
            Self::Dispute(_) => "dispute",
        }
    }

    /// The id of the refund or the dispute.
    pub(crate) fn id(&self) -> &str {
        match self {
            Self::Refund(id) | Self::Dispute(id) => id,
        }
    }
}

/// How much of a hold a release takes: more than 0, and no more than remains.
#[derive(Clone, Debug)]
pub(crate) struct Allocation {
    /// The hold before the release.
    pub(crate) hold: Hold,
    /// How much goes back to the payments balance, in minor units.
    pub(crate) amount: i64,
}

impl Allocation {
    /// All that remains of a hold.
    pub(crate) const fn remaining(hold: Hold) -> Self {
        let amount = hold.remaining();
        Self { hold, amount }
    }
}

/// Why a release is made, and what it shows of that; the rest follows from its allocations.
#[derive(Clone, Debug)]
pub(crate) struct ReleaseReason {
    pub(crate) reason: Reason,
    /// The id of the plan whose end or date it is.
    pub(crate) plan: Option<String>,
    pub(crate) source: Option<Source>,
    pub(crate) metadata: Metadata,
}

impl ReleaseReason {
    /// A reason without a plan, a source or metadata.
    pub(crate) fn of(reason: Reason) -> Self {
        Self { reason, plan: None, source: None, metadata: Metadata::default() }
    }
}

/// How much of a hold went to which release: an element of the hold's `release_details`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ReleaseDetail {
    pub(crate) amount: i64,
    /// The id of the release.
    pub(crate) release: String,
}
