//! Forms and queries (conventions §2.1, secret store §1.3, §1.4).

use crate::check::lawful;
use coffer_testkit::{Answer, Client, TestServer};

const SET: &str = "/v1/apps/secrets";
const FORM: &str = "application/x-www-form-urlencoded";

fn client() -> (TestServer, Client) {
    let server = TestServer::start();
    let client = server.app().client();
    (server, client)
}

fn post(client: &Client, query: &str, body: &str) -> Answer {
    client.raw("POST", &format!("{SET}{query}"), Some(body))
}

#[test]
fn all_encodings_of_all_sdks_work() {
    let (_server, client) = client();
    client.set("a b", "value").ok();
    for query in [
        "name=a+b&scope[type]=account&expand[]=payload",
        "name=a%20b&scope%5Btype%5D=account&expand%5B%5D=payload",
        "name=a%20b&scope[type]=account&expand[0]=payload",
        "name=%61%20%62&%73cope%5btype%5d=account&expand%5B0%5D=payload",
        "&&name=a+b&&scope[type]=account&expand[]=payload&",
    ] {
        let answer = client.raw("GET", &format!("/v1/apps/secrets/find?{query}"), None);
        assert_eq!(answer.ok()["payload"], "value", "{query}");
    }
    for body in [
        "name=a+b&payload=new&scope[type]=account&expand[]=payload",
        "name=a%20b&payload=new&scope%5Btype%5D=account&expand%5B0%5D=payload",
    ] {
        assert_eq!(post(&client, "", body).ok()["payload"], "new", "{body}");
    }
}

#[test]
fn query_and_body_are_one_and_the_body_wins() {
    let (_server, client) = client();
    let old_style = "?scope[type]=user&scope[user]=usr_1&name=token";
    let set = post(&client, old_style, "payload=value&expand[]=payload").ok();
    assert_eq!(set["scope"]["user"], "usr_1");
    assert_eq!(set["payload"], "value");
    let both = "?name=of+the+query&payload=q&scope[type]=account&expand[]=payload";
    let set = post(&client, both, "name=of+the+body&payload=b").ok();
    assert_eq!((&set["name"], &set["payload"]), (&"of the body".into(), &"b".into()));
    let all = "?name=n&payload=only+the+query&scope[type]=account&expand[]=payload";
    assert_eq!(client.raw("POST", &format!("{SET}{all}"), None).ok()["payload"], "only the query");
}

#[test]
fn of_a_repeated_key_the_last_counts() {
    let (_server, client) = client();
    let body = "name=a&name=b&payload=1&payload=2&scope[type]=user&scope[type]=account\
                &expand[0]=scope&expand[0]=payload";
    let set = post(&client, "", body).ok();
    assert_eq!((&set["name"], &set["payload"]), (&"b".into(), &"2".into()));
    assert_eq!(set["scope"]["type"], "account");
}

#[test]
fn a_body_must_be_a_form() {
    let (_server, client) = client();
    let body = "name=n&payload=p&scope[type]=account";
    for kind in [
        FORM,
        "application/x-www-form-urlencoded; charset=utf-8",
        "application/x-www-form-urlencoded;charset=UTF-8",
        "Application/X-WWW-Form-URLEncoded",
    ] {
        client.with_header("Content-Type", kind).raw("POST", SET, Some(body)).ok();
    }
    let json = "{\"name\":\"n\"}";
    for (kind, body) in [
        ("application/json", json),
        ("application/json; charset=utf-8", json),
        ("text/plain", body),
        ("multipart/form-data; boundary=x", "--x--"),
        ("application/x-www-form-urlencodedx", body),
    ] {
        let answer = client.with_header("Content-Type", kind).raw("POST", SET, Some(body));
        let error = lawful(&answer).refused(400);
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("form-encoded"), "{message}");
    }
}

#[test]
fn the_content_type_counts_where_there_is_a_body() {
    let (server, client) = client();
    client.with_header("Content-Type", "application/json").list().ok();
    let mut raw = server.raw();
    let authorization = format!("Authorization: Bearer {}", client.key());
    let body = "name=n&payload=p&scope[type]=account";
    let length = format!("Content-Length: {}", body.len());
    raw.request(&["POST /v1/apps/secrets", &authorization, &length], body);
    raw.answer().ok();
    let query = format!("POST {SET}?{body}");
    let json = "Content-Type: application/json";
    raw.request(&[&query, &authorization, "Content-Length: 0", json], "");
    raw.answer().ok();
}

#[test]
fn what_cannot_be_decoded_is_refused() {
    let (_server, client) = client();
    for body in [
        "name=%",
        "name=%4",
        "name=%zz",
        "name=%ff",
        "%ff=1",
        "[a]=1",
        "=1",
        "a[=1",
        "a]=1",
        "a[b]c=1",
        "a[b[c]]=1",
        "scope=account&scope[type]=account",
        "scope[type]=account&scope=account",
        "name[x]=1&name=2",
    ] {
        let error = lawful(&post(&client, "", body)).refused(400);
        assert_eq!(error["type"], "invalid_request_error", "{body}");
        assert!(error.get("code").is_none(), "{body}: {error}");
    }
}

#[test]
fn unknown_parameters_come_first_and_all_are_named() {
    let (_server, client) = client();
    let body = "zeta=1&name=&metadata[a]=1&scope[type]=nonsense&scope[team]=1&expires_at=x";
    let error = lawful(&post(&client, "?alpha[]=1", body)).refused(400);
    assert_eq!(error["code"], "parameter_unknown");
    assert_eq!(error["param"], "alpha");
    assert_eq!(error["message"], "Received unknown parameters: alpha, zeta, metadata, scope[team]");
    let error = post(&client, "", "limit=1").refused(400);
    assert_eq!(error["message"], "Received unknown parameter: limit");
}

#[test]
fn checks_run_in_the_order_of_the_contract() {
    let (_server, client) = client();
    let bad_version = client.with_header("Stripe-Version", "nonsense");
    let message = |answer: Answer| answer.refused(400)["message"].as_str().unwrap().to_owned();
    let body = |from: usize| {
        let parts =
            ["expand[]=nonsense", "foo=1", "name=", "payload=", "scope=account", "expires_at=soon"];
        parts[from..].join("&")
    };
    assert!(message(post(&bad_version, "", &body(0))).starts_with("Invalid Stripe API version"));
    for (from, begins) in [
        (0, "This property cannot be expanded"),
        (1, "Received unknown parameter: foo"),
        (2, "'name' was sent as an empty string"),
    ] {
        let message = message(post(&client, "", &body(from)));
        assert!(message.starts_with(begins), "{message}");
    }
    let rest = |fields: &str| message(post(&client, "", &format!("{fields}&expires_at=soon")));
    assert!(rest("name=n&payload=&scope=account").starts_with("'payload'"));
    assert_eq!(rest("name=n&payload=p&scope=account"), "Invalid object");
    assert_eq!(rest("name=n&payload=p&scope[type]=account"), "Invalid integer: soon");
}
