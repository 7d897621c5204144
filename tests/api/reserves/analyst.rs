//! What a risk analyst asks: exposure and coverage at any moment, why money is held, and what a
//! plan would have done.

use super::fixture::{DAY, Fixture, MARCH_1, march, text};
use coffer_testkit::Params;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub const REPORT: &str = "/v1/admin/reserves/report";

pub fn report(fixture: &Fixture, more: Params<'_>) -> Value {
    let params = [&[("mode", "test"), ("account", fixture.account.as_str())][..], more].concat();
    fixture.server.admin().get(REPORT, &params).ok()
}

/// The figures of the one currency, and what is said of the account.
pub fn figures(report: &Value) -> Value {
    let mut shown = report["currencies"][0].clone();
    if let Some(shown) = shown.as_object_mut() {
        shown.remove("negative_accounts");
    }
    shown
}

fn int(of: &Value, name: &str) -> i64 {
    of[name].as_i64().unwrap_or_default()
}

/// The same figures, summed from the objects that the API lists.
pub fn summed(fixture: &Fixture, now: i64) -> Value {
    let all = [("limit", "100")];
    let since = (now - now % DAY) - 120 * DAY;
    let charges = fixture.list("/v1/ledger/charges", &all);
    let open = charges
        .iter()
        .filter(|charge| charge["disputed"] == json!(false) && int(charge, "created") >= since);
    let exposure: i64 =
        open.map(|charge| int(charge, "amount") - int(charge, "amount_refunded")).sum();
    let mut releases: BTreeMap<i64, i64> = BTreeMap::new();
    for hold in fixture.list("/v1/reserve/holds", &all) {
        let date = int(&hold["release_schedule"], "scheduled_release");
        *releases.entry(date).or_default() += int(&hold, "amount_releasable");
    }
    releases.retain(|_, amount| *amount != 0);
    let forecast: Vec<Value> =
        releases.iter().map(|(date, amount)| json!({ "amount": amount, "date": date })).collect();
    let due: i64 = releases.range(..=now + 7 * DAY).map(|(_, amount)| amount).sum();
    let [pending, available, reserved_pending, reserved_available] = fixture.standing();
    let reserved = reserved_pending + reserved_available;
    json!({
        "available": available,
        "coverage": (exposure > 0).then(|| reserved * 10_000 / exposure),
        "due_within_7_days": due,
        "exposure": exposure,
        "forecast": forecast,
        "negative": -(pending + available).min(0),
        "pending": pending,
        "reserved": reserved,
        "reserved_pending": reserved_pending,
    })
}

/// One of several things that happen to an account, by a number that is drawn.
fn something(fixture: &Fixture, step: i64, drawn: i64, plan: &str) {
    let (id, earlier) = (format!("ch_{step}"), format!("ch_{}", step - 1 - drawn % 5));
    let amount = (1000 + drawn % 9000).to_string();
    match drawn % 10 {
        0..=4 => {
            fixture.charge(&id, 1000 + drawn % 9000, &[("fee", "30")]);
        }
        5 | 6 => {
            let of = [("id", &format!("re_{step}")[..]), ("charge", &earlier), ("amount", "400")];
            fixture.post("/v1/ledger/refunds", &of);
        }
        7 => {
            let of = [
                ("id", &format!("du_{step}")[..]),
                ("charge", &earlier),
                ("amount", "900"),
                ("fee", "15"),
            ];
            fixture.post("/v1/ledger/disputes", &of);
        }
        8 => {
            let of = [
                ("id", &format!("po_{step}")[..]),
                ("amount", &amount),
                ("currency", "usd"),
                ("reported", "true"),
            ];
            fixture.post("/v1/ledger/payouts", &of).ok();
        }
        _ => {
            let later = (fixture.server.clock.now_unix() + (40 + drawn % 60) * DAY).to_string();
            let moved = [("fixed_release[release_after]", later.as_str())];
            fixture.post(&format!("/v1/reserve/plans/{plan}"), &moved);
        }
    }
}

#[test]
fn a_report_of_any_past_moment_says_what_was_said_then() {
    let fixture = Fixture::new();
    fixture.rolling(10, 5);
    let plan = text(&fixture.fixed(7, MARCH_1 + 60 * DAY), "id");
    let (mut drawn, mut said) = (7_i64, Vec::new());
    for step in 0..60 {
        drawn = (drawn * 1_103_515_245 + 12_345) % 2_147_483_648;
        fixture.advance_to(MARCH_1 + step * (DAY / 3) + 60);
        something(&fixture, step, drawn / 65_536, &plan);
        let now = fixture.server.clock.now_unix();
        let shown = figures(&report(&fixture, &[("as_of", &now.to_string())]));
        if !shown.is_object() {
            continue;
        }
        let expected = summed(&fixture, now);
        for (name, value) in expected.as_object().into_iter().flatten() {
            assert_eq!((&shown[name], name), (value, name), "step {step}: {shown}");
        }
        assert_eq!((&shown["overdue"], &shown["undated"]), (&json!(0), &json!(0)), "step {step}");
        said.push((now, shown));
    }
    assert!(said.len() > 50, "{}", said.len());
    // The books have moved on; what they were is found again, at each moment and between two.
    for (now, shown) in &said {
        assert_eq!(figures(&report(&fixture, &[("as_of", &now.to_string())])), *shown);
    }
    let between = |name: &str| said.iter().map(|(_, shown)| int(shown, name)).collect::<Vec<_>>();
    for name in ["exposure", "reserved"] {
        let mut values = between(name);
        values.dedup();
        assert!(values.len() > 2, "{name} never moved: {values:?}");
    }
    fixture.verify();
}

#[test]
fn accounts_are_listed_by_what_is_urgent() {
    let fixture = Fixture::new();
    let other = fixture.server.connected(&fixture.app);
    fixture.rolling(10, 3);
    fixture.charge("ch_1", 10_000, &[]);
    let (account, client) = &other;
    let owed = [("id", "po_1"), ("amount", "700"), ("currency", "usd"), ("reported", "true")];
    client.post("/v1/ledger/payouts", &owed).ok();
    let listed = |more: Params<'_>| -> Vec<String> {
        let params = [&[("mode", "test")][..], more].concat();
        let report = fixture.server.admin().get(REPORT, &params).ok();
        let accounts = report["accounts"].as_array().unwrap();
        accounts.iter().map(|each| text(each, "account")).collect()
    };
    let (first, second) = (fixture.account.clone(), account.clone());
    assert_eq!(listed(&[]), [first.clone(), second.clone()]);
    assert_eq!(listed(&[("sort", "negative")]), [second.clone(), first.clone()]);
    for only in ["negative", "breached"] {
        assert_eq!(listed(&[("only", only)]), std::slice::from_ref(&second), "{only}");
    }
    for only in ["reserved", "due"] {
        assert_eq!(listed(&[("only", only)]), std::slice::from_ref(&first), "{only}");
    }
    assert_eq!(listed(&[("limit", "1"), ("page", "2")]), [second]);
    assert_eq!(listed(&[("platform", "acct_nobody")]), [""; 0]);
    let ahead = (fixture.server.clock.now_unix() + 60).to_string();
    let refused = fixture.server.admin().get(REPORT, &[("mode", "test"), ("as_of", &ahead)]);
    assert_eq!(refused.refused(400)["param"], "as_of");
}

/// The story's sentences.
pub fn story(fixture: &Fixture, of: &str, id: &str) -> (Value, Vec<String>) {
    let path = format!("/v1/admin/reserves/stories/{of}/{id}");
    let story = fixture.server.admin().get(&path, &[]).ok();
    let steps = story["steps"].as_array().unwrap();
    let steps = steps.iter().map(|step| text(step, "text")).collect();
    (story, steps)
}

#[test]
fn a_story_says_which_plan_held_what_and_why_it_came_free() {
    let fixture = Fixture::new();
    let plan = fixture.rolling(15, 30);
    let plan = text(&plan, "id");
    fixture.advance_to(MARCH_1 + 60);
    fixture.post(&format!("/v1/reserve/plans/{plan}"), &[("percent", "20")]).ok();
    fixture.charge("ch_1", 10_000, &[("fee", "320")]);
    fixture.post(&format!("/v1/reserve/plans/{plan}"), &[("percent", "25")]).ok();
    fixture.advance_to(march(10));
    fixture.refund("re_1", "ch_1", 600);
    let dispute = [("id", "du_1"), ("charge", "ch_1"), ("amount", "500")];
    fixture.post("/v1/ledger/disputes", &dispute).ok();
    let hold = fixture.list("/v1/reserve/holds", &[])[0].clone();
    let hold = text(&hold, "id");
    fixture.post("/v1/reserve/releases", &[("reserve_hold", &hold), ("amount", "100")]).ok();
    fixture.advance_to(MARCH_1 + 40 * DAY);

    let (told, steps) = story(&fixture, "holds", &hold);
    let about = &told["hold"];
    assert_eq!((&about["amount"], &about["amount_releasable"]), (&json!(1936), &json!(0)));
    assert_eq!(about["plan"]["version"]["version"], 2);
    assert_eq!(about["plan"]["versions"].as_array().unwrap().len(), 3);
    let expected = [
        "charge ch_1: 10000 usd came in, with a fee of 320".to_owned(),
        format!("plan {plan}, version 2, which held 20 % of a charge for 30 days"),
        "(1336 stay held): refund re_1 took it".to_owned(),
        "refund re_1: 600 usd went back".to_owned(),
        "(836 stay held): dispute du_1 took it".to_owned(),
        "dispute du_1: 500 usd was withdrawn".to_owned(),
        "(736 stay held): a caller asked for it before its date".to_owned(),
        "(all that was left): its date had come, 2026-04-01".to_owned(),
    ];
    assert_eq!(steps.len(), expected.len(), "{steps:?}");
    for (step, part) in steps.iter().zip(&expected) {
        assert!(step.contains(part.as_str()), "no '{part}' in '{step}'");
    }
    let (of_charge, the_same) = story(&fixture, "charges", "ch_1");
    assert_eq!(the_same, steps);
    assert_eq!(of_charge["holds"][0], *about);
    let missing = fixture.server.admin().get("/v1/admin/reserves/stories/holds/reshold_x", &[]);
    missing.refused(404);
}

#[test]
fn a_payouts_story_has_the_account_before_and_after() {
    let fixture = Fixture::new();
    fixture.rolling(10, 30);
    fixture.charge("ch_1", 10_000, &[]);
    fixture.advance_to(march(5));
    // The money became available in that second.
    fixture.advance_to(march(5) + 60);
    let payout = [("id", "po_1"), ("amount", "2500"), ("currency", "usd")];
    fixture.post("/v1/ledger/payouts", &payout).ok();
    fixture.advance_to(march(6));
    fixture.post("/v1/ledger/payouts/po_1", &[("status", "failed")]).ok();
    let (told, steps) = story(&fixture, "payouts", "po_1");
    assert_eq!(told["payout"]["status"], "failed");
    assert_eq!(
        (&told["before"]["available"], &told["after"]["available"]),
        (&json!(9000), &json!(6500))
    );
    assert_eq!(
        (&told["after"]["in_transit"], &told["after"]["reserved"]),
        (&json!(2500), &json!(1000))
    );
    assert!(steps[0].starts_with("2500 usd left") && steps[1].starts_with("2500 usd came back"));
    assert_eq!(steps.len(), 2, "{steps:?}");
}

#[test]
fn what_two_ledgers_have_is_asked_back() {
    let fixture = Fixture::new();
    fixture.charge("ch_1", 1000, &[]);
    let (account, client) = fixture.server.connected(&fixture.app);
    let same = [("id", "ch_1"), ("amount", "2000"), ("currency", "usd")];
    client.post("/v1/ledger/charges", &same).ok();
    let admin = fixture.server.admin();
    let path = "/v1/admin/reserves/stories/charges/ch_1";
    let error = admin.get(path, &[]).refused(400);
    assert!(text(&error, "message").contains(&account), "{error}");
    let told = admin.get(path, &[("account", &account)]).ok();
    assert_eq!(told["charge"]["amount"], 2000);
}

/// Simulates the account's one plan, and another beside it. It must say of the one what happened.
#[track_caller]
pub fn as_it_was(fixture: &Fixture, plan: &str) -> Value {
    let all = [("limit", "100")];
    let releases = fixture.list("/v1/reserve/releases", &all);
    let released = |reason: &str, source: Option<&str>| -> i64 {
        let fit = releases.iter().filter(|each| {
            each["reason"] == reason && each["source_transaction"]["type"].as_str() == source
        });
        fit.map(|each| int(each, "amount")).sum()
    };
    let of_refunds = released("hold_reversed", Some("refund")) + released("hold_reversed", None);
    let holds = fixture.list("/v1/reserve/holds", &all);
    let since = MARCH_1.to_string();
    let params = [
        ("mode", "test"),
        ("account", fixture.account.as_str()),
        ("since", since.as_str()),
        ("plan[]", plan),
        ("plan[]", "percent=100,days_after_charge=180"),
    ];
    let found = fixture.server.admin().get("/v1/admin/reserves/simulation", &params).ok();
    let said = &found["plans"][0]["currencies"][0];
    let sum = |field: &str| -> i64 { holds.iter().map(|hold| int(hold, field)).sum() };
    let count = i64::try_from(holds.len()).unwrap();
    let expected = [
        ("held", sum("amount")),
        ("holds", count),
        ("still_held", sum("amount_releasable")),
        ("returned", released("hold_expired", None)),
        // A charge that failed is counted with refunds, and its releases name none.
        ("covered_refunds", of_refunds),
        ("covered_disputes", released("hold_reversed", Some("dispute"))),
    ];
    for (name, figure) in expected {
        assert_eq!((name, int(said, name)), (name, figure), "{said}");
    }
    found
}

/// Charges, some of them of transfers, refunds, disputes and payouts that leave little, told as
/// facts or as transactions; at the end a charge of whose account nothing else is left.
fn a_month_of_little_money(fixture: &Fixture, by_transaction: bool) {
    let mut drawn = 11_i64;
    for step in (0..61).chain(70..73) {
        drawn = (drawn * 1_103_515_245 + 12_345) % 2_147_483_648;
        let (which, part) = match step {
            60 => (0, 500),
            70 => (9, 500),
            71 => (5, 500),
            72 => (7, 500),
            _ => (drawn / 65_536 % 10, drawn / 1024 % 1000),
        };
        fixture.advance_to(MARCH_1 + step * (DAY / 2) + 60);
        let now = fixture.server.clock.now_unix();
        let (created, later) = (now.to_string(), (now + 2 * DAY).to_string());
        let earlier = format!("ch_{}", (step - 1 - part % 4).clamp(0, 60));
        let money = fixture.standing()[1];
        let (word, category, source, amount) = match which {
            0..=4 => ("charge", "charge", format!("ch_{step}"), 2000 + 7 * part),
            5 | 6 => ("refund", "refund", format!("re_{step}"), -500 - part),
            7 => ("adjustment", "dispute", format!("du_{step}"), -1500 - part),
            _ => ("payout", "payout", format!("po_{step}"), -money.max(part + 1)),
        };
        let amounts = (amount.to_string(), amount.abs().to_string());
        let mut more = match word {
            "charge" if part % 3 == 0 => vec![("source_transfer", "tr_1")],
            "refund" | "adjustment" => vec![("charge", &*earlier)],
            _ => Vec::new(),
        };
        let path = match (by_transaction, word) {
            (true, _) => "/v1/ledger/transactions",
            (false, "adjustment") => "/v1/ledger/disputes",
            (false, "refund") => "/v1/ledger/refunds",
            (false, "payout") => "/v1/ledger/payouts",
            (false, _) => "/v1/ledger/charges",
        };
        let id = format!("txn_{step}");
        if by_transaction {
            let of_page = [
                ("id", &*id),
                ("type", word),
                ("reporting_category", category),
                ("source", &*source),
                ("amount", &*amounts.0),
                ("currency", "usd"),
                ("created", &*created),
                ("available_on", &*later),
            ];
            more.extend(of_page);
        } else {
            more.extend([("id", &*source), ("amount", &*amounts.1), ("currency", "usd")]);
            more.extend((word == "payout").then_some(("reported", "true")));
        }
        fixture.post(path, &more).ok();
    }
    fixture.advance_to(MARCH_1 + 40 * DAY);
}

#[test]
fn what_draws_if_it_is_needed_and_leaves_transfers_alone_is_simulated_as_it_was() {
    for by_transaction in [false, true] {
        let fixture = Fixture::new();
        let plan = [
            ("percent", "30"),
            ("type", "rolling_release"),
            ("rolling_release[days_after_charge]", "20"),
            ("reserve_draw", "only_if_needed"),
            ("hold_transfers", "false"),
        ];
        fixture.post("/v1/reserve/plans", &plan).ok();
        a_month_of_little_money(&fixture, by_transaction);
        let words = "percent=30,days_after_charge=20";
        let own = format!("{words},reserve_draw=only_if_needed,hold_transfers=false");
        let found = as_it_was(&fixture, &own);
        let said = &found["plans"][0]["currencies"][0];
        assert!(int(said, "covered_refunds") > 0 && int(said, "covered_disputes") > 0, "{said}");
        // A plan that differs in one of the two is another plan.
        let since = MARCH_1.to_string();
        let first = format!("{words},hold_transfers=false");
        let transfers = format!("{words},reserve_draw=only_if_needed");
        let params =
            [("mode", "test"), ("since", &*since), ("plan[]", &*first), ("plan[]", &*transfers)];
        let admin = fixture.server.admin();
        let others = admin.get("/v1/admin/reserves/simulation", &params).ok();
        let other = |plan: usize| &others["plans"][plan]["currencies"][0];
        assert!(int(other(0), "covered_refunds") > int(said, "covered_refunds"));
        assert!(int(other(1), "holds") > int(said, "holds"));
        fixture.verify();
    }
}

#[test]
fn a_plan_that_was_there_is_simulated_as_it_was() {
    let fixture = Fixture::new();
    let plan = fixture.rolling(12, 20);
    for number in 0..12 {
        fixture.advance_to(MARCH_1 + number * 2 * DAY);
        fixture.charge(&format!("ch_{number}"), 5000 + number * 77, &[("fee", "91")]);
        if number % 3 == 2 {
            fixture.refund(&format!("re_{number}"), &format!("ch_{}", number - 1), 450);
        }
        if number % 5 == 4 {
            let (id, of) = (format!("du_{number}"), format!("ch_{}", number - 2));
            let dispute = [("id", &id[..]), ("charge", &of), ("amount", "3000"), ("fee", "15")];
            fixture.post("/v1/ledger/disputes", &dispute).ok();
        }
    }
    fixture.advance_to(MARCH_1 + 30 * DAY);
    let before = fixture.list("/v1/reserve/holds", &[("limit", "100")]);
    let found = as_it_was(&fixture, "percent=12,type=rolling_release,days_after_charge=20");
    let real = &found["plans"][0]["currencies"][0];
    assert_eq!(int(real, "holds"), 12);
    assert_eq!(real["below_zero_accounts"], 0);
    let all = &found["plans"][1]["currencies"][0];
    assert!(int(all, "covered") > int(real, "covered"), "{all}");
    assert_eq!((&found["currencies"][0]["charges"], &found["charges"]), (&json!(12), &json!(12)));
    // Nothing was written, and the plan that is there is no other.
    assert_eq!(fixture.list("/v1/reserve/holds", &[("limit", "100")]), before);
    assert_eq!(fixture.list("/v1/reserve/plans", &[]).len(), 1);
    assert_eq!(fixture.list("/v1/reserve/plans", &[])[0]["id"], plan["id"]);
}

#[test]
fn who_would_have_gone_below_zero_is_named_with_the_day() {
    let fixture = Fixture::new();
    fixture.charge("ch_1", 10_000, &[]);
    fixture.advance_to(march(5));
    let payout = [("id", "po_1"), ("amount", "9500"), ("currency", "usd")];
    fixture.post("/v1/ledger/payouts", &payout).ok();
    let since = MARCH_1.to_string();
    let params = [
        ("mode", "test"),
        ("since", since.as_str()),
        ("plan[]", "percent=5,days_after_charge=30"),
        ("plan[]", "percent=10,days_after_charge=30"),
        ("plan[]", "percent=10,days_after_charge=3"),
    ];
    let admin = fixture.server.admin();
    let found = admin.get("/v1/admin/reserves/simulation", &params).ok();
    let below = |plan: usize| found["plans"][plan]["currencies"][0]["below_zero"].clone();
    assert_eq!(below(0), json!([]));
    let expected = json!([{
        "account": fixture.account, "lowest": -500, "lowest_really": 0,
        "platform": below(1)[0]["platform"], "since": march(5),
    }]);
    assert_eq!(below(1), expected);
    // It came back at the same midnight, before the money left.
    assert_eq!(below(2), json!([]));
    let wrong = [("mode", "test"), ("plan[]", "percent=10"), ("plan[]", "percent=x")];
    let refused = admin.get("/v1/admin/reserves/simulation", &wrong).refused(400);
    assert_eq!(refused["param"], "plan[0]");
}

#[test]
fn alerts_are_events_of_the_account() {
    let fixture = Fixture::new();
    fixture.rolling(10, 30);
    fixture.charge("ch_1", 10_000, &[]);
    fixture.charge("ch_2", 10_000, &[]);
    fixture.advance_to(march(5));
    for (id, charge, amount) in [("du_1", "ch_1", "1000"), ("du_2", "ch_2", "4000")] {
        let dispute = [("id", id), ("charge", charge), ("amount", amount)];
        fixture.post("/v1/ledger/disputes", &dispute).ok();
    }
    let short = fixture.list("/v1/events", &[("type", "coffer.reserve.short")]);
    assert_eq!(short.len(), 1, "{short:?}");
    let object = &short[0]["data"]["object"];
    assert_eq!((&object["dispute"], &object["missing"]), (&json!("du_2"), &json!(3000)));
    // A hold that nobody released for two days is told of, once, before it is released.
    fixture.charge("ch_3", 10_000, &[]);
    fixture.advance_to(march(5) + 33 * DAY);
    let late = fixture.list("/v1/events", &[("type", "coffer.reserve.overdue")]);
    assert_eq!(late.len(), 1, "{late:?}");
    let object = &late[0]["data"]["object"];
    assert_eq!((&object["amount"], &object["holds"]), (&json!(1000), &json!(1)));
    assert_eq!(object["scheduled_release"], json!(march(5) + 31 * DAY));
    fixture.advance_to(march(5) + 34 * DAY);
    let again = fixture.list("/v1/events", &[("type", "coffer.reserve.overdue")]);
    assert_eq!(again.len(), 1, "{again:?}");
}
