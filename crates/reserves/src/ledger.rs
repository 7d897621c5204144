//! The ledger: double entry, append only, with balances that are kept in the same transaction
//! (reserves §10, and §11 decisions 16 and 17).
//!
//! Everything that moves money goes through [`Turn::post`](crate::turn::Turn::post). Nothing here
//! decides how much moves.

use crate::account::{Bucket, SourceType};
use crate::money::sum;
use coffer_base::{Currency, Timestamp};
use coffer_dialect::ApiError;
use coffer_storage::StorageError;

/// Money that goes from one bucket to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Posting {
    /// Where it was.
    pub(crate) from: Bucket,
    /// Where it is then.
    pub(crate) to: Bucket,
    /// How much, in minor units. A posting of nothing is left out.
    pub(crate) amount: i64,
    /// In which pool, which it does not leave.
    pub(crate) pool: Pool,
}

/// Money of one kind: a currency, and where it came from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Pool {
    pub(crate) currency: Currency,
    pub(crate) source_type: SourceType,
}

impl Pool {
    /// A posting in this pool.
    pub(crate) const fn posting(self, from: Bucket, to: Bucket, amount: i64) -> Posting {
        Posting { from, to, amount, pool: self }
    }
}

/// What happened, and all that it moved.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    /// The word for it, which is its balance transactions' `type`.
    pub(crate) kind: &'static str,
    /// The id of the object that caused it.
    pub(crate) source: &'a str,
    /// When it happened.
    pub(crate) created: Timestamp,
    /// When the money that it left pending becomes available; `created` if it left none.
    pub(crate) available_on: Timestamp,
    /// The part of the fees that the platform took.
    pub(crate) application_fee: i64,
    /// What moved, all in one currency.
    pub(crate) postings: &'a [Posting],
}

impl Entry<'_> {
    /// The postings that move something, and their currency; `None` if nothing moves.
    ///
    /// # Errors
    /// [`StorageError::Internal`] if a posting is negative or there are two currencies, which is a
    /// fault of the program.
    pub(crate) fn moved(&self) -> Result<Option<(Currency, Vec<Posting>)>, StorageError> {
        let moved: Vec<Posting> =
            self.postings.iter().copied().filter(|posting| posting.amount != 0).collect();
        let Some(currency) = moved.first().map(|posting| posting.pool.currency) else {
            return Ok(None);
        };
        if moved.iter().any(|each| each.amount < 0 || each.pool.currency != currency) {
            let why = format!("'{}' has a negative posting or two currencies", self.kind);
            return Err(StorageError::Internal(why.into()));
        }
        Ok(Some((currency, moved)))
    }
}

/// What the buckets of one pool hold.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Balance([i64; Bucket::ALL.len()]);

impl Balance {
    /// From the amounts in the order of [`Bucket::ALL`].
    pub(crate) const fn from_amounts(amounts: [i64; Bucket::ALL.len()]) -> Self {
        Self(amounts)
    }

    /// The amounts in the order of [`Bucket::ALL`].
    pub(crate) const fn amounts(&self) -> &[i64; Bucket::ALL.len()] {
        &self.0
    }

    /// What one bucket holds.
    pub(crate) fn of(&self, bucket: Bucket) -> i64 {
        let found = Bucket::ALL.iter().zip(self.0).find(|(each, _)| **each == bucket);
        found.map_or(0, |(_, amount)| amount)
    }

    /// Moves what a posting moves.
    ///
    /// # Errors
    /// 400 if a bucket would leave 64 bits.
    pub(crate) fn apply(&mut self, posting: &Posting) -> Result<(), ApiError> {
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

/// What an entry did to one of the balances that an account sees: a balance transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Side {
    /// Whether it is the reserved balance; otherwise it is that of payments.
    pub(crate) reserved: bool,
    /// Whether some of it waits for its day.
    pub(crate) pending: bool,
    /// What came, before fees; negative if it went.
    pub(crate) amount: i64,
    /// The fees that were taken of it; negative if they came back.
    pub(crate) fee: i64,
}

/// The balance transactions of some postings (reserves §7). What only becomes available, or is
/// none of the account's, makes none.
///
/// # Errors
/// 400 if a sum would leave 64 bits.
pub(crate) fn sides(moved: &[Posting]) -> Result<Vec<Side>, ApiError> {
    let mut sides = Vec::new();
    for reserved in [false, true] {
        let buckets = if reserved { Bucket::RESERVED } else { Bucket::PAYMENTS };
        let of_side = |bucket: Bucket| buckets.contains(&bucket);
        let mut side = Side { reserved, pending: false, amount: 0, fee: 0 };
        for posting in moved {
            let (other, signed) = match (of_side(posting.from), of_side(posting.to)) {
                (true, false) => (posting.to, posting.amount.saturating_neg()),
                (false, true) => (posting.from, posting.amount),
                _ => continue,
            };
            side.pending |= posting.from.is_pending() || posting.to.is_pending();
            if other == Bucket::Fees {
                side.fee = sum(side.fee, signed.saturating_neg())?;
            } else {
                side.amount = sum(side.amount, signed)?;
            }
        }
        if side.amount != 0 || side.fee != 0 {
            sides.push(side);
        }
    }
    Ok(sides)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posting(from: Bucket, to: Bucket, amount: i64) -> Posting {
        let currency = Currency::parse("usd").unwrap();
        Pool { currency, source_type: SourceType::Card }.posting(from, to, amount)
    }

    fn side(reserved: bool, pending: bool, amount: i64, fee: i64) -> Side {
        Side { reserved, pending, amount, fee }
    }

    #[test]
    fn a_charge_is_one_balance_transaction_with_its_fees() {
        let postings = [
            posting(Bucket::Clearing, Bucket::PaymentsPending, 10_000),
            posting(Bucket::PaymentsPending, Bucket::Fees, 320),
            posting(Bucket::PaymentsPending, Bucket::Fees, 2000),
        ];
        assert_eq!(sides(&postings).unwrap(), [side(false, true, 10_000, 2320)]);
    }

    #[test]
    fn a_release_from_both_buckets_is_one_pair() {
        let postings = [
            posting(Bucket::ReservedAvailable, Bucket::PaymentsAvailable, 3000),
            posting(Bucket::ReservedPending, Bucket::PaymentsPending, 500),
        ];
        let expected = [side(false, true, 3500, 0), side(true, true, -3500, 0)];
        assert_eq!(sides(&postings).unwrap(), expected);
    }

    #[test]
    fn what_only_becomes_available_is_none() {
        let postings = [
            posting(Bucket::PaymentsPending, Bucket::PaymentsAvailable, 8228),
            posting(Bucket::ReservedPending, Bucket::ReservedAvailable, 1452),
            posting(Bucket::PayoutsInTransit, Bucket::Clearing, 5),
        ];
        assert_eq!(sides(&postings).unwrap(), []);
    }

    #[test]
    fn a_returned_fee_is_negative() {
        let postings = [
            posting(Bucket::Clearing, Bucket::PaymentsAvailable, 10_000),
            posting(Bucket::Fees, Bucket::PaymentsAvailable, 1500),
        ];
        assert_eq!(sides(&postings).unwrap(), [side(false, false, 10_000, -1500)]);
    }

    #[test]
    fn a_posting_moves_and_neither_makes_nor_loses() {
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
    fn an_entry_of_nothing_is_none_and_of_two_currencies_a_fault() {
        let entry = |postings| Entry {
            kind: "charge",
            source: "ch_1",
            created: Timestamp::from_unix(0),
            available_on: Timestamp::from_unix(0),
            application_fee: 0,
            postings,
        };
        let nothing = [posting(Bucket::Clearing, Bucket::Fees, 0)];
        assert_eq!(entry(&nothing).moved().unwrap(), None);
        let eur = Pool { currency: Currency::parse("eur").unwrap(), source_type: SourceType::Card };
        let mixed = [
            posting(Bucket::Clearing, Bucket::Fees, 1),
            eur.posting(Bucket::Clearing, Bucket::Fees, 1),
        ];
        assert!(entry(&mixed).moved().is_err());
        assert!(entry(&[posting(Bucket::Clearing, Bucket::Fees, -1)]).moved().is_err());
    }
}
