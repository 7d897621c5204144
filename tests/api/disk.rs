//! A disk that is nearly full: what takes data or a right away goes on, what adds is refused.

use crate::idempotency::is_replay;
use crate::lines;
use coffer_base::limit;
use coffer_storage::Faults;
use coffer_testkit::{Answer, App, Client, TestServer, is_postgres};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const PLENTY: u64 = 1 << 40;

/// A server on a disk whose free bytes the test says.
struct Disk {
    server: TestServer,
    free: Arc<AtomicU64>,
}

impl Disk {
    fn start() -> Self {
        let free = Arc::new(AtomicU64::new(PLENTY));
        let faults = Faults::none().free_space_of(Arc::clone(&free));
        let server =
            TestServer::builder().embedded().faults(faults).without_background_jobs().start();
        Self { server, free }
    }

    fn has(&self, free: u64) {
        self.free.store(free, Ordering::SeqCst);
    }
}

#[track_caller]
fn no_room(answer: &Answer) {
    assert_eq!(answer.refused(503)["type"], "api_error");
    assert_eq!(answer.header("stripe-should-retry"), Some("true"), "{answer:?}");
}

/// An operation on what [`Tenant::new`] made.
type Operation = fn(&Disk, &Tenant) -> Answer;

struct Tenant {
    app: App,
    account: String,
    install: String,
    client: Client,
    ephemeral: String,
    key: String,
}

impl Tenant {
    fn new(server: &TestServer) -> Self {
        let app = server.app();
        let account = server.account();
        let install = server.install(&app, &account);
        let client = app.client().for_account(&account);
        client.set("token", "value").ok();
        let ephemeral = client.post("/v1/ephemeral_keys", &[("user", "usr_1")]).text("id");
        let keys = server.admin().get("/v1/admin/api_keys", &[("app", &app.id)]).ok();
        let is_backend = |key: &&Value| key["type"] == "secret" && key["mode"] == "test";
        let key = keys["data"].as_array().unwrap().iter().find(is_backend).unwrap();
        let key = key["id"].as_str().unwrap().to_owned();
        Self { app, account, install, client, ephemeral, key }
    }
}

const SHRINKING: [(&str, Operation); 9] = [
    ("a secret", |_, tenant| tenant.client.remove("token")),
    ("an ephemeral key", |_, tenant| {
        tenant.client.delete(&format!("/v1/ephemeral_keys/{}", tenant.ephemeral), &[])
    }),
    ("a key", |disk, tenant| {
        disk.server.admin().post(&format!("/v1/admin/api_keys/{}/revoke", tenant.key), &[])
    }),
    ("an install", |disk, tenant| {
        disk.server.admin().delete(&format!("/v1/admin/installs/{}", tenant.install), &[])
    }),
    ("an install with its data", |disk, tenant| {
        let path = format!("/v1/admin/installs/{}", tenant.install);
        disk.server.admin().delete(&path, &[("purge", "true")])
    }),
    ("an app", |disk, tenant| {
        disk.server.admin().delete(&format!("/v1/admin/apps/{}", tenant.app.id), &[])
    }),
    ("an account", |disk, tenant| {
        disk.server.admin().delete(&format!("/v1/admin/accounts/{}", tenant.account), &[])
    }),
    ("what a doubtful clock keeps", |disk, _| {
        disk.server.admin().post("/v1/admin/clock/accept", &[])
    }),
    ("what a purge left", |disk, _| {
        disk.server.run_jobs();
        disk.server.admin().get("/v1/admin/status", &[])
    }),
];

#[test]
fn what_takes_away_goes_on_and_what_adds_is_refused() {
    let disk = Disk::start();
    for (what, operation) in SHRINKING {
        disk.has(PLENTY);
        let tenant = Tenant::new(&disk.server);
        disk.has(0);
        no_room(&tenant.client.set("token", "other"));
        no_room(&disk.server.admin().post("/v1/admin/accounts", &[]));
        assert_eq!(operation(&disk, &tenant).status, 200, "{what}");
    }
    assert_eq!(disk.server.count("erasure"), 0);
}

#[test]
fn the_server_says_that_it_is_not_ready_and_recovers_by_itself() {
    let disk = Disk::start();
    let client = disk.server.app().client();
    let ready = || disk.server.anonymous().get("/readyz", &[]);
    lines::keep();
    for times in 1..=2 {
        disk.has(PLENTY);
        // Entries for which there was no room are written before it is ready again.
        disk.server.flush_audit();
        assert_eq!(ready().status, 200);
        client.set("token", "value").ok();
        disk.has(limit::DISK_FLOOR_BYTES - 1);
        let not = ready();
        assert_eq!((not.status, not.body.contains("disk")), (503, true), "{not:?}");
        assert_eq!(disk.server.anonymous().get("/livez", &[]).status, 200);
        no_room(&client.set("other", "value"));
        assert_eq!(client.find("token").ok()["payload"], "value");
        // The operator is told once, however many writes are refused.
        let told = lines::with(&disk.server.data_dir().display().to_string());
        let full = |line: &&String| line.contains("insufficient storage (507)");
        let full: Vec<_> = told.iter().filter(full).collect();
        assert_eq!(full.len(), times, "{told:?}");
        assert!(full.iter().all(|line| line.contains("\"ERROR\"")), "{told:?}");
    }
}

/// The disk of a database is not ours to look at: a write that finds no room says so.
#[test]
fn a_database_without_room_refuses_what_adds_and_goes_on() {
    if !is_postgres() {
        println!("skipped: the stores of this run are files");
        return;
    }
    let server = TestServer::builder().without_background_jobs().start();
    let client = server.app().client();
    client.set("token", "value").ok();
    let ready = || server.anonymous().get("/readyz", &[]);
    assert_eq!(ready().status, 200);
    let full = [
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION \
         'No space left on device' USING ERRCODE = '53100'; END $$",
        "CREATE TRIGGER no_room BEFORE INSERT ON secret FOR EACH ROW EXECUTE FUNCTION no_room()",
    ];
    server.tamper(&[], &full.map(str::to_owned));
    no_room(&client.set("other", "value"));
    let not = ready();
    assert_eq!((not.status, not.body.contains("disk")), (503, true), "{not:?}");
    assert_eq!(client.find("token").ok()["payload"], "value");
    client.remove("token").ok();
    server.tamper(&[], &["DROP TRIGGER no_room ON secret".to_owned()]);
    client.set("other", "value").ok();
}

#[test]
fn what_was_stored_is_replayed_without_room() {
    let disk = Disk::start();
    let client = disk.server.app().client().idempotent("one");
    let first = client.set("token", "value");
    first.ok();
    disk.has(0);
    is_replay(&client.set("token", "value"), &first);
}

/// A server whose store fails each commit while the test says so.
pub(crate) fn failing() -> (TestServer, Arc<AtomicBool>) {
    let fails = Arc::new(AtomicBool::new(false));
    let faults = Faults::none().fail_commit(Arc::clone(&fails));
    let server = TestServer::builder().embedded().faults(faults).without_background_jobs().start();
    (server, fails)
}

#[test]
fn a_revocation_that_cannot_be_stored_is_in_force_and_stored_later() {
    let (server, fails) = failing();
    let tenant = Tenant::new(&server);
    let of_user = tenant.client.post("/v1/ephemeral_keys", &[("user", "usr_2")]);
    type Revoke<'a> = (&'a str, Client, Box<dyn Fn() -> Answer + 'a>);
    let revokes: [Revoke; 2] = [
        (
            "ephemeral",
            server.anonymous().with_key(&of_user.text("secret")).for_account(&tenant.account),
            Box::new(|| {
                let path = format!("/v1/ephemeral_keys/{}", of_user.text("id"));
                tenant.client.delete(&path, &[])
            }),
        ),
        (
            "secret",
            tenant.client.clone(),
            Box::new(|| {
                let path = format!("/v1/admin/api_keys/{}/revoke", tenant.key);
                server.admin().post(&path, &[])
            }),
        ),
    ];
    for (kind, holder, revoke) in revokes {
        let list = || holder.get("/v1/apps/secrets", &[("scope[type]", "account")]);
        list().ok();
        fails.store(true, Ordering::SeqCst);
        let error = revoke().refused(503);
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("is refused by this server from now on"), "{kind}: {message}");
        list().refused(401);
        fails.store(false, Ordering::SeqCst);
        list().refused(401);
    }
    server.run_job("store_revocations");
    assert_eq!(server.count("api_key WHERE revoked_at IS NOT NULL"), 3, "with what the key made");
    tenant.client.list().refused(401);
    let operations = ["admin.api_keys.revoke", "ephemeral_keys.delete"];
    assert_eq!(operations.map(|operation| server.changes(operation)), [1, 1]);
}

/// A caller that may not revoke a key does not do so in memory either.
#[test]
fn nobody_revokes_the_keys_of_others_in_memory() {
    let (server, fails) = failing();
    let (theirs, other) = (Tenant::new(&server), Tenant::new(&server));
    let made = theirs.client.post("/v1/ephemeral_keys", &[("user", "usr_2")]);
    let holder = server.anonymous().with_key(&made.text("secret")).for_account(&theirs.account);
    let path = format!("/v1/ephemeral_keys/{}", made.text("id"));
    fails.store(true, Ordering::SeqCst);
    let answer = other.client.delete(&path, &[]);
    assert!(!answer.body.contains("is refused"), "{answer:?}");
    fails.store(false, Ordering::SeqCst);
    let list = || holder.get("/v1/apps/secrets", &[("scope[type]", "account")]);
    list().ok();
    server.run_job("store_revocations");
    list().ok();
}

/// What an operator has revoked in memory alone is none of a tenant's to take back.
#[test]
fn nobody_takes_back_a_revocation_in_memory() {
    let (server, fails) = failing();
    let (theirs, other) = (Tenant::new(&server), Tenant::new(&server));
    let revoke = format!("/v1/admin/api_keys/{}/revoke", theirs.key);
    fails.store(true, Ordering::SeqCst);
    server.admin().post(&revoke, &[]).refused(503);
    let path = format!("/v1/ephemeral_keys/{}", theirs.key);
    other.client.delete(&path, &[]);
    theirs.client.list().refused(401);
    fails.store(false, Ordering::SeqCst);
    other.client.delete(&path, &[]).refused(404);
    theirs.client.list().refused(401);
    server.run_job("store_revocations");
    assert_eq!(server.count("api_key WHERE revoked_at IS NOT NULL"), 2, "with what it made");
}

/// An operator replaces the key that is in use.
#[test]
fn a_key_revokes_itself() {
    let (server, _) = failing();
    let made = server.admin().post("/v1/admin/api_keys", &[("type", "admin")]);
    let (operator, id) = (server.admin().with_key(&made.text("key")), made.text("id"));
    operator.post(&format!("/v1/admin/api_keys/{id}/revoke"), &[]).ok();
    operator.get("/v1/admin/accounts", &[]).refused(401);
}

/// A delete that finds nothing takes nothing away, so its refusal fills none of the space that is
/// kept for those that do.
#[test]
fn refusals_do_not_fill_what_is_left() {
    let disk = Disk::start();
    let client = disk.server.app().client();
    client.set("token", "value").ok();
    for (free, stored) in [(0, 0), (PLENTY, 1)] {
        disk.has(free);
        client.idempotent("missing").remove("missing").refused(404);
        assert_eq!(disk.server.count("idempotency_record"), stored);
    }
    disk.has(0);
    let first = client.idempotent("there").remove("token");
    is_replay(&client.idempotent("there").remove("token"), &first);
}
