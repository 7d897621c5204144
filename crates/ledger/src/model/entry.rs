//! Journal entries, postings and balances: double entry, so that money is moved and never made.

use super::account::{Bucket, SourceType};
use crate::money::sum;
use coffer_base::{Currency, Timestamp};
use coffer_dialect::ApiError;
use coffer_storage::StorageError;

/// Money that moves from one bucket to another of the same pool. It has both ends, so that no
/// posting can make money or lose any.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Posting {
    /// The bucket that it leaves.
    pub from: Bucket,
    /// The bucket that it enters.
    pub to: Bucket,
    /// How much, in minor units, not negative. Postings of 0 are not stored.
    pub amount: i64,
    /// The pool of both buckets.
    pub pool: Pool,
}

impl Posting {
    /// The posting that takes this one back.
    pub(crate) const fn reversed(self) -> Self {
        Self { from: self.to, to: self.from, ..self }
    }
}

/// Money that is counted together: of one currency and one source type.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Pool {
    /// Its currency.
    pub currency: Currency,
    /// How it was paid.
    pub source_type: SourceType,
}

impl Pool {
    /// A posting in this pool.
    pub const fn posting(self, from: Bucket, to: Bucket, amount: i64) -> Posting {
        Posting { from, to, amount, pool: self }
    }
}

/// A journal entry: one cause, and all that it moves. It is written once and never changed; a
/// correction is another entry.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its kind, which is the `type` of its balance transactions.
    pub kind: &'a str,
    /// The id of the object that caused it.
    pub source: &'a str,
    /// When it happened.
    pub created: Timestamp,
    /// When the money that it leaves pending becomes available; `created` if it leaves none.
    pub available_on: Timestamp,
    /// The part of the fees in `postings` that the platform took, shown in the balance transaction
    /// of the payments balance.
    pub application_fee: i64,
    /// What it moves, all in one currency.
    pub postings: &'a [Posting],
}

impl Entry<'_> {
    /// The postings that move something, and their currency; `None` if nothing moves.
    ///
    /// # Errors
    /// [`StorageError::Internal`] if a posting is negative or there are two currencies, which is a
    /// fault of the program.
    pub(crate) fn nonzero_postings(
        &self,
    ) -> Result<Option<(Currency, Vec<Posting>)>, StorageError> {
        let nonzero: Vec<Posting> =
            self.postings.iter().copied().filter(|posting| posting.amount != 0).collect();
        let Some(currency) = nonzero.first().map(|posting| posting.pool.currency) else {
            return Ok(None);
        };
        if nonzero.iter().any(|each| each.amount < 0 || each.pool.currency != currency) {
            let why = format!("'{}' has a negative posting or two currencies", self.kind);
            return Err(StorageError::Internal(why.into()));
        }
        Ok(Some((currency, nonzero)))
    }
}

/// The amounts in the buckets of one pool, whose sum is always 0.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Balance([i64; Bucket::ALL.len()]);

impl Balance {
    /// From the amounts in the order of [`Bucket::ALL`].
    pub const fn from_amounts(amounts: [i64; Bucket::ALL.len()]) -> Self {
        Self(amounts)
    }

    /// The amounts in the order of [`Bucket::ALL`].
    pub const fn amounts(&self) -> &[i64; Bucket::ALL.len()] {
        &self.0
    }

    /// The amount in one bucket. The reserved buckets and payouts in transit are never below zero,
    /// which the tables check.
    pub fn of(&self, bucket: Bucket) -> i64 {
        let found = Bucket::ALL.iter().zip(self.0).find(|(each, _)| **each == bucket);
        found.map_or(0, |(_, amount)| amount)
    }

    /// The account's own money, pending and available. What is reserved is not part of it.
    pub(crate) fn payments(&self) -> i64 {
        let pending = self.of(Bucket::PaymentsPending);
        pending.saturating_add(self.of(Bucket::PaymentsAvailable))
    }

    /// The sums of two pools' amounts.
    pub(crate) fn plus(&self, other: &Self) -> Self {
        let mut sums = self.0;
        for (sum, amount) in sums.iter_mut().zip(other.0) {
            *sum = sum.saturating_add(amount);
        }
        Self(sums)
    }

    /// Applies a posting.
    ///
    /// # Errors
    /// 400 if a bucket's amount would not fit into 64 bits.
    pub fn apply(&mut self, posting: &Posting) -> Result<(), ApiError> {
        for (bucket, amount) in Bucket::ALL.into_iter().zip(&mut self.0) {
            if bucket == posting.from {
                *amount = sum(*amount, posting.amount.saturating_neg())?;
            } else if bucket == posting.to {
                *amount = sum(*amount, posting.amount)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posting(from: Bucket, to: Bucket, amount: i64) -> Posting {
        let currency = Currency::parse("usd").unwrap();
        Pool { currency, source_type: SourceType::Card }.posting(from, to, amount)
    }

    #[test]
    fn a_posting_moves_money_and_makes_none() {
        let mut balance = Balance::default();
        balance.apply(&posting(Bucket::Clearing, Bucket::PaymentsPending, 100)).unwrap();
        balance.apply(&posting(Bucket::PaymentsPending, Bucket::ReservedPending, 15)).unwrap();
        assert_eq!(balance.of(Bucket::PaymentsPending), 85);
        assert_eq!(balance.of(Bucket::ReservedPending), 15);
        assert_eq!(balance.amounts().iter().sum::<i64>(), 0);
        let most = posting(Bucket::Clearing, Bucket::PaymentsPending, i64::MAX);
        assert_eq!(balance.apply(&most).unwrap_err().status(), 400);
    }

    #[test]
    fn an_entry_of_nothing_has_no_postings_and_one_of_two_currencies_is_a_fault() {
        let entry = |postings| Entry {
            kind: "charge",
            source: "ch_1",
            created: Timestamp::from_unix(0),
            available_on: Timestamp::from_unix(0),
            application_fee: 0,
            postings,
        };
        let nothing = [posting(Bucket::Clearing, Bucket::Fees, 0)];
        assert_eq!(entry(&nothing).nonzero_postings().unwrap(), None);
        let eur = Pool { currency: Currency::parse("eur").unwrap(), source_type: SourceType::Card };
        let mixed = [
            posting(Bucket::Clearing, Bucket::Fees, 1),
            eur.posting(Bucket::Clearing, Bucket::Fees, 1),
        ];
        assert!(entry(&mixed).nonzero_postings().is_err());
        assert!(entry(&[posting(Bucket::Clearing, Bucket::Fees, -1)]).nonzero_postings().is_err());
    }
}
