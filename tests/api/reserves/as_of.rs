//! Reports of past moments on a ledger that transactions tell, late and in parts, beside what was
//! said at those moments.

use super::analyst::{figures, report, summed};
use super::fixture::{DAY, Fixture, MARCH_1, text};
use super::transactions::Txn;

/// One of several things that the processor lists, by a number that is drawn.
fn something(fixture: &Fixture, step: i64, drawn: i64, plan: &str) {
    let now = fixture.server.clock.now_unix();
    // Some are listed days after they took place, and some count at once.
    let created = now - drawn % 3 * DAY;
    let (created, counts) = (created.to_string(), (created + drawn % 4 * DAY).to_string());
    let dates = [("created", &*created), ("available_on", &*counts)];
    let earlier = format!("ch_{}", step - 1 - drawn % 5);
    let (id, own) = (format!("txn_{step}"), format!("ob_{step}"));
    let tell = |word: &str, amount: i64, fee: i64, more: &[(&str, &str)]| {
        let more = [&dates[..], more].concat();
        fixture.try_tell(&Txn { id: &id, word, amount, fee, more: &more }).ok();
    };
    let of_earlier = [("source", &*own), ("charge", &*earlier)];
    let part = 100 + drawn % 90;
    match drawn % 12 {
        0..=3 => {
            let charge = format!("ch_{step}");
            tell("charge", 1000 + drawn % 9000, 30, &[("source", &charge)]);
        }
        // A further capture, or the charge itself if nobody has told it yet.
        4 => tell("charge", 700 + part, 20, &[("source", &earlier)]),
        5 | 6 => tell("refund", -part, 0, &of_earlier),
        7 => tell("payment_failure_refund", -part, 0, &of_earlier),
        8 => tell(
            "adjustment",
            -900,
            15,
            &[&of_earlier[..], &[("reporting_category", "dispute")]].concat(),
        ),
        9 => {
            let dispute = format!("ob_{}", step - 1 - drawn % 5);
            let won = [("source", &*dispute), ("reporting_category", "dispute_reversal")];
            tell("adjustment", part, 0, &won);
        }
        10 => tell("payout", -4 * part, 0, &[("source", &own)]),
        _ => {
            let later = (now + (40 + drawn % 60) * DAY).to_string();
            let moved = [("fixed_release[release_after]", later.as_str())];
            fixture.post(&format!("/v1/reserve/plans/{plan}"), &moved);
        }
    }
}

#[test]
fn a_report_of_any_past_moment_says_what_was_said_then_of_transactions_too() {
    let fixture = Fixture::new();
    fixture.rolling(10, 5);
    let plan = text(&fixture.fixed(7, MARCH_1 + 60 * DAY), "id");
    let (mut drawn, mut said) = (11_i64, Vec::new());
    for step in 0..80 {
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
        said.push((now, shown));
    }
    assert!(said.len() > 70, "{}", said.len());
    for (now, shown) in &said {
        assert_eq!(figures(&report(&fixture, &[("as_of", &now.to_string())])), *shown, "{now}");
    }
    let mut values: Vec<_> = said.iter().map(|(_, shown)| shown["exposure"].clone()).collect();
    values.dedup();
    assert!(values.len() > 30, "exposure hardly ever moved: {values:?}");
    fixture.verify();
}
