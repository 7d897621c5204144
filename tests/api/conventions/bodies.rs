//! Bodies of requests, whatever the verb is, and bodies that are not what they say (conventions
//! §2.1).

use crate::check::lawful;
use coffer_testkit::{Answer, App, TestServer};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

/// One request on a connection of its own.
fn send(server: &TestServer, app: &App, line: &str, headers: &[&str], body: &[u8]) -> Answer {
    let mut raw = server.raw();
    let authorization = format!("Authorization: Bearer {}", app.test_key);
    let length = format!("Content-Length: {}", body.len());
    let head = [&[line, &authorization, &length], headers].concat();
    raw.request(&head, "");
    raw.send(body);
    if line.starts_with("HEAD") { raw.head() } else { raw.answer() }
}

fn start() -> (TestServer, App) {
    let server = TestServer::start();
    let app = server.app();
    (server, app)
}

/// SDKs before 2020 sent all parameters of a GET in its body, and curl does with `-X GET -d`.
#[test]
fn the_body_of_a_get_is_read_like_that_of_a_post() {
    let (server, app) = start();
    let client = app.client();
    for name in ["a", "b", "c"] {
        client.set(name, "value").ok();
    }
    let find = "GET /v1/apps/secrets/find";
    let body = b"name=a&scope[type]=account&expand[]=payload";
    assert_eq!(send(&server, &app, find, &[FORM], body).ok()["payload"], "value");
    assert_eq!(send(&server, &app, find, &[], body).ok()["payload"], "value");
    let both = format!("{find}?name=of+the+query&expand[]=payload");
    let merged = send(&server, &app, &both, &[FORM], b"name=b&scope[type]=account").ok();
    assert_eq!((&merged["name"], &merged["payload"]), (&"b".into(), &"value".into()));
    // A walk over pages ends, since the cursor is read.
    let list = "GET /v1/apps/secrets?scope[type]=account";
    let mut seen = Vec::new();
    let mut body = "limit=1".to_owned();
    while seen.len() < 4 {
        let page = send(&server, &app, list, &[FORM], body.as_bytes()).ok();
        let [item] = page["data"].as_array().unwrap().as_slice() else { panic!("{page}") };
        seen.push(item["name"].as_str().unwrap().to_owned());
        if page["has_more"] == false {
            break;
        }
        body = format!("limit=1&starting_after={}", item["id"].as_str().unwrap());
    }
    assert_eq!(seen, ["c", "b", "a"]);
}

#[test]
fn head_and_delete_read_theirs_too() {
    let (server, app) = start();
    app.client().set("a", "value").ok();
    for (name, status) in [("a", 200), ("b", 404)] {
        let body = format!("name={name}&scope[type]=account");
        let head = send(&server, &app, "HEAD /v1/apps/secrets/find", &[FORM], body.as_bytes());
        assert_eq!(head.status, status, "{name}");
    }
    let admin = server.admin();
    let authorization = format!("Authorization: Bearer {}", admin.key());
    let mut raw = server.raw();
    for (body, message) in [
        ("purge=maybe", "Invalid boolean: maybe"),
        ("purge=false&nonsense=1", "Received unknown parameter: nonsense"),
    ] {
        let line = "DELETE /v1/admin/installs/inst_1?purge=true";
        let length = format!("Content-Length: {}", body.len());
        raw.request(&[line, &authorization, &length], body);
        assert_eq!(lawful(&raw.answer()).refused(400)["message"], message);
    }
}

#[test]
fn the_bounds_of_a_body_are_the_same_for_all_verbs() {
    let (server, app) = start();
    let authorization = format!("Authorization: Bearer {}", app.test_key);
    for verb in ["GET", "POST"] {
        let mut raw = server.raw();
        let length = format!("Content-Length: {}", 256 * 1024 + 1);
        raw.request(&[&format!("{verb} /v1/apps/secrets"), &authorization, &length], "");
        lawful(&raw.answer()).refused(413);
    }
    // A stranger's is not read, but his connection is good for another request.
    let mut raw = server.raw();
    raw.request(&["GET /v1/apps/secrets", "Content-Length: 3"], "a=b");
    lawful(&raw.answer()).refused(401);
    let body = "scope[type]=account";
    let length = format!("Content-Length: {}", body.len());
    for _ in 0..2 {
        raw.request(&["GET /v1/apps/secrets", &authorization, &length], body);
        raw.answer().ok();
    }
}

#[test]
fn a_body_that_is_no_form_says_so_for_all_verbs() {
    let (server, app) = start();
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x4b\xcc";
    let json = b"{\"name\":\"n\",\"payload\":\"hunter2\"}";
    let form = b"name=n&payload=p&scope[type]=account";
    let rows: [(&[&str], &[u8], &str); 11] = [
        (&["Content-Encoding: gzip"], gzip, "content-encoding 'gzip'"),
        (&["Content-Encoding: gzip"], form, "content-encoding 'gzip'"),
        (&["Content-Encoding: br"], b"\x0b\x02\x80abc\x03", "content-encoding 'br'"),
        (&["Content-Encoding: identity, deflate"], form, "'identity, deflate'"),
        (&[FORM], gzip, "compressed (gzip)"),
        (&[], gzip, "compressed (gzip)"),
        (&[FORM], b"\x28\xb5\x2f\xfd\x04\x00a", "compressed (zstd)"),
        (&[FORM], b"\x0b\x02\x80abc\xff\x03", "binary"),
        (&[FORM], json, "JSON"),
        (&["Content-Type: application/json"], json, "JSON"),
        (&["Content-Type: multipart/form-data; boundary=x"], b"--x\r\n--x--", "multipart"),
    ];
    for (headers, body, says) in rows {
        for line in ["POST /v1/apps/secrets", "GET /v1/apps/secrets?scope[type]=account"] {
            let error = lawful(&send(&server, &app, line, headers, body)).refused(400);
            assert_eq!(error["type"], "invalid_request_error");
            let message = error["message"].as_str().unwrap();
            assert!(message.contains(says), "{line} {headers:?}: {message}");
            assert!(!message.contains("hunter2"), "{message}");
        }
    }
    for headers in [&["Content-Encoding: identity"][..], &["Content-Encoding: Identity", FORM]] {
        send(&server, &app, "POST /v1/apps/secrets", headers, form).ok();
    }
    // An encoding of no body says nothing.
    let list = "GET /v1/apps/secrets?scope[type]=account";
    send(&server, &app, list, &["Content-Encoding: gzip"], b"").ok();
}

#[test]
fn chunks_are_compressed_by_nothing() {
    let (server, app) = start();
    let authorization = format!("Authorization: Bearer {}", app.test_key);
    let mut raw = server.raw();
    let encoding = "Transfer-Encoding: gzip, chunked";
    raw.request(&["POST /v1/apps/secrets", &authorization, encoding], "1\r\na\r\n0\r\n\r\n");
    let error = lawful(&raw.answer()).refused(400);
    assert!(error["message"].as_str().unwrap().contains("'gzip, chunked'"), "{error}");
}
