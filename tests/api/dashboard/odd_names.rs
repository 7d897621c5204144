//! Names that would be markup if a page took them for it, on every page.

use super::browser::Browser;
use super::routes::left_out;
use coffer_testkit::{Params, TestServer, encode};
use std::collections::BTreeSet;

/// What somebody may call something.
const ODD: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "\" onmouseover=\"alert(1)",
    "</title></main><h1>mine</h1>",
    "javascript:alert(1)",
    "&lt;b&gt;&amp;",
    "\u{202e}gnirts\u{2066}",
    "{{7*7}}${7*7}<%= 7 %>",
];

/// What of it must not stand in a page as it is. All attributes are in double quotes.
const RAW: [&str; 5] =
    ["<script>alert", "<img src=x", "\" onmouseover=\"alert", "</title></main>", "<%= 7"];

/// The name as what somebody looks for.
fn words(odd: &str) -> String {
    encode(&[("q", odd), ("id", odd), ("operation", odd), ("type", odd)])
}

/// Pages that show an account, an app and a key with this name, or are asked for it.
fn paths(app: &str, account: &str, id: &str, odd: &str) -> Vec<String> {
    let place = encode(&[("app", app), ("account", account)]);
    let own = encode(&[("name", odd), ("user", odd)]);
    let word = words(odd);
    vec![
        "/dashboard".to_owned(),
        format!("/dashboard/accounts?{word}"),
        "/dashboard/accounts".to_owned(),
        format!("/dashboard/account?id={account}"),
        format!("/dashboard/apps?{word}"),
        format!("/dashboard/app?id={app}"),
        format!("/dashboard/installs?app={}&account={}", encode(&[("", odd)]), ""),
        format!("/dashboard/keys?{word}"),
        format!("/dashboard/key?id={id}"),
        format!("/dashboard/secrets?{place}"),
        format!("/dashboard/secrets?{place}&{}", encode(&[("user", odd)])),
        format!("/dashboard/secret?{place}&{}", encode(&[("name", odd)])),
        format!("/dashboard/secret?{place}&{own}"),
        format!("/dashboard/audit?{word}"),
        format!("/dashboard/audit?account={account}"),
        format!("/dashboard/request?{word}"),
        format!("/dashboard/reserves?{place}&{word}"),
        format!("/dashboard/hold?{place}&{word}"),
        format!("/dashboard/story?{place}&{word}"),
        format!("/dashboard/exposure?{place}&{word}"),
        format!("/dashboard/simulate?{place}&{word}"),
        format!("/dashboard/unused?{place}&{}", encode(&[("for", odd)])),
        format!("/dashboard/events?{place}&{word}"),
        format!("/dashboard/webhooks?{word}"),
        format!("/dashboard/webhooks?{place}&{word}"),
        format!("/dashboard/webhook?{place}&{word}"),
        format!("/dashboard/settings?{word}"),
        format!("/dashboard/search?{word}"),
        format!("/dashboard/keyring?{word}"),
        format!("/dashboard/nothing?{word}"),
        format!("/dashboard/account?{word}"),
    ]
}

/// The same for somebody who is not signed in.
fn strangers_paths(odd: &str) -> Vec<String> {
    let word = words(odd);
    let sent = encode(&[("code", odd), ("state", odd), ("error", odd), ("next", odd)]);
    vec![
        format!("/dashboard/keys?{word}"),
        format!("/dashboard/open?{sent}"),
        format!("/dashboard/oidc/begin?{sent}"),
        format!("/dashboard/oidc/return?{sent}"),
    ]
}

#[test]
fn odd_names_are_text_on_every_page() {
    let every = [paths("", "", "", "x"), strangers_paths("x")].concat();
    assert_eq!(left_out(&every), BTreeSet::new(), "every page is asked for");
    let server = TestServer::builder().developer().start();
    let admin = server.anonymous().with_key("ak_coffer_any");
    let mut browser = Browser::new(&server);
    browser.get(&server.server().installation().dashboard.link().unwrap());
    for odd in ODD {
        let account = admin.post("/v1/admin/accounts", &[("name", odd)]).ok();
        let account = account["id"].as_str().unwrap().to_owned();
        let app = admin.post("/v1/admin/apps", &[("account", &account), ("name", odd)]).ok();
        let app = app["id"].as_str().unwrap().to_owned();
        let key = [("app", app.as_str()), ("mode", "test"), ("name", odd)];
        let made = admin.post("/v1/admin/api_keys", &key).ok();
        let client = server.anonymous().with_key(made["key"].as_str().unwrap());
        let user = [("scope[type]", "user"), ("scope[user]", odd)];
        let secret: Params<'_> = &[("name", odd), ("payload", odd)];
        client.post("/v1/apps/secrets", &[&user[..], secret].concat()).ok();
        client.set(odd, odd).ok();
        client.find(odd).ok();
        let id = made["id"].as_str().unwrap();
        for path in paths(&app, &account, id, odd) {
            // The browser checks the markup of each.
            let answer = browser.get(&path);
            assert!(answer.status < 500, "{path}: {}", answer.body);
            for raw in RAW {
                assert!(!answer.body.contains(raw), "{path} has {raw}: {}", answer.body);
            }
        }
        let fields = [("app", app.as_str()), ("account", &account), ("name", odd), ("back", odd)];
        let revealed = browser.post("/dashboard/secrets/reveal", &fields);
        for raw in RAW {
            assert!(!revealed.page().contains(raw), "{raw}");
        }
        let mut stranger = Browser::new(&server);
        for path in strangers_paths(odd) {
            let shown = stranger.get(&path).body;
            assert!(shown.contains("name=\"key\""), "{path}: {shown}");
            assert!(RAW.iter().all(|raw| !shown.contains(raw)), "{path}: {shown}");
        }
    }
}
