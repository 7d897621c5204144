//! `GET /v1/apps/secrets`: pages of one scope, newest first (secret store §3.5, conventions §5).

use crate::check::snapshot;
use coffer_testkit::{Answer, Client, START, TestServer};

const DAY: i64 = 86_400;

fn list(client: &Client, more: &[(&str, &str)]) -> Answer {
    let mut params = vec![("scope[type]", "account")];
    params.extend_from_slice(more);
    client.get("/v1/apps/secrets", &params)
}

/// The names on a page, and whether there are more.
fn page(client: &Client, more: &[(&str, &str)]) -> (Vec<String>, bool) {
    let page = list(client, more).ok();
    let name = |one: &serde_json::Value| one["name"].as_str().unwrap().to_owned();
    let names = page["data"].as_array().unwrap().iter().map(name).collect();
    (names, page["has_more"].as_bool().unwrap())
}

/// Sets these names in turn, all in one second; their ids.
fn set_all<'n>(client: &Client, names: impl IntoIterator<Item = &'n str>) -> Vec<String> {
    let set = |name: &str| client.set(name, "p").ok()["id"].as_str().unwrap().to_owned();
    names.into_iter().map(set).collect()
}

fn names(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// A server without background jobs, and an app's backend.
fn quiet() -> (TestServer, Client) {
    let server = TestServer::builder().without_background_jobs().start();
    let client = server.app().client();
    (server, client)
}

#[test]
fn a_page_of_a_scope() {
    let (server, client) = quiet();
    client.set("older", "one").ok();
    server.clock.advance(1);
    client.set("newer", "two").ok();
    snapshot("a_page_of_a_scope", "GET /v1/apps/secrets", &list(&client, &[]));
}

#[test]
fn a_page_with_payloads() {
    let (_server, client) = quiet();
    client.set("token", "value").ok();
    let answer = list(&client, &[("expand[]", "data.payload"), ("expand[]", "data.scope")]);
    snapshot("a_page_with_payloads", "GET /v1/apps/secrets: expand[]=data.payload", &answer);
}

#[test]
fn an_empty_scope() {
    let (_server, client) = quiet();
    let answer = list(&client, &[]);
    client.set("token", "value").ok();
    client.remove("token").ok();
    assert_eq!(list(&client, &[]).body, answer.body, "whether or not it ever held anything");
    snapshot("an_empty_scope", "GET /v1/apps/secrets: nothing in the scope", &answer);
}

#[test]
fn pages_go_both_ways_and_tell_the_truth() {
    let (_server, client) = quiet();
    let ids = set_all(&client, ["a", "b", "c", "d", "e"]);
    let id = |at: usize| ids[at].as_str();
    for (params, expected, more) in [
        (vec![], "e d c b a", false),
        (vec![("limit", "5")], "e d c b a", false),
        (vec![("limit", "4")], "e d c b", true),
        (vec![("limit", "2"), ("starting_after", id(3))], "c b", true),
        (vec![("limit", "3"), ("starting_after", id(3))], "c b a", false),
        (vec![("starting_after", id(0))], "", false),
        (vec![("limit", "2"), ("ending_before", id(1))], "d c", true),
        (vec![("limit", "3"), ("ending_before", id(1))], "e d c", false),
        (vec![("ending_before", id(4))], "", false),
    ] {
        assert_eq!(page(&client, &params), (names(expected), more), "{params:?}");
    }
}

#[test]
fn a_limit_outside_its_range_is_clamped() {
    let server = TestServer::start();
    let app = server.app();
    let path = format!("/v1/admin/apps/{}", app.id);
    server.admin().post(&path, &[("secrets_per_scope", "101")]).ok();
    let client = app.client();
    let all: Vec<_> = (0..101).map(|number| number.to_string()).collect();
    set_all(&client, all.iter().map(String::as_str));
    for (limit, expected) in
        [("-5", 1), ("0", 1), ("1", 1), ("100", 100), ("101", 100), ("9000000000000000000", 100)]
    {
        let (names, more) = page(&client, &[("limit", limit)]);
        assert_eq!((names.len(), more), (expected, true), "limit={limit}");
    }
    let error = list(&client, &[("limit", "ten")]).refused(400);
    assert_eq!(
        (&error["code"], &error["param"]),
        (&"parameter_invalid_integer".into(), &"limit".into())
    );
}

#[test]
fn a_replaced_secret_keeps_its_place() {
    let (server, client) = quiet();
    set_all(&client, ["a", "b", "c"]);
    server.clock.advance(60);
    client.set("a", "replaced").ok();
    assert_eq!(page(&client, &[]).0, names("c b a"));
}

#[test]
fn expired_secrets_are_not_on_a_page() {
    let (server, client) = quiet();
    set_all(&client, ["a", "b"]);
    let at = (START.unix() + 10).to_string();
    let params =
        [("name", "x"), ("payload", "p"), ("scope[type]", "account"), ("expires_at", at.as_str())];
    client.post("/v1/apps/secrets", &params).ok();
    set_all(&client, ["c"]);
    assert_eq!(page(&client, &[("limit", "3")]), (names("c x b"), true));
    server.clock.advance(10);
    assert_eq!(page(&client, &[("limit", "3")]), (names("c b a"), false));
    assert_eq!(page(&client, &[("limit", "2")]), (names("c b"), true));
}

/// A cursor whose object is deleted pages for a day (conventions §13, decision 4).
#[test]
fn a_deleted_cursor_pages_for_a_day() {
    let (server, client) = quiet();
    let ids = set_all(&client, ["a", "b", "c"]);
    client.remove("b").ok();
    let after = [("starting_after", ids[1].as_str())];
    let before = [("ending_before", ids[1].as_str())];
    server.clock.advance(DAY - 1);
    server.run_jobs();
    assert_eq!(page(&client, &after).0, names("a"));
    assert_eq!(page(&client, &before).0, names("c"));
    server.clock.advance(2);
    server.run_jobs();
    let error = list(&client, &after).refused(400);
    assert_eq!(
        (&error["code"], &error["param"]),
        (&"resource_missing".into(), &"starting_after".into())
    );
    list(&client, &before).refused(400);
}

/// What comes after the newest ones were deleted is newer than they were, for whoever still names
/// them.
#[test]
fn a_new_secret_is_newer_than_deleted_ones() {
    let (_server, client) = quiet();
    let ids = set_all(&client, ["a", "b", "c"]);
    for name in ["c", "b", "a"] {
        client.remove(name).ok();
    }
    set_all(&client, ["d"]);
    for id in &ids {
        assert_eq!(page(&client, &[("starting_after", id)]).0, names(""));
        assert_eq!(page(&client, &[("ending_before", id)]).0, names("d"));
    }
}

/// And so does one that expired, and one whose row is purged (decision 19).
#[test]
fn an_expired_cursor_pages_for_a_day_after_its_purge() {
    let (server, client) = quiet();
    set_all(&client, ["a"]);
    let at = (START.unix() + 10).to_string();
    let params =
        [("name", "x"), ("payload", "p"), ("scope[type]", "account"), ("expires_at", at.as_str())];
    let expiring = client.post("/v1/apps/secrets", &params).ok();
    set_all(&client, ["c"]);
    let cursor = [("starting_after", expiring["id"].as_str().unwrap())];
    server.clock.advance(10);
    assert_eq!(page(&client, &cursor).0, names("a"), "expired");
    server.clock.advance(DAY);
    server.run_jobs();
    assert_eq!(server.count("secret"), 2);
    assert_eq!(page(&client, &cursor).0, names("a"), "purged");
    server.clock.advance(DAY - 1);
    server.run_jobs();
    assert_eq!(page(&client, &cursor).0, names("a"), "for a day");
    server.clock.advance(2);
    server.run_jobs();
    list(&client, &cursor).refused(400);
}

/// A scope in which nothing is left leaves nothing behind, once no cursor names anything of it.
#[test]
fn an_empty_scope_goes_with_the_last_of_its_cursors() {
    let (server, client) = quiet();
    set_all(&client, ["a", "b"]);
    for name in ["a", "b"] {
        client.remove(name).ok();
        server.clock.advance(DAY - 1);
        server.run_jobs();
        assert_eq!(server.count("tombstone"), 1, "{name}");
    }
    server.clock.advance(2);
    server.run_jobs();
    assert_eq!((server.count("secret"), server.count("tombstone")), (0, 0));
    // Only many writers have rows to lock, which scopes share.
    assert!(server.count("scope_lock") <= 1);
    // It begins anew.
    set_all(&client, ["a", "c"]);
    assert_eq!(page(&client, &[]).0, names("c a"));
}

/// As SDKs walk a list: page by page, deleting what they see.
#[test]
fn a_list_can_be_emptied_while_it_is_walked() {
    let (_server, client) = quiet();
    set_all(&client, ["a", "b", "c", "d", "e"]);
    let mut seen = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut params = vec![("limit", "2")];
        params.extend(cursor.as_deref().map(|id| ("starting_after", id)));
        let page = list(&client, &params).ok();
        for secret in page["data"].as_array().unwrap() {
            client.remove(secret["name"].as_str().unwrap()).ok();
            seen.push(secret["name"].as_str().unwrap().to_owned());
            cursor = secret["id"].as_str().map(str::to_owned);
        }
        if page["has_more"] == false {
            break;
        }
    }
    assert_eq!(seen, names("e d c b a"));
}

#[test]
fn a_cursor_belongs_to_its_scope_mode_account_and_app() {
    let (server, _) = quiet();
    let (app, other) = (server.app(), server.app());
    let id = set_all(&app.client(), ["a"]).remove(0);
    let cursor = [("starting_after", id.as_str())];
    let account = server.account();
    server.install(&app, &account);
    for client in [app.live(), app.client().for_account(&account), other.client()] {
        client.set("something", "p").ok();
        list(&client, &cursor).refused(400);
    }
    let user = [("scope[type]", "user"), ("scope[user]", "u"), cursor[0]];
    app.client().get("/v1/apps/secrets", &user).refused(400);
    list(&app.client(), &cursor).ok();
    app.client().remove("a").ok();
    list(&other.client(), &cursor).refused(400);
    app.client().get("/v1/apps/secrets", &user).refused(400);
}

#[test]
fn cursors_exclude_each_other_and_are_not_empty() {
    let (_server, client) = quiet();
    let id = set_all(&client, ["a"]).remove(0);
    let error = list(&client, &[("starting_after", &id), ("ending_before", &id)]).refused(400);
    assert!(error.get("code").is_none() && error.get("param").is_none());
    for cursor in ["starting_after", "ending_before"] {
        let error = list(&client, &[(cursor, "")]).refused(400);
        assert_eq!(
            (&error["code"], &error["param"]),
            (&"parameter_invalid_empty".into(), &cursor.into())
        );
    }
}
