//! What an operator is told of all secrets: which end soon, and which nobody reads.

use coffer_testkit::{App, Client, TestServer};
use serde_json::{Value, json};

const DAY: i64 = 86_400;

fn set(client: &Client, name: &str, more: &[(&str, &str)]) -> String {
    let params = [("name", name), ("payload", "hunter2"), ("scope[type]", "account")];
    client.post("/v1/apps/secrets", &[&params[..], more].concat()).text("id")
}

fn ids(list: &Value) -> Vec<&str> {
    let data = list["data"].as_array().unwrap().iter();
    data.map(|one| one["id"].as_str().unwrap()).collect()
}

#[test]
fn what_ends_soon_is_listed_of_all_apps_the_next_first() {
    let server = TestServer::start();
    let (app, other) = (server.app(), server.app());
    let (account, connected) = server.connected(&app);
    let now = server.clock.now_unix();
    let ends = |days: i64| [("expires_at", (now + days * DAY).to_string())];
    let at = |client: &Client, name: &str, days: i64| {
        let [(field, at)] = ends(days);
        set(client, name, &[(field, at.as_str())])
    };
    let third = at(&app.client(), "third", 29);
    let first = at(&connected, "first", 1);
    let second = at(&other.live(), "second", 2);
    at(&app.client(), "later", 31);
    set(&app.client(), "never", &[]);
    let list = |params: &[(&str, &str)]| server.admin().get("/v1/admin/secrets/expiring", params);
    let found = list(&[]).ok();
    assert_eq!(ids(&found), [&first, &second, &third]);
    let shown = &found["data"][0];
    assert_eq!((&shown["account"], &shown["mode"]), (&json!(account), &json!("test")));
    assert_eq!((&shown["app"], &shown["user"]), (&json!(app.id), &Value::Null));
    assert!(!found.to_string().contains("hunter2") && !found.to_string().contains("first"));
    let cut = list(&[("limit", "2"), ("within", "172800")]).ok();
    assert_eq!((ids(&cut), &cut["has_more"]), (vec![&*first, &*second], &json!(false)));
    let cut = list(&[("limit", "2")]).ok();
    assert_eq!((ids(&cut).len(), &cut["has_more"]), (2, &json!(true)));
    assert_eq!(list(&[("within", "0")]).refused(400)["param"], "within");
    server.clock.advance(DAY);
    assert_eq!(ids(&list(&[]).ok())[..2], [&*second, &*third], "the first has ended");
}

fn unused(server: &TestServer, app: &App, more: &[(&str, &str)]) -> Value {
    let of = [("app", app.id.as_str()), ("account", app.account.as_str()), ("mode", "test")];
    server.admin().get("/v1/admin/secrets/unused", &[&of[..], more].concat()).ok()
}

#[test]
fn what_nobody_has_read_for_long_is_found_by_the_audit() {
    let server = TestServer::start();
    let app = server.app();
    let client = app.client();
    let old = ["forgotten", "read", "renewed"].map(|name| set(&client, name, &[]));
    let of_user = [("scope[type]", "user"), ("scope[user]", "usr_1")];
    let own = [("name", "listed"), ("payload", "x")];
    client.post("/v1/apps/secrets", &[&of_user[..], &own].concat()).ok();
    assert_eq!(ids(&unused(&server, &app, &[])), [""; 0], "all are new");
    server.clock.advance(80 * DAY);
    let client = app.client();
    client.find("read").ok();
    set(&client, "renewed", &[]);
    let with_payloads = [&of_user[..], &[("expand[]", "data.payload")]].concat();
    client.get("/v1/apps/secrets", &with_payloads).ok();
    // Names alone are no use of what they name.
    client.list().ok();
    set(&client, "new", &[]);
    server.clock.advance(11 * DAY);
    server.flush_audit();
    let found = unused(&server, &app, &[]);
    assert_eq!(ids(&found), [&old[0]]);
    assert_eq!((&found["complete"], &found["looked_back_to"]), (&json!(true), &Value::Null));
    assert!(!found.to_string().contains("forgotten"), "it names none: {found}");
    // Whoever looks at few entries is told how far back they go. In a shared store those that have
    // no number yet are looked at besides.
    server.run_job("audit");
    let short = unused(&server, &app, &[("entries", "1")]);
    assert_eq!(short["complete"], json!(false));
    assert!(short["looked_back_to"].is_i64(), "{short}");
    // Entries that were pruned could tell of reads that no other does.
    let newest = [("limit", "1"), ("order", "desc")];
    let newest = server.admin().get("/v1/admin/audit", &newest).ok();
    let up_to = newest["data"][0]["number"].to_string();
    server.admin().post("/v1/admin/audit/prune", &[("before", up_to.as_str())]);
    let rest = unused(&server, &app, &[]);
    assert_eq!(rest["complete"], json!(false));
    assert!(rest["looked_back_to"].is_i64(), "{rest}");
    let few = unused(&server, &app, &[("unused_for", "864000"), ("limit", "2")]);
    assert_eq!((ids(&few).len(), &few["has_more"]), (2, &json!(true)));
    let other = unused(&server, &app, &[("mode", "live")]);
    assert_eq!(ids(&other), [""; 0]);
    let params = [("account", app.account.as_str())];
    let missing = server.admin().get("/v1/admin/secrets/unused", &params).refused(400);
    assert_eq!(missing["param"], "app");
}

fn last_reads(server: &TestServer, app: &App, secrets: &[&str], more: &[(&str, &str)]) -> Value {
    let of = [("app", app.id.as_str()), ("account", app.account.as_str()), ("mode", "test")];
    let secrets: Vec<_> = secrets.iter().map(|id| ("secrets[]", *id)).collect();
    server.flush_audit();
    server.admin().get("/v1/admin/secrets/last_reads", &[&of[..], &secrets, more].concat()).ok()
}

/// Who read each last, and when.
fn readers(found: &Value) -> Vec<(Option<&str>, Option<i64>)> {
    let data = found["data"].as_array().unwrap().iter();
    data.map(|one| (one["actor"].as_str(), one["last_read"].as_i64())).collect()
}

#[test]
fn who_read_some_secrets_last_is_told_of_all_at_once() {
    let server = TestServer::start();
    let app = server.app();
    let client = app.client();
    let [read, unread] = ["read", "unread"].map(|name| set(&client, name, &[]));
    let start = server.clock.now_unix();
    let restricted = server.restricted(&app, &["secret_read"]);
    let key = |at: usize| {
        let list = server.admin().get("/v1/admin/api_keys", &[("app", &app.id)]).ok();
        list["data"][at]["id"].as_str().unwrap().to_owned()
    };
    let restricted_key = key(0);
    client.find("read").ok();
    server.clock.advance(60);
    restricted.find("read").ok();
    client.find("missing").refused(404);
    let asked = [read.as_str(), unread.as_str(), "appsecret_none"];
    let found = last_reads(&server, &app, &asked, &[]);
    let by_restricted = (Some(restricted_key.as_str()), Some(start + 60));
    assert_eq!(readers(&found), [by_restricted, (None, None), (None, None)]);
    assert_eq!(found["data"][0]["id"], json!(read));
    assert_eq!(found["looked_back_to"], Value::Null);
    // A list that shows no payload reads nothing.
    server.clock.advance(60);
    client.list().ok();
    assert_eq!(readers(&last_reads(&server, &app, &asked, &[]))[0], by_restricted);
    let with_payloads = [("scope[type]", "account"), ("expand[]", "data.payload")];
    client.get("/v1/apps/secrets", &with_payloads).ok();
    let found = last_reads(&server, &app, &asked[..2], &[]);
    let at: Vec<_> = readers(&found).into_iter().map(|(_, at)| at).collect();
    assert_eq!(at, [Some(start + 120); 2]);
    assert!(!found.to_string().contains("\"read\""), "it names none: {found}");
    // Another scope, mode, app or account has read nothing.
    let (other, live) = (server.app(), [("mode", "live")]);
    for found in [
        last_reads(&server, &app, &[&read], &[("user", "usr_1")]),
        last_reads(&server, &other, &[&read], &[]),
    ] {
        assert_eq!(readers(&found), [(None, None)], "{found}");
    }
    let of = [("app", app.id.as_str()), ("account", app.account.as_str()), ("secrets[]", &read)];
    let found = server.admin().get("/v1/admin/secrets/last_reads", &[&of[..], &live].concat());
    assert_eq!(readers(&found.ok()), [(None, None)]);
}

#[test]
fn who_read_last_is_told_within_bounds() {
    let server = TestServer::start();
    let app = server.app();
    let id = set(&app.client(), "token", &[]);
    for _ in 0..3 {
        app.client().find("token").ok();
    }
    server.flush_audit();
    server.run_job("audit");
    let short = last_reads(&server, &app, &[&id], &[("entries", "1")]);
    assert!(short["looked_back_to"].is_i64(), "{short}");
    let of = [("app", app.id.as_str()), ("account", app.account.as_str())];
    let ask = |secrets: &[(&str, &str)]| {
        let params = [&of[..], secrets].concat();
        server.admin().get("/v1/admin/secrets/last_reads", &params).refused(400)["param"].clone()
    };
    assert_eq!(ask(&[]), "secrets");
    assert_eq!(ask(&[("secrets[]", "appsecret_1"); 51]), "secrets");
    assert_eq!(ask(&[("secrets", "appsecret_1")]), "secrets");
    assert_eq!(ask(&[("secrets[]", "appsecret_1"), ("mode", "both")]), "mode");
}
