//! What happens on one account, one thing after the other.

use super::money::{Balances, Chance};
use super::month::{Account, DAY, MONTH, Transaction};
use serde_json::{Value, json};

/// Nothing becomes available so close to the month's end: what is pending then is pending for as
/// long as a test takes.
const AROUND_THE_END: (i64, i64) = (-3_600, 12 * 3_600);

/// An account in the making.
pub(super) struct Story {
    account: Account,
    chance: Chance,
    end: i64,
    now: i64,
    /// Charges that can be refunded or disputed: id, what is left of the net, pool.
    charges: Vec<(String, i64)>,
    /// Payments by bank debit that can still fail.
    debits: Vec<(String, i64)>,
    /// Refunds that can fail.
    refunds: Vec<(Value, i64)>,
    /// Disputes, by place, that are open, and what was taken.
    disputes: Vec<(usize, i64)>,
    /// Whether payouts are automatic.
    automatic: bool,
    objects: usize,
}

impl Story {
    pub(super) fn new(number: usize, currency: &'static str, end: i64, chance: Chance) -> Self {
        let account = Account {
            id: format!("acct_fed{number:03}"),
            currency,
            transactions: Vec::new(),
            events: Vec::new(),
            payouts: Vec::new(),
            disputes: Vec::new(),
            right: Balances::default(),
        };
        Self {
            account,
            chance,
            end,
            now: end - MONTH,
            charges: Vec::new(),
            debits: Vec::new(),
            refunds: Vec::new(),
            disputes: Vec::new(),
            automatic: number % 2 == 1,
            objects: 0,
        }
    }

    /// Makes up so many balance transactions.
    pub(super) fn tell(mut self, count: usize) -> Account {
        // The last of them happens an hour before the end, so that all have appeared by then.
        let step = (MONTH - 2 * 3_600) / i64::try_from(count.max(1)).unwrap();
        let begin = self.now;
        while self.account.transactions.len() < count {
            let done = i64::try_from(self.account.transactions.len()).unwrap();
            self.now = begin + done * step + self.chance.within(0, step.max(1));
            self.happen();
        }
        self.account.transactions.truncate(count);
        self.finish();
        self.account
    }

    fn happen(&mut self) {
        match self.chance.within(0, 100) {
            0..=49 => self.charge(),
            50..=55 => self.debit(),
            56..=65 => self.refund(),
            66..=69 => self.refund_failure(),
            70..=74 => self.dispute(),
            75..=78 => self.dispute_end(),
            79..=80 => self.transfer(),
            81..=88 => self.payout(),
            89..=90 => self.payout_failure(),
            91..=92 => self.debit_failure(),
            _ => self.other(),
        }
    }

    fn id(&mut self, prefix: &str) -> String {
        self.objects += 1;
        format!("{prefix}_{}x{:05}", &self.account.id[5..], self.objects)
    }

    /// A transaction that is available after so many days.
    fn add(&mut self, kind: &'static str, category: &'static str, amount: i64, days: i64) {
        let mut available_on = self.now + days * DAY;
        let from_end = available_on - self.end;
        if (AROUND_THE_END.0..AROUND_THE_END.1).contains(&from_end) {
            available_on += AROUND_THE_END.1 - AROUND_THE_END.0;
        }
        // Some appear hours after they were made; all are there at the month's end.
        let is_late = self.chance.percent(5);
        let late = if is_late { self.chance.within(1, 30) * 3_600 } else { 0 };
        let said = (days > 1 && self.chance.percent(4)).then(|| {
            let until = (self.now + DAY).min(self.end - 1);
            (until, available_on + 5 * DAY)
        });
        let id = self.id("txn");
        self.account.transactions.push(Transaction {
            id,
            kind,
            category,
            amount,
            fees: Vec::new(),
            currency: self.account.currency,
            rate: None,
            created: self.now,
            available_on,
            said,
            appears: (self.now + late).min(self.end),
            balance_type: "payments",
            pool: "card",
            source: None,
            payout: None,
        });
    }

    fn last(&mut self) -> &mut Transaction {
        self.account.transactions.last_mut().unwrap()
    }

    /// Something that subscribers hear of, if it is not lost.
    fn event(&mut self, kind: &str, created: i64, object: Value) {
        let id = self.id("evt");
        if created > self.end || self.chance.percent(10) {
            return;
        }
        self.account.events.push(json!({
            "id": id,
            "object": "event",
            "account": self.account.id,
            "api_version": "2026-10-28.dahlia",
            "created": created,
            "data": { "object": object },
            "livemode": false,
            "pending_webhooks": 0,
            "request": { "id": null, "idempotency_key": null },
            "type": kind,
        }));
    }

    fn charge_object(&self, id: &str, amount: i64, currency: &str, method: &str) -> Value {
        json!({
            "id": id, "object": "charge", "amount": amount, "amount_captured": amount,
            "amount_refunded": 0, "balance_transaction": null, "billing_details": {
                "address": null, "email": "ann@example.com", "name": "Ann Example",
                "phone": null, "tax_id": null
            },
            "captured": true, "created": self.now, "currency": currency, "disputed": false,
            "livemode": false, "metadata": { "order": "made up" }, "paid": true,
            "payment_method_details": { "type": method }, "refunded": false,
            "status": "succeeded", "source_transfer": null,
        })
    }

    fn charge(&mut self) {
        let id = self.id("ch");
        let asked = self.chance.within(500, 50_000);
        let own = self.account.currency;
        // A fifth is paid in another currency than the account's.
        let (currency, rate) = if self.chance.percent(20) {
            let rate =
                0.8 + f64::from(u32::try_from(self.chance.within(0, 400)).unwrap()) / 1_000.0;
            (if own == "eur" { "usd" } else { "eur" }, Some(rate))
        } else {
            (own, None)
        };
        let amount = rate.map_or(asked, |rate| converted(asked, rate));
        let object = self.charge_object(&id, asked, currency, "card");
        self.event("charge.succeeded", self.now, object.clone());
        let days = self.chance.of(&[2, 2, 2, 7]);
        self.add("charge", "charge", amount, days);
        let mut fees = vec![("stripe_fee", amount * 29 / 1_000 + 30)];
        if self.chance.percent(30) {
            fees.push(("application_fee", amount / 10));
        }
        if self.chance.percent(10) {
            fees.push(("tax", 7));
        }
        let last = self.last();
        (last.fees, last.rate, last.source) = (fees, rate, Some(object.clone()));
        let net = last.net();
        self.charges.push((id, net));
        self.event("charge.updated", self.now + 3, object);
    }

    fn debit(&mut self) {
        let id = self.id("py");
        let amount = self.chance.within(2_000, 90_000);
        let currency = self.account.currency;
        let object = self.charge_object(&id, amount, currency, "us_bank_account");
        self.add("payment", "charge", amount, 4);
        let last = self.last();
        (last.fees, last.pool) = (vec![("stripe_fee", amount * 8 / 1_000)], "bank_account");
        last.source = Some(object);
        self.debits.push((id, amount));
    }

    fn debit_failure(&mut self) {
        let Some((id, amount)) = self.debits.pop() else { return self.charge() };
        let currency = self.account.currency;
        let mut object = self.charge_object(&id, amount, currency, "us_bank_account");
        object["status"] = json!("failed");
        self.add("payment_failure_refund", "charge_failure", -amount, 0);
        let last = self.last();
        (last.pool, last.source) = ("bank_account", Some(object));
    }

    fn transfer(&mut self) {
        let (id, transfer) = (self.id("py"), self.id("tr"));
        let amount = self.chance.within(1_000, 20_000);
        let currency = self.account.currency;
        let mut object = self.charge_object(&id, amount, currency, "stripe_account");
        object["source_transfer"] = transfer.into();
        self.add("payment", "charge", amount, 0);
        self.last().source = Some(object);
    }

    fn refund(&mut self) {
        if self.charges.is_empty() {
            return self.charge();
        }
        let at = usize::try_from(self.chance.within(0, i64::try_from(self.charges.len()).unwrap()));
        let at = at.unwrap();
        let (charge, left) = self.charges[at].clone();
        let amount = if self.chance.percent(50) { left } else { left / 3 };
        if amount < 10 {
            return self.charge();
        }
        self.charges[at].1 -= amount;
        let id = self.id("re");
        let object = json!({
            "id": id, "object": "refund", "amount": amount, "charge": charge,
            "created": self.now, "currency": self.account.currency, "metadata": {},
            "reason": null, "status": "succeeded", "balance_transaction": null,
            "payment_intent": null, "receipt_number": null, "source_transfer_reversal": null,
            "transfer_reversal": null,
        });
        self.event("refund.created", self.now, object.clone());
        let days = self.chance.of(&[0, 0, 2]);
        self.add("refund", "refund", -amount, days);
        self.last().source = Some(object.clone());
        self.refunds.push((object, amount));
    }

    fn refund_failure(&mut self) {
        let Some((object, amount)) = self.refunds.pop() else { return self.charge() };
        self.add("refund_failure", "refund_failure", amount, 0);
        self.last().source = Some(object);
    }

    fn dispute(&mut self) {
        let Some((charge, left)) = self.charges.pop() else { return self.charge() };
        if left < 10 {
            return self.charge();
        }
        // The day's rate may make it more than the charge brought.
        let amount = left + self.chance.within(0, left / 10 + 1);
        let id = self.id("du");
        let object = json!({
            "id": id, "object": "dispute", "amount": amount, "balance_transactions": [],
            "charge": charge, "created": self.now, "currency": self.account.currency,
            "enhanced_eligibility_types": [], "evidence": {}, "evidence_details": {
                "due_by": self.now + 10 * DAY, "has_evidence": false, "past_due": false,
                "submission_count": 0, "enhanced_eligibility": {}
            },
            "is_charge_refundable": false, "livemode": false, "metadata": {},
            "payment_intent": null, "reason": "general", "status": "needs_response",
        });
        self.event("charge.dispute.created", self.now, object.clone());
        self.add("adjustment", "dispute", -amount, 0);
        let last = self.last();
        (last.fees, last.source) = (vec![("stripe_fee", 1_500)], Some(object.clone()));
        self.disputes.push((self.account.disputes.len(), amount));
        self.account.disputes.push(object);
    }

    fn dispute_end(&mut self) {
        if self.disputes.is_empty() {
            return self.dispute();
        }
        let (at, amount) = self.disputes.remove(0);
        let is_won = self.chance.percent(50);
        self.account.disputes[at]["status"] = json!(if is_won { "won" } else { "lost" });
        let object = self.account.disputes[at].clone();
        // Part of the money can come back although it is lost.
        let back = if is_won { amount } else { amount / 4 };
        self.add("adjustment", "dispute_reversal", back.max(1), 0);
        self.last().source = Some(object.clone());
        self.event("charge.dispute.closed", self.now + 1, object);
    }

    /// What can be paid out of a pool now.
    fn available(&self, pool: &str) -> i64 {
        let of_pool = |one: &&Transaction| one.pool == pool && one.balance_type == "payments";
        let counts = |one: &Transaction| if one.is_pending(self.now) { 0 } else { one.net() };
        let all = self.account.transactions.iter().filter(of_pool);
        // What is pending and negative is not outrun.
        let owed = self.account.transactions.iter().filter(of_pool);
        let owed = owed.filter(|one| one.is_pending(self.now)).map(|one| one.net().min(0));
        all.map(counts).sum::<i64>() + owed.sum::<i64>()
    }

    fn payout(&mut self) {
        let pool = self.chance.of(&["card", "card", "bank_account"]);
        let available = self.available(pool);
        if available < 1_000 {
            return self.charge();
        }
        let is_automatic = self.automatic && pool == "card";
        let amount = if is_automatic { available } else { available / 2 };
        let id = self.id("po");
        let arrival = self.now + 2 * DAY;
        let is_there = arrival < self.end;
        let object = json!({
            "id": id, "object": "payout", "amount": amount, "application_fee": null,
            "application_fee_amount": null, "arrival_date": arrival, "automatic": is_automatic,
            "balance_transaction": null, "created": self.now, "currency": self.account.currency,
            "description": null, "destination": "ba_1", "failure_balance_transaction": null,
            "failure_code": null, "failure_message": null, "livemode": false, "metadata": {},
            "method": "standard", "original_payout": null, "payout_method": null,
            "reconciliation_status": if !is_automatic { "not_applicable" }
                else if is_there { "completed" } else { "in_progress" },
            "reversed_by": null, "source_type": pool, "statement_descriptor": null,
            "status": if is_there { "paid" } else { "in_transit" }, "trace_id": null,
            "type": "bank_account",
        });
        if is_automatic {
            let now = self.now;
            let carried =
                self.account.transactions.iter_mut().filter(|one| {
                    one.pool == "card" && one.payout.is_none() && !one.is_pending(now)
                });
            carried.for_each(|one| one.payout = Some(id.clone()));
        }
        self.add("payout", "payout", -amount, 2);
        let last = self.last();
        (last.pool, last.source) = (pool, Some(object.clone()));
        // Its day is that of its arrival, and says nothing of the money.
        (last.available_on, last.said) = (arrival, None);
        if is_automatic {
            last.payout = Some(id);
            self.event("payout.reconciliation_completed", arrival + 60, object.clone());
        }
        self.event("payout.paid", arrival, object.clone());
        self.account.payouts.push(object);
    }

    fn payout_failure(&mut self) {
        let now = self.now;
        let can_fail = |payout: &&mut Value| {
            payout["automatic"] == false && payout["status"] != "failed" && {
                let arrival = payout["arrival_date"].as_i64().unwrap();
                arrival < now
            }
        };
        let Some(payout) = self.account.payouts.iter_mut().rev().find(can_fail) else {
            return self.charge();
        };
        payout["status"] = json!("failed");
        payout["failure_code"] = json!("account_closed");
        let object = payout.clone();
        let amount = object["amount"].as_i64().unwrap();
        let pool = if object["source_type"] == "card" { "card" } else { "bank_account" };
        self.add("payout_failure", "payout_reversal", amount, 0);
        let last = self.last();
        (last.pool, last.source) = (pool, Some(object.clone()));
        self.event("payout.failed", self.now, object);
    }

    /// What has no object that events name.
    fn other(&mut self) {
        let sum = self.chance.within(10, 3_000);
        match self.chance.within(0, 8) {
            0 => self.add("stripe_fee", "fee", -sum, 0),
            1 => self.add("adjustment", "fee", sum, 0),
            2 => self.add("topup", "topup", sum, 0),
            3 => self.add("reserve_hold", "reserve_hold", -sum, 0),
            4 => {
                // The other half of such a hold, on a balance that no payout is made of.
                self.add("reserve_hold", "reserve_hold", sum, 0);
                self.last().balance_type = "risk_reserved";
            }
            5 => self.add("charge_of_nothing", "other_adjustment", 0, 0),
            6 => self.add("a_type_of_tomorrow", "of_tomorrow", -sum, 0),
            _ => self.add("connect_collection_transfer", "connect_collection_transfer", sum, 0),
        }
    }

    /// Counts, and puts events into their order.
    fn finish(&mut self) {
        self.account.events.sort_by_key(|event| event["created"].as_i64());
        for one in self.account.transactions.iter().filter(|one| one.balance_type == "payments") {
            let is_pending = one.is_pending(self.end);
            self.account.right.add(one.currency, one.pool, one.net(), is_pending);
        }
        // An object that stands in a transaction which was cut off is not of this month.
        let sources = self.account.transactions.iter().filter_map(|one| one.source.as_ref());
        let ids: Vec<String> = sources.map(|source| source["id"].to_string()).collect();
        let is_known = |object: &Value| ids.contains(&object["id"].to_string());
        self.account.payouts.retain(is_known);
        self.account.disputes.retain(is_known);
    }
}

/// An amount in the account's currency.
fn converted(amount: i64, rate: f64) -> i64 {
    let parts = (rate * 1_000.0).round() as i64;
    amount * parts / 1_000
}
