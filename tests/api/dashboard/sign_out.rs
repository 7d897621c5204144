//! What people leave behind who have signed in at an identity provider: keys, and when these end.

use super::browser::Browser;
use super::oidc::{ada, audit, sign_in};
use coffer_testkit::TestServer;
use coffer_testkit::oidc::OidcProvider;
use serde_json::json;
use std::sync::atomic::Ordering;

/// All keys of a person that are in force by their rows.
fn in_force(server: &TestServer, person: &str) -> usize {
    let sql = "SELECT id FROM api_key WHERE user_id = ? AND revoked_at IS NULL";
    server.query(sql, &[person.into()]).len()
}

#[test]
fn a_session_of_a_person_ends_as_any_other_and_its_key_with_it() {
    let server = TestServer::start();
    let provider = OidcProvider::of(&server);
    let (mut here, mut there) = (Browser::new(&server), Browser::new(&server));
    let mut other = Browser::new(&server);
    sign_in(&mut here, &provider, ada());
    sign_in(&mut there, &provider, ada());
    sign_in(&mut other, &provider, json!({ "sub": "bob-1", "groups": ["ops"] }));
    let mut again = Browser::new(&server);
    sign_in(&mut again, &provider, ada());
    let who = provider.person("ada-1");
    assert_eq!(in_force(&server, &who), 3);
    again.page("/dashboard/apps");
    let token = [("form_token", "forged")];
    assert_eq!(again.form("/dashboard/sign_out", &token, &[]).0.status, 403);
    assert_eq!(again.post("/dashboard/sign_out", &[]).leads(), "/dashboard");
    assert_eq!(in_force(&server, &who), 2);
    here.page("/dashboard/apps");
    there.page("/dashboard/apps");
    here.post("/dashboard/sign_out", &[("everywhere", "true")]).leads();
    assert_eq!(in_force(&server, &who), 0);
    assert!(there.get("/dashboard/apps").body.contains("with an admin key"));
    assert!(other.page("/dashboard/apps").contains("Signed in as bob-1"));
    let entries = audit(&server);
    let out = entries.iter().filter(|entry| entry[0] == "dashboard.sign_out");
    assert!(out.clone().all(|entry| entry[4] == who && entry[1] == "done"));
    assert_eq!(out.count(), 3);
    // An operator revokes a person's key, and the session is over.
    let list = server.admin().get("/v1/admin/api_keys", &[("limit", "100")]).ok();
    let keys = list["data"].as_array().unwrap();
    let bobs = keys.iter().find(|key| key["user"] == provider.person("bob-1")).unwrap();
    assert_eq!((&bobs["type"], &bobs["role"]), (&json!("admin"), &json!("operator")));
    let id = bobs["id"].as_str().unwrap();
    let rolled = server.admin().post(&format!("/v1/admin/api_keys/{id}/roll"), &[]);
    assert_eq!(rolled.status, 400, "{}", rolled.body);
    server.admin().post(&format!("/v1/admin/api_keys/{id}/revoke"), &[]).ok();
    assert_eq!(other.get("/dashboard/apps").status, 403);
}

#[test]
fn the_key_of_a_person_ends_with_the_longest_session_and_is_pruned() {
    let server = TestServer::builder().without_background_jobs().start();
    let provider = OidcProvider::of(&server);
    let mut browser = Browser::new(&server);
    sign_in(&mut browser, &provider, ada());
    let sql = "SELECT created, expires_at FROM api_key WHERE user_id = ?";
    let row = server.query(sql, &[provider.person("ada-1").into()]);
    assert_eq!(row[0].int(1).unwrap() - row[0].int(0).unwrap(), 12 * 3600);
    let rows = || server.query("SELECT id FROM api_key WHERE user_id IS NOT NULL", &[]).len();
    server.clock.advance(12 * 3600);
    server.run_job("prune_ephemeral_keys");
    assert_eq!(rows(), 1, "for a day it is known that it has ended");
    server.clock.advance(86_400 + 1);
    server.run_job("prune_ephemeral_keys");
    assert_eq!(rows(), 0);
}

#[test]
fn whoever_signs_out_everywhere_is_told_if_the_store_cannot_be_read() {
    let server = TestServer::builder().embedded().without_background_jobs().start();
    let provider = OidcProvider::of(&server);
    let who = provider.person("ada-1");
    let [mut here, mut there] = [(); 2].map(|()| Browser::new(&server));
    sign_in(&mut here, &provider, ada());
    sign_in(&mut there, &provider, ada());
    here.page("/dashboard/apps");
    let file = rusqlite::Connection::open(server.data_dir().join("coffer.db")).unwrap();
    file.execute_batch("ALTER TABLE api_key RENAME TO elsewhere").unwrap();
    let answer = here.post("/dashboard/sign_out", &[("everywhere", "true")]).0;
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.body.contains("what you have begun on other servers may go on"));
    let gone = |(name, value): &(String, String)| {
        name == "set-cookie" && value.starts_with("coffer_dashboard=;")
    };
    assert!(answer.headers.iter().any(gone), "{:?}", answer.headers);
    file.execute_batch("ALTER TABLE elsewhere RENAME TO api_key").unwrap();
    assert!(there.get("/dashboard/apps").body.contains("with an admin key"));
    // The keys of both sessions are refused, and a job stores it.
    assert_eq!(in_force(&server, &who), 2);
    server.run_job("store_revocations");
    assert_eq!(in_force(&server, &who), 0);
    let entries = audit(&server);
    let out = entries.iter().filter(|entry| entry[0] == "dashboard.sign_out" && entry[4] == who);
    assert_eq!(out.count(), 2, "{entries:?}");
}

#[test]
fn a_sign_out_that_cannot_be_stored_is_in_force_and_stored_later() {
    let (server, fails) = crate::disk::failing();
    let provider = OidcProvider::of(&server);
    let who = provider.person("ada-1");
    for (everywhere, status) in [("false", 303), ("true", 503)] {
        let mut browser = Browser::new(&server);
        sign_in(&mut browser, &provider, ada());
        browser.page("/dashboard/apps");
        fails.store(true, Ordering::SeqCst);
        let answer = browser.post("/dashboard/sign_out", &[("everywhere", everywhere)]).0;
        fails.store(false, Ordering::SeqCst);
        assert_eq!(answer.status, status, "{}", answer.body);
        assert_eq!(in_force(&server, &who), 1);
        server.run_job("store_revocations");
        assert_eq!(in_force(&server, &who), 0);
    }
}

#[test]
fn equal_subjects_of_two_providers_are_two_people() {
    let home = tempfile::TempDir::new().unwrap();
    let start = || TestServer::builder().data_dir(home.path()).embedded().start();
    let server = start();
    let before = OidcProvider::of(&server);
    sign_in(&mut Browser::new(&server), &before, ada());
    server.stop();
    // The operator names another provider.
    let server = start();
    let after = OidcProvider::of(&server);
    let people = [before.person("ada-1"), after.person("ada-1")];
    assert_ne!(people[0], people[1]);
    let mut browser = Browser::new(&server);
    sign_in(&mut browser, &after, ada());
    assert_eq!(people.each_ref().map(|person| in_force(&server, person)), [1, 1]);
    browser.page("/dashboard/apps");
    browser.post("/dashboard/sign_out", &[("everywhere", "true")]).leads();
    assert_eq!(people.each_ref().map(|person| in_force(&server, person)), [1, 0]);
}
