//! What the pages show and do.

use super::browser::Browser;
use coffer_testkit::{TestServer, encode};

/// The value of the first hidden field `name` in a page.
fn link_with<'a>(page: &'a str, part: &str) -> &'a str {
    let at = page.find(part).unwrap_or_else(|| panic!("no {part} in {page}"));
    let start = page[..at].rfind('"').unwrap() + 1;
    page[start..].split('"').next().unwrap()
}

#[test]
fn an_admin_key_opens_an_apps_secrets_by_making_a_key_which_the_audit_has() {
    let server = TestServer::start();
    let app = server.app();
    let (account, client) = server.connected(&app);
    client.set("token", "the payload").ok();
    let mut browser = Browser::signed_in(&server);
    let place = [("app", app.id.as_str()), ("account", &account), ("mode", "test")];
    let target = format!("/dashboard/secrets?{}", encode(&place));
    let closed = browser.page(&target);
    assert!(closed.contains("opens no app") && !closed.contains(">token<"), "{closed}");
    let sent = browser.post("/dashboard/opening", &[&place[..], &[("back", &target)]].concat());
    assert_eq!(sent.leads(), target);
    let open = browser.page(&target);
    assert!(open.contains(">token<") && !open.contains("the payload"), "{open}");

    let keys = server.admin().get("/v1/admin/api_keys", &[("app", &app.id)]).ok();
    let made = &keys["data"][0];
    assert_eq!(made["permissions"], serde_json::json!(["secret_write"]));
    assert!(made["name"].as_str().unwrap().starts_with("dashboard, key_"), "{made}");
    assert_eq!(made["expires_at"], 1_800_000_000 + 15 * 60);
    server.flush_audit();
    let entries = server.admin().get("/v1/admin/audit", &[("actor", made["id"].as_str().unwrap())]);
    assert_eq!(entries.ok()["data"][0]["operation"], "apps.secrets.list");

    browser.post("/dashboard/sign_out", &[]).leads();
    let path = format!("/v1/admin/api_keys/{}", made["id"].as_str().unwrap());
    let after = server.admin().get(&path, &[]).ok();
    assert!(after["revoked_at"].is_number(), "it ends with the session: {after}");
}

#[test]
fn what_was_opened_for_one_app_opens_no_other() {
    let server = TestServer::start();
    let (app, other) = (server.app(), server.app());
    other.client().set("token", "the payload").ok();
    let mut browser = Browser::signed_in(&server);
    let place = [("app", app.id.as_str()), ("account", app.account.as_str())];
    browser.post("/dashboard/opening", &place).leads();
    for place in [
        [("app", other.id.as_str()), ("account", other.account.as_str())],
        [("app", other.id.as_str()), ("account", app.account.as_str())],
    ] {
        let page = browser.page(&format!("/dashboard/secrets?{}", encode(&place)));
        assert!(page.contains("opens no app") && !page.contains(">token<"), "{page}");
    }
    let crossed = [("app", app.id.as_str()), ("account", other.account.as_str())];
    let page = browser.page(&format!("/dashboard/secrets?{}", encode(&crossed)));
    assert!(page.contains("role=\"alert\"") && !page.contains(">token<"), "{page}");
    let named = [&crossed[..], &[("name", "token")]].concat();
    let answer = browser.post("/dashboard/secrets/value", &named).0;
    assert!(answer.status >= 400 && !answer.body.contains("the payload"), "{}", answer.body);
}

#[test]
fn secrets_are_made_replaced_revealed_and_deleted() {
    let server = TestServer::start();
    let app = server.app();
    let mut browser = Browser::signed_in(&server);
    for user in ["", "usr_1"] {
        let place = [("app", app.id.as_str()), ("account", app.account.as_str()), ("user", user)];
        browser.post("/dashboard/opening", &place).leads();
        let named = |more: &[(&'static str, &'static str)]| {
            let name = [("name", "token")];
            [&place[..], &name, more].concat().to_vec()
        };
        let saved = browser.post("/dashboard/secrets/set", &named(&[("payload", "first one")]));
        saved.leads();
        let more = [("payload", "second one"), ("ends", "3600")];
        browser.post("/dashboard/secrets/set", &named(&more)).leads();
        let page = browser.page(&format!("/dashboard/secrets?{}", encode(&place)));
        assert!(page.contains(">token<") && page.contains("expires"), "{page}");
        assert!(page.contains("is saved.") && !page.contains("second one"), "{page}");
        let value = browser.post("/dashboard/secrets/value", &named(&[])).0;
        assert_eq!((value.status, value.body.as_str()), (200, "second one"));
        assert_eq!(value.header("content-type"), Some("text/plain; charset=utf-8"));
        let back = [("back", "/dashboard/secrets")];
        let revealed = browser.post("/dashboard/secrets/reveal", &named(&back));
        assert!(revealed.page().contains("second one"));
        assert_eq!(revealed.0.header("refresh"), Some("20; url=/dashboard/secrets"));
        server.flush_audit();
        let one = browser.page(&format!("/dashboard/secret?{}", encode(&named(&[]))));
        assert!(one.contains("Readers") && !one.contains("second one"), "{one}");
        let lines = named(&[("payload", " -----BEGIN\r\nEND-----\r\n")]);
        browser.post("/dashboard/secrets/set", &lines).leads();
        let value = browser.post("/dashboard/secrets/value", &named(&[])).0;
        assert_eq!(value.body, " -----BEGIN\nEND-----\n");
        browser.post("/dashboard/secrets/delete", &named(&[])).leads();
        let page = browser.page(&format!("/dashboard/secrets?{}", encode(&place)));
        assert!(page.contains("No secrets in this scope"), "{page}");
    }
}

#[test]
fn no_page_has_a_payload_that_was_not_revealed() {
    let server = TestServer::builder().developer().start();
    let client = server.anonymous().with_key("sk_test_pages").for_account("acct_pages");
    client.set("token", "hunter2hunter2").ok();
    let mut browser = Browser::new(&server);
    browser.get(&server.server().installation().dashboard.link().unwrap());
    let place = place_of(&server, "acct_pages");
    for path in all_pages(&server, &place) {
        let page = browser.page(&path);
        assert!(!page.contains("hunter2"), "{path}");
    }
    assert!(browser.page(&format!("/dashboard/secrets?{place}")).contains(">token<"));
}

/// The query that names the app which an account has installed.
fn place_of(server: &TestServer, account: &str) -> String {
    let admin = server.anonymous().with_key("ak_coffer_any");
    let installs = admin.get("/v1/admin/installs", &[("account", account)]).ok();
    let app = installs["data"][0]["app"].as_str().unwrap().to_owned();
    encode(&[("app", &app), ("account", account)])
}

/// Every page, with something on each.
pub fn all_pages(server: &TestServer, place: &str) -> Vec<String> {
    let admin = server.anonymous().with_key("ak_coffer_any");
    let first = |path: &str| {
        let list = admin.get(path, &[]).ok();
        list["data"][0]["id"].as_str().unwrap().to_owned()
    };
    let (account, app) = (first("/v1/admin/accounts"), first("/v1/admin/apps"));
    let (key, request) = (first("/v1/admin/api_keys"), "req_none");
    let mut pages: Vec<String> = [
        "",
        "/accounts",
        "/apps",
        "/installs",
        "/secrets",
        "/keys",
        "/audit",
        "/keyring",
        "/reserves",
        "/exposure",
        "/simulate",
        "/events",
        "/webhooks",
        "/settings",
        "/search?q=made",
    ]
    .map(|path| format!("/dashboard{path}"))
    .to_vec();
    pages.extend([
        format!("/dashboard/account?id={account}"),
        format!("/dashboard/app?id={app}"),
        format!("/dashboard/key?id={key}"),
        format!("/dashboard/request?id={request}"),
        format!("/dashboard/secrets?{place}"),
        format!("/dashboard/secret?{place}&name=token"),
        format!("/dashboard/reserves?{place}"),
        format!("/dashboard/events?{place}"),
        format!("/dashboard/webhooks?{place}"),
    ]);
    pages
}

#[test]
fn keys_are_shown_once_rolled_and_revoked() {
    let server = TestServer::start();
    let app = server.app();
    let mut browser = Browser::signed_in(&server);
    let once = [("once", "a-form-that-is-sent-twice")];
    let form = [("type", "restricted"), ("app", app.id.as_str()), ("mode", "test"), ("name", "n")];
    let form = [&form[..], &[("permissions", "secret_read")], &once].concat();
    let first = browser.post("/dashboard/keys/create", &form);
    let token = first.page().split("data-copy=\"rk_test_").nth(1).unwrap();
    let token = format!("rk_test_{}", token.split('"').next().unwrap());
    server.anonymous().with_key(&token).list().ok();
    let again = browser.post("/dashboard/keys/create", &form).0;
    assert_eq!(again.status, 400, "a form that is sent twice makes one key: {}", again.body);
    let keys = server.admin().get("/v1/admin/api_keys", &[("app", &app.id)]).ok();
    assert_eq!(keys["data"].as_array().unwrap().len(), 3, "one for each mode, and this one");
    let id = keys["data"][0]["id"].as_str().unwrap();
    let list = browser.page(&format!("/dashboard/keys?app={}", app.id));
    assert!(list.contains(id) && !list.contains(&token), "{list}");
    let rolled = browser.post("/dashboard/keys/roll", &[("id", id), ("expires_in", "3600")]);
    assert!(rolled.page().contains("data-copy=\"rk_test_") && rolled.page().contains(id));
    browser.post("/dashboard/keys/revoke", &[("id", id)]).leads();
    assert!(browser.page(&format!("/dashboard/key?id={id}")).contains(">revoked<"));
    assert_eq!(server.anonymous().with_key(&token).list().status, 401);
}

#[test]
fn roles_see_and_do_what_they_may() {
    let server = TestServer::start();
    let app = server.app();
    let admin = server.admin();
    let sign_in = |role| {
        let made = admin.post("/v1/admin/api_keys", &[("type", "admin"), ("role", role)]);
        let mut browser = Browser::new(&server);
        browser.sign_in(&made.text("key"));
        browser
    };
    let mut auditor = sign_in("auditor");
    let page = auditor.page("/dashboard/accounts");
    assert!(page.contains("Audit") && !page.contains("New account"), "{page}");
    let made = auditor.post("/dashboard/accounts/create", &[("name", "x")]).0;
    assert_eq!(made.status, 403, "{}", made.body);
    let place = [("app", app.id.as_str()), ("account", app.account.as_str())];
    assert_eq!(auditor.post("/dashboard/opening", &place).0.status, 403);
    assert!(auditor.page("/dashboard/settings").contains("Settings"));

    let mut keys = sign_in("keys");
    let page = keys.page("/dashboard");
    assert!(page.contains("New key") && !page.contains("href=\"/dashboard/audit\""), "{page}");
    for path in ["/dashboard/accounts", "/dashboard/audit", "/dashboard/settings"] {
        assert_eq!(keys.get(path).status, 403, "{path}");
    }
}

#[test]
fn the_audit_is_filtered_by_its_address_and_explains_a_request() {
    let server = TestServer::start();
    let app = server.app();
    let refused = app.client().find("missing");
    let request = refused.header("request-id").unwrap();
    server.flush_audit();
    let mut browser = Browser::signed_in(&server);
    let found = browser.page("/dashboard/audit?operation=apps.secrets.find");
    assert!(found.contains(request), "{found}");
    let none = browser.page("/dashboard/audit?operation=apps.secrets.find&outcome=done");
    assert!(!none.contains(request) && none.contains("No entries fit"), "{none}");
    let why = browser.page(&format!("/dashboard/request?id={request}"));
    assert!(why.contains("What to do"), "{why}");
    let answer = browser.get(&format!("/dashboard/search?q={request}"));
    assert_eq!(answer.header("location").unwrap(), format!("/dashboard/request?id={request}"));
}

#[test]
fn lists_go_on_from_page_to_page() {
    let server = TestServer::start();
    for number in 0..60 {
        let name = format!("account number {number:02}");
        server.admin().post("/v1/admin/accounts", &[("name", &name)]).ok();
    }
    let mut browser = Browser::signed_in(&server);
    let first = browser.page("/dashboard/accounts");
    assert!(first.contains("number 59") && !first.contains("number 09"), "{first}");
    let older = link_with(&first, "starting_after=").replace("&amp;", "&");
    let second = browser.page(&older);
    assert!(second.contains("number 09") && !second.contains("number 10"), "{second}");
    let newer = link_with(&second, "ending_before=").replace("&amp;", "&");
    let back = browser.page(&newer);
    assert!(back.contains("number 59") && back.contains("number 10"), "{back}");
    let found = browser.page("/dashboard/accounts?q=NUMBER+07");
    assert!(found.contains("number 07") && !found.contains("number 08"), "{found}");
}

#[test]
fn an_accounts_reserves_are_shown_with_each_holds_story() {
    let server = TestServer::builder().developer().start();
    let client = server.anonymous().with_key("sk_test_books").for_account("acct_books");
    let plan = [
        ("percent", "10"),
        ("type", "rolling_release"),
        ("rolling_release[days_after_charge]", "90"),
    ];
    client.post("/v1/reserve/plans", &plan).ok();
    let charge = [("id", "ch_1"), ("amount", "1000000"), ("currency", "eur"), ("fee", "0")];
    client.post("/v1/ledger/charges", &charge).ok();
    let hold = client.get("/v1/reserve/holds", &[]).ok();
    let hold = hold["data"][0]["id"].as_str().unwrap().to_owned();
    let release = [("reserve_hold", hold.as_str()), ("amount", "40000")];
    client.post("/v1/reserve/releases", &release).ok();
    let mut browser = Browser::new(&server);
    browser.get(&server.server().installation().dashboard.link().unwrap());
    let place = place_of(&server, "acct_books");
    let page = browser.page(&format!("/dashboard/reserves?{place}"));
    for part in ["100,000", "60,000", "90 days after each charge", &hold, "EUR"] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    assert!(page.contains("Nothing was compared yet"), "{page}");
    let other = [("pending[0][currency]", "eur"), ("pending[0][amount]", "1000007")];
    client.post("/v1/ledger/reconciliations", &other).ok();
    let page = browser.page(&format!("/dashboard/reserves?{place}"));
    for part in ["differs", "1,000,007", "1,000,000", "total"] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    let story = browser.page(&format!("/dashboard/hold?{place}&id={hold}"));
    for part in ["ch_1", "1,000,000", "40,000", "asked for by a call", "The rest comes free"] {
        assert!(story.contains(part), "no {part} in {story}");
    }
    let events = browser.page(&format!("/dashboard/events?{place}"));
    assert!(events.contains("reserve.hold.created"), "{events}");
}

#[test]
fn exposure_stories_and_tried_plans_are_pages() {
    let server = TestServer::builder().developer().start();
    let client = server.anonymous().with_key("sk_test_books").for_account("acct_books");
    let plan = [
        ("percent", "10"),
        ("type", "rolling_release"),
        ("rolling_release[days_after_charge]", "90"),
    ];
    client.post("/v1/reserve/plans", &plan).ok();
    let charge = [("id", "ch_1"), ("amount", "1000000"), ("currency", "eur"), ("fee", "0")];
    client.post("/v1/ledger/charges", &charge).ok();
    let refund = [("id", "re_1"), ("charge", "ch_1"), ("amount", "40000")];
    client.post("/v1/ledger/refunds", &refund).ok();
    let hold = client.get("/v1/reserve/holds", &[]).ok();
    let hold = hold["data"][0]["id"].as_str().unwrap().to_owned();
    let mut browser = Browser::new(&server);
    browser.get(&server.server().installation().dashboard.link().unwrap());
    let page = browser.page("/dashboard/exposure?account=acct_books");
    for part in ["960,000", "60,000", "6.25 %", "<svg", "<rect", "The numbers", "acct_books"] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    assert!(!page.contains("style="), "{page}");
    let story = browser.page(&format!("/dashboard/story?of=hold&id={hold}"));
    for part in ["ch_1", "version 1, which held 10 %", "refund re_1 took it", "made this hold"] {
        assert!(story.contains(part), "no {part} in {story}");
    }
    let form = browser.page("/dashboard/simulate?account=acct_books");
    assert!(form.contains("type=\"range\"") && !form.contains("Outcomes"), "{form}");
    let tried = "/dashboard/simulate?account=acct_books&percent=25&days=30&percent2=50&days2=60";
    let tried = browser.page(tried);
    for part in ["250,000", "500,000", "100.00 %", "percent=50,type=rolling_release"] {
        assert!(tried.contains(part), "no {part} in {tried}");
    }
}

#[test]
fn a_rotation_is_begun_and_shown() {
    let server = TestServer::builder().without_background_jobs().start();
    let mut browser = Browser::signed_in(&server);
    assert!(browser.page("/dashboard/keyring").contains("never rotated"));
    browser.post("/dashboard/keyring/rotate", &[("keys", "all")]).leads();
    let page = browser.page("/dashboard/keyring");
    assert!(page.contains("<progress") && page.contains("The rotation has begun."), "{page}");
}

#[test]
fn the_last_hour_is_plotted_with_its_numbers() {
    let server = TestServer::builder().without_background_jobs().start();
    let mut browser = Browser::signed_in(&server);
    let installation = server.server().installation();
    let sample = || installation.dashboard.sample(&installation.kernel.counters());
    sample();
    for _ in 0..7 {
        server.app().client().list().ok();
    }
    server.clock.advance(30);
    sample();
    let page = browser.page("/dashboard");
    assert!(page.contains("<rect class=\"answered\""), "{page}");
    assert!(page.contains("apps.secrets.list"), "{page}");
}

#[test]
fn what_does_not_exist_is_said_so() {
    let server = TestServer::start();
    let mut browser = Browser::signed_in(&server);
    assert_eq!(browser.get("/dashboard/nothing").status, 404);
    for path in ["/dashboard/account?id=acct_none", "/dashboard/app?id=../api_keys"] {
        let answer = browser.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.body.contains("That did not work"), "{}", answer.body);
    }
    assert_eq!(browser.post("/dashboard/nothing", &[]).0.status, 404);
    let answer = browser.send("PUT", "/dashboard/keys", None, &[]);
    assert!(answer.status < 500, "{}", answer.body);
}

#[test]
fn style_and_script_are_files_of_the_servers_own() {
    let server = TestServer::start();
    let mut browser = Browser::new(&server);
    let page = browser.page("/dashboard");
    for (end, kind) in
        [(".css\"", "text/css; charset=utf-8"), (".js\"", "text/javascript; charset=utf-8")]
    {
        let path = link_with(&page, end).to_owned();
        let answer = browser.get(&path);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)), "{path}");
    }
    let answer = browser.get("/dashboard/assets/0000000000000000.css");
    assert!(!answer.body.contains("--accent"), "an old name is not answered with new text");
}
