//! Signing in at an identity provider: who gets in, as whom, and what is not believed.

use super::browser::Browser;
use coffer_kernel::TrafficSettings;
use coffer_testkit::oidc::{OidcProvider, Signer, Twist};
use coffer_testkit::{Answer, TestServer};
use serde_json::{Value, json};
use std::time::Duration;

const COOKIE: &str = "coffer_dashboard";
const SIGN_IN_COOKIE: &str = "coffer_sign_in";
const FROM_ELSEWHERE: [&str; 2] = ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"];

pub(super) fn ada() -> Value {
    json!({ "sub": "ada-1", "email": "ada@example.com", "groups": ["staff", "ops"] })
}

/// Begins a sign-in; where the browser is sent.
fn begin(browser: &mut Browser<'_>) -> String {
    let answer = browser.get("/dashboard/oidc/begin?next=%2Fdashboard%2Fapps");
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.header("location").unwrap().to_owned()
}

/// The way of somebody from the page to the provider and back.
pub(super) fn sign_in(browser: &mut Browser<'_>, provider: &OidcProvider, claims: Value) -> Answer {
    let to = begin(browser);
    let back = provider.authorize(&to, claims);
    browser.send("GET", &back, None, &FROM_ELSEWHERE)
}

/// What the audit says: operation, outcome, reason, key, user, detail.
pub(super) fn audit(server: &TestServer) -> Vec<[String; 6]> {
    server.flush_audit();
    let list = server.admin().get("/v1/admin/audit", &[("limit", "100")]).ok();
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    let names = ["operation", "outcome", "reason", "actor", "user", "detail"];
    let entries = list["data"].as_array().unwrap().iter();
    entries.map(|entry| names.map(|name| text(entry, name))).collect()
}

#[test]
fn somebody_with_a_role_signs_in_and_the_audit_says_who_it_is() {
    let server = TestServer::start();
    let provider = OidcProvider::of(&server);
    let mut browser = Browser::new(&server);
    let shown = browser.page("/dashboard/apps");
    assert!(shown.contains("Sign in at 127.0.0.1") && shown.contains("with an admin key"));
    for (signer, sub) in [(Signer::Rsa, "ada-1"), (Signer::P256, "ada-2")] {
        provider.twist(|twist| twist.signer = signer);
        let mut claims = ada();
        claims["sub"] = json!(sub);
        let answer = sign_in(&mut browser, &provider, claims);
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert_eq!(answer.header("location"), Some("/dashboard/apps?signed_in=true"));
        assert_eq!(browser.cookie(SIGN_IN_COOKIE), None);
        let page = browser.page("/dashboard/apps");
        assert!(page.contains("Signed in as ada@example.com"), "{page}");
        let done = browser.post("/dashboard/accounts/create", &[("name", "by ada")]);
        assert!(done.leads().starts_with("/dashboard/account?id="));
        let entries = audit(&server);
        let of = |operation: &str| {
            let who = provider.person(sub);
            let found = entries.iter().find(|entry| entry[0] == operation && entry[4] == who);
            found.unwrap_or_else(|| panic!("{operation} of {sub}: {entries:?}"))
        };
        let signed_in = of("dashboard.sign_in");
        assert_eq!(signed_in[1], "done");
        assert!(signed_in[5].starts_with("operator, by http://127.0.0.1:"), "{signed_in:?}");
        assert_eq!(of("admin.accounts.create")[3], signed_in[3]);
    }
}

#[test]
fn each_role_is_the_one_that_the_groups_give_and_nobody_else_gets_in() {
    let server = TestServer::start();
    let provider = OidcProvider::of(&server);
    for (groups, role) in
        [(json!(["law", "ops"]), "operator"), (json!("law"), "auditor"), (json!(["desk"]), "keys")]
    {
        let mut browser = Browser::new(&server);
        let answer =
            sign_in(&mut browser, &provider, json!({ "sub": "u-1", "groups": groups.clone() }));
        assert_eq!(answer.status, 303, "{groups}: {}", answer.body);
        let page = browser.page("/dashboard/keys");
        assert!(page.contains(&format!("{role}, your session")), "{groups}");
    }
    for groups in [json!([]), json!(["op", "OPS"]), json!({ "ops": true }), json!(null)] {
        let mut browser = Browser::new(&server);
        let claims = json!({ "sub": "eve-1", "name": "Eve <b>", "groups": groups });
        let answer = sign_in(&mut browser, &provider, claims);
        assert_eq!(answer.status, 403, "{groups}");
        assert!(answer.body.contains("Eve &lt;b&gt;, who has no role here"), "{}", answer.body);
        assert_eq!(browser.cookie(COOKIE), None);
    }
    let entries = audit(&server);
    let refused: Vec<_> = entries.iter().filter(|entry| entry[2] == "sign_in.role").collect();
    assert_eq!(refused.len(), 4);
    let eve = provider.person("eve-1");
    assert!(refused.iter().all(|entry| entry[1] == "refused" && entry[4] == eve));
}

/// One thing that the provider does otherwise.
type Change = (&'static str, fn(&mut Twist));

const NOT_BELIEVED: [Change; 22] = [
    ("another's key", |twist| twist.signer = Signer::OtherRsa),
    ("no signature", |twist| twist.signer = Signer::Nobody),
    ("the public key as a secret", |twist| twist.signer = Signer::PublicKeyAsSecret),
    ("the same under the name RS256", |twist| {
        twist.signer = Signer::PublicKeyAsSecret;
        twist.header = json!({ "alg": "RS256" });
    }),
    ("no signature under the name ES256", |twist| {
        twist.signer = Signer::Nobody;
        twist.header = json!({ "alg": "ES256", "kid": "p256" });
    }),
    ("a key of another kind", |twist| twist.header = json!({ "alg": "ES256" })),
    ("a key that there is not", |twist| twist.header = json!({ "kid": "other" })),
    ("an extension", |twist| twist.header = json!({ "crit": ["exp"] })),
    ("another audience", |twist| twist.claims = json!({ "aud": "other" })),
    ("more audiences", |twist| twist.claims = json!({ "aud": ["coffer client", "other"] })),
    ("another that asked", |twist| twist.claims = json!({ "azp": "other" })),
    ("another issuer", |twist| twist.claims = json!({ "iss": "https://id.example" })),
    ("an end that has passed", |twist| twist.claims = json!({ "exp": 1_799_999_000 })),
    ("no end", |twist| twist.claims = json!({ "exp": null })),
    ("a beginning ahead", |twist| twist.claims = json!({ "nbf": 1_800_001_000 })),
    ("another nonce", |twist| twist.claims = json!({ "nonce": "other" })),
    ("no nonce", |twist| twist.claims = json!({ "nonce": null })),
    ("nobody", |twist| twist.claims = json!({ "sub": null })),
    ("no token", |twist| twist.token = Some(("200 OK", "{}".to_owned()))),
    ("a page", |twist| twist.token = Some(("200 OK", "<html>".to_owned()))),
    ("a refusal", |twist| {
        twist.token = Some(("400 Bad Request", r#"{"error":"invalid_grant"}"#.to_owned()));
    }),
    ("a loop of redirects", |twist| twist.redirects = Some("/token")),
];

#[test]
fn what_the_provider_says_wrongly_lets_nobody_in() {
    let server = TestServer::start();
    let provider = OidcProvider::of(&server);
    for (what, change) in NOT_BELIEVED {
        provider.twist(change);
        let mut browser = Browser::new(&server);
        let answer = sign_in(&mut browser, &provider, ada());
        assert_eq!(answer.status, 403, "{what}: {}", answer.body);
        assert!(answer.body.contains("its answer was not accepted"), "{what}: {}", answer.body);
        assert_eq!(browser.cookie(COOKIE), None, "{what}");
        assert_eq!(browser.cookie(SIGN_IN_COOKIE), None, "{what}");
    }
    let made = server.query("SELECT id FROM api_key WHERE user_id IS NOT NULL", &[]);
    assert!(made.is_empty(), "a key was made");
    let entries = audit(&server);
    let refused = entries.iter().filter(|entry| entry[2] == "sign_in.answer").count();
    assert_eq!(refused, NOT_BELIEVED.len());
}

#[test]
fn what_the_provider_says_of_itself_is_bounded_and_its_own() {
    let changes: [Change; 4] = [
        ("another issuer", |twist| twist.document = json!({ "issuer": "https://id.example" })),
        ("an endpoint without TLS", |twist| {
            twist.document = json!({ "token_endpoint": "http://id.example/token" });
        }),
        ("no keys", |twist| twist.document = json!({ "jwks_uri": null })),
        ("a loop of redirects", |twist| {
            twist.redirects = Some("/.well-known/openid-configuration");
        }),
    ];
    for (what, change) in changes {
        let server = TestServer::start();
        let provider = OidcProvider::of(&server);
        provider.twist(change);
        let mut browser = Browser::new(&server);
        let answer = browser.get("/dashboard/oidc/begin");
        assert_eq!(answer.status, 503, "{what}: {}", answer.body);
        assert!(answer.body.contains("cannot be asked now"), "{what}");
        let asked = provider.take_requests().len();
        assert_eq!(asked, 1, "{what}: a redirect is not followed");
        // It is left in peace for a while, and asked again then.
        assert_eq!(browser.get("/dashboard/oidc/begin").status, 503, "{what}");
        assert!(provider.take_requests().is_empty(), "{what}");
        provider.twist(|_| ());
        server.clock.pass(Duration::from_secs(coffer_oidc::limits::FAILED_SECONDS));
        begin(&mut browser);
    }
    for keys in [
        format!("{{\"keys\":[],\"padding\":\"{}\"}}", "x".repeat(300_000)),
        "[]".to_owned(),
        format!("{{\"keys\":[{}]}}", vec!["{}"; 51].join(",")),
    ] {
        let server = TestServer::start();
        let provider = OidcProvider::of(&server);
        provider.twist(|twist| twist.keys = Some(keys));
        let answer = sign_in(&mut Browser::new(&server), &provider, ada());
        assert_eq!(answer.status, 403, "{}", answer.body);
        provider.take_requests();
        assert_eq!(sign_in(&mut Browser::new(&server), &provider, ada()).status, 403);
        let asked = provider.take_requests();
        assert!(asked.iter().all(|(line, _)| !line.contains("/keys")), "{asked:?}");
    }
    let unreadable = [("an error", "500 Oops", "{}"), ("a page", "200 OK", "<html>")];
    for (what, status, body) in unreadable {
        let server = TestServer::start();
        let provider = OidcProvider::of(&server);
        provider.twist(|twist| twist.answer = Some((status, body)));
        for asked in [1, 0] {
            let answer = Browser::new(&server).get("/dashboard/oidc/begin");
            assert_eq!(answer.status, 503, "{what}: {}", answer.body);
            assert_eq!(provider.take_requests().len(), asked, "{what}");
        }
    }
}

#[test]
fn a_key_that_is_new_at_the_provider_is_found() {
    let server = TestServer::start();
    let provider = OidcProvider::of(&server);
    provider.twist(|twist| twist.keys = Some("{\"keys\":[]}".to_owned()));
    assert_eq!(sign_in(&mut Browser::new(&server), &provider, ada()).status, 403);
    provider.twist(|_| ());
    // Whoever makes tokens with unknown keys does not have the provider asked all the time.
    assert_eq!(sign_in(&mut Browser::new(&server), &provider, ada()).status, 403);
    server.clock.pass(Duration::from_secs(coffer_oidc::limits::KEYS_AGAIN_SECONDS));
    assert_eq!(sign_in(&mut Browser::new(&server), &provider, ada()).status, 303);
    provider.take_requests();
    assert_eq!(sign_in(&mut Browser::new(&server), &provider, ada()).status, 303);
    let lines = provider.take_requests().into_iter().map(|(line, _)| line).collect::<Vec<_>>();
    assert_eq!(lines, ["POST /token HTTP/1.1"], "document and keys are kept");
}

#[test]
fn the_secret_goes_where_the_provider_wants_it() {
    let server = TestServer::start();
    let provider = OidcProvider::of(&server);
    let methods = json!({ "token_endpoint_auth_methods_supported": ["client_secret_post"] });
    provider.twist(|twist| twist.document = methods);
    assert_eq!(sign_in(&mut Browser::new(&server), &provider, ada()).status, 303);
}

#[test]
fn a_sign_in_is_ended_once_in_its_own_browser_and_in_time() {
    let server = TestServer::start();
    let provider = OidcProvider::of(&server);
    let refused = |answer: Answer| {
        assert_eq!(answer.status, 403, "{}", answer.body);
        assert!(answer.body.contains("was not begun in this browser"), "{}", answer.body);
    };
    // Somebody sends another person a link with a code of their own.
    let mut attacker = Browser::new(&server);
    let to = begin(&mut attacker);
    let back = provider.authorize(&to, ada());
    let mut victim = Browser::new(&server);
    refused(victim.send("GET", &back, None, &FROM_ELSEWHERE));
    let own = provider.authorize(&begin(&mut victim), ada());
    refused(victim.send("GET", &back, None, &FROM_ELSEWHERE));
    assert_eq!(victim.cookie(COOKIE), None);
    // It ends nothing that was begun there.
    assert_eq!(victim.send("GET", &own, None, &FROM_ELSEWHERE).status, 303);
    // That took nothing from the browser in which it was begun, which ends it once.
    let kept = attacker.cookie(SIGN_IN_COOKIE).unwrap().to_owned();
    assert_eq!(attacker.send("GET", &back, None, &FROM_ELSEWHERE).status, 303);
    attacker.set_cookie(SIGN_IN_COOKIE, &kept);
    refused(attacker.send("GET", &back, None, &FROM_ELSEWHERE));
    for odd in ["", "?state=", "?state=x&code=y", "?code=y"] {
        refused(Browser::new(&server).get(&format!("/dashboard/oidc/return{odd}")));
    }
    let mut late = Browser::new(&server);
    let back = provider.authorize(&begin(&mut late), ada());
    server.clock.pass(Duration::from_secs(600));
    refused(late.send("GET", &back, None, &FROM_ELSEWHERE));
    let entries = audit(&server);
    let unknown = entries.iter().filter(|entry| entry[2] == "sign_in.unknown").count();
    assert_eq!(unknown, 3, "those that came with a cookie: {entries:?}");
}

#[test]
fn an_answer_that_names_another_issuer_or_an_error_is_none() {
    let server = TestServer::start();
    let provider = OidcProvider::of(&server);
    for change in [
        |back: &str| back.replace("iss=http", "iss=https"),
        |back: &str| back.split("&iss=").next().unwrap().to_owned(),
        |back: &str| back.replace("code=", "error=access_denied&error_description=no&x="),
        |back: &str| format!("{back}&error=server_error"),
        |back: &str| back.replace("code=code-", "code=other-"),
    ] {
        let mut browser = Browser::new(&server);
        let back = change(&provider.authorize(&begin(&mut browser), ada()));
        let answer = browser.send("GET", &back, None, &FROM_ELSEWHERE);
        assert_eq!(answer.status, 403, "{back}: {}", answer.body);
        assert!(answer.body.contains("its answer was not accepted"), "{back}");
    }
}

#[test]
fn beyond_the_machine_the_cookies_need_tls_and_the_sign_ins_comes_back() {
    let server = TestServer::start();
    let provider = OidcProvider::of(&server);
    let mut browser = Browser::under(&server, "coffer.example");
    let answer = browser.get("/dashboard/oidc/begin");
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-coffer_sign_in="), "{cookie}");
    let attributes = "; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600";
    assert!(cookie.ends_with(attributes), "{cookie}");
    let back = provider.authorize(answer.header("location").unwrap(), ada());
    let answer = browser.send("GET", &back, None, &FROM_ELSEWHERE);
    let cookies: Vec<_> = answer.headers.iter().filter(|(name, _)| name == "set-cookie").collect();
    assert!(cookies[0].1.ends_with("; Path=/; Secure; HttpOnly; SameSite=Strict"), "{cookies:?}");
    assert!(cookies[1].1.contains("__Host-coffer_sign_in=;"), "{cookies:?}");
    // The redirect behind another site brings no cookie of the session yet: the page asks again.
    let next = answer.header("location").unwrap().to_owned();
    let mut without = Browser::under(&server, "coffer.example");
    let answer = without.send("GET", &next, None, &FROM_ELSEWHERE);
    assert!(answer.body.contains("http-equiv=\"refresh\""), "{}", answer.body);
}

#[test]
fn another_site_begins_no_sign_in_and_leads_nowhere_else() {
    let server = TestServer::start();
    let provider = OidcProvider::of(&server);
    let mut browser = Browser::new(&server);
    let answer = browser.send("GET", "/dashboard/oidc/begin", None, &FROM_ELSEWHERE);
    assert_eq!((answer.status, browser.cookie(SIGN_IN_COOKIE)), (200, None));
    assert!(provider.take_requests().is_empty());
    let answer = browser.get("/dashboard/oidc/begin?next=https%3A%2F%2Fevil.example");
    let back = provider.authorize(answer.header("location").unwrap(), ada());
    let answer = browser.send("GET", &back, None, &FROM_ELSEWHERE);
    assert_eq!(answer.header("location"), Some("/dashboard?signed_in=true"));
}

#[test]
fn of_many_sign_ins_that_one_address_begins_the_oldest_makes_room() {
    let server = TestServer::start();
    let provider = OidcProvider::of(&server);
    let people = coffer_dashboard::limits::SIGN_INS_OF_ADDRESS + 1;
    let mut browsers: Vec<_> = (0..people).map(|_| Browser::new(&server)).collect();
    let leads = browsers.iter_mut().map(|browser| {
        server.clock.pass(Duration::from_secs(1));
        provider.authorize(&begin(browser), ada())
    });
    let leads: Vec<_> = leads.collect();
    let ended = browsers.iter_mut().zip(&leads);
    let ended = ended.map(|(browser, back)| browser.send("GET", back, None, &FROM_ELSEWHERE));
    let statuses: Vec<_> = ended.map(|answer| answer.status).collect();
    assert_eq!(statuses[0], 403);
    assert!(statuses[1..].iter().all(|status| *status == 303), "{statuses:?}");
}

#[test]
fn whoever_is_refused_too_often_is_not_tried_any_more() {
    let server = TestServer::builder().start();
    let _provider = OidcProvider::of(&server);
    let traffic = TrafficSettings { requests_per_second: Some(1000), ..TrafficSettings::default() };
    server.server().installation().kernel.set_traffic(&traffic);
    // Without the cookie of a sign-in nobody is refused anything.
    let mut image = Browser::new(&server);
    for _ in 0..1000 {
        assert_eq!(image.get("/dashboard/oidc/return?state=x").status, 403);
    }
    let mut browser = Browser::new(&server);
    begin(&mut browser);
    // Refusals are forgotten with time, which passes here too: so it is tried more than once.
    let is_held_off = (0..100).any(|_| {
        let tried = (0..1000).map(|_| browser.get("/dashboard/oidc/return?state=x").status);
        let refused = tried.take_while(|status| *status == 403).count();
        assert!(refused < 1000, "{refused}");
        let begun = browser.get("/dashboard/oidc/begin");
        begun.status == 429 && begun.body.contains("from your address were refused")
    });
    assert!(is_held_off);
}

/// Keys that are tried on the page count as keys that are tried at the API: beyond the bound their
/// answers are held back, and nobody of the address is sent to a provider.
#[test]
fn keys_that_are_tried_at_the_sign_in_count_against_the_address() {
    let server = TestServer::start();
    let _provider = OidcProvider::of(&server);
    let traffic = TrafficSettings { requests_per_second: Some(1000), ..TrafficSettings::default() };
    server.server().installation().kernel.set_traffic(&traffic);
    let mut browser = Browser::new(&server);
    begin(&mut browser);
    // Refusals are forgotten with time, which passes here too: so it is tried more than once.
    let is_held_off = (0..1000).any(|round| {
        for number in 0..100 {
            let answer = browser.sign_in(&format!("ak_coffer_{round}_{number}"));
            assert!(matches!(answer.status, 403 | 429), "{}", answer.body);
        }
        browser.get("/dashboard/oidc/begin").status == 429
    });
    assert!(is_held_off);
    assert_eq!(browser.sign_in(server.admin().key()).status, 303, "a good key goes through");
}

#[test]
fn without_a_provider_there_is_nothing_to_begin() {
    let server = TestServer::start();
    let mut browser = Browser::new(&server);
    for target in ["/dashboard/oidc/begin", "/dashboard/oidc/return?state=x&code=y"] {
        let page = browser.page(target);
        assert!(page.contains("Sign in with an admin key") && !page.contains("Sign in at"));
    }
}

#[test]
fn neither_codes_nor_tokens_are_stored_or_shown() {
    let server = TestServer::start();
    let provider = OidcProvider::of(&server);
    let mut browser = Browser::new(&server);
    let back = provider.authorize(&begin(&mut browser), ada());
    let answer = browser.send("GET", &back, None, &FROM_ELSEWHERE);
    let shown = format!("{:?}{}", answer.headers, answer.body);
    for secret in ["code-0", "access-token", "s3cret", "ak_coffer_"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
    server.flush_audit();
    let list = server.admin().get("/v1/admin/audit", &[("limit", "100")]);
    for secret in ["code-0", "access-token", "s3cret"] {
        assert!(!list.body.contains(secret), "{secret}");
    }
}
