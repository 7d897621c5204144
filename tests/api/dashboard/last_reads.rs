//! Who read the secrets of a scope last, on the scope's own page.

use super::browser::Browser;
use coffer_testkit::{TestServer, encode};
use serde_json::json;

/// The row of a secret.
fn row<'p>(page: &'p str, name: &str) -> &'p str {
    let mut rows = page.split("<tr>").skip(1);
    let is_of = |row: &&str| row.contains(&format!(">{name}</a>"));
    rows.find(is_of).unwrap_or_else(|| panic!("no row of {name} in {page}"))
}

/// What the row says of the last read.
fn last_read<'p>(page: &'p str, name: &str) -> &'p str {
    let cell = row(page, name).split("<td data-column=\"Last read\">").nth(1).unwrap();
    cell.split("</td>").next().unwrap()
}

const NONE: &str = "<span class=\"none\" aria-label=\"none\">–</span>";

#[test]
fn the_list_of_a_scope_says_who_read_each_secret_last() {
    let server = TestServer::builder().set(&coffer_secrets::SECRETS_PER_SCOPE, "60").start();
    let app = server.app();
    let client = app.client();
    for number in 0..55 {
        client.set(&format!("token{number:02}"), "the payload").ok();
    }
    let user = [("scope[type]", "user"), ("scope[user]", "usr_1"), ("name", "token50")];
    client.post("/v1/apps/secrets", &[&user[..], &[("payload", "x")]].concat()).ok();
    client.find("token50").ok();
    client.find("token51").ok();
    server.clock.advance(3600);
    app.client().find("token51").ok();
    server.flush_audit();
    let mut browser = Browser::signed_in(&server);
    let place = [("app", app.id.as_str()), ("account", app.account.as_str())];
    let target = format!("/dashboard/secrets?{}", encode(&place));
    browser.post("/dashboard/opening", &place).leads();
    let page = browser.page(&target);
    assert!(last_read(&page, "token50").contains(">1 h ago<"), "{page}");
    let just_now = last_read(&page, "token51");
    assert!(just_now.contains(">just now<"), "{page}");
    let reader = just_now.split("/dashboard/key?id=").nth(1).unwrap().split('"').next().unwrap();
    let key = server.admin().get(&format!("/v1/admin/api_keys/{reader}"), &[]).ok();
    assert_eq!((&key["app"], &key["type"]), (&json!(app.id), &json!("secret")));
    assert_eq!(last_read(&page, "token52"), NONE);
    // Looking at the page is no reading, however often; revealing a value is.
    server.flush_audit();
    assert_eq!(last_read(&browser.page(&target), "token52"), NONE);
    let named = [&place[..], &[("name", "token52")]].concat();
    assert_eq!(browser.post("/dashboard/secrets/value", &named).0.body, "the payload");
    server.flush_audit();
    let page = browser.page(&target);
    assert!(last_read(&page, "token52").contains("/dashboard/key?id=key_"), "{page}");
    // The same name of a user's is another secret.
    let of_user = browser.page(&format!("{target}&user=usr_1"));
    assert_eq!(last_read(&of_user, "token50"), NONE);
    // One question for all fifty of a page.
    server.flush_audit();
    let asked = || {
        let sql = "SELECT id FROM audit_entry WHERE operation = 'admin.secrets.last_reads'";
        server.query(sql, &[]).len()
    };
    let before = asked();
    browser.page(&target);
    server.flush_audit();
    assert_eq!(asked(), before + 1);
}

#[test]
fn a_list_from_before_a_secret_is_no_read_of_it() {
    let server = TestServer::start();
    let app = server.app();
    let client = app.client();
    client.set("first", "x").ok();
    let list = [("scope[type]", "account"), ("expand[]", "data.payload")];
    client.get("/v1/apps/secrets", &list).ok();
    server.clock.advance(60);
    app.client().set("second", "x").ok();
    server.flush_audit();
    let mut browser = Browser::signed_in(&server);
    let place = [("app", app.id.as_str()), ("account", app.account.as_str())];
    browser.post("/dashboard/opening", &place).leads();
    let page = browser.page(&format!("/dashboard/secrets?{}", encode(&place)));
    assert!(last_read(&page, "first").contains(">1 min ago<"), "{page}");
    assert_eq!(last_read(&page, "second"), NONE);
}

#[test]
fn whoever_may_not_read_the_audit_is_told_so_and_sees_the_secrets() {
    let server = TestServer::start();
    let app = server.app();
    app.client().set("token", "x").ok();
    let made = server.admin().post("/v1/admin/api_keys", &[("type", "admin"), ("role", "keys")]);
    let mut browser = Browser::new(&server);
    browser.sign_in(&made.text("key"));
    let place = [("app", app.id.as_str()), ("account", app.account.as_str())];
    browser.post("/dashboard/opening", &place).leads();
    let page = browser.page(&format!("/dashboard/secrets?{}", encode(&place)));
    assert_eq!(last_read(&page, "token"), NONE);
    assert!(page.contains("Who read them last is not shown: "), "{page}");
}
