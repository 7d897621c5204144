//! Expansions of what Stripe types as expandable (conventions §6): the objects that the ledger has,
//! four levels deep, and hashes, of which expanding changes nothing.

use super::fixture::{DAY, Fixture, MARCH_1, text};
use serde_json::Value;

const HOLDS: &str = "/v1/reserve/holds";
const RELEASES: &str = "/v1/reserve/releases";
const TRANSACTIONS: &str = "/v1/balance_transactions";

/// A charge of which a plan holds a share, a refund and a dispute that draw on it, a payout, and a
/// hold of a caller that was released in part.
fn filled() -> Fixture {
    let fixture = Fixture::new();
    fixture.rolling(50, 30);
    fixture.charge("ch_1", 1000, &[("fee", "30"), ("application_fee", "20")]);
    fixture.refund("re_1", "ch_1", 100);
    let dispute = [("id", "du_1"), ("charge", "ch_1"), ("amount", "50")];
    fixture.post("/v1/ledger/disputes", &dispute).ok();
    let payout = [("id", "po_1"), ("amount", "5"), ("currency", "usd"), ("reported", "true")];
    fixture.post("/v1/ledger/payouts", &payout).ok();
    let hold = text(&fixture.hold(500, MARCH_1 + 10 * DAY), "id");
    fixture.post(RELEASES, &[("reserve_hold", &hold), ("amount", "100")]).ok();
    fixture
}

/// The objects of a list with `paths` expanded, and each of them retrieved in the same way.
#[track_caller]
fn expanded(fixture: &Fixture, list: &str, paths: &[&str]) -> Vec<Value> {
    let data: Vec<String> = paths.iter().map(|path| format!("data.{path}")).collect();
    let data: Vec<_> = data.iter().map(|path| ("expand[]", path.as_str())).collect();
    let own: Vec<_> = paths.iter().map(|path| ("expand[]", *path)).collect();
    let objects = fixture.list(list, &[&data[..], &[("limit", "100")]].concat());
    for object in &objects {
        let path = format!("{list}/{}", text(object, "id"));
        assert_eq!(fixture.client.get(&path, &own).ok(), *object, "{path}");
    }
    objects
}

#[test]
fn a_balance_transaction_expands_its_source() {
    let fixture = filled();
    let plain = fixture.list(TRANSACTIONS, &[("limit", "100")]);
    let shown = expanded(&fixture, TRANSACTIONS, &["source", "fee_details"]);
    let mut kinds = std::collections::BTreeSet::new();
    for (plain, shown) in plain.iter().zip(&shown) {
        assert_eq!(shown["source"]["id"], plain["source"], "{shown}");
        let mut same = shown.clone();
        same["source"] = plain["source"].clone();
        assert_eq!(same, *plain);
        kinds.insert((text(plain, "type"), text(&shown["source"], "object")));
    }
    let expected = [
        ("adjustment", "dispute"),
        ("charge", "charge"),
        ("payout", "payout"),
        ("refund", "refund"),
        ("reserve_hold", "reserve.hold"),
        ("reserve_release", "reserve.release"),
    ];
    let expected = expected.map(|(kind, object)| (kind.to_owned(), object.to_owned()));
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn what_is_inside_of_a_source_expands_too() {
    let fixture = filled();
    let paths = ["source.charge", "source.source_charge", "source.reserve_hold.reserve_plan"];
    for transaction in expanded(&fixture, TRANSACTIONS, &paths) {
        let source = &transaction["source"];
        match source["object"].as_str().unwrap() {
            "refund" | "dispute" => assert_eq!(source["charge"]["object"], "charge", "{source}"),
            "reserve.hold" if source["reason"] == "charge" => {
                assert_eq!(source["source_charge"]["id"], "ch_1", "{source}");
                assert!(source["reserve_plan"].is_string(), "{source}");
            }
            "reserve.release" => {
                assert_eq!(source["reserve_hold"]["object"], "reserve.hold", "{source}");
            }
            _ => {}
        }
    }
    // By itself a transaction goes one level deeper than in a list.
    let path = "source.source_transaction.refund.charge";
    let releases = fixture.list(TRANSACTIONS, &[("type", "reserve_release"), ("limit", "100")]);
    let of_refund = releases.iter().find_map(|transaction| {
        let one = format!("{TRANSACTIONS}/{}", text(transaction, "id"));
        let source = fixture.client.get(&one, &[("expand[]", path)]).ok()["source"].clone();
        (source["source_transaction"]["type"] == "refund").then_some(source)
    });
    let refund = &of_refund.unwrap()["source_transaction"]["refund"];
    assert_eq!(refund["charge"]["object"], "charge", "{refund}");
}

#[test]
fn a_release_expands_what_its_hold_and_its_source_are_of() {
    let fixture = filled();
    let paths = [
        "reserve_hold.source_charge",
        "reserve_hold.reserve_plan",
        "source_transaction.refund.charge",
        "source_transaction.dispute",
    ];
    let releases = expanded(&fixture, RELEASES, &paths);
    let of = |kind: &str| {
        let found = releases.iter().find(|each| each["source_transaction"]["type"] == kind);
        found.unwrap_or_else(|| panic!("no release of a {kind}"))
    };
    for kind in ["refund", "dispute"] {
        let release = of(kind);
        assert_eq!(release["reserve_hold"]["source_charge"]["object"], "charge", "{release}");
        assert_eq!(release["reserve_hold"]["reserve_plan"]["object"], "reserve.plan", "{release}");
    }
    let refund = &of("refund")["source_transaction"]["refund"];
    assert_eq!((&refund["id"], &refund["object"]), (&"re_1".into(), &"refund".into()));
    assert_eq!((&refund["amount"], &refund["status"]), (&100.into(), &"succeeded".into()));
    assert_eq!(refund["charge"]["id"], "ch_1");
    let dispute = &of("dispute")["source_transaction"]["dispute"];
    assert_eq!((&dispute["object"], &dispute["charge"]), (&"dispute".into(), &"ch_1".into()));
    assert_eq!(dispute["status"], "needs_response");
    // A response to a change expands the same.
    let hold = text(&fixture.list(HOLDS, &[("source_charge", "ch_1")])[0], "id");
    let params = [
        ("reserve_hold", hold.as_str()),
        ("amount", "1"),
        ("expand[]", "reserve_hold.source_charge"),
        ("expand[]", "reserve_hold.reserve_plan"),
    ];
    let made = fixture.post(RELEASES, &params).ok();
    assert_eq!(made["reserve_hold"]["source_charge"]["id"], "ch_1");
    assert_eq!(made["reserve_hold"]["reserve_plan"]["object"], "reserve.plan");
    let path = format!("{RELEASES}/{}", text(&made, "id"));
    assert_eq!(fixture.client.get(&path, &params[2..]).ok(), made);
}

#[test]
fn expanding_a_hash_changes_nothing() {
    let fixture = filled();
    for (path, hashes) in [
        (HOLDS, &["metadata", "release_details", "release_schedule"][..]),
        ("/v1/reserve/plans", &["fixed_release", "manual_release", "metadata", "rolling_release"]),
        (RELEASES, &["metadata", "source_transaction"]),
        (TRANSACTIONS, &["fee_details"]),
        ("/v1/events", &["data", "request"]),
    ] {
        let plain = fixture.list(path, &[("limit", "100")]);
        assert_eq!(expanded(&fixture, path, hashes), plain, "{path}");
    }
    let balance = [("expand[]", "available"), ("expand[]", "pending")];
    assert_eq!(fixture.client.get("/v1/balance", &balance).ok(), fixture.get("/v1/balance"));
}

#[test]
fn what_is_no_link_is_not_expanded() {
    let fixture = filled();
    for (list, path) in [
        (TRANSACTIONS, "data.currency"),
        (TRANSACTIONS, "data.source.currency"),
        (TRANSACTIONS, "source"),
        (RELEASES, "data.source_transaction.type"),
        (RELEASES, "data.reserve_hold.nothing"),
        (HOLDS, "data.source_charge.nothing"),
    ] {
        let error = fixture.client.get(list, &[("expand[]", path)]).refused(400);
        let message = text(&error, "message");
        let expected = format!("This property cannot be expanded ({path}).");
        assert!(message.starts_with(&expected), "{message}");
    }
    let deep = [("expand[]", "data.source_transaction.refund.charge.source_transfer")];
    let error = fixture.client.get(RELEASES, &deep).refused(400);
    assert_eq!(error["code"], "property_expansion_max_depth");
}
