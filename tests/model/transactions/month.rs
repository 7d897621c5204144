//! A processor's month that is made up: what happened to one account's money, as transactions.

use crate::books::changes::Rng;
use crate::books::reference::DAY;
use serde_json::{Value, json};

pub const CURRENCIES: [&str; 2] = ["eur", "usd"];

/// What a transaction is to the processor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    Charge,
    Refund,
    Failure,
    RefundFailure,
    Dispute,
    Reinstatement,
    Payout,
    Return,
    Other,
}

impl Kind {
    pub const ALL: [Self; 9] = [
        Self::Charge,
        Self::Refund,
        Self::Failure,
        Self::RefundFailure,
        Self::Dispute,
        Self::Reinstatement,
        Self::Payout,
        Self::Return,
        Self::Other,
    ];
}

/// One transaction.
#[derive(Clone, Debug)]
pub struct Txn {
    pub id: String,
    pub kind: Kind,
    pub word: &'static str,
    pub category: &'static str,
    pub amount: i64,
    pub fee: i64,
    pub currency: &'static str,
    pub created: i64,
    pub available_on: i64,
    pub source: String,
    pub charge: Option<String>,
    pub balance_type: &'static str,
    pub pool: Option<&'static str>,
}

impl Txn {
    /// Whether it is of the balance that the ledger keeps.
    pub fn posts(&self) -> bool {
        self.balance_type == "payments"
    }

    /// Whether its net is still to become available. A payout's, and what comes back of it, is at
    /// once.
    pub fn is_pending(&self, now: i64) -> bool {
        self.available_on > now && !matches!(self.kind, Kind::Payout | Kind::Return)
    }

    /// Whether it takes of what is held of a charge.
    pub fn takes_of(&self, charge: &str) -> bool {
        let takes = matches!(self.kind, Kind::Refund | Kind::Failure | Kind::Dispute);
        takes && self.charge.as_deref() == Some(charge)
    }

    /// As it is told alone.
    pub fn params(&self) -> Vec<(&'static str, String)> {
        let mut params = vec![
            ("id", self.id.clone()),
            ("type", self.word.to_owned()),
            ("reporting_category", self.category.to_owned()),
            ("amount", self.amount.to_string()),
            ("fee", self.fee.to_string()),
            ("currency", self.currency.to_owned()),
            ("created", self.created.to_string()),
            ("available_on", self.available_on.to_string()),
            ("source", self.source.clone()),
            ("balance_type", self.balance_type.to_owned()),
        ];
        params.extend(self.charge.clone().map(|charge| ("charge", charge)));
        params.extend(self.pool.map(|pool| ("source_type", pool.to_owned())));
        params
    }

    /// As a page has it, with its source.
    pub fn listed(&self) -> Value {
        json!({
            "id": self.id, "object": "balance_transaction", "amount": self.amount,
            "fee": self.fee, "net": self.amount - self.fee, "currency": self.currency,
            "created": self.created, "available_on": self.available_on, "type": self.word,
            "reporting_category": self.category, "balance_type": self.balance_type,
            "source": {"id": self.source, "charge": self.charge, "source_type": self.pool},
        })
    }
}

struct Month<'a> {
    rng: &'a mut Rng,
    begin: i64,
    all: Vec<Txn>,
}

/// Up to seventy transactions within twenty days from `begin` on.
pub fn make(rng: &mut Rng, begin: i64) -> Vec<Txn> {
    let mut month = Month { rng, begin, all: Vec::new() };
    for number in 0..20 + month.rng.below(20) {
        match month.rng.below(10) {
            0..6 => month.charge(number),
            6 | 7 => month.payout(number),
            _ => month.other(number),
        }
    }
    month.all
}

impl Month<'_> {
    /// Adds a transaction that happens within some days after another, or in the month.
    fn add(
        &mut self,
        kind: Kind,
        (word, category): (&'static str, &'static str),
        amount: i64,
        source: String,
        after: Option<&Txn>,
    ) -> Txn {
        let end = self.begin + 20 * DAY;
        let from = after.map_or(self.begin, |after| after.created);
        let created = from + self.rng.below((end - from).max(1));
        let txn = Txn {
            id: format!("txn_{}", self.all.len()),
            kind,
            word,
            category,
            amount,
            fee: 0,
            currency: after.map_or_else(|| self.rng.one(&CURRENCIES), |after| after.currency),
            created,
            available_on: created + self.rng.below(9 * DAY),
            source,
            charge: after.and_then(|after| match after.kind {
                Kind::Charge => Some(after.source.clone()),
                _ => after.charge.clone(),
            }),
            balance_type: "payments",
            pool: None,
        };
        self.all.push(txn.clone());
        txn
    }

    /// Changes what was added last.
    fn last(&mut self) -> &mut Txn {
        self.all.last_mut().unwrap()
    }

    /// A charge, and what becomes of it.
    fn charge(&mut self, number: i64) {
        let amount = 1 + self.rng.below(20_000);
        let word = self.rng.one(&["charge", "payment"]);
        let charge = self.add(Kind::Charge, (word, "charge"), amount, format!("ch_{number}"), None);
        let fee = self.rng.below(amount / 10 + 2);
        let pool = self.rng.one(&[None, Some("card"), Some("bank_account")]);
        (self.last().fee, self.last().pool) = (fee, pool);
        for part in 0..self.rng.below(3) {
            // At another day's rate it may be more than the charge brought.
            let amount = 1 + self.rng.below(amount + 100);
            let id = format!("{number}_{part}");
            match self.rng.below(5) {
                0..2 => self.refund(&charge, amount, &id),
                2 => {
                    let words = ("payment_failure_refund", "charge_failure");
                    let source = charge.source.clone();
                    self.add(Kind::Failure, words, -amount, source, Some(&charge));
                }
                _ => self.dispute(&charge, amount, &id),
            }
        }
    }

    fn refund(&mut self, charge: &Txn, amount: i64, id: &str) {
        let source = format!("re_{id}");
        let refund =
            self.add(Kind::Refund, ("refund", "refund"), -amount, source.clone(), Some(charge));
        if self.rng.below(3) == 0 {
            let back = 1 + self.rng.below(amount);
            let words = ("refund_failure", "refund_failure");
            self.add(Kind::RefundFailure, words, back, source, Some(&refund));
        }
    }

    fn dispute(&mut self, charge: &Txn, amount: i64, id: &str) {
        let source = format!("du_{id}");
        let words = ("adjustment", "dispute");
        let dispute = self.add(Kind::Dispute, words, -amount, source.clone(), Some(charge));
        self.last().fee = 1500;
        for _ in 0..self.rng.below(3) {
            let back = 1 + self.rng.below(amount + 50);
            let words = ("adjustment", "dispute_reversal");
            self.add(Kind::Reinstatement, words, back, source.clone(), Some(&dispute));
            let fee = self.rng.one(&[0, -1500]);
            self.last().fee = fee;
        }
    }

    fn payout(&mut self, number: i64) {
        let (amount, source) = (1 + self.rng.below(9000), format!("po_{number}"));
        let words = ("payout", "payout");
        let payout = self.add(Kind::Payout, words, -amount, source.clone(), None);
        let fee = self.rng.one(&[0, 25]);
        self.last().fee = fee;
        if self.rng.below(3) == 0 {
            let word = self.rng.one(&["payout_failure", "payout_cancel"]);
            let words = (word, "payout_reversal");
            self.add(Kind::Return, words, amount, source, Some(&payout));
        }
    }

    /// Fees, top-ups, what nobody knows, nothing at all, and what is of another balance.
    fn other(&mut self, number: i64) {
        let word = self.rng.one(&["stripe_fee", "topup", "transfer", "of_tomorrow"]);
        let amount = self.rng.below(4000) - 2000;
        self.add(Kind::Other, (word, "fee"), amount, format!("obj_{number}"), None);
        let balance = self.rng.one(&["payments", "payments", "issuing"]);
        self.last().balance_type = balance;
    }
}
