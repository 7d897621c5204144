//! `coffer import stripe` and `coffer compare stripe`, with a second Coffer in Stripe's place.

use crate::program::{Ended, Home, Server, expect};
use serde_json::Value;

const THERE: &str = "sk_test_there";
const HERE: &str = "sk_test_here";

fn set(server: &Server<'_>, key: &str, name: &str, value: &str, more: &[&str]) {
    let words = [&["secrets", "set", name], more].concat();
    expect(&server.coffer(&words).api_key(key).stdin(value).run(), 0);
}

fn get(server: &Server<'_>, name: &str, more: &[&str]) -> Ended {
    let words = [&["secrets", "get", name, "--reveal"], more].concat();
    server.coffer(&words).api_key(HERE).run()
}

#[test]
fn an_apps_secrets_come_over_and_are_compared() {
    let (home, other) = (Home::new(), Home::new());
    let here = Server::start(&home, &["dev", "--listen", "127.0.0.1:0"]);
    let there = Server::start(&other, &["dev", "--listen", "127.0.0.1:0"]);
    let url = format!("http://{}", there.address());
    let call = |words: &[&str]| {
        let words = [words, &["--stripe-url", &url]].concat();
        here.coffer(&words).api_key(HERE).env("STRIPE_API_KEY", THERE)
    };
    set(&there, THERE, "own", "1", &[]);
    set(&there, THERE, "token", "2", &["--account", "acct_1", "--expires-in", "30d"]);
    set(&there, THERE, "refresh", "3", &["--account", "acct_1", "--user", "usr_1"]);
    let scopes = home.path("scopes.csv");
    std::fs::write(&scopes, "account,user\n\nacct_1\nacct_1,usr_1\n,\nacct_1\n").unwrap();
    let scopes = scopes.display().to_string();
    let dry = call(&["import", "stripe", "--scopes", &scopes, "--dry-run"]).json();
    assert_eq!(dry["data"].as_array().unwrap().len(), 3, "{dry}");
    expect(&get(&here, "own", &[]), 3);
    expect(&call(&["compare", "stripe", "--scopes", &scopes]).run(), 1);
    let done = call(&["import", "stripe", "--scopes", &scopes]).json();
    let added = |list: &Value| -> i64 {
        list["data"].as_array().unwrap().iter().map(|row| row["added"].as_i64().unwrap()).sum()
    };
    assert_eq!((added(&dry), added(&done)), (3, 3));
    assert_eq!(get(&here, "own", &[]).stdout, "1");
    assert_eq!(get(&here, "refresh", &["--account", "acct_1", "--user", "usr_1"]).stdout, "3");
    let same = call(&["compare", "stripe", "--scopes", &scopes]).json();
    assert!(same["data"].as_array().unwrap().iter().all(|row| row["same"] == 1), "{same}");
    let again = call(&["import", "stripe", "--scopes", &scopes]).json();
    assert_eq!(added(&again), 0);
    set(&there, THERE, "own", "hunter2", &[]);
    set(&here, HERE, "mine", "m", &[]);
    let differs = call(&["compare", "stripe"]).run();
    expect(&differs, 1);
    assert!(differs.stdout.contains("own") && differs.stdout.contains("mine"), "{differs:?}");
    assert!(!differs.stdout.contains("hunter2"), "{differs:?}");
    // A scope that fails is reported, and the others are done.
    for number in 0..10 {
        set(&there, THERE, &format!("n{number}"), "x", &["--account", "acct_2"]);
    }
    set(&here, HERE, "in the way", "x", &["--account", "acct_2"]);
    set(&there, THERE, "late", "x", &["--account", "acct_3"]);
    let words =
        ["import", "stripe", "--account", "acct_1", "--account", "acct_2", "--account", "acct_3"];
    let partly = call(&words).run();
    expect(&partly, 1);
    assert!(partly.stdout.contains("nothing has changed"), "{partly:?}");
    assert_eq!(get(&here, "late", &["--account", "acct_3"]).stdout, "x");
    expect(&get(&here, "n0", &["--account", "acct_2"]), 3);
    expect(&call(&["import", "stripe", "--user", "usr_1"]).run(), 2);
    let wrong = call(&["import", "stripe"]).env("STRIPE_API_KEY", "sk_live_wrong").run();
    expect(&wrong, 4);
}
