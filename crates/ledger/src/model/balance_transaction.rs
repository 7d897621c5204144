//! Balance transactions: journal entries as their account sees them. They are derived from an
//! entry's postings, so that the two cannot differ.

use super::account::Bucket;
use super::entry::Posting;
use crate::money::sum;
use coffer_base::{Currency, Timestamp};
use coffer_dialect::ApiError;

/// A balance transaction as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct BalanceTransaction {
    /// Its number in the ledger, which orders lists.
    pub(crate) seq: i64,
    /// The processor's id of a told one; else `txn_` and random characters that the server makes.
    pub(crate) id: String,
    /// The kind of its entry: `type` on the wire.
    pub(crate) kind: String,
    /// The id of the object that caused it; empty if the processor named none.
    pub(crate) source: String,
    pub(crate) currency: Currency,
    /// What it says of one of the two balances.
    pub(crate) line: BalanceTransactionLine,
    /// The part of the fee that the platform took, in minor units; the rest is the processor's.
    pub(crate) application_fee: i64,
    /// When its entry happened, which may be before it was recorded.
    pub(crate) created: Timestamp,
    /// Until when it is shown as pending, if a pending bucket is involved.
    pub(crate) available_on: Timestamp,
    /// Whether the processor told it, with its own id and words.
    pub(crate) told: bool,
    /// The category that the processor told.
    pub(crate) category: Option<String>,
    /// The exchange rate that the processor told: decimal text.
    pub(crate) exchange_rate: Option<String>,
}

/// What a balance transaction shows that the processor told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ProcessorLine<'a> {
    /// The processor's id.
    pub(crate) id: &'a str,
    pub(crate) currency: Currency,
    pub(crate) line: BalanceTransactionLine,
    pub(crate) category: Option<&'a str>,
    pub(crate) exchange_rate: Option<&'a str>,
    /// The payout that it is about, or that carried its money.
    pub(crate) payout: Option<&'a str>,
}

/// What an entry does to one of the two balances that an account sees.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct BalanceTransactionLine {
    /// Whether it is the reserved balance; otherwise it is the payments balance.
    pub(crate) reserved: bool,
    /// Whether a pending bucket is involved.
    pub(crate) pending: bool,
    /// The amount before fees; negative if money leaves the balance.
    pub(crate) amount: i64,
    /// The fees that are taken of it; negative if they come back.
    pub(crate) fee: i64,
}

/// The lines of some postings, at most one for each balance. Money that only becomes available
/// stays in its balance and makes none; neither does money between buckets that the account does
/// not see.
///
/// # Errors
/// 400 if a sum would not fit into 64 bits.
pub(crate) fn lines_of(postings: &[Posting]) -> Result<Vec<BalanceTransactionLine>, ApiError> {
    let mut lines = Vec::new();
    for reserved in [false, true] {
        let line = line_of(postings, reserved)?;
        if line.amount != 0 || line.fee != 0 {
            lines.push(line);
        }
    }
    Ok(lines)
}

/// What the postings do to one balance. A posting within the balance changes neither figure; one to
/// or from [`Bucket::Fees`] is a fee, and any other is part of the amount.
fn line_of(postings: &[Posting], reserved: bool) -> Result<BalanceTransactionLine, ApiError> {
    let buckets = if reserved { Bucket::RESERVED } else { Bucket::PAYMENTS };
    let mut line = BalanceTransactionLine { reserved, pending: false, amount: 0, fee: 0 };
    for posting in postings {
        let (from, to) = (buckets.contains(&posting.from), buckets.contains(&posting.to));
        let (counterpart, signed) = match (from, to) {
            (true, false) => (posting.to, posting.amount.saturating_neg()),
            (false, true) => (posting.from, posting.amount),
            _ => continue,
        };
        line.pending |= posting.from.is_pending() || posting.to.is_pending();
        if counterpart == Bucket::Fees {
            line.fee = sum(line.fee, signed.saturating_neg())?;
        } else {
            line.amount = sum(line.amount, signed)?;
        }
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::account::SourceType;
    use crate::model::entry::Pool;

    fn posting(from: Bucket, to: Bucket, amount: i64) -> Posting {
        let currency = Currency::parse("usd").unwrap();
        Pool { currency, source_type: SourceType::Card }.posting(from, to, amount)
    }

    fn line(reserved: bool, pending: bool, amount: i64, fee: i64) -> BalanceTransactionLine {
        BalanceTransactionLine { reserved, pending, amount, fee }
    }

    #[test]
    fn a_charge_is_one_balance_transaction_with_its_fees() {
        let postings = [
            posting(Bucket::Clearing, Bucket::PaymentsPending, 10_000),
            posting(Bucket::PaymentsPending, Bucket::Fees, 320),
            posting(Bucket::PaymentsPending, Bucket::Fees, 2000),
        ];
        assert_eq!(lines_of(&postings).unwrap(), [line(false, true, 10_000, 2320)]);
    }

    #[test]
    fn a_release_from_both_buckets_is_one_pair() {
        let postings = [
            posting(Bucket::ReservedAvailable, Bucket::PaymentsAvailable, 3000),
            posting(Bucket::ReservedPending, Bucket::PaymentsPending, 500),
        ];
        let expected = [line(false, true, 3500, 0), line(true, true, -3500, 0)];
        assert_eq!(lines_of(&postings).unwrap(), expected);
    }

    #[test]
    fn what_only_becomes_available_is_none() {
        let postings = [
            posting(Bucket::PaymentsPending, Bucket::PaymentsAvailable, 8228),
            posting(Bucket::ReservedPending, Bucket::ReservedAvailable, 1452),
            posting(Bucket::PayoutsInTransit, Bucket::Clearing, 5),
        ];
        assert_eq!(lines_of(&postings).unwrap(), []);
    }

    #[test]
    fn a_returned_fee_is_negative() {
        let postings = [
            posting(Bucket::Clearing, Bucket::PaymentsAvailable, 10_000),
            posting(Bucket::Fees, Bucket::PaymentsAvailable, 1500),
        ];
        assert_eq!(lines_of(&postings).unwrap(), [line(false, false, 10_000, -1500)]);
    }
}
