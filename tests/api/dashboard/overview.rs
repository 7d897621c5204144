//! What the overview says of secrets, refusals and durations.

use super::browser::Browser;
use coffer_testkit::{TestServer, encode};

const DAY: i64 = 86_400;

#[test]
fn secrets_are_told_by_app_and_account_and_by_their_ends() {
    let server = TestServer::builder().embedded().without_background_jobs().start();
    let mut browser = Browser::signed_in(&server);
    let empty = browser.page("/dashboard");
    assert!(empty.contains("They are counted about once a minute."), "{empty}");
    server.run_jobs();
    let empty = browser.page("/dashboard");
    assert!(empty.contains("data-copy=\"coffer secrets set greeting"), "{empty}");
    let app = server.app();
    let (account, client) = server.connected(&app);
    client.set("secret_name", "hunter2").ok();
    let at = (server.clock.now_unix() + 9 * DAY).to_string();
    let params = [("name", "soon"), ("payload", "x"), ("scope[type]", "account")];
    let soon = client.post("/v1/apps/secrets", &[&params[..], &[("expires_at", &at)]].concat());
    server.run_jobs();
    let page = browser.page("/dashboard");
    for part in ["2 in all", &account, &soon.text("id"), "Secrets by account", "in 9 d"] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    assert!(!page.contains("secret_name"), "an admin key is shown no names: {page}");
    let place = encode(&[("app", &app.id), ("account", &account), ("mode", "test")]);
    assert!(page.contains(&format!("/dashboard/unused?{}", place.replace('&', "&amp;"))), "{page}");
}

#[test]
fn refusals_and_durations_have_plots_with_tables() {
    let server = TestServer::builder().without_background_jobs().start();
    let installation = server.server().installation();
    let sample = || installation.dashboard.sample(&installation.kernel.counters());
    sample();
    for _ in 0..3 {
        server.app().client().find("missing").refused(404);
    }
    server.clock.advance(30);
    sample();
    let page = Browser::signed_in(&server).page("/dashboard");
    assert_eq!(page.matches("<svg viewBox=\"0 0 720 120\"").count(), 3, "{page}");
    assert_eq!(page.matches("<summary>The numbers</summary>").count(), 3, "{page}");
    for part in ["3 refused", "<rect class=\"half\"", "99 of 100 took at most"] {
        assert!(page.contains(part), "no {part} in {page}");
    }
}

#[test]
fn what_nobody_reads_is_looked_up_for_one_account() {
    let server = TestServer::start();
    let app = server.app();
    let forgotten = app.client().set("forgotten", "x").text("id");
    server.clock.advance(91 * DAY);
    let mut browser = Browser::signed_in(&server);
    assert!(browser.page("/dashboard/unused").contains("No app is installed anywhere yet"));
    let place = [("app", app.id.as_str()), ("account", app.account.as_str()), ("mode", "test")];
    let page = browser.page(&format!("/dashboard/unused?{}", encode(&place)));
    assert!(page.contains(&format!("#{forgotten}")), "it leads to its row: {page}");
    assert!(!page.contains(">forgotten<") && page.contains("coffer explain secret"), "{page}");
    let year = [&place[..], &[("for", "31536000")]].concat();
    let page = browser.page(&format!("/dashboard/unused?{}", encode(&year)));
    assert!(!page.contains(&forgotten) && page.contains("Every secret"), "{page}");
    browser.post("/dashboard/opening", &place).leads();
    let scope = browser.page(&format!("/dashboard/secrets?{}", encode(&place)));
    assert!(scope.contains(&format!("id=\"{forgotten}\"")), "{scope}");
}

#[test]
fn no_page_counts_keys_unless_somebody_asks() {
    let server = TestServer::start();
    let app = server.app();
    app.client().set("token", "x").ok();
    let admin = server.admin();
    let whole = admin.get("/v1/admin/keyring", &[]).ok();
    assert!(whole["tenant_keys"].as_u64().is_some_and(|keys| keys > 0), "{whole}");
    let uncounted = admin.get("/v1/admin/keyring", &[("count", "false")]).ok();
    assert!(uncounted["tenant_keys"].is_null() && uncounted["most_uses"].is_null());
    for field in ["master_key", "master_key_created", "sealed", "rotation"] {
        assert_eq!(uncounted[field], whole[field], "{field}");
    }
    let mut browser = Browser::signed_in(&server);
    let page = browser.page("/dashboard/keyring");
    assert!(page.contains("Count the keys") && !page.contains("Tenants' keys"), "{page}");
    let counted = browser.page("/dashboard/keyring?count=true");
    assert!(
        counted.contains("Tenants' keys") || counted.contains("Tenants&#39; keys"),
        "{counted}"
    );
}

/// Where there is nothing yet, a page says how there comes to be something.
#[test]
fn pages_that_are_empty_have_a_command_to_copy() {
    let server = TestServer::start();
    let mut browser = Browser::signed_in(&server);
    let look = |browser: &mut Browser<'_>, target: &str| {
        let page = browser.page(target);
        let parts: Vec<_> = page.split("class=\"empty\"").skip(1).collect();
        assert!(!parts.is_empty(), "{target} has something: {page}");
        assert!(parts.iter().all(|part| part.contains("data-copy=\"")), "{target}: {page}");
    };
    for path in ["accounts", "apps", "installs", "secrets", "unused", "events", "reserves"] {
        look(&mut browser, &format!("/dashboard/{path}"));
    }
    for path in ["webhooks", "keyring", "exposure", "keys?app=app_none"] {
        look(&mut browser, &format!("/dashboard/{path}"));
    }
    let app = server.app();
    let place = [("app", app.id.as_str()), ("account", app.account.as_str())];
    for purpose in ["secrets", "books", "webhooks"] {
        browser.post("/dashboard/opening", &[&place[..], &[("purpose", purpose)]].concat()).leads();
    }
    for path in ["secrets", "events", "reserves", "webhooks", "unused"] {
        look(&mut browser, &format!("/dashboard/{path}?{}", encode(&place)));
    }
}
