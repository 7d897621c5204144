//! What admin keys may do that are no operator's; the matrix has each operation.

use coffer_testkit::{Client, TestServer};

const URL: &str = "/v1/admin/api_keys";

fn with_role(server: &TestServer, role: &str) -> Client {
    let made = server.admin().post(URL, &[("type", "admin"), ("role", role)]);
    assert_eq!(made.ok()["role"], role);
    server.admin().with_key(&made.text("key"))
}

#[test]
fn an_auditor_reads_and_changes_nothing() {
    let server = TestServer::start();
    let app = server.app();
    let auditor = with_role(&server, "auditor");
    for path in ["/v1/admin/accounts", "/v1/admin/apps", URL, "/v1/admin/status"] {
        auditor.get(path, &[]).ok();
    }
    auditor.post("/v1/admin/accounts", &[]).refused(403);
    let refused = auditor.post(URL, &[("app", app.id.as_str()), ("mode", "test")]).refused(403);
    let message = refused["message"].as_str().unwrap();
    assert!(message.contains("has the role 'auditor'"), "{message}");
    auditor.list().refused(403);
}

#[test]
fn whoever_keeps_keys_makes_rolls_and_revokes_those_of_apps_alone() {
    let server = TestServer::start();
    let app = server.app();
    let (operator, keeper) = (server.admin(), with_role(&server, "keys"));
    let made = keeper.post(URL, &[("app", app.id.as_str()), ("mode", "test")]);
    made.ok();
    let one = format!("{URL}/{}", made.text("id"));
    let rolled = keeper.post(&format!("{one}/roll"), &[]);
    rolled.ok();
    keeper.post(&format!("{one}/revoke"), &[]).ok();
    keeper.get("/v1/admin/apps", &[]).refused(403);
    keeper.post("/v1/admin/accounts", &[]).refused(403);
    // No admin key is made, rolled or ended by it: neither its own rights grow, nor others' end.
    for role in ["operator", "auditor", "keys"] {
        keeper.post(URL, &[("type", "admin"), ("role", role)]).refused(403);
    }
    let victim = operator.post(URL, &[("type", "admin")]);
    let theirs = format!("{URL}/{}", victim.text("id"));
    keeper.post(&format!("{theirs}/roll"), &[]).refused(403);
    keeper.post(&format!("{theirs}/revoke"), &[]).refused(403);
    operator.with_key(&victim.text("key")).get("/v1/admin/accounts", &[]).ok();
}

#[test]
fn only_admin_keys_have_a_role() {
    let server = TestServer::start();
    let app = server.app();
    let admin = server.admin();
    let params = [("app", app.id.as_str()), ("mode", "test"), ("role", "keys")];
    assert_eq!(admin.post(URL, &params).refused(400)["param"], "role");
    let params = [("type", "admin"), ("role", "emperor")];
    assert_eq!(admin.post(URL, &params).refused(400)["param"], "role");
    let made = admin.post(URL, &[("type", "admin")]);
    assert_eq!(made.ok()["role"], "operator", "unless another is named");
}
