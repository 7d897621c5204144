//! What the background keeps of keys: when they were last used, and how long it knows them.

use coffer_testkit::{START, TestServer};

#[test]
fn the_last_use_of_a_key_is_written_down() {
    let server = TestServer::builder().without_background_jobs().start();
    let app = server.app();
    let params = [("app", app.id.as_str())];
    let last_used = || {
        let keys = server.admin().get("/v1/admin/api_keys", &params).ok();
        // The newest is first: live, then test.
        [&keys["data"][0]["last_used"], &keys["data"][1]["last_used"]].map(|at| at.as_i64())
    };
    app.client().find("name");
    assert_eq!(last_used(), [None, None], "nothing was written yet");
    server.run_jobs();
    assert_eq!(last_used(), [None, Some(START.unix())]);
    server.clock.advance(30);
    app.client().find("name");
    server.clock.advance(30);
    server.run_jobs();
    assert_eq!(last_used(), [None, Some(START.unix() + 30)]);
    server.clock.advance(3600);
    server.run_jobs();
    assert_eq!(last_used(), [None, Some(START.unix() + 30)], "not used since");
}

#[test]
fn an_ephemeral_key_is_forgotten_a_day_after_its_end() {
    let server = TestServer::builder().without_background_jobs().start();
    let app = server.app().client();
    let made = app.post("/v1/ephemeral_keys", &[("user", "usr_1"), ("expires_in", "60")]);
    let user = server.anonymous().with_key(&made.text("secret"));
    user.list().ok();
    server.clock.advance(60);
    server.run_jobs();
    assert_eq!(user.list().refused(401)["code"], "api_key_expired");
    server.clock.advance(86_400);
    server.run_jobs();
    assert_eq!(user.list().refused(401)["code"], "api_key_expired");
    server.clock.advance(1);
    server.run_jobs();
    user.list().refused(401);
    let shown = server.admin().get(&format!("/v1/admin/api_keys/{}", made.text("id")), &[]);
    shown.refused(404);
}
