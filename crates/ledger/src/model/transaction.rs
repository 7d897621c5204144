//! Told transactions: movements of the processor's balance, one for each, as it lists them.

use super::account::SourceType;
use super::entry::Pool;
use super::kind::{Kind, kind_of};
use coffer_base::{Currency, Timestamp};

/// A transaction as the processor tells it. What was not told is `None`.
#[derive(Clone, Debug)]
pub(crate) struct NewTransaction {
    /// The processor's id.
    pub(crate) id: String,
    /// Its `type`: any word.
    pub(crate) word: String,
    /// Signed, in minor units; 0 is allowed.
    pub(crate) amount: i64,
    /// All fees together; negative if they come back.
    pub(crate) fee: Option<i64>,
    /// The part of the fee that the platform took.
    pub(crate) application_fee: Option<i64>,
    pub(crate) currency: Currency,
    pub(crate) created: Timestamp,
    /// When it counts in the available balance.
    pub(crate) available_on: Timestamp,
    pub(crate) category: Option<String>,
    /// Which of the processor's balances it is of; `None` for payments.
    pub(crate) balance_type: Option<String>,
    /// The id of the object behind it.
    pub(crate) source: Option<String>,
    /// The id of the charge that it is about.
    pub(crate) charge: Option<String>,
    /// The platform's transfer that the charge stands for.
    pub(crate) source_transfer: Option<String>,
    pub(crate) source_type: Option<SourceType>,
    /// The id of the automatic payout that carried it.
    pub(crate) payout: Option<String>,
    /// The id of a payout that was asked of this ledger, which it carries out.
    pub(crate) payout_request: Option<String>,
    /// Decimal text, shown again and never used.
    pub(crate) exchange_rate: Option<String>,
    /// What the page that tells a payout says of it besides.
    pub(crate) payout_words: PayoutWords,
}

/// What an expanded source says of a payout that is no money.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct PayoutWords {
    /// When it is expected at the bank.
    pub(crate) arrival_date: Option<Timestamp>,
    /// Whether it has arrived there. That it failed or was canceled is told by the transaction that
    /// brings its money back, and not by this.
    pub(crate) paid: bool,
    /// Whether the processor made it by its schedule.
    pub(crate) automatic: Option<bool>,
}

/// The balance that this ledger posts.
pub(crate) const PAYMENTS: &str = "payments";

/// The balance type of charges from before the ledger began: they are recorded without money, so
/// that what follows from them finds them.
pub(crate) const HISTORY: &str = "history";

impl NewTransaction {
    /// What the ledger makes of it.
    pub(crate) fn kind(&self) -> Kind {
        kind_of(&self.word, self.category.as_deref(), self.amount)
    }

    /// The balance that it is of.
    pub(crate) fn balance_type(&self) -> &str {
        self.balance_type.as_deref().unwrap_or(PAYMENTS)
    }

    /// The charge that it is about: the one that it names, or its source if that is one.
    pub(crate) fn charge(&self) -> Option<&str> {
        let source = self.source.as_deref().filter(|id| is_charge(id));
        self.charge.as_deref().or(source).filter(|_| self.kind().is_of_charge())
    }

    /// The id of the object that it makes or extends. Its source's, as far as that is an object of
    /// its own; else the transaction's.
    pub(crate) fn record(&self) -> &str {
        let own = |id: &&str| match self.kind() {
            Kind::Refund | Kind::Failure | Kind::RefundFailure => !is_charge(id),
            _ => true,
        };
        self.source.as_deref().filter(own).unwrap_or(&self.id)
    }
}

/// Whether an id is that of a charge or of a payment.
fn is_charge(id: &str) -> bool {
    id.starts_with("ch_") || id.starts_with("py_")
}

/// A transaction as it is stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Transaction {
    /// Its number in the ledger, which orders lists.
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) word: String,
    pub(crate) kind: Kind,
    pub(crate) amount: i64,
    pub(crate) fee: i64,
    pub(crate) application_fee: i64,
    /// Where its money is.
    pub(crate) pool: Pool,
    /// Whether the pool was told. Otherwise it is that of its charge or payout, and follows them.
    pub(crate) pool_told: bool,
    pub(crate) created: Timestamp,
    pub(crate) available_on: Timestamp,
    pub(crate) balance_type: String,
    pub(crate) category: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) charge: Option<String>,
    pub(crate) source_transfer: Option<String>,
    pub(crate) payout: Option<String>,
    pub(crate) payout_request: Option<String>,
    pub(crate) exchange_rate: Option<String>,
    /// The id of the object that it made or extended.
    pub(crate) record: String,
    /// How much it consumed of its charge's reserve.
    pub(crate) drawn: i64,
    /// Whether the ledger posts it: one of another balance is only recorded.
    pub(crate) posted: bool,
    /// Whether its net counts in the available balance, or in none.
    pub(crate) settled: bool,
    /// Whether it waits for its charge, or for the payout that was asked for.
    pub(crate) parked: bool,
    /// When it was told.
    pub(crate) recorded: Timestamp,
}

impl Transaction {
    /// What it does to the balance.
    pub(crate) const fn net(&self) -> i64 {
        self.amount.saturating_sub(self.fee)
    }

    /// The amount without its sign.
    pub(crate) const fn size(&self) -> i64 {
        self.amount.saturating_abs()
    }
}
