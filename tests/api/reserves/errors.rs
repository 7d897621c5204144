//! The errors of Reserves and of the ledger: a request for every row of the table in reserves §9,
//! and what the row says of it.

use super::fixture::{DAY, Fixture, MARCH_1, text};
use crate::check::lawful;
use crate::contract::explained;
use coffer_reserves::RESERVE_STRICT;
use coffer_testkit::{Answer, Params, TestServer};
use std::collections::{BTreeMap, BTreeSet};

const PAGE: &str = include_str!("../../../docs/wire/reserves.md");
const HOLDS: &str = "/v1/reserve/holds";
const PLANS: &str = "/v1/reserve/plans";
const RELEASES: &str = "/v1/reserve/releases";
const REFUNDS: &str = "/v1/ledger/refunds";
const PAYOUTS: &str = "/v1/ledger/payouts";
const DATE: &str = "release_schedule[release_after]";
const USD: (&str, &str) = ("currency", "usd");
const FIXED: (&str, &str) = ("type", "fixed_release");
const ROLLING: (&str, &str) = ("type", "rolling_release");
const DAYS: (&str, &str) = ("rolling_release[days_after_charge]", "30");

/// Status, code and parameter.
type Promise = (u16, Option<String>, Option<String>);

/// What the table after `heading` promises, by situation; 400 where it names no status.
fn table(heading: &str) -> BTreeMap<String, Promise> {
    let (_, after) = PAGE.split_once(heading).unwrap();
    let lines = after.lines().skip_while(|line| !line.starts_with('|'));
    let cell = |text: &str| {
        let text = text.trim().trim_matches('`').to_owned();
        (text != "none").then_some(text)
    };
    let row = |line: &str| {
        let mut cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let status = if cells.len() == 4 { cells.remove(1).parse().unwrap() } else { 400 };
        (cells[0].to_owned(), (status, cell(cells[1]), cell(cells[2])))
    };
    lines.take_while(|line| line.starts_with('|')).skip(2).map(row).collect()
}

/// The requests of one row, and the parameter where the table names none by itself.
pub struct Refusals {
    row: &'static str,
    param: Option<&'static str>,
    answers: Vec<Answer>,
}

pub fn refusals(row: &'static str, answers: Vec<Answer>) -> Refusals {
    Refusals { row, param: None, answers }
}

pub fn about(row: &'static str, param: &'static str, answer: Answer) -> Refusals {
    Refusals { row, param: Some(param), answers: vec![answer] }
}

/// Asserts that the table after `heading` has exactly these rows, and that each was answered as
/// it says.
pub fn check(
    heading: &str,
    all: impl IntoIterator<Item = Refusals>,
) -> Vec<(&'static str, Answer)> {
    let mut checked = Vec::new();
    let promised = table(heading);
    let mut left: BTreeSet<&String> = promised.keys().collect();
    for Refusals { row, param, answers } in all {
        let (status, code, told) =
            promised.get(row).unwrap_or_else(|| panic!("no row {row}")).clone();
        left.remove(&row.to_owned());
        let param = param.map(str::to_owned).or(told);
        for answer in answers {
            lawful(&answer);
            let error = answer.refused(status);
            assert_eq!(error["type"], "invalid_request_error", "{row}: {error}");
            let of = |field: &str| error.get(field).map(|of| of.as_str().unwrap().to_owned());
            assert_eq!((of("code"), of("param")), (code.clone(), param.clone()), "{row}: {error}");
            assert!(text(&error, "message").len() > 12, "{row}: {error}");
            checked.push((row, answer));
        }
    }
    assert!(left.is_empty(), "not asked: {left:?}");
    checked
}

#[test]
fn every_row_of_the_table_is_answered_as_it_says() {
    let fixture = Fixture::new();
    let strict = Fixture::with(TestServer::builder().set(&RESERVE_STRICT, "true"));
    let all = [holds(&fixture, &strict), plans(&fixture), releases(&fixture), intake(&fixture)];
    for (row, answer) in check("## 9. Errors", all.into_iter().flatten()) {
        let above = row.contains("reserve_strict");
        explained(if above { &strict.server } else { &fixture.server }, row, &answer);
    }
    fixture.verify();
    strict.verify();
}

fn holds(fixture: &Fixture, strict: &Fixture) -> Vec<Refusals> {
    let date = (MARCH_1 + 30 * DAY).to_string();
    let hold = |amount: &str, currency: &str, date: &str| {
        fixture.post(HOLDS, &[("amount", amount), ("currency", currency), (DATE, date)])
    };
    let dated =
        |days: i64, seconds: i64| hold("5", "usd", &(MARCH_1 + days * DAY + seconds).to_string());
    let made = fixture.hold(100, MARCH_1 + 30 * DAY);
    let path = format!("{HOLDS}/{}", text(&made, "id"));
    let far = (MARCH_1 + 180 * DAY + 61).to_string();
    let above = [("amount", "5"), USD, (DATE, date.as_str())];
    vec![
        refusals("amount missing", vec![fixture.post(HOLDS, &[USD, (DATE, &date)])]),
        refusals(
            "amount 0, negative, too large, or no integer",
            ["0", "-1", "100000000000", "1.5", "ten"].map(|one| hold(one, "usd", &date)).into(),
        ),
        refusals(
            "unknown currency",
            ["zzz", "ZZZ", "dollar"].map(|one| hold("5", one, &date)).into(),
        ),
        refusals("`release_after` too near or too far", vec![dated(3, -61), dated(180, 61)]),
        refusals(
            "update beyond 180 days after creation",
            vec![fixture.post(&path, &[(DATE, &far)])],
        ),
        refusals(
            "hold above what is available, with `reserve_strict`",
            vec![strict.post(HOLDS, &above)],
        ),
        refusals("unknown id in the path", unknown(fixture)),
    ]
}

/// An id that nobody has, in every path that holds one.
fn unknown(fixture: &Fixture) -> Vec<Answer> {
    let mut answers: Vec<Answer> = [
        HOLDS,
        PLANS,
        RELEASES,
        REFUNDS,
        PAYOUTS,
        "/v1/ledger/charges",
        "/v1/ledger/disputes",
        "/v1/ledger/adjustments",
        "/v1/ledger/breaches",
        "/v1/balance_transactions",
        "/v1/events",
    ]
    .map(|path| fixture.client.get(&format!("{path}/never"), &[]))
    .into();
    let changes: [(&str, Params<'_>); 8] = [
        (HOLDS, &[("metadata[k]", "v")]),
        (PLANS, &[("percent", "5")]),
        (RELEASES, &[("metadata[k]", "v")]),
        ("/v1/ledger/charges", &[("fee", "5")]),
        (REFUNDS, &[("status", "failed")]),
        ("/v1/ledger/disputes", &[("status", "lost")]),
        (PAYOUTS, &[("status", "paid")]),
        (PLANS, &[]),
    ];
    answers.extend(changes.map(|(path, params)| {
        let end = if params.is_empty() { "/disable" } else { "" };
        fixture.post(&format!("{path}/never{end}"), params)
    }));
    answers
}

fn plans(fixture: &Fixture) -> Vec<Refusals> {
    let percent = ("percent", "5");
    let date = (MARCH_1 + 30 * DAY).to_string();
    let fixed = ("fixed_release[release_after]", date.as_str());
    let older = fixture.client.with_header("Stripe-Version", "2026-06-24.dahlia");
    let manual = older.post(PLANS, &[percent, ("type", "manual_release")]);
    let share = |percent: &str| fixture.post(PLANS, &[("percent", percent), ROLLING, DAYS]);
    let over = text(&fixture.rolling(5, 30), "id");
    let over = format!("{PLANS}/{over}");
    fixture.post(&format!("{over}/disable"), &[]).ok();
    let mut asked_for = vec![
        refusals(
            "unknown type of a plan",
            vec![fixture.post(PLANS, &[percent, ("type", "weekly")])],
        ),
        refusals("`manual_release` in an older version", vec![manual]),
        about(
            "block of another type",
            "fixed_release",
            fixture.post(PLANS, &[percent, ROLLING, DAYS, fixed]),
        ),
        about("block of the type missing", "fixed_release", fixture.post(PLANS, &[percent, FIXED])),
        refusals("percent outside 1 to 100", ["0", "101", "-5", "2.5"].map(share).into()),
        refusals("update of a plan that is not active", vec![fixture.post(&over, &[percent])]),
        refusals(
            "disable of a plan that is not active",
            vec![fixture.post(&format!("{over}/disable"), &[])],
        ),
    ];
    while fixture.list(PLANS, &[("status", "active"), ("limit", "100")]).len() < 20 {
        // In a currency that nothing is charged in.
        fixture.post(PLANS, &[percent, ROLLING, DAYS, ("currency", "jpy")]).ok();
    }
    asked_for.push(refusals("plan beyond 20 active ones", vec![share("5")]));
    asked_for
}

fn releases(fixture: &Fixture) -> Vec<Refusals> {
    let hold = text(&fixture.hold(100, MARCH_1 + 30 * DAY), "id");
    let of = |hold: &str, more: Params<'_>| {
        fixture.post(RELEASES, &[&[("reserve_hold", hold)], more].concat())
    };
    let mut asked_for = vec![
        refusals("unknown `reserve_hold`", vec![of("reshold_never", &[])]),
        refusals("release above what is left", vec![of(&hold, &[("amount", "101")])]),
        refusals("currency that is not the hold's", vec![of(&hold, &[("currency", "eur")])]),
    ];
    of(&hold, &[]).ok();
    asked_for.push(refusals("nothing left to release", vec![of(&hold, &[])]));
    // One of the twenty plans makes way.
    let plans = fixture.list(PLANS, &[("status", "active"), ("limit", "100")]);
    let disable = |plan: &str| fixture.post(&format!("{PLANS}/{plan}/disable"), &[]).ok();
    disable(&text(&plans[0], "id"));
    let plan = text(&fixture.rolling(50, 30), "id");
    fixture.charge("ch_held", 1000, &[]);
    let held = text(&fixture.list(HOLDS, &[("source_charge", "ch_held")])[0], "id");
    disable(&plan);
    asked_for.push(refusals("hold of a plan that is being emptied", vec![of(&held, &[])]));
    asked_for
}

fn intake(fixture: &Fixture) -> Vec<Refusals> {
    fixture.charge("ch_1", 1000, &[("source_type", "card")]);
    let payout = [("id", "po_1"), ("amount", "5"), USD, ("reported", "true")];
    fixture.post(PAYOUTS, &payout).ok();
    fixture.post(&format!("{PAYOUTS}/po_1"), &[("status", "canceled")]).ok();
    let back = |charge: &str, amount: &str| {
        fixture.post(REFUNDS, &[("id", "re_1"), ("charge", charge), ("amount", amount)])
    };
    let dispute = [("id", "du_1"), ("charge", "ch_never"), ("amount", "5")];
    let again = |more: (&'static str, &'static str)| {
        let amount = if more.0 == "amount" { more } else { ("amount", "1000") };
        let mut params = vec![("id", "ch_1"), amount, USD];
        params.extend(Some(more).filter(|more| more.0 != "amount"));
        fixture.post("/v1/ledger/charges", &params)
    };
    let again_otherwise = "processor's id sent again with another figure";
    // What was not told before is told for the first time.
    let figures = [("amount", "999"), ("source_type", "fpx")];
    for (param, value) in figures {
        assert_eq!(again((param, value)).refused(400)["param"], param);
    }
    vec![
        refusals(
            "payout above what is available",
            vec![fixture.post(PAYOUTS, &[("id", "po_2"), ("amount", "5"), USD])],
        ),
        refusals(
            "refund or dispute of an unknown charge",
            vec![back("ch_never", "5"), fixture.post("/v1/ledger/disputes", &dispute)],
        ),
        about(again_otherwise, "amount", again(("amount", "999"))),
        refusals(
            "status that the payout cannot change to",
            vec![fixture.post(&format!("{PAYOUTS}/po_1"), &[("status", "paid")])],
        ),
    ]
}
