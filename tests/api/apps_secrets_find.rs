//! `GET /v1/apps/secrets/find`.

use crate::check::snapshot;
use coffer_testkit::{Client, TestServer};

fn find(client: &Client, name: &str, more: &[(&str, &str)]) -> coffer_testkit::Answer {
    let mut params = vec![("name", name), ("scope[type]", "account")];
    params.extend_from_slice(more);
    client.get("/v1/apps/secrets/find", &params)
}

#[test]
fn find_leaves_the_payload_out() {
    let server = TestServer::start();
    let client = server.app().client();
    client.set("token", "value").ok();
    let answer = find(&client, "token", &[]);
    snapshot("find_leaves_the_payload_out", "GET /v1/apps/secrets/find", &answer);
}

#[test]
fn find_with_payload() {
    let server = TestServer::start();
    let client = server.app().client();
    client.set("token", "value").ok();
    let answer = find(&client, "token", &[("expand[0]", "payload")]);
    snapshot("find_with_payload", "GET /v1/apps/secrets/find: expand[0]=payload", &answer);
}

#[test]
fn expanding_what_is_there_changes_nothing() {
    let server = TestServer::start();
    let client = server.app().client();
    client.set("token", "value").ok();
    let plain = find(&client, "token", &[]).body;
    for expand in [("expand[]", "scope"), ("expand[]", ""), ("expand", "")] {
        assert_eq!(find(&client, "token", &[expand]).body, plain, "{expand:?}");
    }
    let twice = [("expand[]", "payload"), ("expand[]", "payload"), ("expand[]", "scope")];
    assert_eq!(find(&client, "token", &twice).ok()["payload"], "value");
}

/// Names are opaque: no character but NUL means anything, and bytes are compared.
#[test]
fn odd_names_are_data() {
    let server = TestServer::start();
    let settings = [("secrets_per_scope", "1000")];
    let app = server.app();
    server.admin().post(&format!("/v1/admin/apps/{}", app.id), &settings).ok();
    let client = app.client();
    let names = [
        "find",
        "delete",
        "..",
        "../../etc/passwd",
        "/",
        "a/b?c#d",
        "appsecret_123",
        "name[0]",
        "[]",
        "Token",
        "token",
        " token",
        "token ",
        "to+ken",
        "to ken",
        "to%20ken",
        "e\u{301}",
        "\u{e9}",
        "\u{202e}nekot",
        "\u{feff}",
        "'; DROP TABLE secret; --",
        "%",
        "_",
        "\n",
        "\u{1}",
        "\u{10ffff}",
        "null",
        "0",
    ];
    for (number, name) in names.iter().enumerate() {
        client.set(name, &format!("payload {number}")).ok();
    }
    for (number, name) in names.iter().enumerate() {
        let found = client.find(name).ok();
        assert_eq!(found["name"], *name);
        assert_eq!(found["payload"], format!("payload {number}"), "{name:?}");
    }
    for name in names {
        client.remove(name).ok();
        assert_eq!(client.find(name).refused(404)["param"], "name");
    }
}

#[test]
fn names_have_five_thousand_characters_at_most() {
    let server = TestServer::start();
    let client = server.app().client();
    for letter in ["a", "\u{e9}", "\u{1F512}"] {
        let longest = letter.repeat(5000);
        client.set(&longest, "value").ok();
        assert_eq!(client.find(&longest).ok()["name"], longest);
        let one_more = letter.repeat(5001);
        let four = letter.repeat(4);
        let message = format!("Invalid string: {four}...{four}; must be at most 5000 characters");
        for answer in [client.set(&one_more, "value"), client.find(&one_more)] {
            let error = answer.refused(400);
            assert_eq!(
                (&error["param"], &error["message"]),
                (&"name".into(), &message.clone().into())
            );
        }
    }
}

#[test]
fn a_nul_is_refused_wherever_text_goes() {
    let server = TestServer::start();
    let client = server.app().client();
    let user = |user| [("name", "n"), ("scope[type]", "user"), ("scope[user]", user)];
    for (param, answer) in [
        ("name", client.set("a\0b", "value")),
        ("payload", client.set("token", "a\0b")),
        ("name", client.find("\0")),
        ("name", client.remove("\0")),
        ("scope[user]", client.get("/v1/apps/secrets/find", &user("\0"))),
    ] {
        let error = answer.refused(400);
        assert_eq!(error["param"], param);
        assert_eq!(error["message"], "Invalid string: it must not contain the NUL character");
    }
}
