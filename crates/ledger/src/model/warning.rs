//! Warnings: what the books have right and somebody should look at.

use coffer_base::Timestamp;
use coffer_storage::StorageError;

/// A warning. There is one of each kind about one object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Warning {
    /// Its number in the ledger, which orders lists.
    pub(crate) seq: i64,
    /// `lwarn_` and random characters.
    pub(crate) id: String,
    pub(crate) kind: Kind,
    /// The id of the object that it is about.
    pub(crate) about: String,
    /// Which figure of it, if it is about one.
    pub(crate) param: Option<String>,
    pub(crate) created: Timestamp,
}

/// What a warning says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Something was told again with another figure, which was refused.
    Conflict,
    /// More was refunded of a charge than it brought.
    OverRefunded,
    /// A charge is both refunded and disputed: its money may have gone twice.
    RefundedAndDisputed,
    /// The processor reserves money of the account itself, beside the plans.
    ReserveBeside,
    /// Facts and transactions were told, and nobody has set which counts.
    MixedIntakes,
}

impl Kind {
    /// Every kind, in the order of their codes.
    pub(crate) const ALL: [Self; 5] = [
        Self::Conflict,
        Self::OverRefunded,
        Self::RefundedAndDisputed,
        Self::ReserveBeside,
        Self::MixedIntakes,
    ];

    /// Its name on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Conflict => "conflict",
            Self::OverRefunded => "over_refunded",
            Self::RefundedAndDisputed => "refunded_and_disputed",
            Self::ReserveBeside => "reserve_beside",
            Self::MixedIntakes => "mixed_intakes",
        }
    }

    /// Its code in stored rows.
    pub(crate) const fn code(self) -> i64 {
        match self {
            Self::Conflict => 0,
            Self::OverRefunded => 1,
            Self::RefundedAndDisputed => 2,
            Self::ReserveBeside => 3,
            Self::MixedIntakes => 4,
        }
    }

    /// The kind with this code.
    pub(crate) fn from_code(code: i64) -> Result<Self, StorageError> {
        Self::ALL.into_iter().find(|kind| kind.code() == code).ok_or_else(|| {
            StorageError::Corrupt(format!("there is no kind of warning {code}").into())
        })
    }
}
