//! Disputes: money of a charge that was withdrawn because its customer objects.

use coffer_base::{Currency, Timestamp};
use coffer_storage::StorageError;

/// A dispute. Its funds are withdrawn when it is recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dispute {
    /// Its number in the ledger.
    pub seq: i64,
    /// The processor's id.
    pub id: String,
    /// The id of its charge.
    pub charge: String,
    /// Its amount, in minor units.
    pub amount: i64,
    /// Its currency.
    pub currency: Currency,
    /// The processor's fee for the dispute; 0 if none was reported.
    pub fee: i64,
    /// When it took place.
    pub created: Timestamp,
    /// How much of its charge's reserve it consumed: 0 to `amount`. It stays when the dispute is
    /// won.
    pub consumed: i64,
    /// How much of its charge's pending money it took: where a dispute that is won brings it back
    /// to.
    pub from_pending: i64,
    /// It changes once, from open to one of the others.
    pub status: Status,
    /// Whether the fee came back. Only that of a dispute that is won can.
    pub fee_returned: bool,
}

/// The status of a dispute.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// The funds are withdrawn.
    Open,
    /// The funds came back.
    Won,
    /// The funds stay with the customer.
    Lost,
}

impl Status {
    /// Every status, so that a code from a row finds its own.
    const ALL: [Self; 3] = [Self::Open, Self::Won, Self::Lost];

    /// Its name on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }

    /// Its code in stored rows.
    pub(crate) const fn code(self) -> i64 {
        match self {
            Self::Open => 0,
            Self::Won => 1,
            Self::Lost => 2,
        }
    }

    /// The status with this code.
    pub(crate) fn from_code(code: i64) -> Result<Self, StorageError> {
        let mut all = Self::ALL.into_iter();
        all.find(|status| status.code() == code).ok_or_else(|| {
            StorageError::Corrupt(format!("there is no dispute status {code}").into())
        })
    }
}
