//! The accounts of the bookkeeping (reserves §11, decision 17), and the pools within them.

use coffer_storage::StorageError;

/// Where money can be. Every posting goes from one bucket to another of the same owner.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Bucket {
    /// The account's own, not available yet.
    PaymentsPending,
    /// The account's own, and what may be paid out.
    PaymentsAvailable,
    /// Held back from what is pending.
    ReservedPending,
    /// Held back from what is available.
    ReservedAvailable,
    /// The other side of what comes from the processor and goes back to it.
    Clearing,
    /// Fees of the processor and of the platform.
    Fees,
    /// On its way to the account's bank.
    PayoutsInTransit,
}

impl Bucket {
    /// All of them, in the order of their codes.
    pub const ALL: [Self; 7] = [
        Self::PaymentsPending,
        Self::PaymentsAvailable,
        Self::ReservedPending,
        Self::ReservedAvailable,
        Self::Clearing,
        Self::Fees,
        Self::PayoutsInTransit,
    ];

    /// What the account sees as its own money.
    pub(crate) const PAYMENTS: [Self; 2] = [Self::PaymentsPending, Self::PaymentsAvailable];

    /// What the account sees as held back.
    pub(crate) const RESERVED: [Self; 2] = [Self::ReservedPending, Self::ReservedAvailable];

    /// How a stored row writes it.
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

    /// The payments bucket of money that stands pending or not.
    pub const fn payments(pending: bool) -> Self {
        if pending { Self::PaymentsPending } else { Self::PaymentsAvailable }
    }

    /// The reserved bucket of money that stands pending or not.
    pub const fn reserved(pending: bool) -> Self {
        if pending { Self::ReservedPending } else { Self::ReservedAvailable }
    }

    /// Whether it waits for its day.
    pub(crate) const fn is_pending(self) -> bool {
        matches!(self, Self::PaymentsPending | Self::ReservedPending)
    }
}

/// The pool that money came from, within a currency (reserves §3.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum SourceType {
    /// Cards; what is meant if nothing is said.
    #[default]
    Card,
    /// Bank accounts.
    BankAccount,
    /// The FPX network.
    Fpx,
}

impl SourceType {
    /// The words of the wire and what they mean, for the reader of parameters.
    pub const CHOICES: [(&'static str, Self); 3] =
        [("bank_account", Self::BankAccount), ("card", Self::Card), ("fpx", Self::Fpx)];

    /// The word for it on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Card => "card",
            Self::BankAccount => "bank_account",
            Self::Fpx => "fpx",
        }
    }

    /// How a stored row writes it.
    pub const fn code(self) -> i64 {
        match self {
            Self::Card => 0,
            Self::BankAccount => 1,
            Self::Fpx => 2,
        }
    }

    /// The pool that a stored row means.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] if it means none.
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
