//! Lists of the admin API page as all lists do.

use coffer_testkit::{Client, TestServer};

fn page(admin: &Client, url: &str, params: &[(&str, &str)]) -> (Vec<String>, bool) {
    let page = admin.get(url, params).ok();
    assert_eq!((&page["object"], &page["url"]), (&"list".into(), &url.into()));
    let id = |one: &serde_json::Value| one["id"].as_str().unwrap().to_owned();
    let ids = page["data"].as_array().unwrap().iter().map(id).collect();
    (ids, page["has_more"].as_bool().unwrap())
}

#[test]
fn every_list_pages_both_ways() {
    let server = TestServer::start();
    let admin = server.admin();
    let apps: Vec<_> = (0..3).map(|_| server.app()).collect();
    let account = server.account();
    apps.iter().for_each(|app| drop(server.install(app, &account)));
    for url in ["/v1/admin/accounts", "/v1/admin/apps", "/v1/admin/installs", "/v1/admin/api_keys"]
    {
        let (all, more) = page(&admin, url, &[("limit", "100")]);
        assert!(all.len() >= 3 && !more, "{url}: {all:?}");
        let (first, more) = page(&admin, url, &[("limit", "2")]);
        assert_eq!((&first[..], more), (&all[..2], true), "{url}");
        let after = [("limit", "1"), ("starting_after", all[0].as_str())];
        assert_eq!(page(&admin, url, &after), (all[1..2].to_vec(), all.len() > 2), "{url}");
        let before = [("limit", "1"), ("ending_before", all[2].as_str())];
        assert_eq!(page(&admin, url, &before), (all[1..2].to_vec(), true), "{url}");
        let end = [("starting_after", all[all.len() - 1].as_str())];
        assert_eq!(page(&admin, url, &end), (vec![], false), "{url}");
        let error = admin.get(url, &[("ending_before", "gone")]).refused(400);
        assert_eq!(
            (&error["code"], &error["param"]),
            (&"resource_missing".into(), &"ending_before".into())
        );
    }
}

#[test]
fn apps_and_keys_are_listed_by_their_owner() {
    let server = TestServer::start();
    let (one, two) = (server.app(), server.app());
    let admin = server.admin();
    let apps = page(&admin, "/v1/admin/apps", &[("account", &one.account)]).0;
    assert_eq!(apps, [one.id.as_str()]);
    let keys = page(&admin, "/v1/admin/api_keys", &[("app", &two.id)]).0;
    assert_eq!(keys.len(), 2);
    for key in keys {
        let key = admin.get(&format!("/v1/admin/api_keys/{key}"), &[]).ok();
        assert_eq!(key["app"], two.id.as_str());
    }
}

/// What is told of the server, by its keys: the figures are another matter.
#[test]
fn the_status_tells_what_is_done() {
    let server = TestServer::start();
    let client = server.app().client();
    client.set("token", "value").ok();
    client.set("token", "value").ok();
    client.find("nothing").refused(404);
    client.idempotent("one").set("token", "value").ok();
    client.idempotent("one").set("token", "value").ok();
    server.clock.advance(60);
    let status = server.admin().get("/v1/admin/status", &[]).ok();
    assert_eq!(status["object"], "status");
    assert_eq!((&status["mode"], &status["uptime"]), (&"production".into(), &60.into()));
    let set = &status["operations"]["apps.secrets.create"];
    assert_eq!((&set["answered"], &set["replayed"]), (&4.into(), &1.into()), "{set}");
    assert_eq!(status["operations"]["apps.secrets.find"]["refused"], 1);
    assert!(status["writer"]["commits"].as_i64().unwrap() > 0);
}
