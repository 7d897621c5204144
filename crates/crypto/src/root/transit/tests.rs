//! The transit engine, right and wrong.

use super::*;
use crate::root::tests::root_server::{Behaviour, RootServer};
use crate::root::tests::{STORE, forms, root_key, secret};

const TOKEN: &str = "s.hunter2hunter2";

fn transit(server: &RootServer) -> Transit {
    let url = format!("{}/team/transit/coffer?namespace=ns1", server.url());
    let address = Address::parse(&url).unwrap();
    Transit::new(address, secret(TOKEN), None).unwrap().hasty()
}

#[test]
fn a_key_that_is_kept_opens_again_and_is_sealed_anew() {
    let server = RootServer::start();
    let (root, key) = (transit(&server), root_key());
    let kept = root.keep(&key, &coffer_base::TestRandom::seeded(1)).unwrap();
    assert!(kept.starts_with(b"vault:v1:"));
    assert_eq!(root.open(STORE, &kept).unwrap().id(), key.id());
    let renewed = root.renew(&kept).unwrap().unwrap();
    assert!(renewed.starts_with(b"vault:v2:"));
    assert_eq!(root.open(STORE, &renewed).unwrap().id(), key.id());
    let other = root.open("store_B", &kept).unwrap_err();
    assert!(matches!(other, RootError::OtherStore { .. }), "{other}");
    let seen = server.seen();
    let paths: Vec<&str> = seen.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(
        paths[..3],
        ["encrypt", "decrypt", "rewrap"].map(|o| format!("/v1/team/transit/{o}/coffer"))
    );
    assert!(seen.iter().all(|request| request.head.contains(&format!("x-vault-token: {TOKEN}"))));
    assert!(seen.iter().all(|request| request.head.contains("x-vault-namespace: ns1")));
}

#[test]
fn each_wrong_answer_has_its_error_and_none_shows_what_was_sent() {
    let server = RootServer::start();
    let (root, key) = (transit(&server), root_key());
    let kept = root.keep(&key, &coffer_base::TestRandom::seeded(1)).unwrap();
    for (behaviour, temporary, part) in [
        (Behaviour::SealedFor(9), true, "Vault is sealed"),
        (Behaviour::Denied, false, "permission denied"),
        (Behaviour::UnknownKey, false, "encryption key not found"),
        (Behaviour::Redirects, false, "active server"),
        (Behaviour::Page, false, "no JSON"),
        (Behaviour::OtherFields, false, "no "),
        (Behaviour::Long, false, "too long"),
        (Behaviour::Echoes, false, "not shown"),
        (Behaviour::Silent, true, "in time"),
    ] {
        server.behave(behaviour);
        let opened = root.open(STORE, &kept).unwrap_err();
        let made = root.keep(&key, &coffer_base::TestRandom::seeded(2)).unwrap_err();
        for error in [&opened, &made] {
            assert_eq!(error.is_temporary(), temporary, "{behaviour:?}: {error}");
            assert!(error.is_withheld(), "{behaviour:?}: {error}");
            let shown = format!("{error} {error:?}");
            assert!(shown.contains("coffer of team/transit"), "{shown}");
            let hidden = forms(&key).into_iter().chain([TOKEN.to_owned()]);
            for secret in hidden {
                assert!(!shown.contains(&secret), "{behaviour:?}: {shown}");
            }
        }
        assert!(opened.to_string().contains(part), "{behaviour:?}: {opened}");
    }
    server.behave(Behaviour::Works);
    assert!(matches!(root.open(STORE, b"vault:v1:AAAA"), Err(RootError::Refused { .. })));
    assert!(matches!(root.open(STORE, b"\xff"), Err(RootError::Damaged { .. })));
}

#[test]
fn nobody_there_is_out_of_reach() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/transit/coffer", listener.local_addr().unwrap());
    drop(listener);
    let root = Transit::new(Address::parse(&url).unwrap(), secret(TOKEN), None).unwrap().hasty();
    let error = root.open(STORE, b"vault:v1:AAAA").unwrap_err();
    assert!(error.is_temporary(), "{error}");
}

#[test]
fn an_address_names_server_mount_and_key_and_sends_nothing_in_the_clear() {
    let parse = |text: &str| Address::parse(text);
    let address = parse("https://bao.example:8200/transit/coffer").unwrap();
    assert_eq!(place(&address), "the key coffer of transit at https://bao.example:8200");
    assert!(parse("http://[::1]:1/transit/coffer").is_ok());
    for wrong in [
        "",
        "https://bao.example",
        "https://bao.example/coffer",
        "https://bao.example/transit/",
        "https://bao.example/transit/a%2fb",
        "http://bao.example/transit/coffer",
        "https://user:word@bao.example/transit/coffer",
        "ftp://bao.example/transit/coffer",
    ] {
        assert!(matches!(parse(wrong), Err(RootError::Spec(_))), "{wrong}");
    }
}

#[test]
fn a_token_that_is_no_header_is_not_repeated() {
    let server = RootServer::start();
    let address = Address::parse(&format!("{}/transit/coffer", server.url())).unwrap();
    let root = Transit::new(address, secret("hunter2\nx: y"), None).unwrap().hasty();
    let error = root.open(STORE, b"vault:v1:AAAA").unwrap_err();
    assert!(matches!(error, RootError::Refused { .. }) && !error.to_string().contains("hunter2"));
    assert!(server.seen().is_empty());
}
