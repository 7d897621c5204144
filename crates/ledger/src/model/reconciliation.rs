//! Reconciliations: a ledger compared with the balance that the processor tells.

use super::account::SourceType;
use coffer_base::{Currency, Timestamp};

/// A reconciliation. It is written once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Reconciliation {
    /// Its number in the ledger, which orders lists.
    pub(crate) seq: i64,
    /// `lrec_` and random characters.
    pub(crate) id: String,
    pub(crate) created: Timestamp,
    /// The time of the processor's balance.
    pub(crate) as_of: Timestamp,
    /// Whether all totals agree, and all transactions that were compared.
    pub(crate) matches: bool,
    /// What was found, as the JSON that is shown.
    pub(crate) differences: String,
    /// The transaction that was told last.
    pub(crate) latest_transaction: Option<String>,
    /// How many transactions and facts wait for what they are about.
    pub(crate) parked: i64,
}

/// What a difference was found by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Check {
    /// Available and pending together, of a currency: exact.
    Total,
    /// The same of one pool. The processor does not say which pool a transaction is of, so that
    /// this is a report and no failure.
    Pool,
    /// What of a currency is available, beyond what becomes so about that time: a report too.
    Available,
    /// One transaction, of a page of them.
    Transaction,
}

impl Check {
    /// Its name on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Pool => "pool",
            Self::Available => "available",
            Self::Transaction => "transaction",
        }
    }

    /// Whether a difference of it means that the two do not match.
    pub(crate) const fn counts(self) -> bool {
        matches!(self, Self::Total | Self::Transaction)
    }
}

/// Something in which the ledger and the processor differ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Difference {
    pub(crate) check: Check,
    pub(crate) currency: Currency,
    /// Set for [`Check::Pool`] alone.
    pub(crate) source_type: Option<SourceType>,
    /// The id, set for [`Check::Transaction`] alone.
    pub(crate) transaction: Option<String>,
    /// What the processor has; `None` if it lacks the transaction.
    pub(crate) theirs: Option<i64>,
    /// What the ledger has; `None` if it lacks the transaction.
    pub(crate) ours: Option<i64>,
}

impl Difference {
    /// What the processor has more than the ledger.
    pub(crate) fn amount(&self) -> i64 {
        self.theirs.unwrap_or(0).saturating_sub(self.ours.unwrap_or(0))
    }
}

/// The processor's balance of one currency.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct ProcessorBalance {
    pub(crate) available: i64,
    pub(crate) pending: i64,
    /// Both together by source type, in the order of [`SourceType::CHOICES`]; `None` if the
    /// processor's balance was told without them.
    pub(crate) pools: Option<[i64; 3]>,
}

/// What the ledger has of one pool: all that is the account's, reserved or not.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct LedgerBalance {
    /// At the reconciliation's time.
    pub(crate) total: i64,
    /// As it is now.
    pub(crate) available: i64,
}
