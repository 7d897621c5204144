//! Headers of answers (conventions §4.1), and versions (§10).

use crate::check::{lawful, replaced};
use coffer_testkit::TestServer;
use std::collections::BTreeSet;

const LATEST: &str = "2026-10-28.endive";

#[test]
fn every_answer_has_a_request_id_of_its_own() {
    let server = TestServer::start();
    let client = server.app().client();
    let answers = [
        client.list(),
        client.set("token", "value"),
        client.find("nothing"),
        client.raw("GET", "/v1/nothing", None),
        client.raw("GET", "/v1/apps/secrets?a[=1", None),
        server.anonymous().list(),
        server.admin().list(),
        server.anonymous().raw("GET", "/livez", None),
        server.anonymous().raw("GET", "/readyz", None),
    ];
    let ids: BTreeSet<_> = answers.iter().map(|answer| answer.header("request-id")).collect();
    assert_eq!(ids.len(), answers.len());
    for answer in &answers {
        assert_eq!(replaced(answer.header("request-id").unwrap()), "<req_ and 14>");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("stripe-notice"), None);
    }
    for answer in &answers[..7] {
        lawful(answer);
    }
}

#[test]
fn health_needs_no_key_and_is_no_part_of_the_api() {
    let server = TestServer::start();
    for (path, body) in [("/livez", "ok\n"), ("/readyz", "ready\n")] {
        let answer = server.anonymous().raw("GET", path, None);
        assert_eq!((answer.status, answer.body.as_str()), (200, body));
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        lawful(&server.anonymous().raw("POST", path, Some(""))).refused(401);
        lawful(&server.app().client().raw("GET", &format!("{path}/"), None)).refused(404);
    }
}

#[test]
fn the_version_that_was_asked_for_comes_back() {
    let server = TestServer::start();
    let client = server.app().client();
    for version in [
        LATEST,
        "2019-12-03",
        "2025-12-15.clover",
        "2099-01-01.zucchini",
        "2026-10-28.preview",
        "2026-10-28.preview; feature_beta=v1",
    ] {
        let answer = client.with_header("Stripe-Version", version).list();
        answer.ok();
        assert_eq!(lawful(&answer).header("stripe-version"), Some(version));
        let refusal = client.with_header("Stripe-Version", version).find("nothing");
        assert_eq!(refusal.header("stripe-version"), Some(version));
    }
    assert_eq!(client.list().header("stripe-version"), Some(LATEST));
}

#[test]
fn what_is_no_version_is_refused() {
    let server = TestServer::start();
    let client = server.app().client();
    for version in ["nonsense", "2026-10-28.", "2026-10-28.Endive", "20261028", "latest", ""] {
        let answer = client.with_header("Stripe-Version", version).list();
        let error = lawful(&answer).refused(400);
        assert_eq!(error["message"], format!("Invalid Stripe API version: {version}"));
        assert!(error.get("code").is_none() && error.get("param").is_none());
        assert_eq!(answer.header("stripe-version"), Some(LATEST));
    }
}

#[test]
fn account_and_idempotency_key_come_back_as_they_came() {
    let server = TestServer::start();
    let app = server.app();
    let client = app.client().for_account(&app.account).idempotent("k \"1\"");
    let set = client.set("token", "value");
    set.ok();
    assert_eq!(set.header("stripe-account"), Some(app.account.as_str()));
    assert_eq!(set.header("idempotency-key"), Some("k \"1\""));
    assert_eq!(set.header("original-request"), set.header("request-id"));
    assert_eq!(set.header("idempotent-replayed"), None);
    let found = client.find("token");
    found.ok();
    assert_eq!(found.header("stripe-account"), Some(app.account.as_str()));
    for post_only in ["idempotency-key", "original-request", "idempotent-replayed"] {
        assert_eq!(found.header(post_only), None, "{post_only} on a GET");
    }
    let stranger = client.with_key("sk_test_nobody").set("token", "value");
    stranger.refused(401);
    assert_eq!(stranger.header("stripe-account"), Some(app.account.as_str()));
    assert_eq!(stranger.header("idempotency-key"), Some("k \"1\""));
    assert_eq!(stranger.header("original-request"), stranger.header("request-id"));
}

#[test]
fn nothing_is_said_of_retries_where_the_status_says_it() {
    let server = TestServer::start();
    let client = server.app().client();
    for answer in [
        client.set("token", "value"),
        client.list(),
        client.find("nothing"),
        client.set("", ""),
        server.anonymous().list(),
        client.for_account("acct_nobody").list(),
        client.raw("GET", "/v1/nothing", None),
    ] {
        assert_eq!(lawful(&answer).header("stripe-should-retry"), None, "{answer:?}");
    }
}

/// Without configuration there is no CORS, whatever a browser asks (conventions §13, 21).
#[test]
fn there_is_no_cors() {
    let server = TestServer::start();
    let client = server
        .app()
        .client()
        .with_header("Origin", "https://dashboard.example")
        .with_header("Access-Control-Request-Method", "POST");
    for answer in [
        client.raw("OPTIONS", "/v1/apps/secrets", None),
        client.list(),
        client.set("token", "value"),
        server.anonymous().with_header("Origin", "null").list(),
        server.anonymous().with_header("Origin", "null").raw("GET", "/livez", None),
    ] {
        let cors = |name: &str| name.starts_with("access-control") || name == "vary";
        assert!(!answer.headers.iter().any(|(name, _)| cors(name)), "{answer:?}");
    }
    assert_eq!(client.raw("OPTIONS", "/v1/apps/secrets", None).status, 403);
}

#[test]
fn a_header_that_is_no_ascii_is_refused() {
    let server = TestServer::start();
    let client = server.app().client();
    let mut raw = server.raw();
    let authorization = format!("Authorization: Bearer {}", client.key());
    for header in ["Stripe-Version", "Stripe-Account", "Stripe-Context"] {
        let line = format!("{header}: \u{e9}");
        raw.request(&["GET /v1/apps/secrets?scope[type]=account", &authorization, &line], "");
        let answer = raw.answer();
        let message = answer.refused(400)["message"].as_str().unwrap().to_owned();
        assert!(message.contains(&header.to_lowercase()), "{message}");
    }
}
