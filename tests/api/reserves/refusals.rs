//! What else is refused: a request for every row of the table in reserves §13.4.

use super::errors::{Refusals, about, check, refusals};
use super::fixture::{DAY, Fixture, MARCH_1, text};
use coffer::limits;
use coffer_base::{Timestamp, limit};
use coffer_testkit::{Answer, Params, TestServer};

const CHARGES: &str = "/v1/ledger/charges";
const REFUNDS: &str = "/v1/ledger/refunds";
const DISPUTES: &str = "/v1/ledger/disputes";
const TRANSACTIONS: &str = "/v1/balance_transactions";
const CLOCK: &str = "/v1/test_helpers/clock/advance";
const DATE: &str = "release_schedule[release_after]";

#[test]
fn every_row_of_the_table_is_answered_as_it_says() {
    let fixture = Fixture::new();
    let all = [intake(&fixture), disputes(&fixture), holds(&fixture), lists(&fixture), clock()];
    fixture.verify();
    let beyond = refusals("balance beyond 64 bits", vec![beyond_all_numbers(&fixture)]);
    check("### 13.4 More errors", all.into_iter().flatten().chain([beyond]));
}

fn charge(fixture: &Fixture, more: Params<'_>) -> Answer {
    let own = [("id", "ch_1"), ("amount", "1000"), ("currency", "usd")];
    let kept = own.into_iter().filter(|(name, _)| more.iter().all(|(other, _)| other != name));
    fixture.post(CHARGES, &kept.chain(more.iter().copied()).collect::<Vec<_>>())
}

fn intake(fixture: &Fixture) -> Vec<Refusals> {
    let ids = "id with other characters in a fact";
    let strange = |name: &'static str| about(ids, name, charge(fixture, &[(name, "a b")]));
    let refund = fixture.post(REFUNDS, &[("id", "re_1"), ("charge", "ch_\u{e9}"), ("amount", "5")]);
    let fee = "fee negative, too large, or no integer";
    let wrong =
        |name: &'static str, value: &str| about(fee, name, charge(fixture, &[(name, value)]));
    let time = "time negative, or beyond the year 9999";
    let when =
        |name: &'static str, value: &str| about(time, name, charge(fixture, &[(name, value)]));
    let later = (MARCH_1 + 61).to_string();
    let ages = (MARCH_1 + 366 * DAY).to_string();
    let out = |at: &str| charge(fixture, &[("available_on", at)]);
    let refused = vec![
        strange("id"),
        strange("source_transfer"),
        about(ids, "charge", refund),
        refusals(
            "`created` more than a minute ahead",
            vec![charge(fixture, &[("created", &later)])],
        ),
        refusals(
            "`available_on` before the charge, or over a year after it",
            vec![out(&(MARCH_1 - 1).to_string()), out(&ages)],
        ),
        wrong("fee", "-1"),
        wrong("fee", "100000000000"),
        wrong("application_fee", "1.5"),
        when("created", "-1"),
        when("available_on", "253402300800"),
    ];
    assert!(fixture.list(CHARGES, &[]).is_empty(), "something was recorded");
    charge(fixture, &[]).ok();
    let missing = fixture.post("/v1/ledger/charges/ch_1", &[]);
    refused
        .into_iter()
        .chain([refusals("`fee` missing where it is the only parameter", vec![missing])])
        .collect()
}

fn disputes(fixture: &Fixture) -> Vec<Refusals> {
    let told = [("id", "du_1"), ("charge", "ch_1"), ("amount", "5")];
    fixture.post(DISPUTES, &told).ok();
    let end = |params: Params<'_>| fixture.post("/v1/ledger/disputes/du_1", params);
    let back = end(&[("status", "lost"), ("fee_returned", "true")]);
    let path = "/v1/ledger/disputes/du_1/movements";
    let nothing = fixture.post(path, &[("id", "mv_1"), ("amount", "0")]);
    let refund = [("id", "re_1"), ("charge", "ch_1"), ("amount", "5")];
    let other = fixture.post(REFUNDS, &[&refund[..], &[("currency", "eur")]].concat());
    fixture.post(REFUNDS, &refund).ok();
    let above = [("status", "failed"), ("amount", "6")];
    let above = fixture.post("/v1/ledger/refunds/re_1", &above);
    let pool = fixture.post("/v1/ledger/charges/ch_1", &[("source_type", "fpx")]);
    let past = ("available_on", "1772000000");
    fixture.charge("ch_past", 5, &[("created", "1772000000"), past]);
    let moved = [("available_on", "1772000001")];
    let moved = fixture.post("/v1/ledger/charges/ch_past", &moved);
    vec![
        refusals("`fee_returned` for a dispute that was not won", vec![back]),
        refusals("movement or adjustment of nothing", vec![nothing]),
        refusals("refund or dispute in another currency than its charge", vec![other]),
        refusals("failure above what is left of its refund", vec![above]),
        refusals("`source_type` of a charge of which something was taken", vec![pool]),
        refusals("`available_on` of a charge that is available", vec![moved]),
        refusals("`processor_id` that is another payout's id", vec![taken(fixture)]),
    ]
}

/// The processor's id of one payout for another.
fn taken(fixture: &Fixture) -> Answer {
    for id in ["po_own", "po_other"] {
        let told = [("id", id), ("amount", "1"), ("currency", "usd"), ("reported", "true")];
        fixture.post("/v1/ledger/payouts", &told).ok();
    }
    fixture.post("/v1/ledger/payouts/po_other", &[("processor_id", "po_own")])
}

fn holds(fixture: &Fixture) -> Vec<Refusals> {
    let release = |hold: &str, more: Params<'_>| {
        fixture.post("/v1/reserve/releases", &[&[("reserve_hold", hold)], more].concat())
    };
    let date = (MARCH_1 + 20 * DAY).to_string();
    let moved = |hold: &str| fixture.post(&format!("/v1/reserve/holds/{hold}"), &[(DATE, &date)]);
    let hold = text(&fixture.hold(500, MARCH_1 + 10 * DAY), "id");
    let part = [("amount", "1")];
    let most = coffer_reserves::limits::RELEASES_PER_HOLD;
    (0..most).for_each(|_| drop(release(&hold, &part).ok()));
    let beyond = release(&hold, &part);
    let spent = fixture.hold(5, MARCH_1 + 10 * DAY);
    let given = release(&text(&spent, "id"), &[]).text("id");
    let plan = text(&fixture.rolling(50, 30), "id");
    fixture.charge("ch_2", 1000, &[]);
    let held = text(&fixture.list("/v1/reserve/holds", &[("source_charge", "ch_2")])[0], "id");
    fixture.post(&format!("/v1/reserve/plans/{plan}/disable"), &[]).ok();
    vec![
        refusals("hold released in 100 parts already", vec![beyond]),
        refusals(
            "date of a hold that has nothing left, or whose plan is being emptied",
            vec![moved(&text(&spent, "id")), moved(&held)],
        ),
        refusals(
            "metadata of a release missing",
            vec![fixture.post(&format!("/v1/reserve/releases/{given}"), &[])],
        ),
    ]
}

fn lists(fixture: &Fixture) -> Vec<Refusals> {
    let events = |params: Params<'_>| fixture.client.get("/v1/events", params);
    let many = [("types[]", "a.b"); limit::EVENT_TYPES + 1];
    let both = fixture.client.get(TRANSACTIONS, &[("payout", "po_1"), ("source", "ch_1")]);
    vec![
        refusals("`payout` beside `source` in a list of balance transactions", vec![both]),
        refusals(
            "`type` beside `types`, or over 20 `types`, in a list of events",
            vec![events(&[("type", "a.b"), ("types[]", "a.b")]), events(&many)],
        ),
    ]
}

fn clock() -> Vec<Refusals> {
    // A day before the last one.
    let late = Timestamp::from_unix(limit::CLOCK_CEILING - DAY);
    let builder = TestServer::builder().developer().without_background_jobs();
    let server = builder.starts_at(late).start();
    let client = server.anonymous().with_key("sk_test_clock");
    let move_by = |params: Params<'_>| client.post(CLOCK, params);
    let (now, days) = (late.unix().to_string(), (2 * DAY).to_string());
    let early = TestServer::builder().developer().without_background_jobs();
    let early = early.starts_at(Timestamp::from_unix(MARCH_1)).start();
    let far = (MARCH_1 + limits::CLOCK_ADVANCE_SECONDS + 1).to_string();
    let far = early.anonymous().with_key("sk_test_clock").post(CLOCK, &[("to", &far)]);
    vec![
        refusals("neither `seconds` nor `to`", vec![move_by(&[])]),
        refusals(
            "`seconds` outside its range",
            ["0", "-5", "157788001", "soon"].map(|wrong| move_by(&[("seconds", wrong)])).into(),
        ),
        refusals("`seconds` that lead beyond the year 9999", vec![move_by(&[("seconds", &days)])]),
        refusals("both of them", vec![move_by(&[("seconds", "5"), ("to", "253402300799")])]),
        refusals(
            "`to` that is past, or over five years ahead",
            vec![move_by(&[("to", &now)]), move_by(&[("to", "5")]), far],
        ),
    ]
}

/// A charge that no sum of 64 bits can take, since somebody has filled the ledger by hand.
fn beyond_all_numbers(fixture: &Fixture) -> Answer {
    let full = [coffer_storage::Value::Int(i64::MAX - 5)];
    fixture.server.execute("UPDATE ledger_balance SET payments_pending = ?", &full).unwrap();
    charge(fixture, &[("id", "ch_3")])
}
