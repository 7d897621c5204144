//! Where intake, reports and simulations end: the largest amounts, the smallest shares, midnight to
//! the second, times before anything was told, and what processors say twice.

use super::analyst::{REPORT, as_it_was, report};
use super::fixture::{DAY, Fixture, MARCH_1, march, text};
use super::transactions::Txn;
use coffer_testkit::Params;
use serde_json::{Value, json};

/// The largest amount that a transaction can have.
const MOST: i64 = 999_999_999_999_999;

/// A charge in a currency.
fn charge_in(fixture: &Fixture, id: &str, amount: i64, currency: &str) {
    let amount = amount.to_string();
    let charge = [("id", id), ("amount", amount.as_str()), ("currency", currency)];
    fixture.post("/v1/ledger/charges", &charge).ok();
}

fn simulated(fixture: &Fixture, more: Params<'_>) -> Value {
    let params = [&[("mode", "test"), ("account", fixture.account.as_str())][..], more].concat();
    fixture.server.admin().get("/v1/admin/reserves/simulation", &params).ok()
}

#[test]
fn the_largest_amounts_are_held_reported_and_simulated_to_the_unit() {
    let fixture = Fixture::new();
    let plans = [fixture.rolling(99, 30), fixture.rolling(60, 9)];
    for number in 0..9 {
        let (id, source) = (format!("txn_{number}"), format!("ch_{number}"));
        fixture.tell(&id, "charge", MOST, &[("source", &source)]);
    }
    // The second plan has what the first leaves of each.
    let first = (MOST * 99 + 50) / 100;
    assert_eq!(fixture.standing(), [0, 0, 9 * MOST, 0]);
    let held = |plan: &Value| {
        let holds = fixture.list("/v1/reserve/holds", &[("reserve_plan", &text(plan, "id"))]);
        holds[0]["amount"].as_i64().unwrap()
    };
    assert_eq!(plans.map(|plan| held(&plan)), [first, MOST - first]);
    let told = report(&fixture, &[]);
    let figures = &told["currencies"][0];
    assert_eq!([&figures["exposure"], &figures["reserved"]], [9 * MOST, 9 * MOST]);
    assert_eq!(figures["coverage"], 10_000);
    fixture.advance_to(MARCH_1 + 60);
    let dispute = [("source", "du_1"), ("charge", "ch_1"), ("reporting_category", "dispute")];
    fixture.tell("txn_d", "adjustment", -MOST, &dispute);
    let all = fixture.tell("txn_f", "refund", -MOST, &[("source", "re_2"), ("charge", "ch_2")]);
    assert_eq!(all["drawn"], MOST);
    let found = simulated(&fixture, &[("plan[]", "percent=100,days_after_charge=30")]);
    let said = &found["plans"][0]["currencies"][0];
    assert_eq!([&said["held"], &said["still_held"]], [9 * MOST, 7 * MOST]);
    assert_eq!((&said["covered"], &said["peak"]), (&json!(10_000), &json!(9 * MOST)));
    fixture.verify();
    for (name, value) in [("amount", MOST + 1), ("amount", -MOST - 1), ("fee", MOST + 1)] {
        let value = value.to_string();
        let more = [(name, &*value), ("source", "ch_x")];
        let txn = Txn { id: "txn_x", word: "charge", amount: 1, fee: 0, more: &more };
        assert_eq!(fixture.try_tell(&txn).refused(400)["param"], name, "{value}");
    }
}

#[test]
fn currencies_without_and_with_three_decimals_are_held_in_their_smallest_unit() {
    let fixture = Fixture::new();
    fixture.rolling(50, 30);
    // Half of one yen is rounded up; half of a thousandth of a dinar is, too.
    for (place, (currency, amount, held)) in
        [("jpy", 1, 1), ("jpy", 3, 2), ("kwd", 1001, 501), ("isk", 2, 1), ("ugx", 101, 51)]
            .into_iter()
            .enumerate()
    {
        let id = format!("ch_{place}");
        charge_in(&fixture, &id, amount, currency);
        let hold = &fixture.list("/v1/reserve/holds", &[("source_charge", &id)])[0];
        assert_eq!((&hold["amount"], &hold["currency"]), (&json!(held), &json!(currency)));
    }
    let told = report(&fixture, &[]);
    let of: Vec<_> = told["currencies"].as_array().unwrap().iter().collect();
    let shown: Vec<_> =
        of.iter().map(|each| (text(each, "currency"), each["reserved"].as_i64())).collect();
    let expected = [("isk", 1), ("jpy", 3), ("kwd", 501), ("ugx", 51)];
    assert_eq!(shown, expected.map(|(currency, held)| (currency.to_owned(), Some(held))));
    fixture.verify();
}

#[test]
fn before_anything_was_told_there_is_nothing() {
    let fixture = Fixture::new();
    let nothing = report(&fixture, &[]);
    assert_eq!((&nothing["currencies"], &nothing["accounts"]), (&json!([]), &json!([])));
    let plan = ("plan[]", "percent=10,days_after_charge=30");
    assert_eq!(simulated(&fixture, &[plan])["charges"], 0);
    fixture.rolling(10, 30);
    fixture.advance_to(MARCH_1 + 60);
    fixture.charge("ch_1", 1000, &[]);
    for (as_of, seen) in
        [(0, false), (MARCH_1 - 400 * DAY, false), (MARCH_1 + 59, false), (MARCH_1 + 60, true)]
    {
        let told = report(&fixture, &[("as_of", &as_of.to_string())]);
        let currencies = told["currencies"].as_array().unwrap();
        assert_eq!(currencies.len(), usize::from(seen), "{as_of}: {told}");
        if seen {
            assert_eq!([&currencies[0]["exposure"], &currencies[0]["reserved"]], [1000, 100]);
        }
    }
    // Test data is none of the live books.
    let live = [("mode", "live"), ("account", fixture.account.as_str())];
    let admin = fixture.server.admin();
    assert_eq!(admin.get(REPORT, &live).ok()["currencies"], json!([]));
    let live = [&live[..], &[plan]].concat();
    assert_eq!(admin.get("/v1/admin/reserves/simulation", &live).ok()["charges"], 0);
    // Since before all, since the charge's own second, and since the one after it.
    for (since, charges) in [(0, 1), (MARCH_1 + 60, 1), (MARCH_1 + 61, 0)] {
        let found = simulated(&fixture, &[plan, ("since", &since.to_string())]);
        assert_eq!(found["charges"], charges, "{since}");
    }
}

#[test]
fn a_day_ends_at_midnight_of_utc_to_the_second() {
    let fixture = Fixture::at(coffer_testkit::TestServer::builder(), march(2) - 1);
    fixture.rolling(10, 3);
    fixture.charge("ch_1", 1000, &[]);
    fixture.advance_to(march(2));
    fixture.charge("ch_2", 2000, &[]);
    // One second apart, a day apart: of either the midnight after three days.
    let told = report(&fixture, &[]);
    let forecast = told["currencies"][0]["forecast"].clone();
    let expected = json!([
        {"amount": 100, "date": march(5)},
        {"amount": 200, "date": march(6)},
    ]);
    assert_eq!(forecast, expected);
    let figure = |name: &str, as_of: i64, days: &str| {
        let told = report(&fixture, &[("as_of", &as_of.to_string()), ("window_days", days)]);
        told["currencies"][0][name].as_i64().unwrap()
    };
    fixture.advance_to(march(6));
    // A window of a day has today and yesterday.
    assert_eq!(figure("exposure", march(2) - 1, "1"), 1000);
    assert_eq!(figure("exposure", march(2), "1"), 3000);
    assert_eq!(figure("exposure", march(3) - 1, "1"), 3000);
    assert_eq!(figure("exposure", march(3), "1"), 2000);
    assert_eq!(figure("exposure", march(4), "1"), 0);
    // What is due at a midnight is held until its second.
    for (as_of, reserved) in [(march(5) - 1, 300), (march(6) - 1, 300), (march(6), 0)] {
        assert_eq!(figure("reserved", as_of, "120"), reserved, "{as_of}");
    }
    assert_eq!(figure("overdue", march(5), "120"), 100, "nobody had released it yet");
    fixture.verify();
    let words = "percent=10,days_after_charge=3";
    let found = simulated(&fixture, &[("plan[]", words), ("since", &march(1).to_string())]);
    assert_eq!(found["plans"][0]["currencies"][0]["returns"], expected);
}

#[test]
fn what_a_processor_says_twice_moves_money_as_often_as_it_has_transactions_for_it() {
    let fixture = Fixture::new();
    fixture.rolling(50, 30);
    fixture.tell("txn_1", "charge", 1000, &[("source", "ch_1")]);
    fixture.advance_to(march(3));
    let dates = [("created", &*march(3).to_string()), ("available_on", &*march(3).to_string())]
        .map(|(name, value)| (name, value.to_owned()));
    let tell = |id: &str, word: &str, amount: i64, category: &str, source: &str| {
        let mut more: Vec<_> = dates.iter().map(|(name, value)| (*name, &**value)).collect();
        more.extend([("reporting_category", category), ("source", source)]);
        if !source.starts_with("po_") {
            more.push(("charge", "ch_1"));
        }
        fixture.tell(id, word, amount, &more)
    };
    assert_eq!(tell("txn_2", "adjustment", -700, "dispute", "du_1")["drawn"], 500);
    // Won, lost on appeal, and won again: each has a transaction, and the word moves nothing.
    tell("txn_3", "adjustment", 700, "dispute_reversal", "du_1");
    tell("txn_4", "adjustment", -700, "dispute", "du_1");
    tell("txn_5", "adjustment", 700, "dispute_reversal", "du_1");
    for status in ["won", "won", "lost", "won"] {
        fixture.post("/v1/ledger/disputes/du_1", &[("status", status)]).ok();
    }
    let dispute = fixture.get("/v1/ledger/disputes/du_1");
    assert_eq!([&dispute["withdrawn"], &dispute["reinstated"]], [1400, 1400]);
    assert_eq!(fixture.standing(), [0, 1000, 0, 0]);
    // A refund fails, is sent again under its own id, and fails again.
    for (id, word, amount) in
        [("txn_6", "refund", -300), ("txn_7", "refund_failure", 300), ("txn_8", "refund", -300)]
    {
        tell(id, word, amount, word, "re_1");
    }
    tell("txn_9", "refund_failure", 300, "refund_failure", "re_1");
    assert_eq!(fixture.get("/v1/ledger/charges/ch_1")["amount_refunded"], 0);
    // A payout is stopped, and fails after that: what the processor gave back, it gave back.
    tell("txn_10", "payout", -900, "payout", "po_1");
    tell("txn_11", "payout_cancel", 900, "payout_reversal", "po_1");
    assert_eq!(fixture.get("/v1/ledger/payouts/po_1")["status"], "canceled");
    tell("txn_12", "payout_failure", 40, "payout_reversal", "po_1");
    assert_eq!(fixture.standing(), [0, 1040, 0, 0]);
    fixture.verify();
    as_it_was(&fixture, "percent=50,days_after_charge=30");
}

#[test]
fn a_payout_that_comes_back_elsewhere_is_counted_where_it_came() {
    // Another source type, another currency, and twice.
    for (name, value) in [("source_type", "bank_account"), ("currency", "eur")] {
        for back_first in [false, true] {
            let fixture = Fixture::new();
            fixture.tell("txn_1", "charge", 5000, &[("source", "ch_1"), ("source_type", "card")]);
            fixture.advance_to(march(3));
            let out = || {
                let more = [("source", "po_1"), ("source_type", "card")];
                let txn = Txn { id: "txn_2", word: "payout", amount: -900, fee: 0, more: &more };
                fixture.try_tell(&txn).ok()
            };
            let back = || {
                let more = [("source", "po_1"), (name, value)];
                let word = "payout_failure";
                let txn = Txn { id: "txn_3", word, amount: 900, fee: 0, more: &more };
                fixture.try_tell(&txn).ok()
            };
            if back_first {
                back();
                out();
            } else {
                out();
                back();
            }
            let balance = fixture.get("/v1/balance");
            let mut all: Vec<(String, i64)> = Vec::new();
            for each in balance["available"].as_array().unwrap() {
                all.push((text(each, "currency"), each["amount"].as_i64().unwrap()));
            }
            let usd = if name == "currency" { 4100 } else { 5000 };
            assert!(all.contains(&("usd".to_owned(), usd)), "{name} {back_first}: {balance}");
            let has_eur = all.contains(&("eur".to_owned(), 900));
            assert_eq!(has_eur, name == "currency", "{balance}");
            assert_eq!(fixture.get("/v1/ledger/payouts/po_1")["status"], "failed");
            fixture.verify();
            // Another payment under the same id leaves and comes back as it should.
            let more = [("source", "po_1"), (name, value)];
            let txn = Txn { id: "txn_4", word: "payout", amount: -900, fee: 0, more: &more };
            fixture.try_tell(&txn).ok();
            fixture.verify();
        }
    }
}

#[test]
fn a_failure_whose_refund_was_never_told_makes_no_charge_larger() {
    let fixture = Fixture::new();
    fixture.tell("txn_1", "charge", 1000, &[("source", "ch_1")]);
    let of_charge = [("source", "re_1"), ("charge", "ch_1")];
    fixture.tell("txn_2", "refund_failure", 400, &of_charge);
    let charge = fixture.get("/v1/ledger/charges/ch_1");
    assert_eq!(charge["amount_refunded"], 0, "{charge}");
    assert_eq!(report(&fixture, &[])["currencies"][0]["exposure"], 1000);
    fixture.verify();
    // Its refund comes late, and they are even.
    fixture.tell("txn_3", "refund", -400, &of_charge);
    assert_eq!(fixture.get("/v1/ledger/charges/ch_1")["amount_refunded"], 0);
    assert_eq!(report(&fixture, &[])["currencies"][0]["exposure"], 1000);
    fixture.tell("txn_4", "refund", -300, &[("source", "re_2"), ("charge", "ch_1")]);
    assert_eq!(fixture.get("/v1/ledger/charges/ch_1")["amount_refunded"], 300);
    assert_eq!(report(&fixture, &[])["currencies"][0]["exposure"], 700);
    fixture.verify();
}

#[test]
fn plans_side_by_side_are_simulated_as_if_each_were_alone() {
    let fixture = Fixture::new();
    fixture.rolling(60, 30);
    fixture.rolling(70, 9);
    fixture.charge("ch_1", 1000, &[]);
    charge_in(&fixture, "ch_2", 2000, "eur");
    // Both together hold no more than there is.
    assert_eq!(fixture.standing(), [0, 0, 1000, 0]);
    let plans = [
        ("plan[]", "percent=60,days_after_charge=30"),
        ("plan[]", "percent=70,days_after_charge=9"),
        ("plan[]", "percent=70,days_after_charge=9,currency=eur"),
        ("plan[]", "percent=70,days_after_charge=9,currency=jpy"),
    ];
    let found = simulated(&fixture, &plans);
    let held = |plan: usize| -> Vec<(String, i64)> {
        let currencies = found["plans"][plan]["currencies"].as_array().unwrap();
        let each = |of: &Value| (text(of, "currency"), of["held"].as_i64().unwrap());
        currencies.iter().map(each).filter(|(_, held)| *held > 0).collect()
    };
    let of = |currency: &str, held| (currency.to_owned(), held);
    assert_eq!(held(0), [of("eur", 1200), of("usd", 600)]);
    assert_eq!(held(1), [of("eur", 1400), of("usd", 700)]);
    assert_eq!(held(2), [of("eur", 1400)]);
    assert_eq!(held(3), []);
}

#[test]
fn a_new_account_has_its_default_currency_at_zero() {
    for (set, shown) in [(None, "usd"), (Some("eur"), "eur")] {
        let builder = coffer_testkit::TestServer::builder();
        let builder = match set {
            Some(currency) => builder.set(&coffer_ledger::DEFAULT_CURRENCY, currency),
            None => builder,
        };
        let fixture = Fixture::with(builder);
        let balance = fixture.get("/v1/balance");
        for half in ["available", "pending"] {
            let [row] = &balance[half].as_array().unwrap()[..] else { panic!("{balance}") };
            assert_eq!((&row["amount"], &row["currency"]), (&json!(0), &json!(shown)), "{half}");
        }
        // Once there is money, what is shown is what there is.
        charge_in(&fixture, "ch_1", 100, "jpy");
        let pending = fixture.get("/v1/balance")["pending"].clone();
        assert_eq!(
            (pending.as_array().unwrap().len(), &pending[0]["currency"]),
            (1, &json!("jpy"))
        );
    }
}
