//! A made-up month: what happened on some accounts, from a seed.

use super::money::{Balances, Chance};
use super::story::Story;
use serde_json::{Value, json};

/// A day, in seconds.
pub(super) const DAY: i64 = 86_400;

/// Seconds of the month.
pub(super) const MONTH: i64 = 31 * DAY;

/// The accounts' currencies.
const CURRENCIES: [&str; 6] = ["usd", "eur", "gbp", "jpy", "cad", "chf"];

/// What is to be made up.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The same seed makes the same month, but for its end.
    pub seed: u64,
    /// How many accounts there are.
    pub accounts: usize,
    /// How many balance transactions there are on all of them.
    pub transactions: usize,
    /// When the month ends, in Unix seconds.
    pub end: i64,
}

/// What happened.
pub struct Month {
    /// The accounts.
    pub accounts: Vec<Account>,
    /// When it ends.
    pub end: i64,
}

/// What happened on an account.
pub struct Account {
    /// Its id.
    pub id: String,
    /// What it is paid in.
    pub currency: &'static str,
    /// Its balance transactions, in the order in which they were created.
    pub transactions: Vec<Transaction>,
    /// Events, in the order in which they happened.
    pub events: Vec<Value>,
    /// Its payouts, each as it stands at the month's end.
    pub payouts: Vec<Value>,
    /// Its disputes, likewise.
    pub disputes: Vec<Value>,
    /// What it has at the month's end, counted while it was made up.
    pub right: Balances,
}

/// A balance transaction.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// Its id.
    pub id: String,
    /// Its type.
    pub kind: &'static str,
    /// Its reporting category.
    pub category: &'static str,
    /// Before fees, in the account's currency.
    pub amount: i64,
    /// Fees by type.
    pub fees: Vec<(&'static str, i64)>,
    /// The account's currency.
    pub currency: &'static str,
    /// Units of it for one of the customer's.
    pub rate: Option<f64>,
    /// When it was made.
    pub created: i64,
    /// When its money counts as available.
    pub available_on: i64,
    /// Until when another day was said, and which.
    pub said: Option<(i64, i64)>,
    /// From when it is in lists.
    pub appears: i64,
    /// Which balance it is of.
    pub balance_type: &'static str,
    /// The pool of its money.
    pub pool: &'static str,
    /// The object behind it.
    pub source: Option<Value>,
    /// The automatic payout that carried it.
    pub payout: Option<String>,
}

impl Transaction {
    /// All fees.
    pub fn fee(&self) -> i64 {
        self.fees.iter().map(|(_, amount)| amount).sum()
    }

    /// What it changes the balance by.
    pub fn net(&self) -> i64 {
        self.amount - self.fee()
    }

    /// Whether its money is not available yet. Payouts leave at once, whatever their day.
    pub fn is_pending(&self, now: i64) -> bool {
        self.available_on > now && !self.kind.starts_with("payout")
    }

    /// As Stripe shows it at a time, with its source as an object or as an id.
    pub fn shown(&self, now: i64, is_expanded: bool) -> Value {
        let fees = self.fees.iter().map(|(kind, amount)| {
            json!({
                "amount": amount,
                "application": if *kind == "application_fee" { json!("ca_1") } else { Value::Null },
                "currency": self.currency,
                "description": if *kind == "tax" { "VAT" } else { "Stripe processing fees" },
                "type": kind,
            })
        });
        let said = self.said.filter(|(until, _)| now < *until);
        let available_on = said.map_or(self.available_on, |(_, day)| day);
        let source = match &self.source {
            Some(source) if is_expanded => source.clone(),
            Some(source) => source["id"].clone(),
            None => Value::Null,
        };
        json!({
            "id": self.id,
            "object": "balance_transaction",
            "amount": self.amount,
            "available_on": available_on,
            "balance_type": self.balance_type,
            "created": self.created,
            "currency": self.currency,
            "description": "made up for Ann Example",
            "exchange_rate": self.rate,
            "fee": self.fee(),
            "fee_details": fees.collect::<Vec<_>>(),
            "net": self.net(),
            "reporting_category": self.category,
            "source": source,
            "status": if available_on > now { "pending" } else { "available" },
            "type": self.kind,
        })
    }
}

impl Account {
    /// What it has at a time, counted from its transactions.
    pub fn balances(&self, now: i64) -> Balances {
        let mut balances = Balances::default();
        for one in self.transactions.iter().filter(|one| one.created <= now) {
            if one.balance_type == "payments" {
                balances.add(one.currency, one.pool, one.net(), one.is_pending(now));
            }
        }
        balances
    }
}

impl Month {
    /// Makes one up.
    pub fn of(plan: Plan) -> Self {
        let mut chance = Chance::new(plan.seed);
        let each = plan.transactions / plan.accounts;
        let accounts = (0..plan.accounts).map(|number| {
            // What does not divide is the first one's.
            let more = if number == 0 { plan.transactions % plan.accounts } else { 0 };
            let currency = CURRENCIES[number % CURRENCIES.len()];
            let chance = Chance::new(chance.next());
            Story::new(number, currency, plan.end, chance).tell(each + more)
        });
        Self { accounts: accounts.collect(), end: plan.end }
    }

    /// How many balance transactions there are.
    pub fn count(&self) -> usize {
        self.accounts.iter().map(|account| account.transactions.len()).sum()
    }

    /// The account of that id; the first one, without.
    pub fn account(&self, id: Option<&str>) -> Option<&Account> {
        match id {
            None => self.accounts.first(),
            Some(id) => self.accounts.iter().find(|account| account.id == id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const PLAN: Plan = Plan { seed: 7, accounts: 5, transactions: 600, end: 1_800_000_000 };

    #[test]
    fn the_sums_that_were_counted_on_the_way_are_those_of_the_transactions() {
        let month = Month::of(PLAN);
        assert_eq!(month.count(), PLAN.transactions);
        for account in &month.accounts {
            assert_eq!(account.right, account.balances(month.end), "{}", account.id);
        }
    }

    #[test]
    fn the_same_seed_makes_the_same_month() {
        let shown = |plan| {
            let month = Month::of(plan);
            let all = month.accounts.iter().flat_map(|account| &account.transactions);
            all.map(|one| one.shown(month.end, true)).collect::<Vec<_>>()
        };
        assert_eq!(shown(PLAN), shown(PLAN));
        assert_ne!(shown(PLAN), shown(Plan { seed: 8, ..PLAN }));
    }

    #[test]
    fn much_of_what_happens_at_stripe_happens() {
        let month = Month::of(Plan { transactions: 2_000, ..PLAN });
        let all = || month.accounts.iter().flat_map(|account| &account.transactions);
        let kinds: BTreeSet<(&str, &str)> = all().map(|one| (one.kind, one.category)).collect();
        for kind in [
            ("charge", "charge"),
            ("payment", "charge"),
            ("payment_failure_refund", "charge_failure"),
            ("refund", "refund"),
            ("refund_failure", "refund_failure"),
            ("adjustment", "dispute"),
            ("adjustment", "dispute_reversal"),
            ("adjustment", "fee"),
            ("payout", "payout"),
            ("payout_failure", "payout_reversal"),
            ("stripe_fee", "fee"),
            ("topup", "topup"),
            ("reserve_hold", "reserve_hold"),
        ] {
            assert!(kinds.contains(&kind), "{kind:?} is not among {kinds:?}");
        }
        assert!(all().any(|one| one.rate.is_some()), "no currency is converted");
        assert!(all().any(|one| one.appears > one.created), "none appears late");
        assert!(all().any(|one| one.said.is_some()), "no day moves");
        assert!(all().any(|one| one.payout.is_some()), "no automatic payout carries any");
    }
}
