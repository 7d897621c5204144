//! Stories of what the books were told late.

use super::analyst::story;
use super::fixture::{Fixture, march};
use super::pages::listed;
use serde_json::json;

/// A payout of days ago that a page tells today, between others: the books knew of nothing before.
#[test]
fn a_payout_that_is_told_late_has_the_account_as_the_books_had_it() {
    let fixture = Fixture::new();
    fixture.rolling(10, 30);
    fixture.advance_to(march(20));
    let of = |id: &str, word: &str, amount: i64, source: &str, created: i64| {
        let mut each = listed(id, word, amount, &json!(source));
        each["created"] = json!(created);
        each["available_on"] = json!(created);
        each
    };
    fixture.import(&[of("txn_1", "charge", 10_000, "ch_1", march(15))]);
    fixture.advance_to(march(20) + 60);
    fixture.import(&[
        of("txn_2", "charge", 5000, "ch_2", march(16)),
        of("txn_3", "payout", -2500, "po_1", march(17)),
        of("txn_4", "charge", 700, "ch_4", march(18)),
        of("txn_5", "payout", -300, "po_2", march(19)),
    ]);
    for (id, before, after) in [
        ("po_1", [13_500, 0, 1500], [11_000, 2500, 1500]),
        ("po_2", [11_630, 2500, 1570], [11_330, 2800, 1570]),
    ] {
        let (told, steps) = story(&fixture, "payouts", id);
        assert_eq!(steps.len(), 1);
        for (side, expected) in [("before", before), ("after", after)] {
            let of = ["available", "in_transit", "reserved"].map(|name| told[side][name].as_i64());
            assert_eq!(of, expected.map(Some), "{id} {side}: {told}");
        }
    }
}
