//! Disputes: money of a charge that was withdrawn because its customer objects.

use super::account::SourceType;
use super::entry::Pool;
use coffer_base::{Currency, Timestamp};
use coffer_storage::StorageError;

/// A dispute. Its money and its outcome are apart: funds are withdrawn and reinstated any number of
/// times, whatever its status says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dispute {
    /// Its number in the ledger.
    pub seq: i64,
    /// The processor's id.
    pub id: String,
    /// The id of its charge; `None` if the transaction that told it names none.
    pub charge: Option<String>,
    /// Its amount, in minor units, as it was told first. 0 if a transaction told a reinstatement
    /// before it.
    pub amount: i64,
    /// Its currency.
    pub currency: Currency,
    /// The pool of its money: its charge's, or what was told of it while that is not known.
    pub source_type: SourceType,
    /// The processor's fees for the dispute, and for its movements; 0 if none was reported.
    pub fee: i64,
    /// When it took place.
    pub created: Timestamp,
    /// How much of its charge's reserve it consumed. It stays when the dispute is won.
    pub consumed: i64,
    /// How much of its charge's pending money it took, less what came back there: where a
    /// reinstatement brings it back to.
    pub from_pending: i64,
    /// The sum of what was withdrawn.
    pub withdrawn: i64,
    /// The sum of what was reinstated. Rates differ, so that it may exceed `withdrawn`.
    pub reinstated: i64,
    /// The newest word about its outcome.
    pub status: Status,
    /// The time of that word; `None` if the word came without one, or none has come.
    pub status_created: Option<Timestamp>,
    /// Whether the fee came back with the word `won`.
    pub fee_returned: bool,
    /// Whether movements tell its money, so that its word moves none.
    pub moved: bool,
    /// Whether it waits for its charge, which is not known. Its money is posted.
    pub parked: bool,
    /// What of it was told, as it was told first.
    pub told: FirstTelling,
}

/// What the platform told of a dispute, as it told it first; `None` is a default that the first
/// telling replaces.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct FirstTelling {
    /// The processor's fee.
    pub fee: Option<i64>,
    /// When it took place.
    pub created: Option<Timestamp>,
}

impl Dispute {
    /// The pool of its money.
    pub const fn pool(&self) -> Pool {
        Pool { currency: self.currency, source_type: self.source_type }
    }

    /// What was withdrawn and has not come back; negative if more came back.
    pub const fn out(&self) -> i64 {
        self.withdrawn.saturating_sub(self.reinstated)
    }
}

/// The status of a dispute.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Nothing is decided.
    Open,
    /// The account was right.
    Won,
    /// The customer was right.
    Lost,
}

impl Status {
    /// Every status, so that a code from a row finds its own.
    const ALL: [Self; 3] = [Self::Open, Self::Won, Self::Lost];

    /// The values of the parameter `status`.
    pub(crate) const CHOICES: [(&'static str, Self); 3] =
        [("open", Self::Open), ("won", Self::Won), ("lost", Self::Lost)];

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
