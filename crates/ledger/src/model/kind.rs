//! What the ledger makes of a told transaction: one table of the processor's types.

use coffer_storage::StorageError;

/// What a transaction does besides moving its net: which object it makes or extends, and whether
/// money is reserved or consumed for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    /// Money of a customer that came in. Plans reserve of it.
    Charge,
    /// Money of a charge that goes back to its customer. It consumes the charge's reserve.
    Refund,
    /// A charge that failed after its money was credited. It consumes the charge's reserve.
    Failure,
    /// Money of a charge that is withdrawn because its customer objects. It consumes the reserve.
    Dispute,
    /// Money of a dispute that comes back.
    Reinstatement,
    /// Money of a refund that comes back, since the refund failed.
    RefundFailure,
    /// Money that leaves for the account's bank.
    Payout,
    /// A payout's money that comes back.
    PayoutReturn,
    /// Everything else.
    Adjustment,
}

impl Kind {
    /// All kinds, in the order of their codes.
    pub(crate) const ALL: [Self; 9] = [
        Self::Charge,
        Self::Refund,
        Self::Failure,
        Self::Dispute,
        Self::Reinstatement,
        Self::RefundFailure,
        Self::Payout,
        Self::PayoutReturn,
        Self::Adjustment,
    ];

    /// Its name on the wire.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Refund => "refund",
            Self::Failure => "failure",
            Self::Dispute => "dispute",
            Self::Reinstatement => "reinstatement",
            Self::RefundFailure => "refund_failure",
            Self::Payout => "payout",
            Self::PayoutReturn => "payout_return",
            Self::Adjustment => "adjustment",
        }
    }

    /// Its code in stored rows.
    pub(crate) const fn code(self) -> i64 {
        match self {
            Self::Charge => 0,
            Self::Refund => 1,
            Self::Failure => 2,
            Self::Dispute => 3,
            Self::Reinstatement => 4,
            Self::RefundFailure => 5,
            Self::Payout => 6,
            Self::PayoutReturn => 7,
            Self::Adjustment => 8,
        }
    }

    /// The kind with this code.
    pub(crate) fn from_code(code: i64) -> Result<Self, StorageError> {
        Self::ALL.into_iter().find(|kind| kind.code() == code).ok_or_else(|| {
            StorageError::Corrupt(format!("there is no kind of transaction {code}").into())
        })
    }

    /// Whether it is about a charge, which it waits for if that is not known.
    pub(crate) const fn is_of_charge(self) -> bool {
        matches!(
            self,
            Self::Refund
                | Self::Failure
                | Self::Dispute
                | Self::Reinstatement
                | Self::RefundFailure
        )
    }

    /// Whether it brings back what another took of its charge.
    pub(crate) const fn is_back(self) -> bool {
        matches!(self, Self::Reinstatement | Self::RefundFailure)
    }

    /// Whether it counts in the available balance whatever its `available_on` says: a payout leaves
    /// at once, and what comes back of it is there at once.
    pub(crate) const fn is_of_payout(self) -> bool {
        matches!(self, Self::Payout | Self::PayoutReturn)
    }
}

/// Which amounts a row of the table is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Sign {
    /// Money that comes in.
    In,
    /// Money that goes out.
    Out,
    /// Either, and nothing.
    Any,
}

impl Sign {
    /// Whether an amount has this sign.
    const fn has(self, amount: i64) -> bool {
        match self {
            Self::In => amount > 0,
            Self::Out => amount < 0,
            Self::Any => true,
        }
    }
}

/// What the ledger makes of one type of transactions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// The processor's `type`.
    pub(crate) word: &'static str,
    /// The `reporting_category` that it must have; `None` if that does not matter.
    pub(crate) category: Option<&'static str>,
    /// The sign that its amount must have.
    pub(crate) sign: Sign,
    pub(crate) kind: Kind,
}

const fn row(word: &'static str, sign: Sign, kind: Kind) -> Row {
    Row { word, category: None, sign, kind }
}

const fn of(word: &'static str, category: &'static str, sign: Sign, kind: Kind) -> Row {
    Row { word, category: Some(category), sign, kind }
}

const fn adjustment(word: &'static str) -> Row {
    row(word, Sign::Any, Kind::Adjustment)
}

/// The types that Stripe documents. The first row that fits counts. What fits none is an
/// adjustment, so that a type which the processor adds tomorrow moves its money today.
pub(crate) const TABLE: &[Row] = &[
    of("adjustment", "dispute", Sign::Out, Kind::Dispute),
    of("adjustment", "dispute_reversal", Sign::In, Kind::Reinstatement),
    of("adjustment", "refund_failure", Sign::In, Kind::RefundFailure),
    adjustment("adjustment"),
    adjustment("advance"),
    adjustment("advance_funding"),
    adjustment("anticipation_repayment"),
    adjustment("application_fee"),
    adjustment("application_fee_refund"),
    row("charge", Sign::In, Kind::Charge),
    adjustment("climate_order_purchase"),
    adjustment("climate_order_refund"),
    adjustment("connect_collection_transfer"),
    adjustment("contribution"),
    adjustment("fee_credit_funding"),
    adjustment("inbound_transfer"),
    adjustment("inbound_transfer_reversal"),
    adjustment("issuing_authorization_hold"),
    adjustment("issuing_authorization_release"),
    adjustment("issuing_dispute"),
    adjustment("issuing_dispute_provisional_credit"),
    adjustment("issuing_dispute_provisional_credit_reversal"),
    adjustment("issuing_transaction"),
    adjustment("obligation_outbound"),
    adjustment("obligation_reversal_inbound"),
    row("payment", Sign::In, Kind::Charge),
    row("payment_failure_refund", Sign::Out, Kind::Failure),
    adjustment("payment_network_reserve_hold"),
    adjustment("payment_network_reserve_release"),
    row("payment_refund", Sign::Out, Kind::Refund),
    row("payment_refund", Sign::In, Kind::RefundFailure),
    row("payment_reversal", Sign::Out, Kind::Failure),
    adjustment("payment_unreconciled"),
    row("payout", Sign::Out, Kind::Payout),
    row("payout_cancel", Sign::In, Kind::PayoutReturn),
    row("payout_failure", Sign::In, Kind::PayoutReturn),
    adjustment("payout_minimum_balance_hold"),
    adjustment("payout_minimum_balance_release"),
    row("refund", Sign::Out, Kind::Refund),
    row("refund_failure", Sign::In, Kind::RefundFailure),
    adjustment("reserve_hold"),
    adjustment("reserve_release"),
    adjustment("reserve_transaction"),
    adjustment("reserved_funds"),
    adjustment("stripe_balance_payment_debit"),
    adjustment("stripe_balance_payment_debit_reversal"),
    adjustment("stripe_fee"),
    adjustment("stripe_fx_fee"),
    adjustment("tax_fee"),
    adjustment("tax_fund"),
    adjustment("topup"),
    adjustment("topup_reversal"),
    adjustment("transfer"),
    adjustment("transfer_cancel"),
    adjustment("transfer_failure"),
    adjustment("transfer_refund"),
];

/// What the ledger makes of a transaction of this type, category and amount.
pub(crate) fn kind_of(word: &str, category: Option<&str>, amount: i64) -> Kind {
    let fits = |row: &&Row| {
        row.word == word
            && row.sign.has(amount)
            && row.category.is_none_or(|wanted| category == Some(wanted))
    };
    TABLE.iter().find(fits).map_or(Kind::Adjustment, |row| row.kind)
}

/// Whether the table has a type.
pub(crate) fn is_known(word: &str) -> bool {
    TABLE.iter().any(|row| row.word == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_has_all_types() {
        let words: BTreeSet<_> = TABLE.iter().map(|row| row.word).collect();
        assert_eq!(words.len(), 52);
    }

    #[test]
    fn type_category_and_sign_say_what_it_is() {
        for (word, category, amount, kind) in [
            ("adjustment", Some("dispute"), -5, Kind::Dispute),
            ("adjustment", Some("dispute"), 5, Kind::Adjustment),
            ("adjustment", Some("dispute_reversal"), 5, Kind::Reinstatement),
            ("adjustment", Some("refund_failure"), 5, Kind::RefundFailure),
            ("adjustment", Some("fee"), 5, Kind::Adjustment),
            ("adjustment", None, -5, Kind::Adjustment),
            ("charge", Some("charge"), 5, Kind::Charge),
            ("charge", None, 0, Kind::Adjustment),
            ("payment", Some("charge"), 5, Kind::Charge),
            ("payment_refund", None, -5, Kind::Refund),
            ("payment_refund", None, 5, Kind::RefundFailure),
            ("payment_reversal", None, -5, Kind::Failure),
            ("refund", Some("partial_capture_reversal"), -5, Kind::Refund),
            ("payout", None, -5, Kind::Payout),
            ("payout", None, 5, Kind::Adjustment),
            ("payout_cancel", None, 5, Kind::PayoutReturn),
            ("of_tomorrow", Some("charge"), 5, Kind::Adjustment),
        ] {
            assert_eq!(kind_of(word, category, amount), kind, "{word} {category:?} {amount}");
        }
    }

    #[test]
    fn codes_round_trip() {
        for (code, kind) in (0..).zip(Kind::ALL) {
            assert_eq!(kind.code(), code);
            assert_eq!(Kind::from_code(code).unwrap(), kind);
        }
        assert!(Kind::from_code(9).is_err());
    }
}
