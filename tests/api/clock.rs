//! Developer mode's clock, one for each app: told, moved, kept, and what falls due meanwhile done
//! before the answer.

use crate::check::lawful;
use coffer_storage::Faults;
use coffer_testkit::{Client, TestServer};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

const KEY: &str = "sk_test_anything";
const CLOCK: &str = "/v1/test_helpers/clock";
const ADVANCE: &str = "/v1/test_helpers/clock/advance";
const DAY: i64 = 86_400;

/// A server that nothing moves but the calls.
fn start() -> TestServer {
    TestServer::builder().developer().without_background_jobs().start()
}

fn now(client: &Client) -> i64 {
    client.get(CLOCK, &[]).ok()["now"].as_i64().unwrap()
}

#[test]
fn the_clock_is_told_and_moved_forward() {
    let server = start();
    let client = server.anonymous().with_key(KEY);
    let now = client.get(CLOCK, &[]).ok()["now"].as_i64().unwrap();
    let expected = serde_json::json!({
        "object": "test_helpers.clock", "livemode": false, "now": now });
    assert_eq!(lawful(&client.get(CLOCK, &[])).ok(), expected);
    let moved = lawful(&client.post(ADVANCE, &[("seconds", "90")])).ok();
    assert_eq!(moved["now"], now + 90);
    let to = (now + 40 * DAY).to_string();
    assert_eq!(client.post(ADVANCE, &[("to", &to)]).ok()["now"], now + 40 * DAY);
    assert_eq!(client.get(CLOCK, &[]).ok()["now"], now + 40 * DAY);
    let wrong: [(&[(&str, &str)], &str); 6] = [
        (&[("to", &to)], "to"),
        (&[("to", "5")], "to"),
        (&[("seconds", "0")], "seconds"),
        (&[("seconds", "157788001")], "seconds"),
        (&[], "seconds"),
        (&[("seconds", "5"), ("to", "999999999999")], "to"),
    ];
    for (params, param) in wrong {
        let error = lawful(&client.post(ADVANCE, params)).refused(400);
        assert_eq!(error["param"], param, "{params:?}");
    }
    assert_eq!(client.get(CLOCK, &[]).ok()["now"], now + 40 * DAY);
}

#[test]
fn what_falls_due_is_done_before_the_answer() {
    let server = TestServer::builder().developer().without_background_jobs().start();
    let client = server.anonymous().with_key(KEY).for_account("acct_1");
    let now = client.get(CLOCK, &[]).ok()["now"].as_i64().unwrap();
    let soon = (now + DAY).to_string();
    let secret = [
        ("name", "token"),
        ("payload", "value"),
        ("scope[type]", "account"),
        ("expires_at", soon.as_str()),
    ];
    client.post("/v1/apps/secrets", &secret).ok();
    let plan = [
        ("percent", "10"),
        ("type", "rolling_release"),
        ("rolling_release[days_after_charge]", "180"),
    ];
    client.post("/v1/reserve/plans", &plan).ok();
    let charge = [("id", "ch_1"), ("amount", "1000"), ("currency", "usd")];
    client.post("/v1/ledger/charges", &charge).ok();
    let keyed = client.idempotent("half a year");
    let half = [("seconds", "15724800")];
    let first = keyed.post(ADVANCE, &half);
    assert_eq!(first.ok()["now"], now + 182 * DAY);
    // Asked again, it is not moved again.
    assert_eq!(keyed.post(ADVANCE, &half).body, first.body);
    assert_eq!(client.get(CLOCK, &[]).ok()["now"], now + 182 * DAY);
    client.find("token").refused(404);
    let release = client.get("/v1/reserve/releases", &[]).ok()["data"][0].clone();
    assert_eq!(release["reason"], "hold_expired");
    // At its midnight, not when the caller said that time had passed.
    let midnight = ((now + 180 * DAY) / DAY + 1) * DAY;
    assert_eq!(release["released_at"], midnight);
    assert_eq!(client.get("/v1/balance", &[]).ok()["available"][0]["amount"], 1000);
}

#[test]
fn a_restart_keeps_the_clock_where_it_was_moved() {
    let directory = tempfile::TempDir::new().unwrap();
    let builder = || TestServer::builder().developer().data_dir(&directory.path().join("data"));
    let server = builder().start();
    let client = server.anonymous().with_key(KEY);
    let now = client.post(ADVANCE, &[("seconds", "8640000")]).ok()["now"].clone();
    server.stop();
    let server = builder().start();
    assert_eq!(server.anonymous().with_key(KEY).get(CLOCK, &[]).ok()["now"], now);
}

#[test]
fn in_production_nobody_moves_the_clock() {
    let server = TestServer::start();
    let client = server.app().client();
    client.get(CLOCK, &[]).refused(404);
    client.post(ADVANCE, &[("seconds", "5")]).refused(404);
}

#[test]
fn who_may_not_call_as_an_app_may_not_move_the_clock() {
    let server = start();
    let before = now(&server.anonymous().with_key(KEY));
    for (key, status) in [("pk_test_anything", 403), ("ak_coffer_anything", 403)] {
        let client = server.anonymous().with_key(key);
        client.get(CLOCK, &[]).refused(status);
        client.post(ADVANCE, &[("seconds", "5")]).refused(status);
    }
    server.anonymous().post(ADVANCE, &[("seconds", "5")]).refused(401);
    assert_eq!(now(&server.anonymous().with_key(KEY)), before);
}

#[test]
fn what_is_refused_says_why() {
    let server = start();
    let client = server.anonymous().with_key(KEY);
    let now = now(&client);
    let far = (now + 157_788_001).to_string();
    for (params, words) in [
        ([("to", "5")], format!("only moves forward, and it is {now} now")),
        ([("to", &far)], format!("at most 157788000 seconds at a time, five years; it is {now}")),
    ] {
        let error = lawful(&client.post(ADVANCE, &params)).refused(400);
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(&words), "{message}");
    }
    let both = [("seconds", "5"), ("to", &far)];
    let error = client.post(ADVANCE, &both).refused(400);
    assert!(error["message"].as_str().unwrap().contains("mutually exclusive"), "{error}");
}

#[test]
fn who_moves_the_clock_while_another_does_is_told_where_it_stands_then() {
    let server = start();
    let client = server.anonymous().with_key(KEY);
    let start = now(&client);
    let years = std::thread::spawn({
        let client = client.clone();
        move || client.post(ADVANCE, &[("seconds", "157788000")]).ok()
    });
    // While the years pass, others ask for a second more.
    let others: Vec<_> = (1..=8)
        .map(|month| {
            while now(&client) < start + month * 30 * DAY {}
            let client = client.clone();
            std::thread::spawn(move || client.post(ADVANCE, &[("seconds", "1")]).ok())
        })
        .collect();
    let told: BTreeSet<i64> =
        others.into_iter().map(|other| other.join().unwrap()["now"].as_i64().unwrap()).collect();
    let goal = years.join().unwrap()["now"].as_i64().unwrap();
    assert_eq!(goal, start + 157_788_000);
    assert_eq!(told, (1..=8).map(|second| goal + second).collect());
    assert_eq!(now(&client), goal + 8);
}

#[test]
fn a_walk_that_fails_is_not_called_undone() {
    let (primed, armed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    // As often as what takes nothing is tried on a full disk.
    let left = Arc::new(AtomicU32::new(0));
    let prime = {
        let (primed, left) = (Arc::clone(&primed), Arc::clone(&left));
        move || {
            if primed.swap(false, Ordering::SeqCst) {
                left.store(coffer_base::limit::ROOM_ATTEMPTS, Ordering::SeqCst);
            }
        }
    };
    let fail = {
        let armed = Arc::clone(&armed);
        move || {
            let one_less = |left: u32| left.checked_sub(1);
            let again = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok();
            armed.store(again, Ordering::SeqCst);
        }
    };
    let faults = Faults::none().fail_commit(armed);
    let faults = faults.before_commit(Arc::new(fail)).after_commit(Arc::new(prime));
    let server = TestServer::builder().developer().without_background_jobs().faults(faults);
    let server = server.start();
    let client = server.anonymous().with_key(KEY);
    let before = client.post(ADVANCE, &[("seconds", "1")]).ok()["now"].as_i64().unwrap();
    let plan = [
        ("percent", "10"),
        ("type", "rolling_release"),
        ("rolling_release[days_after_charge]", "3"),
    ];
    client.post("/v1/reserve/plans", &plan).ok();
    let charge = [("id", "ch_1"), ("amount", "1000"), ("currency", "usd")];
    client.post("/v1/ledger/charges", &charge).ok();
    // The clock's own commit succeeds, and the next one, of its first midnight, does not.
    primed.store(true, Ordering::SeqCst);
    let keyed = client.idempotent("five days");
    let days = [("seconds", "432000")];
    let error = lawful(&keyed.post(ADVANCE, &days)).refused(500);
    assert!(error["message"].as_str().unwrap().contains("may or may not"), "{error}");
    // Nor is it half done: the clock stands where the repeated request is told that it stands, and
    // the scheduler does the rest when its turn comes.
    assert_eq!(keyed.post(ADVANCE, &days).ok()["now"], before + 432_000);
    assert_eq!(now(&client), before + 432_000);
    let released = || client.get("/v1/reserve/releases", &[]).ok()["data"].clone();
    assert_eq!(released(), serde_json::json!([]));
    // What failed has made room, and until the disk is looked at again it counts as full.
    server.flush_audit();
    server.run_jobs();
    assert_eq!(released()[0]["reason"], "hold_expired");
}

/// What one app's time brings is its own, and another's is not touched.
#[test]
fn each_app_has_a_clock_of_its_own() {
    let server = start();
    let [quick, slow] =
        ["sk_test_quick", "sk_test_slow"].map(|key| server.anonymous().with_key(key));
    let start = now(&slow);
    let soon = (start + 3600).to_string();
    let plan = [
        ("percent", "10"),
        ("type", "rolling_release"),
        ("rolling_release[days_after_charge]", "14"),
    ];
    let later = |text: &str, days: i64| (text.parse::<i64>().unwrap() + days * DAY).to_string();
    let secret = |client: &Client, name: &str, expires_at: &str| {
        let params = [
            ("name", name),
            ("payload", "value"),
            ("scope[type]", "account"),
            ("expires_at", expires_at),
        ];
        client.post("/v1/apps/secrets", &params)
    };
    let clients = [&quick, &slow].map(|client| [client.clone(), client.for_account("acct_shared")]);
    for client in clients.iter().flatten() {
        secret(client, "token", &soon).ok();
        client.post("/v1/reserve/plans", &plan).ok();
        let charge = [("id", "ch_1"), ("amount", "1000"), ("currency", "usd")];
        client.post("/v1/ledger/charges", &charge).ok();
    }
    let device = quick.post("/v1/ephemeral_keys", &[("user", "usr_1")]).ok();
    assert_eq!(quick.post(ADVANCE, &[("seconds", "3628800")]).ok()["now"], start + 42 * DAY);
    server.run_jobs();
    assert_eq!((now(&quick), now(&slow)), (start + 42 * DAY, start));
    assert_eq!(now(&server.anonymous().with_key("rk_test_quick")), start + 42 * DAY);
    for (client, is_over) in
        clients[0].iter().map(|client| (client, true)).chain(clients[1].iter().map(|c| (c, false)))
    {
        assert_eq!(client.find("token").status, if is_over { 404 } else { 200 });
        let releases = client.get("/v1/reserve/releases", &[]).ok()["data"].clone();
        assert_eq!(releases.as_array().unwrap().len(), usize::from(is_over));
        if is_over {
            let midnight = ((start + 14 * DAY) / DAY + 1) * DAY;
            assert_eq!(releases[0]["released_at"], midnight);
        }
        let available = client.get("/v1/balance", &[]).ok()["available"][0]["amount"].clone();
        assert_eq!(available, if is_over { 1000 } else { 0 });
        let newest = client.get("/v1/events", &[]).ok()["data"][0]["created"].as_i64().unwrap();
        assert_eq!(newest > start, is_over);
        // An hour from now is in the past of one, and of the other it is not.
        assert_eq!(secret(client, "new", &soon).status, if is_over { 400 } else { 200 });
        secret(client, "new", &later(&soon, 42)).ok();
    }
    let scope = [("scope[type]", "user"), ("scope[user]", "usr_1")];
    let device = server.anonymous().with_key(device["secret"].as_str().unwrap());
    device.get("/v1/apps/secrets", &scope).refused(401);
    let device = quick.post("/v1/ephemeral_keys", &[("user", "usr_1")]).ok();
    let device = server.anonymous().with_key(device["secret"].as_str().unwrap());
    device.get("/v1/apps/secrets", &scope).ok();
}

/// What waits for no time is done with the time of the app that it belongs to.
#[test]
fn a_plan_that_is_disabled_releases_by_its_apps_clock() {
    let server = start();
    let [quick, slow] =
        ["sk_test_quick", "sk_test_slow"].map(|key| server.anonymous().with_key(key));
    let start = now(&slow);
    quick.post(ADVANCE, &[("seconds", "864000")]).ok();
    for client in [&quick, &slow] {
        let plan = [
            ("percent", "10"),
            ("type", "rolling_release"),
            ("rolling_release[days_after_charge]", "14"),
        ];
        let plan = client.post("/v1/reserve/plans", &plan).ok()["id"].clone();
        let charge = [("id", "ch_1"), ("amount", "1000"), ("currency", "usd")];
        client.post("/v1/ledger/charges", &charge).ok();
        client.post(&format!("/v1/reserve/plans/{}/disable", plan.as_str().unwrap()), &[]).ok();
    }
    server.run_jobs();
    for (client, at) in [(&quick, start + 10 * DAY), (&slow, start)] {
        let release = client.get("/v1/reserve/releases", &[]).ok()["data"][0].clone();
        assert_eq!(
            (&release["reason"], &release["released_at"]),
            (&"plan_disabled".into(), &at.into())
        );
    }
}
