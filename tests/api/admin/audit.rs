//! The audit's rows: one for each change, whole, and never changed.

use coffer_testkit::TestServer;

/// operation, actor, app, account, subject, whether there is a fingerprint, request.
type Row = (String, String, String, String, String, bool, String);

fn rows(server: &TestServer) -> Vec<Row> {
    let sql = format!(
        "SELECT operation, actor, app, account, subject, fingerprint, request \
         FROM audit_entry ORDER BY {}",
        server.audit_order()
    );
    let read = server.query(&sql, &[]).into_iter().map(|row| {
        let at = |i| row.text(i).unwrap().to_owned();
        (at(0), at(1), at(2), at(3), at(4), row.optional_blob(5).unwrap().is_some(), at(6))
    });
    read.collect()
}

#[test]
fn each_change_says_who_did_what_to_whose() {
    let server = TestServer::start();
    let app = server.app();
    let account = server.account();
    server.install(&app, &account);
    let before = rows(&server);
    assert_eq!((before[0].0.as_str(), before[0].1.as_str()), ("admin.api_keys.create", "offline"));
    assert!(before[1..].iter().all(|row| row.0.starts_with("admin.") && row.1 == before[0].4));

    let client = app.client().for_account(&account);
    let set = client.set("token", "one");
    let id = set.text("id");
    let replaced = client.set("token", "two");
    client.set("token", "two").ok();
    client.find("token").ok();
    client.remove("nothing").refused(404);
    let removed = client.remove("token");
    let made = rows(&server).split_off(before.len());
    let operations: Vec<_> = made.iter().map(|row| row.0.as_str()).collect();
    let create = "apps.secrets.create";
    assert_eq!(operations, [create, create, create, "apps.secrets.delete"]);
    for (row, answer) in made.iter().zip([&set, &replaced]) {
        assert_eq!(Some(row.6.as_str()), answer.header("request-id"));
    }
    assert_eq!(Some(made[3].6.as_str()), removed.header("request-id"));
    for (_, actor, of, on, subject, ..) in &made {
        assert!(actor.starts_with("key_"), "{actor}");
        assert_eq!((of, on, subject), (&app.id, &account, &id));
    }
    let with_values: Vec<_> = made.iter().map(|row| row.5).collect();
    assert_eq!(with_values, [true, true, true, false]);
    let prints = fingerprints(&server);
    assert_ne!(prints[0], prints[1], "another value");
    assert_eq!(prints[1], prints[2], "the same value again");
}

fn fingerprints(server: &TestServer) -> Vec<Vec<u8>> {
    let sql = format!(
        "SELECT fingerprint FROM audit_entry WHERE fingerprint IS NOT NULL ORDER BY {}",
        server.audit_order()
    );
    server.query(&sql, &[]).iter().map(|row| row.blob(0).unwrap().to_vec()).collect()
}

#[test]
fn an_entry_is_neither_changed_nor_deleted() {
    let server = TestServer::start();
    let before = rows(&server);
    for sql in ["UPDATE audit_entry SET actor = 'nobody'", "DELETE FROM audit_entry"] {
        let refused = server.execute(sql, &[]).unwrap_err();
        assert!(refused.to_string().contains("audit entries are never"), "{refused}");
    }
    assert_eq!(rows(&server), before);
}

#[test]
fn expired_rows_are_removed_by_a_job_that_is_served() {
    let server = TestServer::start();
    let jobs = &server.server().installation().jobs;
    let expire = jobs.iter().find(|job| job.name() == "expire_secrets").unwrap();
    assert!(expire.every().as_secs() <= 60);
}
