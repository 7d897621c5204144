//! How much a request may hold (conventions §13, decision 20).

use crate::check::lawful;
use coffer_testkit::{App, Raw, TestServer};

const BODY: usize = 256 * 1024;
const URL: usize = 65_534;
const HEADERS: usize = 64 * 1024;

fn start() -> (TestServer, App, String) {
    let server = TestServer::start();
    let app = server.app();
    let authorization = format!("Authorization: Bearer {}", app.test_key);
    (server, app, authorization)
}

/// Posts a form that is padded to `length` bytes with separators, which mean nothing.
fn post_padded(raw: &mut Raw, authorization: &str, length: usize) {
    let mut body = "name=n&payload=p&scope[type]=account".to_owned();
    body.push_str(&"&".repeat(length - body.len()));
    let content_length = format!("Content-Length: {length}");
    raw.request(&["POST /v1/apps/secrets", authorization, &content_length], &body);
}

#[test]
fn sixty_four_parameters() {
    let (_server, app, _) = start();
    let set = "name=n&payload=p&scope[type]=account".to_owned();
    let client = app.client();
    let with = |more: usize| set.clone() + &"&expand[]=payload".repeat(more);
    client.raw("POST", "/v1/apps/secrets", Some(&with(61))).ok();
    let target = "/v1/apps/secrets?expand[]=scope";
    client.raw("POST", target, Some(&with(60))).ok();
    for (target, more) in [("/v1/apps/secrets", 62), (target, 61)] {
        let error = lawful(&client.raw("POST", target, Some(&with(more)))).refused(400);
        assert_eq!(error["message"], "The request has too many parameters: at most 64.");
    }
}

#[test]
fn four_levels() {
    let (_server, app, _) = start();
    let error = app.client().get("/v1/apps/secrets", &[("a[b][c][d]", "1")]).refused(400);
    assert_eq!(error["code"], "parameter_unknown");
    let answer = app.client().get("/v1/apps/secrets", &[("a[b][c][d][e]", "1")]);
    let error = lawful(&answer).refused(400);
    assert_eq!(
        error["message"],
        "The parameter 'a[b][c][d][e]' is nested too deeply: at most 4 levels."
    );
}

#[test]
fn a_body_of_256_kib() {
    let (server, _app, authorization) = start();
    let mut raw = server.raw();
    post_padded(&mut raw, &authorization, BODY);
    raw.answer().ok();
    // What its length says is enough: none of it is waited for.
    let length = format!("Content-Length: {}", BODY + 1);
    raw.request(&["POST /v1/apps/secrets", &authorization, &length], "");
    let answer = raw.answer();
    let error = lawful(&answer).refused(413);
    assert_eq!(error["message"], "The request's body is longer than 262144 bytes.");
    assert_eq!(error["type"], "invalid_request_error");
}

#[test]
fn a_body_in_chunks_is_counted() {
    let (server, app, authorization) = start();
    let head = ["POST /v1/apps/secrets", &authorization, "Transfer-Encoding: chunked"];
    let form = "name=chunked&payload=p&scope[type]=account";
    let mut raw = server.raw();
    raw.request(&head, &format!("{:x}\r\n{form}\r\n0\r\n\r\n", form.len()));
    raw.answer().ok();
    app.client().find("chunked").ok();
    let mut raw = server.raw();
    raw.request(&head, &format!("{:x}\r\n{}", BODY + 1, "&".repeat(BODY + 1)));
    lawful(&raw.answer()).refused(413);
}

#[test]
fn a_stranger_sends_no_body() {
    let (server, _, _) = start();
    let mut raw = server.raw();
    let length = format!("Content-Length: {BODY}");
    raw.request(&["POST /v1/apps/secrets", &length, "Expect: 100-continue"], "");
    lawful(&raw.answer()).refused(401);
}

/// A body that nobody wanted is taken and thrown away, so that the answer is heard and the
/// connection is good for the next request.
#[test]
fn a_refused_request_leaves_its_connection_whole() {
    let (server, _, authorization) = start();
    let mut raw = server.raw();
    let body = "a".repeat(BODY);
    let length = format!("Content-Length: {BODY}");
    for (line, status) in
        [("POST /v1/apps/secrets", 401), ("GET /v1/apps/secrets", 401), ("PUT /v1/nothing", 401)]
    {
        raw.request(&[line, &length], &body);
        let answer = raw.answer();
        assert_eq!(lawful(&answer).header("connection"), None, "{line}");
        answer.refused(status);
    }
    raw.request(&["DELETE /v1/apps/secrets", &authorization, &length], &body);
    raw.answer().refused(404);
    raw.request(&["GET /v1/apps/secrets?scope[type]=account", &authorization], "");
    raw.answer().ok();
}

#[test]
fn whoever_waits_to_send_a_body_is_told_to() {
    let (server, _, authorization) = start();
    let body = "name=n&payload=p&scope[type]=account";
    let length = format!("Content-Length: {}", body.len());
    let mut raw = server.raw();
    let expect = "Expect: 100-continue";
    raw.request(&["POST /v1/apps/secrets", &authorization, &length, expect], "");
    assert_eq!(raw.head().status, 100);
    raw.send(body);
    raw.answer().ok();
}

#[test]
fn a_url_of_65534_bytes() {
    let (server, _, authorization) = start();
    let start = "/v1/apps/secrets/find?scope[type]=account&name=";
    let target = |length: usize| format!("{start}{}", "a".repeat(length - start.len()));
    let mut raw = server.raw();
    raw.request(&[&format!("GET {}", target(URL)), &authorization], "");
    let answer = raw.answer();
    assert_eq!(lawful(&answer).refused(400)["param"], "name", "it was read, and is too long");
    raw.request(&[&format!("GET {}", target(URL + 1)), &authorization], "");
    let error = lawful(&raw.answer()).refused(414);
    assert!(error["message"].as_str().unwrap().contains("65534 bytes"), "{error}");
    assert!(raw.is_closed());
}

#[test]
fn headers_of_64_kib() {
    let (server, app, authorization) = start();
    let target = "GET /v1/apps/secrets?scope[type]=account";
    let others = "hostlocalhost".len() + "authorizationBearer ".len() + app.test_key.len();
    let padding = HEADERS - others - "x-padding".len();
    let line = |more: usize| format!("X-Padding: {}", "a".repeat(padding + more));
    let mut raw = server.raw();
    raw.request(&[target, &authorization, &line(0)], "");
    raw.answer().ok();
    raw.request(&[target, &authorization, &line(1)], "");
    let error = lawful(&raw.answer()).refused(431);
    assert_eq!(
        error["message"],
        "The request has too many headers: at most 100, and 65536 bytes together."
    );
    raw.request(&[target, &authorization], "");
    raw.answer().ok();
}

#[test]
fn a_head_that_never_ends_is_cut() {
    let (server, _, authorization) = start();
    let mut raw = server.raw();
    let endless = format!("X-Padding: {}", "a".repeat(400_000));
    raw.request(&["GET /v1/apps/secrets", &authorization, &endless], "");
    // It is answered although more comes than is read, and the answer arrives.
    lawful(&raw.answer()).refused(431);
    assert!(raw.is_closed());
}

#[test]
fn a_hundred_headers() {
    let (server, _, authorization) = start();
    let target = "GET /v1/apps/secrets?scope[type]=account";
    let others: Vec<_> = (0..99).map(|number| format!("X-{number}: 1")).collect();
    let head = |count: usize| {
        let mut head = vec![target, authorization.as_str()];
        head.extend(others.iter().take(count - 2).map(String::as_str));
        head
    };
    let mut raw = server.raw();
    raw.request(&head(100), "");
    raw.answer().ok();
    raw.request(&head(101), "");
    lawful(&raw.answer()).refused(431);
    assert!(raw.is_closed());
}

#[test]
fn what_is_no_http_gets_the_error_object() {
    let (server, _, authorization) = start();
    for nonsense in [
        "nonsense\r\n\r\n",
        "\u{1}\u{3}\u{1}\r\n\r\n",
        "GET /v1/apps/secrets\r\n\r\n",
        "GET /v1/apps/secrets HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "GET / HTTP/1.1\r\na b: c\r\n\r\n",
        "GET / HTTP/1.1\r\nX: a\u{0}b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\n X: folded\r\n\r\n",
        "GET /a|<b> HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        let mut raw = server.raw();
        raw.send(nonsense);
        let answer = raw.answer();
        assert_eq!(answer.header("connection"), Some("close"), "{nonsense:?}");
        let error = lawful(&answer).refused(400);
        assert_eq!(error["type"], "invalid_request_error", "{nonsense:?}");
        assert!(raw.is_closed());
    }
    // It comes behind the answer to a good request, in whatever pieces they are written.
    let mut raw = server.raw();
    let good = "GET /v1/apps/secrets?scope[type]=account HTTP/1.1\r\nHost: localhost";
    raw.send(format!("{good}\r\n{authorization}\r\n\r\nnonsense\r\n\r\n"));
    raw.answer().ok();
    lawful(&raw.answer()).refused(400);
    assert!(raw.is_closed());
}

#[test]
fn what_the_library_rejects_is_counted() {
    let (server, _, _) = start();
    let refused =
        || server.admin().get("/v1/admin/status", &[]).ok()["unrouted"]["refused"].clone();
    assert_eq!(refused(), 0);
    let mut raw = server.raw();
    raw.send("nonsense\r\n\r\n");
    raw.answer().refused(400);
    assert_eq!(refused(), 1);
}

#[test]
fn malformed_chunks_are_no_body() {
    let (server, _, authorization) = start();
    let head = ["POST /v1/apps/secrets", &authorization, "Transfer-Encoding: chunked"];
    for chunks in ["zz\r\nname=n\r\n0\r\n\r\n", "5\r\nname=nnnnnnnn\r\n0\r\n\r\n"] {
        let mut raw = server.raw();
        raw.request(&head, chunks);
        let error = lawful(&raw.answer()).refused(400);
        assert!(error["message"].as_str().unwrap().contains("chunks"), "{error}");
    }
}

/// Two lengths, or a length and chunks: the ways to smuggle a request past a proxy.
#[test]
fn a_body_with_two_lengths_is_not_believed() {
    let (server, app, authorization) = start();
    let body = "name=smuggled&payload=p&scope[type]=account";
    let length = format!("Content-Length: {}", body.len());
    for more in [["Content-Length: 3", &length], [&length, "Content-Length: 3"]] {
        let mut raw = server.raw();
        let head = ["POST /v1/apps/secrets", &authorization, more[0], more[1]];
        raw.request(&head, body);
        lawful(&raw.answer()).refused(400);
        assert!(raw.is_closed());
    }
    app.client().find("smuggled").refused(404);
    // Of a length and chunks the chunks count, and whatever stands behind them is not looked at.
    let behind = "POST /v1/apps/secrets?name=smuggled&payload=p&scope[type]=account HTTP/1.1\r\n";
    let behind = format!("{behind}Host: localhost\r\n{authorization}\r\nContent-Length: 0\r\n\r\n");
    let length = format!("Content-Length: {}", behind.len() + 5);
    for more in [["Transfer-Encoding: chunked", &length], [&length, "Transfer-Encoding: chunked"]] {
        let mut raw = server.raw();
        let head = ["POST /v1/apps/secrets", &authorization, more[0], more[1]];
        raw.request(&head, &format!("0\r\n\r\n{behind}"));
        assert_eq!(lawful(&raw.answer()).refused(400)["param"], "name");
        assert!(raw.is_closed());
    }
    app.client().find("smuggled").refused(404);
}
