//! Whose books are whose (reserves §11, decision 16): a mode, a platform and an account have books
//! of their own; a platform's apps share them.

use super::fixture::{DAY, Fixture, MARCH_1, march, text};
use coffer_testkit::{App, Client};
use serde_json::{Value, json};

/// Everything that can be listed, with a change of one of it.
const COLLECTIONS: [(&str, Option<(&str, &str)>); 11] = [
    ("/v1/ledger/charges", Some(("fee", "5"))),
    ("/v1/ledger/refunds", Some(("status", "failed"))),
    ("/v1/ledger/disputes", Some(("status", "lost"))),
    ("/v1/ledger/payouts", Some(("status", "paid"))),
    ("/v1/ledger/adjustments", Some(("source_type", "fpx"))),
    ("/v1/ledger/breaches", None),
    ("/v1/balance_transactions", None),
    ("/v1/reserve/holds", Some(("metadata[k]", "v"))),
    ("/v1/reserve/plans", Some(("percent", "5"))),
    ("/v1/reserve/releases", Some(("metadata[k]", "v"))),
    ("/v1/events", None),
];

/// Everything of a collection, but for the events of other families.
#[track_caller]
fn list(client: &Client, path: &str) -> Vec<Value> {
    let mut params = vec![("limit", "100")];
    if path == "/v1/events" {
        params.push(("type", "reserve.*"));
    }
    client.get(path, &params).ok()["data"].as_array().unwrap().clone()
}

/// Something of each kind.
fn fill(fixture: &Fixture) -> Vec<Vec<Value>> {
    fixture.rolling(10, 30);
    fixture.charge("ch_1", 1000, &[]);
    fixture.refund("re_1", "ch_1", 10);
    let dispute = [("id", "du_1"), ("charge", "ch_1"), ("amount", "20")];
    fixture.post("/v1/ledger/disputes", &dispute).ok();
    let payout = [("id", "po_1"), ("amount", "5"), ("currency", "usd"), ("reported", "true")];
    fixture.post("/v1/ledger/payouts", &payout).ok();
    let adjustment = [("id", "adj_1"), ("amount", "5"), ("currency", "usd")];
    fixture.post("/v1/ledger/adjustments", &adjustment).ok();
    let all: Vec<_> = COLLECTIONS.iter().map(|(path, _)| list(&fixture.client, path)).collect();
    assert!(all.iter().all(|list| !list.is_empty()));
    all
}

/// Those who are somebody else, each in one respect.
fn others(fixture: &Fixture) -> Vec<(&'static str, Client)> {
    let server = &fixture.server;
    let rival = server.app();
    server.install(&rival, &fixture.account);
    let live = fixture.app.live();
    vec![
        ("another account", server.connected(&fixture.app).1),
        ("another platform", rival.client().for_account(&fixture.account)),
        ("another platform's own account", rival.client()),
        ("the platform's own account", fixture.app.client()),
        ("another mode", live.for_account(&fixture.account)),
    ]
}

#[test]
fn nobody_else_sees_or_changes_what_stands_in_a_ledger() {
    let fixture = Fixture::new();
    let all = fill(&fixture);
    let (postings, standing) = (fixture.postings(), fixture.standing());
    for (who, other) in others(&fixture) {
        let balance = other.get("/v1/balance", &[]).ok();
        let none = json!([{"amount": 0, "currency": "usd", "source_types": {"card": 0}}]);
        assert_eq!((&balance["available"], &balance["pending"]), (&none, &none), "{who}");
        for ((path, change), objects) in COLLECTIONS.iter().zip(&all) {
            assert!(list(&other, path).is_empty(), "{who} lists {path}");
            let path = format!("{path}/{}", text(&objects[0], "id"));
            let mut answers = vec![other.get(&path, &[])];
            answers.extend(change.map(|change| other.post(&path, &[change])));
            if path.starts_with("/v1/reserve/plans") {
                answers.push(other.post(&format!("{path}/disable"), &[]));
            }
            for answer in answers {
                let error = answer.refused(404);
                let told = (&error["code"], &error["param"]);
                assert_eq!(told, (&json!("resource_missing"), &json!("id")), "{who}: {path}");
            }
        }
        let hold = text(&fixture.list("/v1/reserve/holds", &[])[0], "id");
        for (path, params, param) in [
            ("refunds", &[("id", "re_9"), ("charge", "ch_1"), ("amount", "1")][..], "charge"),
            ("disputes", &[("id", "du_9"), ("charge", "ch_1"), ("amount", "1")], "charge"),
        ] {
            let error = other.post(&format!("/v1/ledger/{path}"), params).refused(400);
            assert_eq!(error["param"], param, "{who}");
        }
        let release = other.post("/v1/reserve/releases", &[("reserve_hold", &hold)]);
        assert_eq!(release.refused(400)["param"], "reserve_hold", "{who}");
        // A stranger's ids in filters find nothing, and as cursors they are unknown.
        let of_hold = [("reserve_hold", hold.as_str())];
        let releases = other.get("/v1/reserve/releases", &of_hold).ok();
        assert_eq!(releases["data"], json!([]), "{who}");
        let after = [("starting_after", hold.as_str())];
        assert!(other.get("/v1/reserve/holds", &after).status == 400, "{who}");
    }
    assert_eq!((fixture.postings(), fixture.standing()), (postings, standing));
    for ((path, _), before) in COLLECTIONS.iter().zip(&all) {
        assert_eq!(list(&fixture.client, path), *before);
    }
    fixture.verify();
}

#[test]
fn the_same_id_and_the_same_key_are_others_in_other_books() {
    let fixture = Fixture::new();
    let all = fill(&fixture);
    let keyed = |client: &Client| client.idempotent("one key");
    let date = (MARCH_1 + 10 * DAY).to_string();
    let params =
        [("amount", "50"), ("currency", "usd"), ("release_schedule[release_after]", &date)];
    let mut holds = vec![keyed(&fixture.client).post("/v1/reserve/holds", &params).text("id")];
    for (who, other) in others(&fixture) {
        let charge = [("id", "ch_1"), ("amount", "777"), ("currency", "eur")];
        let charge = other.post("/v1/ledger/charges", &charge).ok();
        assert_eq!((&charge["amount"], &charge["disputed"]), (&json!(777), &json!(false)), "{who}");
        // The plan is not theirs.
        assert!(list(&other, "/v1/reserve/holds").is_empty(), "{who}");
        let first = keyed(&other).post("/v1/reserve/holds", &params);
        assert_eq!(first.header("idempotent-replayed"), None, "{who}");
        let again = keyed(&other).post("/v1/reserve/holds", &params);
        assert_eq!(again.ok(), first.ok());
        assert_eq!(again.header("idempotent-replayed"), Some("true"), "{who}");
        assert_eq!(list(&other, "/v1/reserve/holds").len(), 1, "{who}");
        holds.push(first.text("id"));
    }
    assert_eq!(list(&fixture.client, "/v1/ledger/charges"), all[0]);
    holds.sort_unstable();
    holds.dedup();
    assert_eq!(holds.len(), 6);
    fixture.verify();
}

#[test]
fn a_change_is_made_in_one_ledger_although_another_has_the_same_numbers() {
    let mut fixture = Fixture::new();
    fill(&fixture);
    // The same calls in another account's books: its rows have the same places there.
    let other = fixture.server.connected(&fixture.app).1;
    let own = std::mem::replace(&mut fixture.client, other);
    let all = fill(&fixture);
    for (path, change) in COLLECTIONS {
        let id = text(&list(&own, path)[0], "id");
        change.into_iter().for_each(|change| {
            own.post(&format!("{path}/{id}"), &[change]).ok();
        });
    }
    let hold = [("amount", "5"), ("currency", "usd")];
    let date = (MARCH_1 + 3 * DAY).to_string();
    let date = [("release_schedule[release_after]", date.as_str())];
    let hold = own.post("/v1/reserve/holds", &[&hold[..], &date].concat()).text("id");
    own.post("/v1/reserve/releases", &[("reserve_hold", &hold)]).ok();
    let plan = text(&list(&own, "/v1/reserve/plans")[0], "id");
    own.post(&format!("/v1/reserve/plans/{plan}/disable"), &[]).ok();
    fixture.server.run_jobs();
    assert_eq!(list(&own, "/v1/events")[0]["type"], "reserve.plan.disabled");
    for ((path, _), before) in COLLECTIONS.iter().zip(&all) {
        assert_eq!(list(&fixture.client, path), *before, "{path}");
    }
    fixture.verify();
}

#[test]
fn the_apps_of_a_platform_share_its_books() {
    let fixture = Fixture::new();
    let all = fill(&fixture);
    let admin = fixture.server.admin();
    let app = [("account", fixture.app.account.as_str()), ("name", "sister")];
    let id = admin.post("/v1/admin/apps", &app).text("id");
    let key = admin.post("/v1/admin/api_keys", &[("app", &id), ("mode", "test")]).text("key");
    let sister = App { id, test_key: key, ..fixture.app };
    fixture.server.install(&sister, &fixture.account);
    let client = sister.client().for_account(&fixture.account);
    for ((path, _), objects) in COLLECTIONS.iter().zip(&all) {
        assert_eq!(list(&client, path), *objects, "{path}");
    }
    assert_eq!(client.get("/v1/balance", &[]).ok(), fixture.client.get("/v1/balance", &[]).ok());
    let holds = COLLECTIONS.iter().position(|(path, _)| *path == "/v1/reserve/holds").unwrap();
    let hold = text(&all[holds][0], "id");
    client.post("/v1/reserve/releases", &[("reserve_hold", &hold)]).ok();
    assert_eq!(
        fixture.client.get(&format!("/v1/reserve/holds/{hold}"), &[]).ok()["is_releasable"],
        false
    );
}

#[test]
fn one_midnight_gives_each_account_what_is_its_own() {
    let fixture = Fixture::new();
    let second = fixture.server.connected(&fixture.app);
    let first = (fixture.account.clone(), fixture.client.clone());
    let own = (String::new(), fixture.app.client());
    let callers = [first, second, own];
    for (number, (_, client)) in (1..).zip(&callers) {
        let plan = [
            ("percent", "10"),
            ("type", "rolling_release"),
            ("rolling_release[days_after_charge]", "3"),
        ];
        client.post("/v1/reserve/plans", &plan).ok();
        for id in ["ch_1", "ch_2"] {
            let amount = (number * 1000).to_string();
            let charge = [("id", id), ("amount", amount.as_str()), ("currency", "usd")];
            client.post("/v1/ledger/charges", &charge).ok();
        }
    }
    fixture.advance_to(march(5));
    for (number, (account, client)) in (1..).zip(&callers) {
        let releases = list(client, "/v1/reserve/releases");
        assert_eq!(releases.len(), 1, "{releases:?}");
        assert_eq!(releases[0]["amount"], number * 200);
        let events = list(client, "/v1/events");
        assert_eq!(events.len(), 6, "a plan, two holds, a release of both");
        for event in &events {
            // What is the platform's own has no account beside it.
            let named = event.get("account").and_then(Value::as_str).unwrap_or_default();
            assert_eq!(named, account);
        }
        let balance = client.get("/v1/balance", &[]).ok();
        assert_eq!(balance["available"][0]["amount"], number * 2000);
    }
    fixture.verify();
}
