//! The API as a caller sees it.

use coffer_testkit::TestServer;

#[test]
fn an_app_sets_finds_lists_and_deletes() {
    let server = TestServer::start();
    let app = server.app().client();
    let set = app.set("token", "value").ok();
    assert!(set.get("payload").is_none());
    let found = app.find("token").ok();
    assert_eq!(found["payload"], "value");
    assert_eq!(found["id"], set["id"]);
    assert_eq!(app.list().ok()["data"][0]["id"], set["id"]);
    assert_eq!(app.remove("token").ok()["deleted"], true);
    assert_eq!(app.find("token").refused(404)["code"], "resource_missing");
}
