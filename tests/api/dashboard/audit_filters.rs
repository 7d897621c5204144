//! The filters of the audit's page: each alone, each with each other, in the address, and kept from
//! page to page and while the page is followed.

use super::browser::Browser;
use coffer_testkit::{App, TestServer, encode};
use serde_json::Value;
use std::collections::BTreeSet;

const PATH: &str = "/dashboard/audit";

/// The filters that the page has.
const FILTERS: [&str; 9] =
    ["account", "actor", "app", "operation", "outcome", "peer", "request", "since", "subject"];

/// What the page's own looks leave, which is no part of what is looked for.
const LOOK: &str = "admin.audit.list";

/// A server whose apps have done something two hours ago, and something now.
struct Filled {
    server: TestServer,
    app: App,
}

fn filled() -> Filled {
    let server = TestServer::builder().embedded().without_background_jobs().start();
    let (app, other) = (server.app(), server.app());
    let acts = |app: &App| {
        let client = app.client();
        client.set("token", "value").ok();
        client.find("token").ok();
        client.find("missing").refused(404);
        let (once, params) = (
            client.idempotent("once"),
            [("name", "n"), ("payload", "x"), ("scope[type]", "account")],
        );
        once.post("/v1/apps/secrets", &params).ok();
        once.post("/v1/apps/secrets", &params).ok();
    };
    acts(&app);
    server.flush_audit();
    server.clock.advance(7200);
    acts(&other);
    app.client().find("token").ok();
    server.flush_audit();
    Filled { server, app }
}

/// The entries, newest first, without looks.
fn entries(server: &TestServer) -> Vec<Value> {
    server.flush_audit();
    let list = server.admin().get("/v1/admin/audit", &[("order", "desc"), ("limit", "100")]).ok();
    let entries = list["data"].as_array().unwrap().iter();
    let entries: Vec<_> = entries.filter(|entry| entry["operation"] != LOOK).cloned().collect();
    assert!(entries.len() < 50, "all of them are on one page: {}", entries.len());
    entries
}

/// Whether an entry is one of those that a filter leaves.
fn fits(entry: &Value, name: &str, value: &str, now: i64) -> bool {
    match name {
        "since" => entry["created"].as_i64().unwrap() >= now - value.parse::<i64>().unwrap(),
        _ => entry[name] == value,
    }
}

/// The requests of the rows of a page, without looks; empty for what no request caused.
fn requests(page: &str) -> Vec<String> {
    let body =
        page.split("<tbody>").nth(1).map_or("", |rest| rest.split("</tbody>").next().unwrap());
    let rows = body.split("<tr>").skip(1).filter(|row| !row.contains(LOOK));
    let request = |row: &str| {
        let behind = row.split("/dashboard/request?id=").nth(1);
        behind.map_or(String::new(), |rest| rest.split(['"', '&']).next().unwrap().to_owned())
    };
    rows.map(request).collect()
}

/// The same of a page and of all older ones, since the looks of this test are on pages, too.
fn all_requests(browser: &mut Browser, page: &str) -> Vec<String> {
    let mut found = requests(page);
    let mut page = page.to_owned();
    while page.contains(">Older →<") {
        page = browser.page(&link(&page, "Older →"));
        found.extend(requests(&page));
    }
    found
}

/// The same of entries.
fn requests_of<'e>(entries: impl Iterator<Item = &'e Value>) -> Vec<String> {
    entries.map(|entry| entry["request"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The address that the link with this word leads to.
fn link(page: &str, word: &str) -> String {
    let end = page.find(&format!(">{word}</a>")).unwrap_or_else(|| panic!("no {word} in {page}"));
    let start = page[..end].rfind("href=\"").unwrap() + 6;
    page[start..].split('"').next().unwrap().replace("&amp;", "&")
}

/// The fields of an address, in the order of the alphabet.
fn fields(target: &str) -> BTreeSet<String> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    query.split('&').filter(|field| !field.is_empty()).map(str::to_owned).collect()
}

#[test]
fn each_filter_of_the_page_leaves_what_fits_and_stands_in_its_field() {
    let Filled { server, .. } = filled();
    let mut browser = Browser::signed_in(&server);
    let (all, now) = (entries(&server), server.clock.now_unix());
    let page = browser.page(PATH);
    assert_eq!(requests(&page), requests_of(all.iter()));
    let form =
        page.split("<form class=\"filters\"").nth(1).unwrap().split("</form>").next().unwrap();
    let names = form.split(" name=\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let names: BTreeSet<_> = names.collect();
    assert_eq!(names, BTreeSet::from(FILTERS), "each filter of the page is tried here");
    for name in FILTERS {
        let mut values: BTreeSet<&str> = all.iter().filter_map(|one| one[name].as_str()).collect();
        match name {
            "since" => values.extend(["3600", "86400", "604800", "2592000"]),
            "outcome" => {
                assert_eq!(values, BTreeSet::from(["done", "refused", "replayed"]));
                values.insert("failed");
            }
            "peer" => values.extend(["10.0.0.7"]),
            _ => assert!(values.len() > 1, "{name} has {values:?}"),
        }
        for value in values {
            let page = browser.page(&format!("{PATH}?{}", encode(&[(name, value)])));
            let fitting = all.iter().filter(|entry| fits(entry, name, value, now));
            assert_eq!(all_requests(&mut browser, &page), requests_of(fitting), "{name}={value}");
            let text = format!("name=\"{name}\" value=\"{value}\"");
            let chosen = format!("<option value=\"{value}\" selected>");
            assert!(page.contains(&text) || page.contains(&chosen), "{name}={value}: {page}");
            assert_eq!(link(&page, "Clear"), PATH);
        }
    }
}

#[test]
fn two_filters_leave_what_fits_both() {
    let Filled { server, app } = filled();
    let mut browser = Browser::signed_in(&server);
    let (all, now) = (entries(&server), server.clock.now_unix());
    let is_find = |entry: &&Value| {
        entry["operation"] == "apps.secrets.find" && entry["app"] == app.id.as_str()
    };
    let newest = all.iter().find(is_find).unwrap();
    let value = |name: &str| match name {
        "since" => "3600".to_owned(),
        _ => newest[name].as_str().unwrap_or_else(|| panic!("no {name} in {newest}")).to_owned(),
    };
    // What another entry has, so that the two have nothing in common.
    let other = |name: &str| match name {
        "outcome" => "failed",
        "peer" => "10.0.0.7",
        "since" => "3600",
        "operation" => "apps.secrets.lease",
        _ => "none_of_these",
    };
    let mut tried = 0;
    for (at, first) in FILTERS.iter().enumerate() {
        for second in &FILTERS[at + 1..] {
            let (one, two) = (value(first), value(second));
            let both = [(*first, one.as_str()), (*second, two.as_str())];
            let page = browser.page(&format!("{PATH}?{}", encode(&both)));
            let fitting = all
                .iter()
                .filter(|entry| both.iter().all(|(name, value)| fits(entry, name, value, now)));
            let fitting = requests_of(fitting);
            assert!(!fitting.is_empty() && fitting.len() < all.len(), "{both:?}");
            assert_eq!(all_requests(&mut browser, &page), fitting, "{both:?}");
            let none = [(*first, one.as_str()), (*second, other(second))];
            if *second != "since" {
                let page = browser.page(&format!("{PATH}?{}", encode(&none)));
                assert_eq!(requests(&page), [""; 0], "{none:?}");
                assert!(page.contains("No entries fit"), "{none:?}: {page}");
            }
            tried += 1;
        }
    }
    assert_eq!(tried, FILTERS.len() * (FILTERS.len() - 1) / 2);
}

#[test]
fn filters_are_kept_from_page_to_page() {
    let server = TestServer::builder().embedded().without_background_jobs().start();
    let app = server.app();
    app.client().set("token", "value").ok();
    for _ in 0..60 {
        app.client().find("token").ok();
        app.client().list().ok();
    }
    server.flush_audit();
    let mut browser = Browser::signed_in(&server);
    let filters = [
        ("operation", "apps.secrets.find"),
        ("app", app.id.as_str()),
        ("account", app.account.as_str()),
        ("peer", "127.0.0.1"),
        ("outcome", "done"),
        ("since", "3600"),
    ];
    let target = format!("{PATH}?{}", encode(&filters));
    let first = browser.page(&target);
    let older = link(&first, "Older →");
    let mut kept = fields(&older);
    assert!(kept.iter().any(|field| field.starts_with("starting_after=aud_")), "{older}");
    kept.retain(|field| !field.starts_with("starting_after="));
    assert_eq!(kept, fields(&target));
    let second = browser.page(&older);
    for (name, value) in filters {
        let text = format!("name=\"{name}\" value=\"{value}\"");
        let chosen = format!("<option value=\"{value}\" selected>");
        assert!(second.contains(&text) || second.contains(&chosen), "{name}: {second}");
    }
    assert!(!second.contains("apps.secrets.list"), "{second}");
    let (on_first, on_second) = (requests(&first), requests(&second));
    assert_eq!((on_first.len(), on_second.len()), (50, 10));
    let all: BTreeSet<_> = on_first.iter().chain(&on_second).collect();
    assert_eq!(all.len(), 60, "none is on both pages");
    assert_eq!(fields(&link(&second, "Newest")), fields(&target));
    assert!(!second.contains(">Older →<"), "{second}");
}

#[test]
fn filters_are_kept_while_the_page_is_followed() {
    let Filled { server, app } = filled();
    let mut browser = Browser::signed_in(&server);
    let filters = [("outcome", "refused"), ("app", app.id.as_str()), ("since", "86400")];
    let target = format!("{PATH}?{}", encode(&filters));
    let page = browser.page(&target);
    let follow = link(&page, "Follow");
    let mut kept = fields(&follow);
    assert!(kept.remove("follow=true"), "{follow}");
    assert_eq!(kept, fields(&target));
    server.flush_audit();
    let page = browser.page(&follow);
    assert_eq!(fields(&link(&page, "Stop following")), fields(&target));
    assert!(page.contains("name=\"follow\" value=\"true\""), "another filter goes on: {page}");
    let newest = page.split("data-newest=\"").nth(1).unwrap().split('"').next().unwrap();
    let header = format!("Coffer-Live: {newest}");
    let mut look = || browser.send("GET", &follow, None, &[&header]);
    app.client().find("token").ok();
    server.flush_audit();
    assert_eq!(look().status, 204, "what has come is not refused");
    let refused = app.client().find("missing");
    server.flush_audit();
    let answer = look();
    let request = refused.header("request-id").unwrap();
    assert_eq!((answer.status, requests(&answer.body)[0].as_str()), (200, request));
}
