//! Pages that are followed: what the script asks for, and what no look may do.

use super::browser::Browser;
use coffer_testkit::TestServer;
use std::time::Duration;

/// What the newest entry is that a page has.
fn newest(page: &str) -> String {
    let (_, rest) = page.split_once("data-newest=\"").unwrap_or_else(|| panic!("none: {page}"));
    rest.split('"').next().unwrap().to_owned()
}

fn look(browser: &mut Browser<'_>, target: &str, newest: &str) -> coffer_testkit::Answer {
    browser.send("GET", target, None, &[&format!("Coffer-Live: {newest}")])
}

#[test]
fn the_audit_is_followed_without_filling_it() {
    let server = TestServer::start();
    let app = server.app();
    let mut browser = Browser::signed_in(&server);
    let once = browser.page("/dashboard/audit");
    assert!(once.contains(">Follow<") && !once.contains("data-live"), "{once}");
    let target = "/dashboard/audit?follow=true";
    server.flush_audit();
    let page = browser.page(target);
    assert!(page.contains("data-live=\"5\"") && page.contains("Stop following"), "{page}");
    let refresh = "<noscript><meta http-equiv=\"refresh\" content=\"10\"></noscript>";
    assert!(page.contains(refresh), "{page}");
    let has = newest(&page);
    server.flush_audit();
    let count = || {
        server.flush_audit();
        let looks = [("operation", "admin.audit.list"), ("limit", "100")];
        server.admin().get("/v1/admin/audit", &looks).ok()["data"].as_array().unwrap().len()
    };
    // Whoever counts leaves an entry, too.
    let before = count();
    for _ in 0..5 {
        let answer = look(&mut browser, target, &has);
        assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    }
    assert_eq!(count(), before + 1, "nothing has come, and no look is recorded");
    let missing = app.client().find("missing");
    let request = missing.header("request-id").unwrap().to_owned();
    server.flush_audit();
    let answer = look(&mut browser, target, &has);
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains(&request) && !answer.body.contains("admin.audit.list"));
    let has = newest(&answer.body);
    server.flush_audit();
    assert_eq!(look(&mut browser, target, &has).status, 204, "a look finds no look");
    let older = browser.page("/dashboard/audit?follow=true&starting_after=aud_2");
    assert!(!older.contains(">Stop following<"), "{older}");
}

#[test]
fn a_page_that_looks_again_keeps_no_session_and_takes_no_notice() {
    let server = TestServer::start();
    let mut browser = Browser::signed_in(&server);
    let target = "/dashboard/accounts?follow=true";
    browser.post("/dashboard/accounts/create", &[("name", "Acme")]).leads();
    assert!(!look(&mut browser, target, "").body.contains("was made."));
    assert!(browser.page("/dashboard/accounts").contains("was made."));
    for _ in 0..29 {
        server.clock.pass(Duration::from_secs(60));
        assert!(look(&mut browser, target, "").body.contains("Acme"));
        assert!(browser.page(target).contains("Acme"));
    }
    server.clock.pass(Duration::from_secs(60));
    let ended = look(&mut browser, target, "");
    assert!(
        ended.body.contains("Sign in with an admin key") && !ended.body.contains("id=\"live\"")
    );
}

#[test]
fn what_happens_to_an_endpoint_and_on_the_whole_can_be_followed() {
    let server = TestServer::start();
    let mut browser = Browser::signed_in(&server);
    let page = browser.page("/dashboard?follow=true");
    assert!(page.contains("data-live=\"30\"") && page.contains("Overview"), "{page}");
    assert_eq!(look(&mut browser, "/dashboard?follow=true", "").status, 200);
}

#[test]
fn the_events_of_an_account_are_followed() {
    let server = TestServer::builder().developer().start();
    let client = server.anonymous().with_key("sk_test_books").for_account("acct_books");
    let charge = |id: &str| {
        let fields = [("id", id), ("amount", "1000"), ("currency", "eur"), ("fee", "0")];
        client.post("/v1/ledger/charges", &fields).ok();
    };
    let plan = [
        ("percent", "10"),
        ("type", "rolling_release"),
        ("rolling_release[days_after_charge]", "90"),
    ];
    client.post("/v1/reserve/plans", &plan).ok();
    charge("ch_1");
    let admin = server.anonymous().with_key("ak_coffer_any");
    let installs = admin.get("/v1/admin/installs", &[("account", "acct_books")]).ok();
    let app = installs["data"][0]["app"].as_str().unwrap().to_owned();
    let mut browser = Browser::new(&server);
    browser.get(&server.server().installation().dashboard.link().unwrap());
    let target = format!("/dashboard/events?app={app}&account=acct_books&follow=true");
    let holds = |page: &str| page.matches(">reserve.hold.created<").count();
    let page = browser.page(&target);
    assert!(page.contains("data-live=\"5\"") && page.contains("Stop following"), "{page}");
    assert_eq!(holds(&page), 1, "{page}");
    charge("ch_2");
    assert_eq!(holds(&look(&mut browser, &target, "").body), 2);
}
