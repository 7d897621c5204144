//! URLs and verbs (conventions §9).

use crate::check::lawful;
use coffer_testkit::TestServer;

#[test]
fn what_does_not_exist_is_not_found() {
    let server = TestServer::start();
    let client = server.app().client();
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/v1"),
        ("GET", "/v1/nothing"),
        ("GET", "/v2/apps/secrets"),
        ("GET", "/V1/apps/secrets"),
        ("GET", "/v1/apps/secrets/"),
        ("GET", "/v1/apps/secrets/find/"),
        ("GET", "/v1/apps/secrets/appsecret_1"),
        ("POST", "/v1/apps/secrets/appsecret_1"),
        ("GET", "/v1/apps%2Fsecrets"),
        ("GET", "/v1/apps/./secrets"),
        ("GET", "/v1/apps/secrets/delete"),
        ("POST", "/v1/apps/secrets/find"),
        ("DELETE", "/v1/apps/secrets"),
        ("DELETE", "/v1/apps/secrets/delete"),
        ("PUT", "/v1/apps/secrets"),
        ("PATCH", "/v1/apps/secrets"),
        ("OPTIONS", "/v1/apps/secrets"),
        ("TRACE", "/v1/apps/secrets"),
    ] {
        let answer = client.raw(method, path, None);
        let error = lawful(&answer).refused(404);
        let message = format!("Unrecognized request URL ({method}: {path}).");
        assert!(error["message"].as_str().unwrap().starts_with(&message), "{error}");
        assert_eq!(error["type"], "invalid_request_error");
        assert!(error.get("code").is_none() && error.get("param").is_none(), "{error}");
    }
}

#[test]
fn the_query_is_not_repeated() {
    let server = TestServer::start();
    let answer = server.app().client().raw("GET", "/v1/nothing?payload=hunter2", None);
    assert!(!answer.body.contains("hunter2"), "{answer:?}");
    answer.refused(404);
}

#[test]
fn double_slashes_count_as_one() {
    let server = TestServer::start();
    let app = server.app();
    app.client().set("token", "value").ok();
    let mut raw = server.raw();
    let authorization = format!("Authorization: Bearer {}", app.test_key);
    for path in ["//v1/apps/secrets", "/v1//apps///secrets", "//v1//apps//secrets//find"] {
        let line = format!("GET {path}?scope[type]=account&expand[]=scope");
        let line = if path.ends_with("find") { format!("{line}&name=token") } else { line };
        let line =
            if path.ends_with("find") { line } else { line.replace("=scope", "=data.scope") };
        raw.request(&[&line, &authorization], "");
        raw.answer().ok();
    }
}

#[test]
fn head_is_get_without_its_body() {
    let server = TestServer::start();
    let app = server.app();
    app.client().set("token", "value").ok();
    let mut raw = server.raw();
    let authorization = format!("Authorization: Bearer {}", app.test_key);
    for target in [
        "/v1/apps/secrets?scope[type]=account",
        "/v1/apps/secrets/find?scope[type]=account&name=token",
        "/v1/apps/secrets/find?scope[type]=account&name=nothing",
        "/v1/nothing",
    ] {
        raw.request(&[&format!("HEAD {target}"), &authorization], "");
        let head = raw.head();
        raw.request(&[&format!("GET {target}"), &authorization], "");
        let get = raw.answer();
        assert_eq!(head.status, get.status, "{target}");
        let content = |answer: &coffer_testkit::Answer| {
            ["content-type", "cache-control"].map(|name| answer.header(name).map(str::to_owned))
        };
        assert_eq!(content(&head), content(&get), "{target}");
        if get.status == 200 {
            assert_eq!(head.header("content-length"), get.header("content-length"), "{target}");
        }
        lawful(&head);
    }
}

#[test]
fn an_absolute_url_means_its_path() {
    let server = TestServer::start();
    let app = server.app();
    let mut raw = server.raw();
    let authorization = format!("Authorization: Bearer {}", app.test_key);
    let line = "GET http://localhost/v1/apps/secrets?scope[type]=account";
    raw.request(&[line, &authorization], "");
    raw.answer().ok();
}
