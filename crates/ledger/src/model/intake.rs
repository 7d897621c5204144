//! How the money of a ledger is told.

use coffer_base::Timestamp;
use coffer_storage::StorageError;

/// One of the two ways in which money is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Intake {
    /// By facts: charges, refunds, disputes, payouts, adjustments.
    Facts,
    /// By the transactions of the processor's balance.
    Transactions,
}

impl Intake {
    /// The values of the parameter `intake`.
    pub(crate) const CHOICES: [(&'static str, Self); 2] =
        [("facts", Self::Facts), ("transactions", Self::Transactions)];

    /// Its name on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Facts => "facts",
            Self::Transactions => "transactions",
        }
    }

    /// Its code in stored rows.
    pub(crate) const fn code(self) -> i64 {
        match self {
            Self::Facts => 0,
            Self::Transactions => 1,
        }
    }

    /// The intake with this code.
    pub(crate) fn from_code(code: i64) -> Result<Self, StorageError> {
        Self::CHOICES
            .into_iter()
            .map(|(_, each)| each)
            .find(|each| each.code() == code)
            .ok_or_else(|| StorageError::Corrupt(format!("there is no intake {code}").into()))
    }
}

/// What a ledger takes, and from when on. Told in both ways, money would count twice.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct IntakeRule {
    /// `None` until somebody sets it: nothing is refused then.
    pub(crate) intake: Option<Intake>,
    /// From when on it is the intake; before it, it is the other one. `None` for always.
    pub(crate) since: Option<Timestamp>,
}

impl IntakeRule {
    /// Which intake money of this time belongs to; `None` if nobody has set it.
    pub(crate) fn at(self, created: Timestamp) -> Option<Intake> {
        let after = self.since.is_none_or(|since| created >= since);
        self.intake.map(|set| match (set, after) {
            (set, true) => set,
            (Intake::Facts, false) => Intake::Transactions,
            (Intake::Transactions, false) => Intake::Facts,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_since_it_is_the_other_one() {
        let at = Timestamp::from_unix;
        let rule = IntakeRule { intake: Some(Intake::Transactions), since: Some(at(100)) };
        assert_eq!(rule.at(at(99)), Some(Intake::Facts));
        assert_eq!(rule.at(at(100)), Some(Intake::Transactions));
        assert_eq!(IntakeRule { since: None, ..rule }.at(at(0)), Some(Intake::Transactions));
        assert_eq!(IntakeRule::default().at(at(0)), None);
    }
}
