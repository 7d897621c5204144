//! A family that lives in one file of the tests gets what every family gets, by one line. The
//! suites over all operations try it as well: idempotency, the matrix of credentials, crashes.

use coffer_base::Clock;
use coffer_testkit::{START, TestServer};
use coffer_tests::notes;

const DAY: i64 = 86_400;

fn start() -> TestServer {
    TestServer::builder().family(notes::FAMILY).without_background_jobs().start()
}

#[test]
fn its_objects_are_written_read_and_listed() {
    let server = start();
    let client = server.app().client();
    let made = client.post("/v1/notes", &[("text", "one two three")]).ok();
    assert_eq!(made["object"], "note");
    let path = format!("/v1/notes/{}", made["id"].as_str().unwrap());
    assert_eq!(client.get(&path, &[]).ok(), made);
    client.post("/v1/notes", &[("text", "newer")]).ok();
    let page = client.get("/v1/notes", &[("limit", "1")]).ok();
    assert_eq!((&page["data"][0]["text"], &page["has_more"]), (&"newer".into(), &true.into()));
    assert_eq!(client.post("/v1/notes", &[]).refused(400)["param"], "text");
    client.get("/v1/notes/note_nowhere", &[]).refused(404);
}

#[test]
fn a_restricted_key_needs_its_permission() {
    let server = start();
    let app = server.app();
    let (reads, writes) =
        (server.restricted(&app, &["note_read"]), server.restricted(&app, &["note_write"]));
    let text = [("text", "one")];
    reads.post("/v1/notes", &text).refused(403);
    writes.post("/v1/notes", &text).ok();
    assert_eq!(reads.get("/v1/notes", &[]).ok()["data"].as_array().unwrap().len(), 1);
    server.restricted(&app, &["secret_write"]).get("/v1/notes", &[]).refused(403);
}

#[test]
fn its_quota_is_an_apps() {
    let server = start();
    let app = server.app();
    let path = format!("/v1/admin/apps/{}", app.id);
    let changed = server.admin().post(&path, &[("notes_per_account", "1")]).ok();
    assert_eq!(changed["notes_per_account"], 1);
    assert_eq!(server.admin().post(&path, &[("notes_per_account", "1001")]).status, 400);
    app.client().post("/v1/notes", &[("text", "one")]).ok();
    app.client().post("/v1/notes", &[("text", "two")]).refused(400);
}

#[test]
fn its_changes_are_audited_and_told_as_events() {
    let server = start();
    let client = server.app().client();
    let id = client.post("/v1/notes", &[("text", "one")]).text("id");
    let audited = format!("notes.create AND subject = '{id}'");
    assert_eq!(server.changes(&audited), 1);
    let events = client.get("/v1/events", &[("type", "note.created")]).ok();
    assert_eq!(events["data"][0]["data"]["object"]["id"], id.as_str());
}

#[test]
fn its_job_and_its_scheduled_task_run() {
    let server = start();
    let client = server.app().client();
    let id = client.post("/v1/notes", &[("text", "one two three")]).text("id");
    let path = format!("/v1/notes/{id}");
    server.run_jobs();
    let counted = client.get(&path, &[]).ok();
    assert_eq!((&counted["words"], &counted["archived"]), (&3.into(), &false.into()));
    server.clock.advance(DAY);
    server.run_jobs();
    assert_eq!(client.get(&path, &[]).ok()["archived"], true);
    assert!(server.clock.now() >= START.plus(DAY));
    let status = server.admin().get("/v1/admin/status", &[]).ok();
    assert!(status["schedule"]["notes.archive"]["lag"].as_i64().unwrap() < DAY, "{status}");
}
