//! What lists are narrowed by: one rule for all of them.

use super::fixture::{DAY, Fixture, MARCH_1};

/// The parameters that hold an id, by list.
const IDS: [(&str, &[&str]); 6] = [
    ("/v1/balance_transactions", &["source", "payout", "type"]),
    ("/v1/reserve/holds", &["source_charge", "reserve_plan", "reserve_release"]),
    ("/v1/reserve/releases", &["reserve_hold", "reserve_plan"]),
    ("/v1/ledger/refunds", &["charge"]),
    ("/v1/ledger/disputes", &["charge"]),
    ("/v1/admin/installs", &["app", "account"]),
];

#[test]
fn an_id_that_cannot_exist_finds_nothing() {
    let fixture = Fixture::new();
    fixture.rolling(50, 30);
    fixture.charge("ch_1", 1000, &[]);
    fixture.refund("re_1", "ch_1", 5);
    let long = "x".repeat(5000);
    for (path, params) in IDS {
        let admin = fixture.server.admin();
        let client = if path.starts_with("/v1/admin") { &admin } else { &fixture.client };
        for param in params {
            for id in ["nothing", "ch x", "a/b", "..", "ch_\u{e9}", "a\0b", " ", "'", &long] {
                let list = client.get(path, &[(param, id)]).ok();
                assert_eq!(list["data"].as_array().unwrap().len(), 0, "{path} {param}={id}");
                assert_eq!(list["has_more"], false);
            }
            let error = client.get(path, &[(param, "")]).refused(400);
            assert_eq!(error["code"], "parameter_invalid_empty", "{path} {param}");
            assert_eq!(error["param"], *param);
            let nested = format!("{param}[a]");
            let error = client.get(path, &[(&nested, "shown")]).refused(400);
            assert_eq!(error["message"], "Invalid string: {\"a\":\"shown\"}", "{path} {param}");
        }
    }
}

#[test]
fn a_currency_is_read_in_letters_of_any_case() {
    let fixture = Fixture::new();
    fixture.charge("ch_1", 1000, &[]);
    let date = (MARCH_1 + 10 * DAY).to_string();
    let hold =
        [("amount", "5"), ("currency", "USD"), ("release_schedule[release_after]", date.as_str())];
    let hold = fixture.post("/v1/reserve/holds", &hold).ok();
    assert_eq!(hold["currency"], "usd");
    let id = hold["id"].as_str().unwrap();
    let release = [("reserve_hold", id), ("amount", "1"), ("currency", "Usd")];
    fixture.post("/v1/reserve/releases", &release).ok();
    let payout = [("id", "po_1"), ("amount", "5"), ("currency", "USD"), ("reported", "true")];
    assert_eq!(fixture.post("/v1/ledger/payouts", &payout).ok()["currency"], "usd");
    let plan = [("percent", "5"), ("type", "rolling_release"), ("currency", "EUR")];
    let plan = [&plan[..], &[("rolling_release[days_after_charge]", "30")]].concat();
    assert_eq!(fixture.post("/v1/reserve/plans", &plan).ok()["currency"], "eur");
    for path in [
        "/v1/balance_transactions",
        "/v1/reserve/holds",
        "/v1/reserve/releases",
        "/v1/ledger/charges",
        "/v1/ledger/payouts",
    ] {
        let of = |currency: &str| fixture.list(path, &[("currency", currency)]);
        assert!(!of("usd").is_empty(), "{path}");
        assert_eq!((of("USD"), of("Usd")), (of("usd"), of("usd")), "{path}");
        assert!(of("EUR").is_empty(), "{path}");
        let error = fixture.client.get(path, &[("currency", "US")]).refused(400);
        assert_eq!(error["param"], "currency");
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with("Invalid currency: ") && message.contains("US"), "{message}");
    }
}
