//! Releases: reserved money that goes back to the payments balance.

use super::hold::Hold;
use coffer_base::{Currency, Timestamp};
use coffer_dialect::Metadata;
use coffer_storage::StorageError;

/// A release.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Release {
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) created: Timestamp,
    pub(crate) amount: i64,
    pub(crate) currency: Currency,
    pub(crate) reason: Reason,
    /// The id of the hold, if there is only one.
    pub(crate) hold: Option<String>,
    /// The id of the plan whose end or date it is.
    pub(crate) plan: Option<String>,
    /// The refund or the dispute that consumes the money.
    pub(crate) source: Option<Source>,
    pub(crate) metadata: Metadata,
}

/// Why money is released.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reason {
    /// A caller asked for it.
    HoldReleasedEarly,
    /// Its date came.
    HoldExpired,
    /// A refund or a dispute consumes it.
    HoldReversed,
    /// Its plan was disabled.
    PlanDisabled,
}

impl Reason {
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

    /// Whether a caller asked for the release.
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
    pub(crate) hold: Hold,
    pub(crate) amount: i64,
}

impl Allocation {
    /// All that remains of a hold.
    pub(crate) const fn remaining(hold: Hold) -> Self {
        let amount = hold.remaining();
        Self { hold, amount }
    }
}

/// Why a release is made, and what it shows of that.
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

/// How much of a hold went to which release.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ReleaseDetail {
    pub(crate) amount: i64,
    /// The id of the release.
    pub(crate) release: String,
}
