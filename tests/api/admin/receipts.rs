//! Receipts of erasures, and what they are held to.

use coffer::family_set::FamilySet;
use coffer_base::{AccountId, AppId, Mode, Tenant};
use coffer_keyring::KeyringError;
use coffer_storage::Value;
use coffer_testkit::{App, Client, TestServer};
use std::fs;
use std::path::Path;

const ERASURES: &str = "/v1/admin/erasures";

fn epoch(server: &TestServer) -> i64 {
    let keys = &server.server().installation().stores.keys;
    server.block_on(coffer_keyring::key_epoch(keys)).unwrap()
}

fn purge(server: &TestServer, account: &str) -> serde_json::Value {
    let begun = server.admin().post(&format!("/v1/admin/accounts/{account}/purge"), &[]);
    begun.ok();
    server.admin().get(&format!("{ERASURES}/{}", begun.text("id")), &[]).ok()
}

fn set_for(client: &Client, user: &str, name: &str) -> u16 {
    let scope = [("scope[type]", "user"), ("scope[user]", user)];
    let params = [&[("name", name), ("payload", "the value")], &scope[..]].concat();
    client.post("/v1/apps/secrets", &params).status
}

fn find_of(client: &Client, user: &str, name: &str) -> u16 {
    let params = [("name", name), ("scope[type]", "user"), ("scope[user]", user)];
    client.get("/v1/apps/secrets/find", &params).status
}

#[test]
fn a_receipt_says_which_copies_of_the_keys_must_go() {
    let server = TestServer::builder().without_background_jobs().start();
    let app = server.app();
    let (account, client) = server.connected(&app);
    client.set("token", "the value").ok();
    let before = epoch(&server);
    let receipt = purge(&server, &account);
    assert_eq!((&receipt["status"], &receipt["account"]), (&"done".into(), &account.into()));
    let oldest = receipt["oldest_key_epoch"].as_i64().unwrap();
    assert!(oldest > before, "a copy from before has the keys");
    assert_eq!(oldest, epoch(&server), "one from now on has not");
    let entry = "audit_entry WHERE operation = 'program.erasures.complete' AND request = ";
    let entry = format!("{entry}'{}'", receipt["request"].as_str().unwrap());
    assert_eq!(server.count(&entry), 1);
    // Another one begins another epoch, and what is not there is not erased.
    let (other, _) = server.connected(&app);
    assert!(purge(&server, &other)["oldest_key_epoch"].as_i64().unwrap() > oldest);
    server.admin().post(&format!("/v1/admin/accounts/{other}/purge"), &[]).refused(404);
    assert_eq!(server.admin().get(ERASURES, &[]).ok()["data"].as_array().unwrap().len(), 2);
    // The job has nothing left to say.
    server.run_jobs();
    assert_eq!(server.count(&entry), 1);
}

/// A server that dies after the transaction leaves a receipt that the job completes.
#[test]
fn the_job_completes_a_receipt() {
    let server = TestServer::builder().without_background_jobs().start();
    let app = server.app();
    let (account, client) = server.connected(&app);
    client.set("token", "the value").ok();
    let receipt = purge(&server, &account);
    let id = receipt["id"].as_str().unwrap();
    let undone = "UPDATE erasure_receipt SET done = NULL, epoch = NULL WHERE id = ?";
    server.execute(undone, &[id.into()]).unwrap();
    let shown = || server.admin().get(&format!("{ERASURES}/{id}"), &[]).ok();
    assert_eq!(shown()["status"], "pending");
    server.run_jobs();
    assert_eq!(shown()["status"], "done");
    assert!(shown()["oldest_key_epoch"].as_i64() > receipt["oldest_key_epoch"].as_i64());
}

fn tenant(app: &App, account: &str) -> Tenant {
    let (app, account) = (AppId::parse(&app.id).unwrap(), AccountId::parse(account).unwrap());
    Tenant { mode: Mode::Test, app, account }
}

/// Whether everything that is sealed in the data opens under the keys that there are.
fn open_all(server: &TestServer) -> Result<(), KeyringError> {
    let installation = server.server().installation();
    let (data, keyring) = (&installation.stores.data, &installation.context.keyring);
    server.block_on(FamilySet::default().open_all(data, keyring)).map(drop)
}

const COLUMNS: &str = "slot, mode, app, account, scope, name_key, seq, id, created, expires_at, \
                       scope_user, name, sealed, version, lease, lease_spent, announced";

fn put_back(server: &TestServer, row: &[Value]) {
    let marks = vec!["?"; row.len()].join(", ");
    server.execute(&format!("INSERT INTO secret ({COLUMNS}) VALUES ({marks})"), row).unwrap();
}

/// Rows of the data from before a purge, put back beside the keys as they are: on either engine.
#[test]
fn rows_from_before_a_purge_do_not_open() {
    let server = TestServer::builder().without_background_jobs().start();
    let app = server.app();
    let (account, client) = server.connected(&app);
    client.set("token", "the value").ok();
    let select = format!("SELECT {COLUMNS} FROM secret WHERE account = ?");
    let row = server.query(&select, &[Value::from(account.as_str())]).remove(0).into_values();
    open_all(&server).unwrap();
    purge(&server, &account);
    server.run_jobs();
    put_back(&server, &row);
    server.admin().post("/v1/admin/accounts", &[("id", &account)]).ok();
    server.install(&app, &account);
    client.find("token").refused(404);
    let keyring = &server.server().installation().context.keyring;
    let keys = server.block_on(keyring.existing(&tenant(&app, &account))).unwrap();
    assert!(keys.is_none());
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        if entry.file_name().to_string_lossy().starts_with("coffer.db") {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// The data's files from before a purge, put back beside the key store of afterwards.
#[test]
fn a_backup_of_the_data_from_before_a_purge_does_not_open() {
    let home = tempfile::TempDir::new().unwrap();
    let (data, backup) = (home.path().join("data"), home.path().join("backup"));
    fs::create_dir(&backup).unwrap();
    let start =
        || TestServer::builder().embedded().data_dir(&data).without_background_jobs().start();
    let server = start();
    let app = server.app();
    let (account, client) = server.connected(&app);
    let (kept, other) = server.connected(&app);
    client.set("token", "the value").ok();
    other.set("token", "the value").ok();
    server.stop();
    copy(&data, &backup);

    let server = start();
    assert_eq!(purge(&server, &account)["status"], "done");
    server.stop();
    for entry in fs::read_dir(&data).unwrap().map(Result::unwrap) {
        if entry.file_name().to_string_lossy().starts_with("coffer.db") {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    copy(&backup, &data);

    let server = start();
    let backend = |account: &str| app_client(&server, &app).for_account(account);
    assert_eq!(backend(&kept).find("token").ok()["payload"], "the value");
    let refused = backend(&account).find("token");
    assert_eq!(refused.status, 403, "{}", refused.body);
    let keyring = &server.server().installation().context.keyring;
    let keys = server.block_on(keyring.existing(&tenant(&app, &account))).unwrap();
    assert!(keys.is_none(), "nobody has the keys");
    // Nor does whoever installs the app there again see anything of it.
    server.admin().post(&format!("/v1/admin/accounts/{account}/purge"), &[]);
    server.admin().post("/v1/admin/accounts", &[("id", &account)]).ok();
    server.install(&app, &account);
    backend(&account).find("token").refused(404);
}

fn app_client(server: &TestServer, app: &App) -> Client {
    server.anonymous().with_key(&app.test_key)
}

#[test]
fn one_user_of_an_account_is_erased_in_all_apps() {
    let server = TestServer::builder().without_background_jobs().start();
    let (app, rival) = (server.app(), server.app());
    let (account, client) = server.connected(&app);
    server.install(&rival, &account);
    let theirs = rival.client().for_account(&account);
    let live = app.live().for_account(&account);
    let (elsewhere, other_account) = server.connected(&app);
    for client in [&client, &theirs, &live, &other_account] {
        for user in ["usr_1", "usr_2"] {
            assert_eq!(set_for(client, user, "token"), 200);
        }
        client.set("token", "shared").ok();
    }
    let rows = format!("secret WHERE account = '{account}' AND scope_user = 'usr_1'");
    let select = format!("SELECT {COLUMNS} FROM {rows}");
    let before = server.query(&select, &[]).remove(0).into_values();
    let device = client.post("/v1/ephemeral_keys", &[("user", "usr_1")]).text("secret");
    let device = client.with_key(&device);
    device.list().ok();
    let path = format!("/v1/admin/accounts/{account}/users/purge");
    let begun = server.admin().post(&path, &[("user", "usr_1")]);
    assert_eq!(begun.status, 202, "the keys are not destroyed yet: {}", begun.body);
    let shown = || server.admin().get(&format!("{ERASURES}/{}", begun.text("id")), &[]).ok();
    assert_eq!((&shown()["status"], &shown()["user"]), (&"pending".into(), &"usr_1".into()));
    assert_eq!(server.count(&rows), 0, "deleted before the answer");
    for _ in 0..50 {
        if shown()["status"] == "done" {
            break;
        }
        server.run_jobs();
    }
    assert_eq!(shown()["status"], "done");
    assert_eq!(shown()["oldest_key_epoch"], epoch(&server));
    open_all(&server).unwrap();
    for client in [&client, &theirs, &live] {
        assert_eq!(find_of(client, "usr_1", "token"), 404);
        assert_eq!(find_of(client, "usr_2", "token"), 200);
        client.find("token").ok();
    }
    assert_eq!(find_of(&other_account, "usr_1", "token"), 200, "{elsewhere} is another account");
    device.list().refused(401);
    // A row from before does not open any more.
    put_back(&server, &before);
    open_all(&server).unwrap_err();
    for client in [&client, &theirs, &live] {
        assert_ne!(find_of(client, "usr_1", "token"), 200);
    }
    server.admin().post(&path, &[]).refused(400);
    let nobody = "/v1/admin/accounts/acct_none/users/purge";
    server.admin().post(nobody, &[("user", "usr_1")]).refused(404);
}
