//! The log over the audit: what is done to its tables is found, its entries are listed in an order
//! that stays, and what is pruned or exported can still be verified.

mod forged;
mod searched;

use coffer_audit::checkpoint::VerifierKey;
use coffer_audit::{
    Entry, Expected, Export, ExportError, ExportLine, OfflineVerifier, Problem, Report,
    SIGNING_PURPOSE,
};
use coffer_base::{Tenant, Timestamp};
use coffer_storage::{StorageError, Store, Tx, Work};
use coffer_testkit::{Builder, TestServer};

/// Some entries in one transaction, of an account of its own.
struct Fill(i64);

impl Work for Fill {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        for number in 0..self.0 {
            let at = Timestamp::from_unix(1_800_000_000 + number);
            let entry = Entry::of_program("program.test", Tenant::system(), at);
            coffer_audit::append(tx, &Entry { amount: Some(number), ..entry });
        }
        Ok(())
    }
}

/// A server whose log continues only when the test says so.
struct Log(TestServer);

/// The tables of the log.
const TABLES: [&str; 3] = ["audit_entry", "audit_tile", "audit_head"];

impl Log {
    fn new() -> Self {
        let builder: Builder = TestServer::builder().without_background_jobs();
        Self(builder.start())
    }

    fn store(&self) -> &Store {
        &self.0.server().installation().stores.data
    }

    fn catch_up(&self) {
        self.0.flush_audit();
        self.0.block_on(self.0.server().installation().audit.catch_up()).unwrap();
    }

    /// Adds entries until the log has `size`.
    fn grow(&self, size: i64) {
        self.catch_up();
        self.0.block_on(self.store().write(Fill(size - self.size()))).unwrap();
        self.catch_up();
        assert_eq!(self.size(), size);
    }

    fn head(&self) -> coffer_audit::Head {
        self.0.block_on(coffer_audit::head(self.store())).unwrap().unwrap()
    }

    fn size(&self) -> i64 {
        i64::try_from(self.head().size).unwrap()
    }

    fn key(&self) -> VerifierKey {
        let installation = self.0.server().installation();
        let signing = installation.context.keyring.signing_key(SIGNING_PURPOSE);
        let signing = self.0.block_on(signing).unwrap();
        VerifierKey::of(&installation.store_id, &signing).unwrap()
    }

    fn verify_with(&self, anchors: &[&str]) -> Report {
        let anchors = anchors.iter().map(|note| ("disk".to_owned(), (*note).to_owned())).collect();
        let expected = Expected::new(self.key(), anchors);
        self.0.block_on(coffer_audit::verify(self.store(), &expected, |_, _| ())).unwrap()
    }

    /// What verification says is wrong, in words.
    fn problems(&self) -> Vec<String> {
        self.verify_with(&[]).problems.iter().map(Problem::to_string).collect()
    }

    fn tamper(&self, statements: &[&str]) {
        let statements: Vec<String> = statements.iter().map(|sql| (*sql).to_owned()).collect();
        self.0.tamper(&TABLES, &statements);
    }

    /// Keeps the tables as they are.
    fn save(&self, name: &str) {
        let copy = |table| format!("CREATE TABLE {name}_{table} AS SELECT * FROM {table}");
        self.0.tamper(&[], &TABLES.map(copy));
    }

    /// Makes the tables what they were.
    fn restore(&self, name: &str) {
        let statements = TABLES.map(|table| {
            [
                format!("DELETE FROM {table}"),
                format!("INSERT INTO {table} SELECT * FROM {name}_{table}"),
            ]
        });
        self.0.tamper(&TABLES, &statements.concat());
    }

    fn tile(&self, place: i64) -> Vec<u8> {
        let rows = self.0.query("SELECT hashes FROM audit_tile WHERE place = ?", &[place.into()]);
        rows[0].blob(0).unwrap().to_vec()
    }

    /// A statement that gives a tile other hashes.
    fn set_tile(&self, place: i64, hashes: &[u8]) -> String {
        let hashes = self.0.literal(hashes);
        format!("UPDATE audit_tile SET hashes = {hashes} WHERE place = {place}")
    }

    fn flip(&self, place: i64, byte: usize) -> String {
        let mut hashes = self.tile(place);
        hashes[byte] ^= 1;
        self.set_tile(place, &hashes)
    }
}

/// The place of the first tile of level 1.
const LEVEL_1: i64 = 1 << 48;

/// Entries of the log that is tampered with: two full tiles and a part of one.
const SIZE: i64 = 600;

/// A row between others, whose columns are those of the entry 1.
const INSERT: &str = "INSERT INTO audit_entry (id, format, at, server, actor_kind, mode, app, \
     account, operation, outcome) SELECT 300, format, at, server, actor_kind, mode, app, account, \
     operation, 'made up' FROM audit_entry WHERE id = 1";

#[test]
fn whatever_is_done_to_the_rows_of_entries_is_found_and_named() {
    let log = Log::new();
    log.grow(SIZE);
    assert_eq!(log.problems(), [""; 0]);
    log.save("whole");
    let shift = [
        "UPDATE audit_entry SET id = -1 - id WHERE id >= 300",
        "UPDATE audit_entry SET id = -id WHERE id < 0",
    ];
    let cases: [(&[&str], &[&str]); 9] = [
        (&["DELETE FROM audit_entry WHERE id = 300"], &["the entry 300 is missing: deleted"]),
        (
            &["DELETE FROM audit_entry WHERE id = 7 OR id = 8 OR id = 590"],
            &["the entries 7 to 8 are missing: deleted", "the entry 590 is missing: deleted"],
        ),
        (&["UPDATE audit_entry SET outcome = 'x' WHERE id = 5"], &["the entry 5 was altered"]),
        (&["UPDATE audit_entry SET detail = 'x' WHERE id = 599"], &["the entry 599 was altered"]),
        (
            &["UPDATE audit_entry SET app = app || 'x' WHERE id = 256"],
            &["the entry 256 was altered"],
        ),
        (
            &[
                "UPDATE audit_entry SET id = -10 WHERE id = 10",
                "UPDATE audit_entry SET id = 10 WHERE id = 400",
                "UPDATE audit_entry SET id = 400 WHERE id = -10",
            ],
            &["the entries 10 and 400 stand in each other's place: reordered"],
        ),
        (
            &["DELETE FROM audit_entry WHERE id > 590"],
            &["the entries 591 to 600 are missing at the end of the log: truncated"],
        ),
        (&[shift[0], shift[1], INSERT], &["a row was inserted as the entry 300"]),
        (
            &["UPDATE audit_entry SET id = -3 WHERE id = 3"],
            &[
                "1 rows have a number that no entry has: inserted or reordered",
                "the entry 3 is missing: deleted",
            ],
        ),
    ];
    for (statements, expected) in cases {
        log.tamper(statements);
        let mut found = log.problems();
        found.sort();
        assert_eq!(found, expected, "{statements:?}");
        log.restore("whole");
        assert_eq!(log.problems(), [""; 0], "{statements:?}");
    }
}

#[test]
fn whatever_is_done_to_tiles_is_found_and_named() {
    let log = Log::new();
    log.grow(SIZE);
    log.save("whole");
    let [first, second] = [0, 1].map(|place| log.tile(place));
    let short = &first[..first.len() - 32];
    let tile = |index: u64, what: &str| {
        let (from, to) = (index * 256 + 1, index * 256 + 256);
        format!("the tile {index} of level 0, of the entries {from} to {to}, {what}")
    };
    let above = |what: &str| format!("the tile 0 of level 1 {what}");
    let (altered, missing) = ("was altered", "is missing or damaged");
    let beyond =
        format!("INSERT INTO audit_tile (place, hashes) VALUES (3, {})", log.0.literal(&[1; 32]));
    let delete = |place: i64| vec![format!("DELETE FROM audit_tile WHERE place = {place}")];
    let cases = [
        (vec![log.flip(0, 40)], vec![tile(0, altered)]),
        (vec![log.flip(2, 0)], vec![tile(2, altered)]),
        (vec![log.flip(LEVEL_1, 33)], vec![above(altered)]),
        (delete(1), vec![tile(1, missing)]),
        (delete(2), vec![tile(2, missing)]),
        (delete(LEVEL_1), vec![above(missing)]),
        (vec![log.set_tile(0, short)], vec![tile(0, missing)]),
        (
            vec![log.set_tile(0, &second), log.set_tile(1, &first)],
            vec![tile(0, altered), tile(1, altered)],
        ),
        (vec![beyond], vec![tile(3, "lies beyond the end of the log: it was inserted")]),
    ];
    for (statements, expected) in cases {
        log.0.tamper(&TABLES, &statements);
        let mut found = log.problems();
        found.sort();
        assert_eq!(found, expected, "{statements:?}");
        log.restore("whole");
    }
    // Whoever changes an entry, the tile and the tile above has still not changed what was signed.
    log.tamper(&["UPDATE audit_entry SET outcome = 'x' WHERE id = 5"]);
    log.0.tamper(&TABLES, &[log.flip(0, 128), log.flip(LEVEL_1, 0)]);
    assert!(!log.problems().is_empty());
}

#[test]
fn whatever_is_done_to_the_head_is_found_and_named() {
    let log = Log::new();
    log.grow(SIZE);
    log.save("whole");
    let cases = [
        ("UPDATE audit_head SET size = 599", "the head says 599 entries, and 600 were signed"),
        ("UPDATE audit_head SET note = substr(note, 2)", "the head is not believed"),
        ("UPDATE audit_head SET note = replace(note, '600', '599')", "the head is not believed"),
        ("DELETE FROM audit_head", "the head is missing"),
        ("UPDATE audit_head SET pruned = 10", "that was signed up to 0"),
    ];
    for (statement, expected) in cases {
        log.tamper(&[statement]);
        let found = log.problems();
        assert!(found.iter().any(|one| one.contains(expected)), "{statement}: {found:?}");
        log.restore("whole");
        assert_eq!(log.problems(), [""; 0]);
    }
}

#[test]
fn a_log_that_was_set_back_or_written_anew_disagrees_with_its_anchor() {
    let log = Log::new();
    log.grow(300);
    let old = log.head().note;
    log.save("older");
    log.grow(400);
    let anchored = log.head().note;
    let report = log.verify_with(&[&old, &anchored]);
    assert_eq!((report.problems, report.anchors), (Vec::new(), 2));

    log.restore("older");
    assert_eq!(log.problems(), [""; 0], "nothing in the store shows it");
    let report = log.verify_with(&[&old, &anchored]);
    let place = "disk".to_owned();
    let back = Problem::RolledBack { place: place.clone(), anchored: 400, size: 300 };
    assert_eq!((report.problems, report.anchors), (vec![back], 1));

    // A server that is started anew knows nothing of what was set back.
    log.0.block_on(log.store().write(Fill(50))).unwrap();
    log.0.block_on(log.store().write(Fill(51))).unwrap();
    log.catch_up();
    let report = log.verify_with(&[&anchored]);
    assert_eq!(report.problems, [Problem::Forked { place, anchored: 400 }]);
    assert!(matches!(log.verify_with(&["torn"]).problems[..], [Problem::Anchor { .. }]));
}

#[test]
fn entries_are_listed_in_an_order_that_stays() {
    let log = Log::new();
    let server = &log.0;
    let account = server.account();
    log.grow(40);
    let admin = server.admin();
    let list = |query: &str| admin.get(&format!("/v1/admin/audit?{query}"), &[]).ok();
    let numbers = |list: &serde_json::Value| -> Vec<i64> {
        let data = list["data"].as_array().unwrap();
        data.iter().map(|entry| entry["number"].as_i64().unwrap()).collect()
    };
    let first = list("limit=30");
    assert_eq!((numbers(&first), &first["has_more"]), ((1..=30).collect(), &true.into()));
    assert_eq!(first["next"], "aud_30");
    // What this test itself reads may have entries, too.
    let rest = numbers(&list("limit=100&starting_after=aud_30"));
    assert!(rest.len() >= 10 && rest.iter().copied().eq((31..).take(rest.len())), "{rest:?}");

    log.0.block_on(log.store().write(Fill(20))).unwrap();
    assert_eq!(list("limit=30"), first, "a past range stays");
    let newest = numbers(&list("limit=3&order=desc"));
    assert!(newest.is_sorted_by(|a, b| *a == b + 1) && newest[0] >= 60, "{newest:?}");
    assert_eq!(numbers(&list("limit=2&ending_before=aud_10")), [8, 9]);
    assert_eq!(numbers(&list("limit=2&order=desc&ending_before=aud_10")), [12, 11]);
    assert_eq!(numbers(&list("limit=2&order=desc&starting_after=aud_10")), [9, 8]);

    let made = list("operation=admin.accounts.create&limit=100");
    assert_eq!(made["data"].as_array().unwrap().len(), 1);
    assert_eq!(made["data"][0]["subject"], account.as_str());
    let id = made["data"][0]["id"].as_str().unwrap();
    assert_eq!(admin.get(&format!("/v1/admin/audit/{id}"), &[]).ok(), made["data"][0]);
    assert_eq!(numbers(&list("operation=nothing")), [0; 0]);
    assert_eq!(numbers(&list("created[gt]=1800000050&operation=program.test&limit=100")), [0; 0]);
    for id in ["aud_0", "aud_01", "aud_999999", "17", "aud_-1"] {
        admin.get(&format!("/v1/admin/audit/{id}"), &[]).refused(404);
    }
    let few = list("operation=nothing&entries=5");
    assert_eq!(
        (numbers(&few), &few["next"], &few["has_more"]),
        (vec![], &"aud_5".into(), &true.into())
    );
    let few = list("operation=program.test&entries=5&starting_after=aud_40&limit=100");
    assert!(numbers(&few).len() <= 5 && few["next"] == "aud_45", "{few}");
    admin.get("/v1/admin/audit?entries=0", &[]).refused(400);
    admin.get("/v1/admin/audit?entries=50001", &[]).refused(400);
    admin.get("/v1/admin/audit?starting_after=17", &[]).refused(400);
    admin.get("/v1/admin/audit?order=up", &[]).refused(400);
    server.app().client().get("/v1/admin/audit", &[]).refused(403);
}

#[test]
fn what_is_pruned_is_gone_and_the_rest_still_proves_itself() {
    let log = Log::new();
    log.grow(SIZE);
    let old = log.head().note;
    let admin = log.0.admin();
    admin.post("/v1/admin/audit/prune", &[("before", "100000")]).refused(400);
    admin.post("/v1/admin/audit/prune", &[]).refused(400);
    assert_eq!(admin.post("/v1/admin/audit/prune", &[("before", "520")]).status, 202);
    // What records it is not in the log yet.
    assert_eq!(log.problems(), [""; 0]);
    let refused = log.0.execute("DELETE FROM audit_entry WHERE id < 10", &[]).unwrap_err();
    assert!(refused.to_string().contains("never deleted"), "{refused}");
    log.0.run_jobs();
    assert_eq!(log.0.count("audit_entry WHERE id <= 520"), 0);
    assert_eq!(log.0.count("audit_entry WHERE id = 521"), 1);
    let report = log.verify_with(&[&old]);
    assert_eq!((report.problems, report.pruned, report.anchors), (Vec::new(), 520, 1));
    let page = admin.get("/v1/admin/audit?limit=1", &[]).ok();
    assert_eq!(page["data"][0]["id"], "aud_521");

    // Of an entry that is kept, and of one that is gone.
    let size = log.head().size;
    for id in [521, 3] {
        let proof = log.0.block_on(coffer_audit::inclusion(log.store(), id, size)).unwrap();
        assert!(!proof.is_empty());
    }
    log.tamper(&["UPDATE audit_entry SET outcome = 'x' WHERE id = 523"]);
    assert_eq!(log.problems(), ["the entry 523 was altered"]);
}

fn export(log: &Log, after: u64) -> Vec<String> {
    log.0.block_on(async {
        let mut export = Export::begin(log.store(), after).await.unwrap();
        let mut lines = vec![export.header().to_string()];
        while export.left() > 0 {
            for entry in export.next().await.unwrap() {
                lines.push(serde_json::Value::Object(ExportLine::from(&entry).0).to_string());
            }
        }
        lines
    })
}

fn verify_offline(key: &VerifierKey, lines: &[String]) -> Result<u64, ExportError> {
    let mut verifier = OfflineVerifier::new(key.clone());
    lines.iter().try_for_each(|line| verifier.line(line))?;
    Ok(verifier.finish()?.size)
}

#[test]
fn an_export_is_verified_without_the_store() {
    let log = Log::new();
    log.0.account();
    log.grow(300);
    let key = log.key();
    for after in [0, 1, 255, 256, 299, 300] {
        let lines = export(&log, after);
        assert_eq!(lines.len() as u64, 301 - after);
        assert_eq!(verify_offline(&key, &lines), Ok(300), "after {after}");
    }
    let lines = export(&log, 5);
    let without = |at: usize| [&lines[..at], &lines[at + 1..]].concat();
    assert_eq!(
        verify_offline(&key, &without(3)),
        Err(ExportError::Order { expected: 8, found: 9 })
    );
    let end = ExportError::End { last: 299, size: 300 };
    assert_eq!(verify_offline(&key, &without(lines.len() - 1)), Err(end));
    let mut changed = lines.clone();
    changed[7] = changed[7].replace("done", "dome");
    assert_eq!(verify_offline(&key, &changed), Err(ExportError::Root));
    let mut swapped = lines.clone();
    swapped.swap(7, 8);
    assert_eq!(verify_offline(&key, &swapped), Err(ExportError::Order { expected: 12, found: 13 }));
    let other = Log::new().key();
    assert!(matches!(verify_offline(&other, &lines), Err(ExportError::Checkpoint(_))));
}

#[test]
fn a_log_that_goes_on_meanwhile_is_not_called_damaged() {
    let log = Log::new();
    for size in [3, 256, 300, 700] {
        log.grow(size);
        let (head, expected) = (log.head(), Expected::new(log.key(), Vec::new()));
        // What is read after the head was read has more in it.
        log.grow(size + 40);
        let went_on = |done, _| assert!(done <= head.size);
        let verified = coffer_audit::verify_up_to(log.store(), &head, &expected, went_on);
        let report = log.0.block_on(verified).unwrap();
        assert_eq!((report.problems, report.size, report.pending), (vec![], head.size, 0));
    }
    // More than the head has is in no tile.
    log.tamper(&[&log.set_tile(2, &[log.tile(2), vec![7; 32]].concat())]);
    assert_eq!(log.problems().len(), 1, "{:?}", log.problems());
}

#[test]
fn an_entry_that_was_deleted_before_it_entered_the_log_is_missed() {
    let log = Log::new();
    log.grow(20);
    if log.store().is_shared() {
        // There a row has no number before it is in the log: docs/THREATS.md.
        return;
    }
    log.0.block_on(log.store().write(Fill(3))).unwrap();
    log.tamper(&["DELETE FROM audit_entry WHERE id = 22"]);
    log.catch_up();
    assert_eq!(log.problems(), ["the entry 22 was deleted before it entered the log"]);
}

#[test]
fn an_entry_of_a_read_that_is_altered_before_it_enters_the_log_does_not_fit_it() {
    let log = Log::new();
    let client = log.0.app().client();
    client.set("token", "value").ok();
    log.catch_up();
    if log.store().is_shared() {
        // There a row is hashed when it gets its number: docs/THREATS.md.
        return;
    }
    let first = log.size() + 1;
    for _ in 0..40 {
        client.find("token").ok();
    }
    log.0.flush_audit();
    log.tamper(&[&format!("UPDATE audit_entry SET outcome = 'failed' WHERE id = {}", first + 20)]);
    log.catch_up();
    assert_eq!(log.size(), first + 39);
    assert_eq!(log.problems(), [format!("the entry {} was altered", first + 20)]);
}
