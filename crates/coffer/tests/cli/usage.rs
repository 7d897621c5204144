//! What `coffer status` says of what apps keep.

use crate::program::{Home, Server, expect, text};

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
    let usage = || status().json()["usage"].as_array().unwrap().first().cloned();
    let counted = (0..20_000).find_map(|_| usage()).unwrap();
    assert_eq!((&counted["app"], &counted["mode"]), (&app.clone().into(), &"test".into()));
    assert_eq!(counted["scopes"], 1);
    let bytes = counted["bytes"].as_i64().unwrap();
    assert!(bytes > 0, "{counted}");
    let shown = status().run();
    let line = shown.stdout.lines().find(|line| line.starts_with("usage")).unwrap();
    assert!(line.contains(&app) && line.contains(&bytes.to_string()), "{}", shown.stdout);
    assert_eq!(server.stop(), Some(0));
}
