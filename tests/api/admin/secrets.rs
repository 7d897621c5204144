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
    client.get("/v1/apps/secrets", &of_user).ok();
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
