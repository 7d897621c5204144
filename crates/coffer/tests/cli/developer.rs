//! Developer mode, as it is started, opened to others and kept away from stores that matter.

use crate::program::{Home, Server, expect};
use serde_json::Value;
use std::io::{Read, Write};

#[test]
fn developer_mode_says_what_it_is_and_its_curl_line_works() {
    let home = Home::new();
    let server = Server::start(&home, &["dev", "--listen", "127.0.0.1:0"]);
    let banner = server.said();
    for words in ["developer mode", "test mode only", "not for production", "StripeClient("] {
        assert!(banner.contains(words), "{banner}");
    }
    assert_eq!(std::fs::read_to_string(home.path("data/.gitignore")).unwrap(), "*\n");
    let curl = banner.split("\n\n").find(|part| part.starts_with("curl ")).unwrap();
    let answer = std::process::Command::new("sh").args(["-c", curl]).output().unwrap();
    let secret: Value = serde_json::from_slice(&answer.stdout).expect(curl);
    assert_eq!(secret["name"], "greeting");
    let address = server.address();
    let taken = home.other().coffer(&["dev", "--listen", &address]).run();
    expect(&taken, 1);
    assert!(taken.stderr.contains("taken") && taken.stderr.contains("--listen"));
    assert_eq!(server.stop(), Some(0));
    // What was kept is still there.
    let server = Server::start(&home, &["dev", "--listen", "127.0.0.1:0"]);
    let get = server.coffer(&["secrets", "get", "greeting", "--reveal"]);
    assert_eq!(get.api_key("sk_test_example").run().stdout, "hello");
}

/// A tunnel brings others in by loopback, so the address makes no difference.
#[test]
fn developer_mode_is_opened_to_a_host_by_name_and_to_keys_of_the_run() {
    let home = Home::new();
    for listen in ["0.0.0.0:0", "127.0.0.1:0"] {
        let words = ["dev", "--listen", listen, "--allow-host", "coffer", "--allow-host", "other"];
        let server = Server::start(&home, &words);
        let banner = server.said();
        for word in ["OPEN", "plain HTTP", "coffer, other", "Whoever reaches it is let in"] {
            assert!(banner.contains(word), "{banner}");
        }
        let key = banner.split("begins with sk_test_").nth(1);
        let key = key.and_then(|rest| rest.split(',').next()).unwrap();
        only_names_and_keys_of_the_run_are_let_in(&server.address(), key);
        assert_eq!(server.stop(), Some(0));
    }
}

fn only_names_and_keys_of_the_run_are_let_in(address: &str, key: &str) {
    let port: u16 = address.strip_prefix("coffer:").unwrap().parse().unwrap();
    let status = |host: &str, key: &str, path: &str| {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n");
        write!(stream, "{head}Authorization: Bearer {key}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.get(9..12).map(str::to_owned).unwrap_or_default()
    };
    let secrets = "/v1/apps/secrets?scope[type]=account";
    for host in ["coffer", "other", "localhost"] {
        assert_eq!(status(host, &format!("sk_test_{key}_suite"), secrets), "200", "{host}");
        assert_eq!(status(host, "sk_test_example", secrets), "401", "{host}");
    }
    assert_eq!(status("evil.example", &format!("sk_test_{key}"), secrets), "403");
    assert_eq!(status("coffer", &format!("ak_coffer_{key}"), "/v1/admin/status"), "200");
    assert_eq!(status("coffer", "ak_coffer_any", "/v1/admin/status"), "401");
}

#[test]
fn developer_mode_leaves_other_stores_alone() {
    let home = Home::new();
    home.init(&[]);
    let refused = home.coffer(&["dev", "--listen", "127.0.0.1:0"]).run();
    expect(&refused, 1);
    assert!(refused.stderr.contains("did not make"), "{}", refused.stderr);
}

#[test]
fn a_store_of_developer_mode_is_not_served() {
    let home = Home::new();
    Server::start(&home, &["dev", "--listen", "127.0.0.1:0"]).stop();
    // Its root key does not make it another one.
    let root_key = home.path("data/root.key").display().to_string();
    let data = format!("sqlite:{}", home.path("data").display());
    let other = format!("sqlite:{}", home.path("other").display());
    for words in [
        &["serve"][..],
        &["serve", "--root-key", &root_key],
        &["admin-key", "create", "--root-key", &root_key],
        &["migrate-store", "--root-key", &root_key, "--from", &data, "--to", &other],
    ] {
        let refused = home.coffer(words).run();
        expect(&refused, 1);
        assert!(refused.stderr.contains("coffer dev"), "{words:?}: {}", refused.stderr);
        assert!(refused.stdout.is_empty(), "{words:?}: {}", refused.stdout);
    }
}
