//! The accounts of a ledger: buckets of money, in pools by currency and source type. Their codes
//! are stored in rows and written out in the verification's SQL, so they never change.

use coffer_storage::StorageError;

/// Where money can be. Every posting moves money from one bucket of an owner to another of its
/// buckets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Bucket {
    /// The account's own money that waits for its charge's `available_on`.
    PaymentsPending,
    /// The account's own money that can be paid out. May be negative: the account then owes.
    PaymentsAvailable,
    /// Money reserved out of what is pending.
    ReservedPending,
    /// Money reserved out of what is available.
    ReservedAvailable,
    /// The counterpart of money that comes from the processor and goes back to it.
    Clearing,
    /// Fees of the processor and of the platform.
    Fees,
    /// On its way to the account's bank.
    PayoutsInTransit,
}

impl Bucket {
    /// All buckets, in the order of their codes.
    pub const ALL: [Self; 7] = [
        Self::PaymentsPending,
        Self::PaymentsAvailable,
        Self::ReservedPending,
        Self::ReservedAvailable,
        Self::Clearing,
        Self::Fees,
        Self::PayoutsInTransit,
    ];

    /// The buckets of the payments balance.
    pub(crate) const PAYMENTS: [Self; 2] = [Self::PaymentsPending, Self::PaymentsAvailable];

    /// The buckets of the reserved balance.
    pub(crate) const RESERVED: [Self; 2] = [Self::ReservedPending, Self::ReservedAvailable];

    /// Its code in stored rows.
    pub const fn code(self) -> i64 {
        match self {
            Self::PaymentsPending => 0,
            Self::PaymentsAvailable => 1,
            Self::ReservedPending => 2,
            Self::ReservedAvailable => 3,
            Self::Clearing => 4,
            Self::Fees => 5,
            Self::PayoutsInTransit => 6,
        }
    }

    /// The payments bucket of pending or of available money.
    pub const fn payments(pending: bool) -> Self {
        if pending { Self::PaymentsPending } else { Self::PaymentsAvailable }
    }

    /// The reserved bucket of pending or of available money.
    pub const fn reserved(pending: bool) -> Self {
        if pending { Self::ReservedPending } else { Self::ReservedAvailable }
    }

    /// Whether money in it waits for an `available_on`.
    pub(crate) const fn is_pending(self) -> bool {
        matches!(self, Self::PaymentsPending | Self::ReservedPending)
    }
}

/// How a customer paid: the balances of each source type are separate pools within a currency.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum SourceType {
    /// Cards; the default of every parameter `source_type`.
    #[default]
    Card,
    /// Bank accounts.
    BankAccount,
    /// The FPX network.
    Fpx,
}

impl SourceType {
    /// The values of the parameter `source_type`.
    pub const CHOICES: [(&'static str, Self); 3] =
        [("bank_account", Self::BankAccount), ("card", Self::Card), ("fpx", Self::Fpx)];

    /// Its name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::BankAccount => "bank_account",
            Self::Fpx => "fpx",
        }
    }

    /// Its code in stored rows.
    pub const fn code(self) -> i64 {
        match self {
            Self::Card => 0,
            Self::BankAccount => 1,
            Self::Fpx => 2,
        }
    }

    /// The source type with this code.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] if there is none.
    pub fn from_code(code: i64) -> Result<Self, StorageError> {
        let mut all = Self::CHOICES.into_iter().map(|(_, each)| each);
        all.find(|each| each.code() == code)
            .ok_or_else(|| StorageError::Corrupt(format!("there is no source type {code}").into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_round_trip() {
        for (place, bucket) in (0..).zip(Bucket::ALL) {
            assert_eq!(bucket.code(), place);
        }
        for (word, source_type) in SourceType::CHOICES {
            assert_eq!(source_type.as_str(), word);
            assert_eq!(SourceType::from_code(source_type.code()).unwrap(), source_type);
        }
        assert!(SourceType::from_code(3).is_err());
    }
}
