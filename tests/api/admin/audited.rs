//! What the audit records beside changes: reads, refusals, and what the program does by itself.

use coffer_kernel::limits::{
    ALL_AUDITED_REFUSALS_AT_ONCE, AUDITED_REFUSALS_AT_ONCE, AUDITED_REFUSALS_PER_SECOND,
};
use coffer_kernel::{AuditReads, AuditSettings, TrafficSettings};
use coffer_storage::Value;
use coffer_testkit::{Answer, App, Client, START, TestServer};
use std::time::Instant;

const DAY: i64 = 86_400;

fn records(server: &TestServer, reads: AuditReads, names_in_clear: bool) {
    let audit = AuditSettings { reads, names_in_clear };
    let settings = TrafficSettings { audit, ..TrafficSettings::default() };
    server.server().installation().kernel.set_traffic(&settings);
}

/// A column of the entries that `condition` chooses, as text.
fn column(server: &TestServer, column: &str, condition: &str) -> Vec<String> {
    let sql = format!("SELECT {column} FROM audit_entry WHERE {condition} ORDER BY id");
    let rows = server.query(&sql, &[]);
    rows.into_iter().map(|row| shown(&row.into_values()[0])).collect()
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Int(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// These columns of the one entry of a request.
fn entry(server: &TestServer, answer: &Answer, columns: &[&str]) -> Vec<String> {
    server.flush_audit();
    let request = answer.header("request-id").unwrap();
    let of = |name: &&str| {
        let found = column(server, name, &format!("request = '{request}'"));
        assert_eq!(found.len(), 1, "{answer:?}: {found:?}");
        found.into_iter().next().unwrap()
    };
    columns.iter().map(of).collect()
}

fn connected(server: &TestServer) -> (App, String, Client) {
    let app = server.app();
    let account = server.account();
    server.install(&app, &account);
    let client = app.client().for_account(&account);
    (app, account, client)
}

const WHO: [&str; 5] = ["actor_kind", "app", "account", "peer", "operation"];
const WHAT: [&str; 5] = ["outcome", "subject", "scope", "name", "amount"];

#[test]
fn each_read_says_who_read_what() {
    let server = TestServer::start();
    let (app, account, client) = connected(&server);
    let set = client.set("token", "value");
    let found = client.find("token");
    let who = ["app", &app.id, &account, "127.0.0.1", "apps.secrets.find"];
    assert_eq!(entry(&server, &found, &WHO), who);
    let id = set.text("id");
    assert_eq!(entry(&server, &found, &WHAT), ["done", &id, "account", "", ""]);
    let key = |answer: &Answer| entry(&server, answer, &["actor", "name_fingerprint"]);
    assert_eq!(key(&found), key(&set), "the same key, and the same name");

    let missing = client.find("another");
    missing.refused(404);
    assert_eq!(entry(&server, &missing, &WHAT), ["refused", "", "account", "", ""]);
    assert_ne!(key(&missing)[1], key(&set)[1]);
    assert_eq!(key(&missing)[1].len(), 32, "of what does not exist there is a fingerprint too");

    let listed = client.list();
    assert_eq!(entry(&server, &listed, &WHAT), ["done", "", "account", "", "1"]);
    let params = [("name", "token"), ("scope[type]", "account"), ("expand[]", "payload")];
    let shown = client.get("/v1/apps/secrets/find", &params);
    assert_eq!(entry(&server, &shown, &["detail"]), ["expand: payload"]);
    let user = [("name", "token"), ("scope[type]", "user"), ("scope[user]", "usr_1")];
    let other = client.get("/v1/apps/secrets/find", &user);
    assert_eq!(entry(&server, &other, &["scope", "status"]), ["user:usr_1", "404"]);
    let apps = server.admin().get("/v1/admin/apps", &[]);
    let operation = ["actor_kind", "account", "operation"];
    let expected = ["admin", "acct_coffer_system", "admin.apps.list"];
    assert_eq!(entry(&server, &apps, &operation), expected);
}

#[test]
fn names_are_in_clear_where_the_operator_wants_that() {
    let server = TestServer::start();
    let client = server.app().client();
    records(&server, AuditReads::Relaxed, true);
    for answer in [client.set("token", "value"), client.find("token"), client.remove("token")] {
        let [name, print] = &entry(&server, &answer, &["name", "name_fingerprint"])[..] else {
            unreachable!("two columns were asked for")
        };
        assert_eq!((name.as_str(), print.len()), ("token", 32));
    }
}

#[test]
fn a_stored_response_that_is_sent_again_is_no_change_and_recorded() {
    let server = TestServer::start();
    let client = server.app().client().idempotent("once");
    let first = client.set("token", "value");
    let again = client.set("token", "value");
    assert_eq!(entry(&server, &first, &["outcome"]), ["done"]);
    assert_eq!(entry(&server, &again, &["outcome", "subject"]), ["replayed", ""]);
    assert_eq!(server.changes("apps.secrets.create"), 1);
}

#[test]
fn a_refusal_has_its_reason_and_a_wrong_key_its_fingerprint() {
    let server = TestServer::start();
    let app = server.app();
    let wrong = app.client().with_key("sk_test_coffer_0123456789abcdefghijklmnopqrstuv");
    let columns = ["actor_kind", "peer", "operation", "outcome", "status", "account"];
    let expected =
        ["unknown", "127.0.0.1", "apps.secrets.find", "refused", "401", "acct_coffer_system"];
    let refused = [wrong.find("token"), wrong.find("another")];
    let prints = refused.each_ref().map(|answer| {
        answer.refused(401);
        assert_eq!(entry(&server, answer, &columns), expected);
        entry(&server, answer, &["actor", "reason"])
    });
    assert_eq!(prints[0], prints[1]);
    assert!(prints[0][0].starts_with("fp_") && prints[0][0].len() == 35, "{prints:?}");
    let other = wrong.with_key("sk_test_coffer_vutsrqponmlkjihgfedcba9876543210").find("token");
    assert_ne!(entry(&server, &other, &["actor"])[0], prints[0][0]);

    let bad = app.client().post("/v1/apps/secrets", &[("name", "token")]);
    let columns = ["actor_kind", "app", "operation", "outcome", "status", "reason", "detail"];
    let missing =
        ["app", &app.id, "apps.secrets.create", "refused", "400", "parameter.missing", "payload"];
    assert_eq!(entry(&server, &bad, &columns), missing);
    let nowhere = app.client().get("/v1/nowhere", &[]);
    assert_eq!(entry(&server, &nowhere, &["operation", "status"]), ["none", "404"]);
    let mut raw = server.raw();
    raw.send("GET / nonsense\r\n\r\n");
    let invalid = raw.answer();
    assert_eq!(entry(&server, &invalid, &["operation", "outcome"]), ["none", "refused"]);
}

#[test]
fn in_strict_the_row_is_there_when_the_answer_is() {
    let server = TestServer::start();
    let client = server.app().client();
    records(&server, AuditReads::Strict, false);
    client.set("token", "value").ok();
    for answer in [client.find("token"), client.find("another"), client.list()] {
        let request = answer.header("request-id").unwrap();
        let found = column(&server, "operation", &format!("request = '{request}'"));
        assert_eq!(found.len(), 1, "{answer:?}");
    }
    std::thread::scope(|scope| {
        let many: Vec<_> = (0..8).map(|_| scope.spawn(|| client.find("token").ok())).collect();
        many.into_iter().for_each(|one| drop(one.join().unwrap()));
    });
    let finds = "operation = 'apps.secrets.find' AND outcome = 'done'";
    assert_eq!(column(&server, "id", finds).len(), 9);
}

#[test]
fn switched_off_only_reads_of_the_admin_api_are_recorded() {
    let server = TestServer::start();
    let client = server.app().client();
    records(&server, AuditReads::Off, false);
    client.set("token", "value").ok();
    client.find("token").ok();
    client.list().ok();
    let refused = client.get("/v1/apps/secrets/find", &[]);
    let admin = server.admin().get("/v1/admin/apps", &[]);
    assert_eq!(entry(&server, &refused, &["outcome"]), ["refused"]);
    assert_eq!(entry(&server, &admin, &["outcome"]), ["done"]);
    let reads = "outcome = 'done' AND operation IN ('apps.secrets.find', 'apps.secrets.list')";
    assert!(column(&server, "id", reads).is_empty());
    let changed = "operation = 'program.audit.reads'";
    assert_eq!(column(&server, "detail", changed), ["off, was relaxed"]);
}

/// Whoever has the disk can take the table away; then nothing is answered that must be recorded.
#[test]
fn without_a_row_there_is_no_answer() {
    let server = TestServer::builder().embedded().start();
    let client = server.app().client();
    client.set("token", "value").ok();
    let ready = || server.anonymous().get("/readyz", &[]).status;
    let file = rusqlite::Connection::open(server.data_dir().join("coffer.db")).unwrap();
    let rename = |from: &str, to: &str| {
        file.execute_batch(&format!("ALTER TABLE {from} RENAME TO {to}")).unwrap();
    };
    assert_eq!(ready(), 200);
    rename("audit_entry", "elsewhere");
    client.set("token", "another").refused(503);
    assert_eq!(ready(), 503);
    client.remove("token").refused(503);
    client.find("token").ok();
    records(&server, AuditReads::Strict, false);
    client.find("token").refused(503);
    client.list().refused(503);
    rename("elsewhere", "audit_entry");
    server.flush_audit();
    assert_eq!(ready(), 200);
    let params = [("name", "token"), ("scope[type]", "account"), ("expand[]", "payload")];
    let found = client.get("/v1/apps/secrets/find", &params);
    assert_eq!(found.text("payload"), "value", "nothing was changed meanwhile");
    let relaxed = "operation = 'apps.secrets.find' AND outcome = 'done'";
    assert_eq!(column(&server, "id", relaxed).len(), 2, "what was answered before came later");
    let unanswered = "operation = 'program.audit.left_out'";
    let amounts = column(&server, "amount", unanswered);
    let amounts = amounts.iter().map(|amount| amount.parse::<i64>().unwrap());
    assert!(amounts.sum::<i64>() >= 2, "two reads were not answered");
}

#[test]
fn a_flood_of_refusals_has_few_entries_and_is_counted() {
    let server = TestServer::start();
    let wrong = server.app().client().with_key("sk_test_coffer_0123456789abcdefghijklmnopqrstuv");
    let sent = i64::from(AUDITED_REFUSALS_AT_ONCE) + 30;
    let begun = Instant::now();
    for _ in 0..sent {
        wrong.find("token").refused(401);
    }
    let more = i64::from(AUDITED_REFUSALS_PER_SECOND) * (begun.elapsed().as_secs() as i64 + 1);
    server.flush_audit();
    let entries = column(&server, "id", "outcome = 'refused'").len() as i64;
    assert!(entries <= i64::from(AUDITED_REFUSALS_AT_ONCE) + more, "{entries}");
    assert!(entries < i64::from(ALL_AUDITED_REFUSALS_AT_ONCE));
    let left_out = column(&server, "amount", "operation = 'program.audit.left_out'");
    let left_out: i64 = left_out.iter().map(|amount| amount.parse::<i64>().unwrap()).sum();
    assert_eq!(entries + left_out, sent);
}

#[test]
fn what_the_program_does_by_itself_is_recorded() {
    let server = TestServer::builder().without_background_jobs().start();
    let (app, account) = (server.app(), server.account());
    let install = server.install(&app, &account);
    let client = app.client().for_account(&account);
    client.idempotent("pruned").set("other", "value").ok();
    let expires_at = (START.unix() + 10).to_string();
    let params = [
        ("name", "token"),
        ("payload", "value"),
        ("scope[type]", "account"),
        ("expires_at", expires_at.as_str()),
    ];
    let id = client.post("/v1/apps/secrets", &params).text("id");
    server.clock.advance(DAY + 10);
    server.run_jobs();
    let expired = "operation = 'program.secrets.expire'";
    assert_eq!(column(&server, "subject", expired), [id.as_str()]);
    assert_eq!(column(&server, "account", expired), [account.as_str()]);
    assert_eq!(column(&server, "actor_kind", expired), ["program"]);
    let create = format!("operation = 'apps.secrets.create' AND subject = '{id}'");
    let print = |condition: &str| column(&server, "name_fingerprint", condition);
    assert_eq!(print(expired), print(&create));

    server.clock.advance(2 * DAY);
    server.run_jobs();
    assert!(!column(&server, "amount", "operation = 'program.prune'").is_empty());

    let path = format!("/v1/admin/installs/{install}");
    let purged = server.admin().delete(&path, &[("purge", "true")]);
    server.run_jobs();
    let request = purged.header("request-id").unwrap();
    for operation in ["program.keys.destroy", "program.tenant.erase"] {
        let found = column(&server, "request", &format!("operation = '{operation}'"));
        assert!(
            !found.is_empty() && found.iter().all(|of| of == request),
            "{operation}: {found:?}"
        );
    }
    server.flush_audit();
    assert_eq!(column(&server, "id", "operation = 'program.server.start'").len(), 1);
}

/// Whatever is sent, and wherever: no entry has a value, a key, or a parameter that nobody knows.
#[test]
fn no_entry_has_a_secret() {
    const SECRETS: [&str; 2] = ["hunter2-payload", "hunter2-elsewhere"];
    let server = TestServer::start();
    let (app, account, client) = connected(&server);
    records(&server, AuditReads::Strict, true);
    client.set("token", SECRETS[0]).ok();
    let ephemeral = client.post("/v1/ephemeral_keys", &[("user", "usr_1")]).text("secret");
    let expanded = [("name", "token"), ("scope[type]", "account"), ("expand[]", "payload")];
    let misplaced = [("name", "token"), ("scope[type]", SECRETS[1])];
    let statuses = [
        client.get("/v1/apps/secrets/find", &expanded),
        client.post("/v1/apps/secrets", &[("name", "token"), (SECRETS[1], "1")]),
        client.post("/v1/apps/secrets", &[("payload", SECRETS[1])]),
        client.get("/v1/apps/secrets/find", &misplaced),
        client.get(&format!("/v1/events/{}", SECRETS[1]), &[]),
        client.get(&format!("/v1/{}", SECRETS[1]), &[]),
        client.with_header("Stripe-Version", SECRETS[1]).find("token"),
        client.idempotent(SECRETS[1]).set("token", SECRETS[0]),
        client.with_key(SECRETS[1]).find("token"),
        client.for_account(SECRETS[1]).find("token"),
        client.with_key(&ephemeral).find("token"),
    ]
    .map(|answer| answer.status);
    assert!(statuses.iter().filter(|status| **status >= 400).count() > 5, "{statuses:?}");
    server.flush_audit();
    let rows = server.query("SELECT * FROM audit_entry", &[]);
    assert!(rows.len() > 10 && rows.iter().all(|row| row.columns() >= 23));
    let text: Vec<String> =
        rows.into_iter().flat_map(|row| row.into_values()).map(|value| shown(&value)).collect();
    assert!(text.contains(&account));
    let tokens = [app.client().key().to_owned(), app.live().key().to_owned(), ephemeral];
    for secret in SECRETS.map(str::to_owned).iter().chain(&tokens) {
        let hexadecimal: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        let held = |text: &&String| text.contains(secret) || text.contains(&hexadecimal);
        assert!(text.iter().find(held).is_none(), "{secret} is in an entry");
    }
}
