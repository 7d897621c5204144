//! Movements: what happened to a refund or a dispute later, under an id of its own.

use coffer_base::Timestamp;

/// The failure of a part of a refund, or money of a dispute that was withdrawn or reinstated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Movement {
    /// Its number in the ledger.
    pub(crate) seq: i64,
    /// What it belongs to.
    pub(crate) kind: Kind,
    /// The id of the refund or the dispute.
    pub(crate) parent: String,
    /// Its own id, which is one of its parent only.
    pub(crate) id: String,
    /// Signed: negative if money was withdrawn.
    pub(crate) amount: i64,
    /// Signed: positive if a fee was taken.
    pub(crate) fee: i64,
    /// How much of the charge's reserve it consumed.
    pub(crate) consumed: i64,
    /// When it took place.
    pub(crate) created: Timestamp,
}

/// What a movement belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// A refund, of which it is a failure.
    Refund,
    /// A dispute.
    Dispute,
}

impl Kind {
    /// Its code in stored rows.
    pub(crate) const fn code(self) -> i64 {
        match self {
            Self::Refund => 0,
            Self::Dispute => 1,
        }
    }
}
