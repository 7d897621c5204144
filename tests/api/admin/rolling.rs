//! `POST /v1/admin/api_keys/:id/roll`.

use coffer_testkit::{Answer, Client, TestServer};

const URL: &str = "/v1/admin/api_keys";

fn roll(admin: &Client, id: &str, expires_in: &str) -> Answer {
    let params = [("expires_in", expires_in)];
    let params = if expires_in.is_empty() { &[][..] } else { &params[..] };
    admin.post(&format!("{URL}/{id}/roll"), params)
}

fn make(server: &TestServer, more: &[(&str, &str)]) -> (String, Client) {
    let app = server.app();
    let mut params = vec![("app", app.id.as_str()), ("mode", "test"), ("name", "backend")];
    params.extend_from_slice(more);
    let made = server.admin().post(URL, &params);
    made.ok();
    (made.text("id"), server.anonymous().with_key(&made.text("key")))
}

#[test]
fn both_keys_work_until_the_old_one_ends() {
    let server = TestServer::start();
    let admin = server.admin();
    let (id, old) = make(&server, &[("permissions[]", "secret_write"), ("uses", "100")]);
    old.set("token", "value").ok();
    let rolled = roll(&admin, &id, "");
    let object = rolled.ok();
    assert_eq!(object["predecessor"], id.as_str());
    assert_eq!(object["predecessor_expires_at"], 1_800_086_400, "a day");
    assert_eq!((&object["name"], &object["uses"]), (&"backend".into(), &100.into()));
    assert_eq!(object["permissions"][0], "secret_write");
    let new = server.anonymous().with_key(&rolled.text("key"));
    new.find("token").ok();
    let shown = admin.get(&format!("{URL}/{id}"), &[]).ok();
    assert_eq!(shown["successor"], rolled.text("id").as_str());
    assert_eq!(shown["expires_at"], 1_800_086_400);
    server.clock.advance(86_399);
    old.find("token").ok();
    server.clock.advance(1);
    old.find("token").refused(401);
    new.find("token").ok();
    // A key is rolled once: of its successor there would be two.
    let again = roll(&admin, &id, "");
    assert_eq!(again.refused(400)["param"], "id");
}

#[test]
fn a_key_that_is_rolled_now_ends_now_and_so_does_what_it_made() {
    let server = TestServer::start();
    let admin = server.admin();
    let (id, old) = make(&server, &[]);
    let device = old.post("/v1/ephemeral_keys", &[("user", "usr_1")]).text("secret");
    let device = old.with_key(&device);
    device.list().ok();
    let new = old.with_key(&roll(&admin, &id, "0").text("key"));
    old.list().refused(401);
    device.list().refused(401);
    new.list().ok();
}

#[test]
fn a_successor_lives_as_long_as_its_predecessor_was_to() {
    let server = TestServer::start();
    let admin = server.admin();
    let (id, _) = make(&server, &[("expires_at", "1800001000")]);
    server.clock.advance(600);
    let rolled = roll(&admin, &id, "3600").ok();
    assert_eq!(rolled["expires_at"], 1_800_001_600, "a thousand seconds from now");
    assert_eq!(rolled["predecessor_expires_at"], 1_800_001_000, "it lives no longer for it");
}

#[test]
fn what_is_not_rolled() {
    let server = TestServer::start();
    let admin = server.admin();
    let (id, client) = make(&server, &[]);
    roll(&admin, "key_none", "").refused(404);
    for wrong in ["-1", "604801", "x"] {
        assert_eq!(roll(&admin, &id, wrong).refused(400)["param"], "expires_in");
    }
    let device = client.post("/v1/ephemeral_keys", &[("user", "usr_1")]).text("id");
    roll(&admin, &device, "").refused(400);
    admin.post(&format!("{URL}/{id}/revoke"), &[]).ok();
    roll(&admin, &id, "").refused(400);
}

#[test]
fn a_repeated_roll_makes_no_second_key() {
    let server = TestServer::start();
    let (id, _) = make(&server, &[]);
    let once = server.admin().idempotent("roll");
    roll(&once, &id, "").ok();
    let keys = server.count("api_key");
    assert!(roll(&once, &id, "").status >= 400, "its token is shown once");
    assert_eq!(server.count("api_key"), keys);
    let audit = "audit_entry WHERE operation = 'admin.api_keys.roll'";
    assert_eq!(server.count(audit), 2, "the key that ends, and the one that begins");
}

#[test]
fn an_admin_key_rolls_itself() {
    let server = TestServer::start();
    let made = server.admin().post(URL, &[("type", "admin"), ("role", "operator")]);
    let own = server.admin().with_key(&made.text("key"));
    let rolled = roll(&own, &made.text("id"), "0");
    assert_eq!(rolled.ok()["role"], "operator");
    own.get("/v1/admin/accounts", &[]).refused(401);
    own.with_key(&rolled.text("key")).get("/v1/admin/accounts", &[]).ok();
}
