//! Purging: rows and keys are gone, and nothing comes back.

use coffer_testkit::catalogue::Catalogue;
use coffer_testkit::{Answer, App, Client, TestServer};
use coffer_tests::notes;

/// Tables with rows of a tenant that outlive it: the record of who did what; its keys, which are
/// revoked when it is purged and deleted with their app; and which version of its sealing key may
/// be used, without which a late write could use a destroyed one; and whether the app is installed
/// now, which it may be again.
const KEPT: [&str; 4] = ["api_key", "audit_entry", "install_mode", "tenant_seal"];

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
            if change.operation == "apps.installs.uninstall" {
                // What an app uninstalled itself it may install again; a tombstone is left.
                client.post("/v1/apps/installs", &[("app", &app.id)]).ok();
            }
        }
    }
    fill(&app.client().for_account(&account), "one");
    fill(&app.live().for_account(&account), "one");
    fill(&app.client(), "one");
    // An embedded store has no rows that many writers lock.
    let locks = "INSERT INTO scope_lock (mode, app, account, number) \
                 SELECT mode, app, account, 0 FROM tenant_seal WHERE 1 = 1 ON CONFLICT DO NOTHING";
    server.execute(locks, &[]).unwrap();
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
        client.find("token").refused(403);
        // At once, while the rows are still there.
        assert_ne!(server.install(&app, &account), install);
        is_new(&client);
        fill(&client, "two");
        answer
    });
    app.client().find("token").ok();
    assert_eq!(client.find("token").ok()["payload"], "value");
    let again = client.idempotent("two").remove("another");
    assert_eq!(again.header("idempotent-replayed"), Some("true"), "what is new was not erased");
}

/// Nothing of what was purged is seen: secrets, objects of other families, stored responses.
#[track_caller]
fn is_new(client: &Client) {
    client.find("token").refused(404);
    for list in [client.list(), client.get("/v1/notes", &[])] {
        assert_eq!(list.ok()["data"], serde_json::json!([]));
    }
    let again = client.idempotent("one").remove("another");
    again.refused(404);
    assert_eq!(again.header("idempotent-replayed"), None, "no answer was kept either");
    let after_it = client.get("/v1/apps/secrets/find", &[("name", "token")]);
    after_it.refused(400);
}

#[test]
fn each_purge_begins_anew_and_erases_what_was_before_it_alone() {
    let (server, app, account, mut install) = start();
    let client = app.client().for_account(&account);
    for _ in 0..3 {
        let path = format!("/v1/admin/installs/{install}");
        server.admin().delete(&path, &[("purge", "true")]).ok();
        install = server.install(&app, &account);
        client.find("token").refused(404);
        client.set("token", "newest").ok();
    }
    assert_eq!(server.count("erasure"), 3);
    server.run_jobs();
    is_erased(&server, &account);
    assert_eq!(server.count("erasure"), 0);
    assert_eq!(client.find("token").ok()["payload"], "newest");
    let secrets = format!("secret WHERE account LIKE '{account}%'");
    assert_eq!(server.count(&secrets), 1);
}

#[test]
fn an_app_and_an_account_that_are_made_again_begin_anew() {
    let (server, app, account, _) = start();
    let admin = server.admin();
    admin.delete(&format!("/v1/admin/apps/{}", app.id), &[]).ok();
    admin.delete(&format!("/v1/admin/accounts/{account}"), &[]).ok();
    admin.post("/v1/admin/accounts", &[("id", &account)]).ok();
    let again = [("account", app.account.as_str()), ("id", app.id.as_str())];
    admin.post("/v1/admin/apps", &again).ok();
    let key = admin.post("/v1/admin/api_keys", &[("app", &app.id), ("mode", "test")]).text("key");
    server.install(&app, &account);
    let own = server.anonymous().with_key(&key);
    let theirs = own.for_account(&account);
    for client in [&own, &theirs] {
        is_new(client);
        fill(client, "two");
    }
    server.run_jobs();
    for client in [&own, &theirs] {
        assert_eq!(client.find("token").ok()["payload"], "value");
    }
}

/// Somebody else holds the key store: a copy that is being made, or a program that writes to it.
#[test]
fn a_purge_does_not_wait_for_who_holds_the_key_store() {
    for hold in ["BEGIN; SELECT count(*) FROM tenant_key", "BEGIN IMMEDIATE"] {
        let server = TestServer::builder().embedded().without_background_jobs().start();
        let app = server.app();
        let purges: Vec<_> = (0..2)
            .map(|_| {
                let account = server.account();
                let path = format!("/v1/admin/installs/{}", server.install(&app, &account));
                app.client().for_account(&account).set("token", "value").ok();
                (account, path)
            })
            .collect();
        let keys = rusqlite::Connection::open(server.data_dir().join("keys.db")).unwrap();
        keys.execute_batch(hold).unwrap();
        std::thread::scope(|scope| {
            for (_, path) in &purges {
                scope.spawn(|| {
                    let answer = server.admin().delete(path, &[("purge", "true")]);
                    assert_eq!(answer.status, 202, "{hold}: {answer:?}");
                    assert_eq!(answer.json()["purged"], true);
                });
            }
        });
        let clients: Vec<_> =
            purges.iter().map(|(account, _)| app.client().for_account(account)).collect();
        for ((account, _), client) in purges.iter().zip(&clients) {
            server.install(&app, account);
            client.find("token").refused(404);
        }
        let status = server.admin().get("/v1/admin/status", &[]).ok();
        assert_eq!(status["erasing"], 2, "{hold}");
        keys.execute_batch("ROLLBACK").unwrap();
        server.run_jobs();
        assert_eq!(server.admin().get("/v1/admin/status", &[]).ok()["erasing"], 0, "{hold}");
        let live = |account: &str| {
            format!("tenant_key WHERE account = '{account}' AND wrapped IS NOT NULL")
        };
        for ((account, _), client) in purges.iter().zip(&clients) {
            assert_eq!(server.count_of_keys(&live(account)), 0, "{hold}");
            client.set("token", "new").ok();
        }
    }
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
