//! Reconciliations: what of the processor's balance is read, and how long they are kept.

use super::fixture::{DAY, Fixture, MARCH_1, text};
use super::pages::listed;
use coffer_testkit::Params;
use serde_json::{Value, json};

const PATH: &str = "/v1/ledger/reconciliations";

fn reconcile(fixture: &Fixture, told: Params<'_>) -> Value {
    fixture.post(PATH, told).ok()
}

#[test]
fn a_reconciliation_is_kept_for_a_year() {
    let fixture = Fixture::new();
    fixture.import(&[listed("txn_1", "charge", 10_000, &json!("ch_1"))]);
    let told = [("pending[0][currency]", "usd"), ("pending[0][amount]", "9999")];
    let first = reconcile(&fixture, &told);
    let path = format!("{PATH}/{}", text(&first, "id"));
    let year = MARCH_1 + 365 * DAY;
    // Others come meanwhile and on the last day, and it is found and listed still.
    fixture.advance_to(MARCH_1 + DAY);
    let second = reconcile(&fixture, &told);
    fixture.advance_to(year);
    let third = reconcile(&fixture, &told);
    assert_eq!(fixture.get(&path), first);
    assert_eq!(fixture.list(PATH, &[]), [third.clone(), second.clone(), first]);
    // The next one after that finds it older than a year, and only it.
    fixture.advance_to(year + 1);
    let fourth = reconcile(&fixture, &told);
    fixture.client.get(&path, &[]).refused(404);
    assert_eq!(fixture.list(PATH, &[]), [fourth, third, second]);
}

#[test]
fn what_is_kept_of_one_account_does_not_end_by_another() {
    let fixture = Fixture::new();
    let first = reconcile(&fixture, &[]);
    let (_, other) = fixture.server.connected(&fixture.app);
    fixture.advance_to(MARCH_1 + 366 * DAY);
    other.post(PATH, &[]).ok();
    assert_eq!(fixture.get(&format!("{PATH}/{}", text(&first, "id"))), first);
}

/// A row that is not read would be a difference that there is not.
#[test]
fn a_balance_with_a_gap_is_refused() {
    let fixture = Fixture::new();
    fixture.import(&[listed("txn_1", "charge", 10_000, &json!("ch_1"))]);
    let row = |at: &str| {
        let name = |field: &str| format!("pending[{at}][{field}]");
        [(name("currency"), "usd".to_owned()), (name("amount"), "10000".to_owned())]
    };
    for places in [&["1"][..], &["0", "2"], &["0", "first"], &["00"]] {
        let told: Vec<_> = places.iter().flat_map(|at| row(at)).collect();
        let told: Vec<_> = told.iter().map(|(name, value)| (&**name, &**value)).collect();
        let error = fixture.post(PATH, &told).refused(400);
        assert_eq!(error["param"], "pending", "{places:?}: {error}");
    }
    assert!(fixture.list(PATH, &[]).is_empty());
    let told = row("0");
    let told = told.each_ref().map(|(name, value)| (&**name, &**value));
    assert_eq!(reconcile(&fixture, &told)["matches"], true);
}

#[test]
fn the_sums_of_an_account_may_be_larger_than_any_transaction() {
    let fixture = Fixture::new();
    let most = 999_999_999_999_999;
    let many: Vec<_> = (0..9)
        .map(|n| listed(&format!("txn_{n}"), "charge", most, &json!(format!("ch_{n}"))))
        .collect();
    fixture.import(&many);
    let sum = (9 * most).to_string();
    let mut told = [("pending[0][currency]", "usd"), ("pending[0][amount]", &*sum)];
    assert_eq!(reconcile(&fixture, &told)["matches"], true);
    told[1].1 = "9007199254740992";
    assert_eq!(fixture.post(PATH, &told).refused(400)["param"], "pending[0][amount]");
    fixture.verify();
}
