//! Purging: rows and keys are gone, and nothing comes back.

use coffer_testkit::catalogue::Catalogue;
use coffer_testkit::{Answer, App, Client, TestServer};
use coffer_tests::notes;

/// Tables with rows of a tenant that outlive it: the record of who did what; its keys, which are
/// revoked when it is purged and deleted with their app; and which version of its sealing key may
/// be used, without which a late write could use a destroyed one.
const KEPT: [&str; 3] = ["api_key", "audit_entry", "tenant_seal"];

/// All other tables of the data store that hold something of a tenant.
fn tables(server: &TestServer) -> Vec<String> {
    let mut tables = server.tables_with(&["mode", "app", "account"]);
    tables.retain(|table| !KEPT.contains(&table.as_str()));
    assert!(tables.len() >= 5, "{tables:?}");
    tables
}

/// A tenant with a row in each table, and others that shall keep theirs.
fn start() -> (TestServer, App, String, String) {
    let server = TestServer::builder().family(notes::FAMILY).without_background_jobs().start();
    let app = server.app();
    let account = server.account();
    let install = server.install(&app, &account);
    let catalogue = Catalogue::of(&server);
    for client in [app.client().for_account(&account), app.live().for_account(&account)] {
        for change in catalogue.changes(&client) {
            assert_eq!(change.send(&client).status, 200, "{change:?}");
        }
    }
    fill(&app.client().for_account(&account), "one");
    fill(&app.live().for_account(&account), "one");
    fill(&app.client(), "one");
    (server, app, account, install)
}

fn fill(client: &Client, key: &str) {
    client.set("token", "value").ok();
    client.set("another", "value").ok();
    client.idempotent(key).remove("another").ok();
}

fn of(account: &str) -> String {
    format!(" WHERE account = '{account}'")
}

#[track_caller]
fn is_erased(server: &TestServer, account: &str) {
    for table in tables(server) {
        assert_eq!(server.count(&format!("{table}{}", of(account))), 0, "{table}");
    }
    let whole = format!("tenant_key{} AND wrapped IS NOT NULL", of(account));
    assert_eq!(server.count_of_keys(&whole), 0, "keys that could be unwrapped");
}

/// Purges; the keys are gone with the answer, before any job has run.
fn purge(server: &TestServer, account: &str, delete: impl FnOnce(&Client) -> Answer) {
    for table in tables(server) {
        assert!(server.count(&format!("{table}{}", of(account))) >= 2, "{table}, both modes");
    }
    let whole = format!("tenant_key{} AND wrapped IS NOT NULL", of(account));
    assert!(server.count_of_keys(&whole) >= 2);
    delete(&server.admin()).ok();
    assert_eq!(server.count_of_keys(&whole), 0, "destroyed before the answer");
    server.run_jobs();
    is_erased(server, account);
}

#[test]
fn a_purged_install_is_empty_when_it_comes_back() {
    let (server, app, account, install) = start();
    let client = app.client().for_account(&account);
    let path = format!("/v1/admin/installs/{install}");
    purge(&server, &account, |admin| {
        let answer = admin.delete(&path, &[("purge", "true")]);
        assert_eq!(answer.ok()["purged"], true);
        let params = [("app", app.id.as_str()), ("account", account.as_str())];
        admin.post("/v1/admin/installs", &params).refused(400);
        answer
    });
    client.find("token").refused(403);
    app.client().find("token").ok();
    assert_ne!(server.install(&app, &account), install);
    client.find("token").refused(404);
    assert_eq!(client.list().ok()["data"], serde_json::json!([]));
    let again = client.idempotent("one").remove("another");
    again.refused(404);
    assert_eq!(again.header("idempotent-replayed"), None, "no answer was kept either");
    fill(&client, "two");
    assert_eq!(client.find("token").ok()["payload"], "value");
}

#[test]
fn an_uninstalled_app_can_be_purged_later() {
    let (server, app, account, install) = start();
    let path = format!("/v1/admin/installs/{install}");
    server.admin().delete(&path, &[]).ok();
    purge(&server, &account, |admin| admin.delete(&path, &[("purge", "true")]));
    server.install(&app, &account);
    app.client().for_account(&account).find("token").refused(404);
}

#[test]
fn a_deleted_account_is_erased() {
    let (server, app, account, _) = start();
    let path = format!("/v1/admin/accounts/{account}");
    purge(&server, &account, |admin| admin.delete(&path, &[]));
    assert_eq!(server.count(&format!("install{}", of(&account))), 0);
    assert_eq!(server.count(&format!("account WHERE id = '{account}'")), 0);
    app.client().find("token").ok();
    server.admin().post("/v1/admin/accounts", &[("id", &account)]).ok();
    server.install(&app, &account);
    app.client().for_account(&account).find("token").refused(404);
}

#[test]
fn a_deleted_app_is_erased_everywhere() {
    let (server, app, account, _) = start();
    let path = format!("/v1/admin/apps/{}", app.id);
    purge(&server, &account, |admin| admin.delete(&path, &[]));
    is_erased(&server, &app.account);
    for table in ["install", "api_key"] {
        assert_eq!(server.count(&format!("{table} WHERE app = '{}'", app.id)), 0, "{table}");
    }
    app.client().list().refused(401);
}

#[test]
fn a_backup_of_the_data_opens_nothing_of_an_erased_account() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data");
    let start =
        || TestServer::builder().embedded().without_background_jobs().data_dir(&data).start();
    let server = start();
    let app = server.app();
    let account = server.account();
    let install = server.install(&app, &account);
    app.client().for_account(&account).set("token", "value").ok();
    app.client().set("own", "kept").ok();
    server.stop();
    let backup = home.path().join("backup");
    std::fs::copy(data.join("coffer.db"), &backup).unwrap();

    let server = start();
    let purged = format!("/v1/admin/installs/{install}");
    server.admin().delete(&purged, &[("purge", "true")]).ok();
    server.stop();
    std::fs::copy(&backup, data.join("coffer.db")).unwrap();

    let server = start();
    let client = server.anonymous().with_key(&app.test_key);
    assert_eq!(client.find("own").ok()["payload"], "kept", "the rest of the backup opens");
    let gone = client.for_account(&account).find("token");
    assert_ne!(gone.status, 200, "{}", gone.body);
    assert!(!gone.body.contains("value"), "{}", gone.body);
}
