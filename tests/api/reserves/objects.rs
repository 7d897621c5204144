//! Holds, plans and releases: what can be asked, and what is shown to whom (reserves §3 to §5, §1).

use super::fixture::{DAY, Fixture, MARCH_1, march, text};
use coffer_testkit::Client;
use serde_json::{Value, json};

const HOLDS: &str = "/v1/reserve/holds";
const PLANS: &str = "/v1/reserve/plans";
const RELEASES: &str = "/v1/reserve/releases";

fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The caller in another version.
fn in_version(fixture: &Fixture, version: &str) -> Client {
    fixture.client.with_header("Stripe-Version", version)
}

#[test]
fn a_hold_is_shown_in_full_to_connect_callers() {
    let fixture = Fixture::new();
    let after = MARCH_1 + 10 * DAY;
    let date = after.to_string();
    let params = [
        ("amount", "1000"),
        ("currency", "usd"),
        ("release_schedule[release_after]", date.as_str()),
        ("source_type", "fpx"),
        ("metadata[why]", "new merchant"),
    ];
    let hold = fixture.post(HOLDS, &params).ok();
    let id = text(&hold, "id");
    assert!(id.starts_with("reshold_") && id.len() == 37, "{id}");
    let expected = json!({
        "id": id, "object": "reserve.hold", "amount": 1000, "amount_releasable": 1000,
        "created": MARCH_1, "created_by": "application", "currency": "usd",
        "destination": "risk_reserved", "is_releasable": true, "livemode": false,
        "metadata": { "why": "new merchant" }, "reason": "standalone", "release_details": [],
        "release_schedule": { "release_after": after, "scheduled_release": march(12) },
        "reserve_plan": null, "source_charge": null, "source_type": "fpx",
    });
    assert_eq!(hold, expected);
    assert_eq!(fixture.get(&format!("{HOLDS}/{id}")), expected);
    assert_eq!(fixture.postings(), ["P.a>R.a 1000"]);
    // The platform's own account, without the header.
    let own = fixture.app.client().post(HOLDS, &params).ok();
    for hidden in ["amount_releasable", "is_releasable", "metadata"] {
        assert!(own.get(hidden).is_none(), "{own}");
    }
    fixture.verify();
}

#[test]
fn a_hold_is_moved_and_released_in_parts() {
    let fixture = Fixture::new();
    let hold = fixture.hold(1000, MARCH_1 + 10 * DAY);
    let path = format!("{HOLDS}/{}", text(&hold, "id"));
    let sooner = (MARCH_1 + DAY).to_string();
    let schedule = ("release_schedule[release_after]", sooner.as_str());
    let moved = fixture.post(&path, &[schedule, ("metadata[k]", "v")]).ok();
    assert_eq!(moved["release_schedule"]["scheduled_release"], march(3));
    assert_eq!(fixture.post(&path, &[("metadata[k]", "")]).ok()["metadata"], json!({}));

    let release = |params: &[(&str, &str)]| {
        let of = [("reserve_hold", moved["id"].as_str().unwrap())];
        fixture.post(RELEASES, &[&of[..], params].concat())
    };
    let first = release(&[("amount", "300"), ("metadata[by]", "hand")]).ok();
    let expected = json!({
        "id": first["id"], "object": "reserve.release", "amount": 300, "created": MARCH_1,
        "created_by": "application", "currency": "usd", "destination": "payments",
        "livemode": false, "metadata": { "by": "hand" }, "reason": "hold_released_early",
        "released_at": MARCH_1, "reserve_hold": moved["id"], "reserve_plan": null,
    });
    assert_eq!(first, expected);
    let rest = release(&[("currency", "usd")]).ok();
    assert_eq!(rest["amount"], 700);
    let hold = fixture.get(&path);
    assert_eq!((&hold["amount"], &hold["amount_releasable"]), (&json!(1000), &json!(0)));
    assert_eq!(hold["is_releasable"], false);
    let details = json!([
        { "amount": 700, "reserve_release": rest["id"] },
        { "amount": 300, "reserve_release": first["id"] },
    ]);
    assert_eq!(hold["release_details"], details);
    // Nothing is left to be moved; its metadata can still be changed.
    assert_eq!(fixture.post(&path, &[schedule]).refused(400)["param"], schedule.0);
    fixture.post(&path, &[("metadata[k]", "w")]).ok();
    let path = format!("{RELEASES}/{}", text(&first, "id"));
    let changed = fixture.post(&path, &[("metadata[by]", "")]).ok();
    assert_eq!(changed["metadata"], json!({}));
    assert_eq!(fixture.post(&path, &[("metadata[by]", "me")]).ok()["metadata"]["by"], "me");
    assert_eq!(fixture.list(RELEASES, &[])[0], rest, "the other one was changed as well");
    assert_eq!(fixture.post(&path, &[]).refused(400)["code"], "parameter_missing");
    assert_eq!(fixture.postings(), ["P.a>R.a 1000", "R.a>P.a 300", "R.a>P.a 700"]);
    fixture.verify();
}

#[test]
fn a_hundred_parts_are_enough() {
    let fixture = Fixture::new();
    let hold = text(&fixture.hold(1000, MARCH_1 + 10 * DAY), "id");
    let part = [("reserve_hold", hold.as_str()), ("amount", "1")];
    (0..100).for_each(|_| drop(fixture.post(RELEASES, &part).ok()));
    assert_eq!(fixture.post(RELEASES, &part).refused(400)["param"], "reserve_hold");
    fixture.advance_to(march(12));
    assert_eq!(fixture.get(&format!("{HOLDS}/{hold}"))["amount_releasable"], 0);
}

#[test]
fn plans_of_all_types_are_made_changed_and_shown() {
    let fixture = Fixture::new();
    let (date, ends) = ((MARCH_1 + 30 * DAY).to_string(), (MARCH_1 + 9 * DAY).to_string());
    let fixed = fixture
        .post(
            PLANS,
            &[
                ("percent", "20"),
                ("type", "fixed_release"),
                ("currency", "usd"),
                ("fixed_release[release_after]", &date),
                ("metadata[k]", "v"),
            ],
        )
        .ok();
    let id = text(&fixed, "id");
    assert!(id.starts_with("resplan_") && id.len() == 37, "{id}");
    let expected = json!({
        "id": id, "object": "reserve.plan", "created": MARCH_1, "created_by": "application",
        "currency": "usd", "destination": "risk_reserved", "disabled_at": null,
        "fixed_release": {
            "release_after": MARCH_1 + 30 * DAY, "scheduled_release": 1_775_001_600 },
        "livemode": false, "metadata": { "k": "v" }, "percent": 20, "status": "active",
        "type": "fixed_release",
    });
    assert_eq!(fixed, expected);
    let rolling = fixture
        .post(
            PLANS,
            &[
                ("percent", "5"),
                ("type", "rolling_release"),
                ("rolling_release[days_after_charge]", "90"),
                ("rolling_release[expires_on]", &ends),
            ],
        )
        .ok();
    let block = json!({ "days_after_charge": 90, "expires_on": MARCH_1 + 9 * DAY });
    assert_eq!((&rolling["rolling_release"], &rolling["currency"]), (&block, &json!(null)));
    assert!(rolling.get("fixed_release").is_none() && rolling.get("manual_release").is_none());
    let path = format!("{PLANS}/{}", text(&rolling, "id"));
    let unset = [("rolling_release[expires_on]", ""), ("percent", "6")];
    let changed = fixture.post(&path, &unset).ok();
    let block = json!({ "days_after_charge": 90, "expires_on": null });
    assert_eq!((&changed["rolling_release"], &changed["percent"]), (&block, &json!(6)));
    let strange = fixture.post(&path, &[("fixed_release[release_after]", &date)]);
    assert_eq!(strange.refused(400)["code"], "parameter_unknown");
    let manual = fixture.post(PLANS, &[("percent", "1"), ("type", "manual_release")]).ok();
    assert_eq!(manual["manual_release"], json!({}));
    let listed = |params: &[(&str, &str)]| fixture.list(PLANS, params).len();
    assert_eq!(listed(&[]), 3);
    assert_eq!(listed(&[("status", "active")]), 3);
    assert_eq!(listed(&[("destination", "settlement_reserved")]), 0);
    fixture.post(&format!("{path}/disable"), &[]).ok();
    assert_eq!(listed(&[("status", "disabled")]), 1);
    assert_eq!(listed(&[("status", "expired")]), 0);
}

#[test]
fn a_manual_plan_holds_until_somebody_says_otherwise() {
    let fixture = Fixture::new();
    let plan = fixture.post(PLANS, &[("percent", "10"), ("type", "manual_release")]).ok();
    fixture.charge("ch_1", 1000, &[]);
    fixture.charge("ch_2", 1000, &[]);
    fixture.advance_to(MARCH_1 + 400 * DAY);
    let holds = fixture.list(HOLDS, &[]);
    let schedule = json!({ "release_after": null, "scheduled_release": null });
    assert!(holds.iter().all(|hold| hold["release_schedule"] == schedule));
    assert_eq!(fixture.standing(), [0, 1800, 0, 200]);
    fixture.post(RELEASES, &[("reserve_hold", holds[0]["id"].as_str().unwrap())]).ok();
    fixture.post(&format!("{PLANS}/{}/disable", text(&plan, "id")), &[]).ok();
    fixture.server.run_jobs();
    assert_eq!(fixture.standing(), [0, 2000, 0, 0]);
    // The sweep released one hold, and says which.
    assert_eq!(fixture.list(RELEASES, &[])[0]["reserve_hold"], holds[1]["id"]);
    fixture.verify();
}

#[test]
fn lists_are_narrowed_by_each_filter() {
    let fixture = Fixture::new();
    let plan = text(&fixture.rolling(10, 30), "id");
    fixture.charge("ch_1", 1000, &[]);
    let eur = [("id", "ch_2"), ("amount", "2000"), ("currency", "eur")];
    fixture.post("/v1/ledger/charges", &eur).ok();
    let alone = text(&fixture.hold(50, MARCH_1 + 10 * DAY), "id");
    let spent = text(&fixture.hold(60, MARCH_1 + 10 * DAY), "id");
    let release = fixture.post(RELEASES, &[("reserve_hold", &spent)]).ok();
    let release = text(&release, "id");
    let amounts = |path: &str, params: &[(&str, &str)]| -> Vec<i64> {
        fixture.list(path, params).iter().map(|one| one["amount"].as_i64().unwrap()).collect()
    };
    assert_eq!(amounts(HOLDS, &[]), [60, 50, 200, 100]);
    assert_eq!(amounts(HOLDS, &[("currency", "eur")]), [200]);
    assert_eq!(amounts(HOLDS, &[("is_releasable", "false")]), [60]);
    assert_eq!(amounts(HOLDS, &[("is_releasable", "true")]), [50, 200, 100]);
    assert_eq!(amounts(HOLDS, &[("reason", "charge")]), [200, 100]);
    assert_eq!(amounts(HOLDS, &[("reason", "standalone")]), [60, 50]);
    assert_eq!(amounts(HOLDS, &[("reserve_plan", &plan)]), [200, 100]);
    assert_eq!(amounts(HOLDS, &[("reserve_plan", &plan), ("currency", "usd")]), [100]);
    assert_eq!(amounts(HOLDS, &[("reserve_release", &release)]), [60]);
    assert_eq!(amounts(HOLDS, &[("source_charge", "ch_1")]), [100]);
    assert!(amounts(HOLDS, &[("source_charge", "ch_1"), ("reason", "standalone")]).is_empty());
    assert!(amounts(HOLDS, &[("reserve_plan", "resplan_never")]).is_empty());
    assert_eq!(amounts(HOLDS, &[("starting_after", &alone)]), [200, 100]);
    assert_eq!(amounts(HOLDS, &[("ending_before", &alone)]), [60]);
    fixture.refund("re_1", "ch_1", 30);
    fixture.post(&format!("{PLANS}/{plan}/disable"), &[]).ok();
    fixture.server.run_jobs();
    let mut by_plan = amounts(RELEASES, &[("reserve_plan", &plan)]);
    by_plan.sort_unstable();
    assert_eq!(by_plan, [70, 200]);
    assert_eq!(amounts(RELEASES, &[("reserve_hold", &spent)]), [60]);
    assert_eq!(amounts(RELEASES, &[("currency", "eur")]), [200]);
    assert!(amounts(RELEASES, &[("reserve_hold", "reshold_never")]).is_empty());
}

#[test]
fn links_are_expanded_where_they_are_asked_for() {
    let fixture = Fixture::new();
    let plan = fixture.rolling(10, 30);
    let more = [("application_fee", "100"), ("source_transfer", "tr_1")];
    fixture.charge("ch_1", 1000, &more);
    let all = [("expand[]", "data.reserve_plan"), ("expand[]", "data.source_charge")];
    let hold = fixture.list(HOLDS, &all)[0].clone();
    assert_eq!(hold["reserve_plan"], plan);
    let charge = json!({
        "id": "ch_1", "object": "charge", "amount": 1000, "amount_refunded": 0,
        "application_fee_amount": 100, "created": MARCH_1, "currency": "usd", "disputed": false,
        "livemode": false, "refunded": false, "source_transfer": "tr_1", "status": "succeeded",
    });
    assert_eq!(hold["source_charge"], charge);
    let id = text(&hold, "id");
    let path = format!("{HOLDS}/{id}");
    let one = [("expand[]", "source_charge"), ("expand[]", "release_details")];
    assert_eq!(fixture.client.get(&path, &one).ok()["source_charge"], charge);
    let changed = [("metadata[k]", "v"), ("expand[]", "reserve_plan")];
    assert_eq!(fixture.post(&path, &changed).ok()["reserve_plan"], plan);
    let release = [("reserve_hold", id.as_str()), ("expand[]", "reserve_hold")];
    let release = fixture.post(RELEASES, &release).ok();
    assert_eq!(release["reserve_hold"]["amount_releasable"], 0);
    let path = format!("{RELEASES}/{}", text(&release, "id"));
    let one = [("expand[]", "reserve_hold"), ("expand[]", "reserve_plan")];
    let shown = fixture.client.get(&path, &one).ok();
    assert_eq!((&shown["reserve_hold"]["id"], &shown["reserve_plan"]), (&json!(id), &json!(null)));
    fixture.client.get(&path, &[("expand[]", "currency")]).refused(400);
}

#[test]
fn older_versions_see_what_they_know() {
    let fixture = Fixture::new();
    let plan = text(&fixture.rolling(10, 3), "id");
    fixture.charge("ch_1", 1000, &[]);
    fixture.advance_to(march(5));
    let hold = text(&fixture.list(HOLDS, &[])[0], "id");
    let release = text(&fixture.list(RELEASES, &[])[0], "id");
    for (version, destination, details, reason) in [
        ("2025-12-15.preview", false, false, "bulk_hold_expiry"),
        ("2026-05-27.dahlia", false, false, "bulk_hold_expiry"),
        ("2026-06-24.dahlia", false, true, "bulk_hold_expiry"),
        ("2026-09-29", false, true, "bulk_hold_expiry"),
        ("2026-09-30.endive", true, true, "hold_expired"),
        ("2026-10-28.endive", true, true, "hold_expired"),
    ] {
        let client = in_version(&fixture, version);
        let hold = client.get(&format!("{HOLDS}/{hold}"), &[]).ok();
        let plan = client.get(&format!("{PLANS}/{plan}"), &[]).ok();
        let release = client.get(&format!("{RELEASES}/{release}"), &[]).ok();
        assert_eq!(keys(&hold).contains(&"release_details"), details, "{version}");
        for object in [&hold, &plan, &release] {
            assert_eq!(keys(object).contains(&"destination"), destination, "{version}: {object}");
        }
        assert_eq!(release["reason"], reason, "{version}");
        let listed = client.get(RELEASES, &[]).ok();
        assert_eq!(listed["data"][0]["reason"], reason, "{version}");
    }
}

#[test]
fn a_plan_that_is_being_emptied_was_called_disabling_once() {
    let fixture = Fixture::new();
    let plan = format!("{PLANS}/{}", text(&fixture.rolling(10, 30), "id"));
    fixture.charge("ch_1", 1000, &[]);
    let older = in_version(&fixture, "2025-12-15.preview");
    let said = older.post(&format!("{plan}/disable"), &[]).ok();
    assert_eq!((&said["status"], &said["disabled_at"]), (&json!("disabling"), &json!(null)));
    let newer = fixture.get(&plan);
    assert_eq!((&newer["status"], &newer["disabled_at"]), (&json!("disabled"), &json!(MARCH_1)));
    let hold = &fixture.list(HOLDS, &[])[0];
    assert_eq!((&hold["is_releasable"], &hold["amount_releasable"]), (&json!(false), &json!(100)));
    let listed = |client: &Client, status: &str| {
        let list = client.get(PLANS, &[("status", status)]).ok();
        list["data"].as_array().unwrap().len()
    };
    assert_eq!((listed(&older, "disabling"), listed(&older, "disabled")), (1, 0));
    assert_eq!(listed(&fixture.client, "disabled"), 1);
    fixture.server.clock.advance(6);
    fixture.server.run_jobs();
    let said = older.get(&plan, &[]).ok();
    assert_eq!((&said["status"], &said["disabled_at"]), (&json!("disabled"), &json!(MARCH_1 + 6)));
    assert_eq!((listed(&older, "disabling"), listed(&older, "disabled")), (0, 1));
    assert_eq!(fixture.get(&plan)["disabled_at"], MARCH_1);
}
