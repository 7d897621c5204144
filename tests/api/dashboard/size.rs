//! Pages of a store that is large: what they look at by themselves, and how long they take.

use super::browser::Browser;
use coffer_testkit::{App, TestServer, encode};
use std::time::Instant;

/// Rows that one statement copies.
const ROWS_COPIED: i64 = 50_000;

/// How often each page is asked for.
const TIMES: usize = 20;

/// Copies the only secret that there is for other accounts: rows that no page opens, and among
/// which every page finds its own.
const SECRETS: &str = "INSERT INTO secret (slot, mode, app, account, scope, name_key, seq, id, \
    created, expires_at, scope_user, name, sealed, version, lease, lease_spent, announced) \
    WITH RECURSIVE n (number) AS (SELECT ?1 UNION ALL SELECT number + 1 FROM n \
    WHERE number + 1 < ?1 + ?2), one AS (SELECT * FROM secret ORDER BY seq LIMIT 1) \
    SELECT random(), one.mode, one.app, 'acct_copy' || (number / 10), randomblob(length(scope)), \
    randomblob(length(name_key)), 1, 'appsecret_' || lower(hex(randomblob(15))), created, \
    CASE number % 3 WHEN 0 THEN created + 100000 + number ELSE NULL END, scope_user, name, sealed, \
    version, lease, lease_spent, announced FROM n, one";

/// Copies the first entry of a secret that was read, as reads of other accounts.
const ENTRIES: &str = "INSERT INTO audit_entry (id, format, at, server, request, actor_kind, \
    actor, peer, mode, app, account, operation, subject, scope, name_fingerprint, outcome) \
    WITH RECURSIVE n (number) AS (SELECT ?1 UNION ALL SELECT number + 1 FROM n \
    WHERE number + 1 < ?1 + ?2), newest AS (SELECT max(id) AS id FROM audit_entry), \
    one AS (SELECT * FROM audit_entry WHERE operation = 'apps.secrets.find' ORDER BY id LIMIT 1) \
    SELECT newest.id + 1 + number - ?1, format, at, server, 'req_copy' || number, actor_kind, \
    actor, peer, mode, app, 'acct_copy' || (number / 10), operation, subject, scope, \
    randomblob(length(name_fingerprint)), outcome FROM n, one, newest";

/// The same as reads of the secret itself: an account that reads all the time.
const OWN_ENTRIES: &str = "INSERT INTO audit_entry (id, format, at, server, request, actor_kind, \
    actor, peer, mode, app, account, operation, subject, scope, name_fingerprint, outcome) \
    WITH RECURSIVE n (number) AS (SELECT ?1 UNION ALL SELECT number + 1 FROM n \
    WHERE number + 1 < ?1 + ?2), newest AS (SELECT max(id) AS id FROM audit_entry), \
    one AS (SELECT * FROM audit_entry WHERE operation = 'apps.secrets.find' ORDER BY id LIMIT 1) \
    SELECT newest.id + 1 + number - ?1, format, at, server, 'req_own' || number, actor_kind, \
    actor, peer, mode, app, account, operation, subject, scope, name_fingerprint, outcome \
    FROM n, one, newest";

fn copy(server: &TestServer, statement: &str, rows: i64) {
    for from in (0..rows).step_by(usize::try_from(ROWS_COPIED).unwrap()) {
        let count = ROWS_COPIED.min(rows - from);
        let copied = server.execute(statement, &[from.into(), count.into()]).unwrap();
        assert_eq!(i64::try_from(copied), Ok(count));
    }
}

/// A server in files, whose app has a secret that was read once.
fn filled(secrets: i64, entries: i64) -> (TestServer, App) {
    let server = TestServer::builder().embedded().without_background_jobs().start();
    let app = server.app();
    app.client().set("token", "the value").ok();
    app.client().find("token").ok();
    server.flush_audit();
    copy(&server, SECRETS, secrets);
    copy(&server, ENTRIES, entries);
    (server, app)
}

#[test]
fn a_page_about_secrets_looks_at_few_entries_and_at_more_when_it_is_asked_to() {
    let few = i64::try_from(coffer_dashboard::limits::ENTRIES_LOOKED_AT).unwrap();
    let (server, app) = filled(0, few);
    let mut browser = Browser::signed_in(&server);
    let place = [("app", app.id.as_str()), ("account", app.account.as_str()), ("mode", "test")];
    let named = [&place[..], &[("name", "token")]].concat();
    for (path, fields) in [("unused", &place[..]), ("secret", &named)] {
        let target = format!("/dashboard/{path}?{}", encode(fields));
        let page = browser.page(&target);
        assert!(page.contains("Look further back"), "{page}");
        let far = browser.page(&format!("{target}&look=far"));
        assert!(!far.contains("Look further back"), "{far}");
    }
}

/// Prints a table; it is run by itself, since whatever else runs takes part.
#[test]
#[ignore = "it fills a store with a million secrets and measures pages: run it with --nocapture"]
fn pages_beside_a_million_secrets() {
    let (server, app) = filled(1_000_000, 1_000_000);
    let begun = Instant::now();
    server.run_job("count_usage");
    println!("counted in {:.1} s", begun.elapsed().as_secs_f64());
    let mut browser = Browser::signed_in(&server);
    let place = [("app", app.id.as_str()), ("account", app.account.as_str()), ("mode", "test")];
    browser.page("/dashboard/apps");
    for purpose in ["secrets", "books", "webhooks"] {
        browser.post("/dashboard/opening", &[&place[..], &[("purpose", purpose)]].concat()).leads();
    }
    let named = [&place[..], &[("name", "token")]].concat();
    let (place, named) = (encode(&place), encode(&named));
    let list = server.admin().get("/v1/admin/audit", &[("request", "req_copy7")]).ok();
    let entry = list["data"][0]["id"].as_str().unwrap();
    let request = format!("/request?id=req_copy7&entry={entry}");
    let pages = [
        String::new(),
        "/accounts".to_owned(),
        format!("/account?id={}", app.account),
        "/apps".to_owned(),
        format!("/app?id={}", app.id),
        "/installs".to_owned(),
        format!("/secrets?{place}"),
        format!("/secrets?{place}&user=usr_1"),
        format!("/secrets?app={}&account=acct_copy7&mode=test", app.id),
        format!("/secret?{named}"),
        format!("/unused?{place}"),
        "/keys".to_owned(),
        "/audit".to_owned(),
        "/audit?operation=apps.secrets.find".to_owned(),
        "/audit?operation=admin.accounts.create".to_owned(),
        format!("/audit?account={}", app.account),
        "/audit?account=acct_copy7".to_owned(),
        "/audit?outcome=refused".to_owned(),
        "/audit?peer=10.0.0.7".to_owned(),
        "/audit?since=3600&app=app_other".to_owned(),
        "/audit?request=req_copy7".to_owned(),
        request,
        "/keyring".to_owned(),
        format!("/reserves?{place}"),
        format!("/exposure?{place}"),
        format!("/simulate?{place}"),
        format!("/events?{place}"),
        format!("/webhooks?{place}"),
        "/settings".to_owned(),
        "/search?q=app".to_owned(),
        "/search?q=nothing+has+this".to_owned(),
        format!("/secret?{named}&look=far"),
        format!("/unused?{place}&look=far"),
        "/request?id=req_copy7".to_owned(),
    ];
    println!("| page | median ms | slowest ms |\n|---|---|---|");
    let shown = |page: &str| page.replace(&app.id, "…").replace(&app.account, "…");
    for page in pages {
        let (median, slowest) = timed(&mut browser, &page);
        println!("| `/dashboard{}` | {median:.1} | {slowest:.1} |", shown(&page));
    }
    // All entries that a page looks at are of its account.
    copy(&server, OWN_ENTRIES, 20_000);
    for page in ["secrets", "secret", "unused"] {
        let page = format!("/{page}?{named}");
        let (median, slowest) = timed(&mut browser, &page);
        println!("| `/dashboard{}`, busy | {median:.1} | {slowest:.1} |", shown(&page));
    }
}

/// The middle and the longest of the times that a page takes, in milliseconds.
fn timed(browser: &mut Browser<'_>, page: &str) -> (f64, f64) {
    let target = format!("/dashboard{page}");
    browser.page(&target);
    let mut times = [0.0; TIMES];
    for time in &mut times {
        let begun = Instant::now();
        browser.page(&target);
        *time = begun.elapsed().as_secs_f64() * 1000.0;
    }
    times.sort_by(f64::total_cmp);
    (times[TIMES / 2], times[TIMES - 1])
}
