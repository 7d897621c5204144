//! Facts that wait for a charge that is not known.

use coffer_base::Timestamp;
use coffer_storage::StorageError;

/// A refund, a dispute or an adjustment that waits for its charge. Its money is posted; what it
/// takes of the charge's reserve waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ParkedIntake {
    /// The fact's number in the ledger.
    pub(crate) seq: i64,
    /// What it is.
    pub(crate) kind: Kind,
    /// Its id.
    pub(crate) id: String,
    /// The id of the charge that it waits for.
    pub(crate) charge: String,
    /// When it took place: the order in which the facts of a charge take of its reserve.
    pub(crate) created: Timestamp,
    /// When it was told.
    pub(crate) recorded: Timestamp,
}

/// What waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A refund.
    Refund,
    /// A dispute.
    Dispute,
    /// An adjustment that draws.
    Adjustment,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Refund, Self::Dispute, Self::Adjustment];

    /// Its code in stored rows.
    pub(crate) const fn code(self) -> i64 {
        match self {
            Self::Refund => 0,
            Self::Dispute => 1,
            Self::Adjustment => 2,
        }
    }

    /// The kind with this code.
    pub(crate) fn from_code(code: i64) -> Result<Self, StorageError> {
        Self::ALL.into_iter().find(|kind| kind.code() == code).ok_or_else(|| {
            StorageError::Corrupt(format!("there is no kind of parked facts {code}").into())
        })
    }
}
