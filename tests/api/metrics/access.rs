//! Who sees the figures.

use coffer_testkit::{Client, Scrape, TestServer};

#[test]
fn a_listener_for_metrics_asks_for_no_key_and_serves_nothing_else() {
    let server = TestServer::builder().metrics_listener().start();
    let collector = server.collector();
    let answer = collector.get("/metrics", &[]);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let scrape = Scrape::parse(&answer.body);
    assert_eq!(scrape.value("coffer_keyring_sealed"), 0.0);
    assert_eq!(collector.raw("HEAD", "/metrics", None).status, 200);
    for path in ["/livez", "/readyz"] {
        assert_eq!(collector.get(path, &[]).status, 200, "{path}");
    }
    let operator = collector.with_key(server.admin().key());
    for path in ["/v1/admin/accounts", "/v1/apps/secrets", "/", "/metrics/"] {
        assert_eq!(operator.get(path, &[]).status, 404, "{path}");
    }
    assert_eq!(operator.post("/metrics", &[]).status, 404);
}

#[test]
fn beside_the_admin_api_operators_and_auditors_see_them() {
    let server = TestServer::builder().admin_listener().start();
    let with_role = |role| {
        let params = [("type", "admin"), ("role", role)];
        let made = server.admin().post("/v1/admin/api_keys", &params);
        made.ok();
        server.admin().with_key(&made.text("key"))
    };
    let get = |client: &Client| client.get("/metrics", &[]);
    assert_eq!(get(&server.admin()).status, 200);
    assert_eq!(get(&with_role("auditor")).status, 200);
    get(&with_role("keys")).refused(403);
    let app = server.app();
    let admin_listener = Client::anonymous(server.admin_url());
    get(&admin_listener).refused(401);
    get(&admin_listener.with_key(&app.test_key)).refused(403);
    get(&app.client()).refused(403);
    server.admin().get("/metrics", &[("name", "up")]).refused(400);
}

#[test]
fn beyond_this_machine_they_are_no_part_of_the_api() {
    let server = TestServer::builder().beyond_loopback().start();
    let app = server.app();
    app.client().get("/metrics", &[]).refused(404);
    server.anonymous().with_key(server.admin().key()).get("/metrics", &[]).refused(404);
}
