//! What `coffer status` says of what apps keep.

use crate::program::{Home, Server, expect, text};
use serde_json::Value;

#[test]
fn the_status_shows_which_apps_keep_most() {
    let home = Home::new();
    let made = home.init(&["--app", "Shop"]);
    let (admin, key, app) = (text(&made, "admin_key"), text(&made, "test_key"), text(&made, "app"));
    let words = ["serve", "--listen", "127.0.0.1:0"];
    let server = Server::start(&home, &words);
    let set = server.coffer(&["secrets", "set", "token"]).api_key(&key).stdin("value");
    expect(&set.run(), 0);
    assert_eq!(server.stop(), Some(0));
    // A server counts at its start, beside its first requests.
    let server = Server::start(&home, &words);
    let status = || server.coffer(&["status"]).admin_key(&admin);
    let is_app = |one: &&Value| one["app"] == app.as_str();
    let usage = || status().json()["usage"].as_array().unwrap().iter().find(is_app).cloned();
    let counted = (0..20_000).find_map(|_| usage()).unwrap();
    assert_eq!(counted["mode"], "test");
    assert_eq!(counted["scopes"], 1);
    let bytes = counted["bytes"].as_i64().unwrap();
    assert!(bytes > 0, "{counted}");
    let shown = status().run();
    let line = shown.stdout.lines().find(|line| line.contains(&app)).unwrap();
    assert!(line.contains(&bytes.to_string()), "{}", shown.stdout);
    assert_eq!(server.stop(), Some(0));
}
