//! What somebody does to the log who can write to the data store and has none of its keys: the
//! server neither signs it nor deletes anything for it, and says so.

use super::{Fill, LEVEL_1, Log, SIZE, TABLES};
use coffer_audit::tile::perfect_root;
use coffer_audit::tree::leaf_hash;
use coffer_audit::{Expected, Problem, Report, Sequencer, canonical};
use coffer_base::Timestamp;
use coffer_keyring::AuditMark;
use coffer_storage::Value;
use std::sync::Arc;
use std::time::Duration;

/// What the server says of a log that it does not continue.
const NOT_READY: &str = "the audit's log does not continue its signed head";

impl Log {
    /// Has a server continue the log that has just started, so that it knows of the log what is
    /// stored.
    fn catch_up_anew(&self) -> Result<u64, String> {
        let context = &self.0.server().installation().context;
        let sequencer = Sequencer::new(self.store().clone(), Arc::clone(&context.keyring));
        let ran = self.0.block_on(sequencer.run(Timestamp::from_unix(1_900_000_000)));
        ran.map_err(|error| error.to_string())
    }

    /// What the key store knows of the log.
    fn mark(&self) -> Option<AuditMark> {
        let keys = &self.0.server().installation().stores.keys;
        self.0.block_on(coffer_keyring::audit_mark(keys)).unwrap()
    }

    fn verify_beside_keys(&self) -> Report {
        let expected = Expected::new(self.key(), Vec::new()).beside(self.mark());
        self.0.block_on(coffer_audit::verify(self.store(), &expected, |_, _| ())).unwrap()
    }

    fn ready(&self) -> (u16, String) {
        let answer = self.0.anonymous().get("/readyz", &[]);
        (answer.status, answer.body)
    }

    /// Whether the metrics say that something is wrong with the log.
    fn broken(&self) -> f64 {
        self.0.scrape().value("coffer_audit_log_broken")
    }

    /// Makes the tables of the log what they were, and leaves the entries.
    fn restore_log(&self, name: &str) {
        let statements = ["audit_head", "audit_tile"].map(|table| {
            [
                format!("DELETE FROM {table}"),
                format!("INSERT INTO {table} SELECT * FROM {name}_{table}"),
            ]
        });
        self.0.tamper(&TABLES, &statements.concat());
    }

    /// The hash of an entry as its row is now.
    fn leaf(&self, id: i64) -> Vec<u8> {
        let columns = canonical::COLUMNS.join(", ");
        let sql = format!("SELECT {columns} FROM audit_entry WHERE id = ?");
        let row = self.0.query(&sql, &[Value::Int(id)]).remove(0);
        leaf_hash(&canonical::encode(&row.into_values())).to_vec()
    }

    /// Rewrites an entry, its hash, and the hash of its tile in the one above, as they would be if
    /// it had always been so. Nothing of that takes a key.
    fn rewrite(&self, id: i64) {
        self.tamper(&[&format!("UPDATE audit_entry SET actor = 'nobody' WHERE id = {id}")]);
        let (tile, at) = ((id - 1) / 256, ((id - 1) % 256) as usize * 32);
        let mut hashes = self.tile(tile);
        hashes[at..at + 32].copy_from_slice(&self.leaf(id));
        let mut statements = vec![self.set_tile(tile, &hashes)];
        if hashes.len() == 256 * 32 {
            let leaves: Vec<[u8; 32]> = hashes.as_chunks().0.to_vec();
            let mut above = self.tile(LEVEL_1);
            let at = tile as usize * 32;
            above[at..at + 32].copy_from_slice(&perfect_root(&leaves).unwrap());
            statements.push(self.set_tile(LEVEL_1, &above));
        }
        self.0.tamper(&TABLES, &statements);
    }
}

#[test]
fn a_log_that_was_rewritten_throughout_is_not_signed() {
    let log = Log::new();
    log.grow(SIZE);
    log.save("whole");
    let note = log.head().note;
    // In a full tile, and in the last one.
    for id in [5, 590] {
        log.rewrite(id);
        log.0.block_on(log.store().write(Fill(3))).unwrap();
        let refused = log.catch_up_anew().unwrap_err();
        assert!(refused.contains("do not give the root that was signed"), "{refused}");
        assert_eq!(log.head().note, note, "nothing was signed");
        assert_eq!(log.problems(), ["the tiles do not give the root that was signed"], "{id}");
        log.restore("whole");
    }
    log.0.block_on(log.store().write(Fill(3))).unwrap();
    assert_eq!(log.catch_up_anew(), Ok(3));
    assert_eq!(log.problems(), [""; 0]);
}

#[test]
fn a_server_whose_log_was_changed_says_so_and_goes_on_once_it_is_put_right() {
    let log = Log::new();
    log.grow(SIZE);
    assert_eq!(log.ready().0, 200);
    let cases = [
        ("head", "DELETE FROM audit_head"),
        ("note", "UPDATE audit_head SET note = substr(note, 2)"),
        ("size", "UPDATE audit_head SET size = size - 1"),
        ("tile", "DELETE FROM audit_tile WHERE place = 2"),
        ("tiles", "DELETE FROM audit_tile"),
    ];
    for (name, statement) in cases {
        log.save(name);
        log.tamper(&[statement]);
        log.0.block_on(log.store().write(Fill(1))).unwrap();
        let refused = log.catch_up_anew().unwrap_err();
        assert!(refused.contains("nothing is added to the audit's log"), "{statement}: {refused}");
        assert!(!log.problems().is_empty(), "{statement}");
        // This server knows its tiles, and notices what was done to the head.
        log.0.run_jobs();
        if statement.contains("audit_head") {
            let (status, said) = log.ready();
            assert_eq!(status, 503, "{statement}");
            assert!(said.contains(NOT_READY), "{said}");
            assert_eq!(log.broken(), 1.0, "{statement}");
            // What is in the log can still be read, and things can be done.
            log.0.admin().get("/v1/admin/audit", &[("limit", "1")]).ok();
            log.0.account();
            log.restore_log(name);
        }
        log.catch_up();
        assert_eq!((log.ready().0, log.broken()), (200, 0.0), "{statement}");
        let missing = format!(
            "INSERT INTO audit_tile SELECT * FROM {name}_audit_tile \
             WHERE place NOT IN (SELECT place FROM audit_tile)"
        );
        log.tamper(&[&missing]);
        assert_eq!(log.problems(), [""; 0], "{statement}");
    }
}

/// Whoever deletes all of it leaves nothing in the data store that would show it.
#[test]
fn a_log_that_is_gone_with_all_its_entries_is_known_to_the_key_store() {
    let log = Log::new();
    log.grow(300);
    log.0.run_jobs();
    assert_eq!(log.verify_beside_keys().problems, []);
    let older = log.head().size;
    log.save("older");
    log.grow(400);
    log.0.clock.pass(Duration::from_secs(60));
    log.0.run_jobs();
    let known = log.mark().unwrap().size;
    assert!(known > older);
    let in_words = || -> Vec<String> {
        log.verify_beside_keys().problems.iter().map(Problem::to_string).collect()
    };
    assert_eq!(in_words(), [""; 0]);

    log.save("newer");
    log.restore("older");
    let place = "the key store".to_owned();
    let back = Problem::RolledBack { place, anchored: known, size: older };
    assert_eq!(log.verify_beside_keys().problems, [back]);

    log.restore("newer");
    log.0.tamper(&TABLES, &TABLES.map(|table| format!("DELETE FROM {table}")));
    assert_eq!(log.problems(), [""; 0], "nothing in the data store shows it");
    let found = in_words();
    assert!(found.iter().any(|one| one.contains("the head is missing")), "{found:?}");
    assert!(found.iter().any(|one| one.contains("the key store has a checkpoint")), "{found:?}");
    log.0.block_on(log.store().write(Fill(3))).unwrap();
    let refused = log.catch_up_anew().unwrap_err();
    assert!(refused.contains("the key store knows it with"), "{refused}");
    assert!(refused.contains("--accept-rollback"), "{refused}");

    // An operator who has done that himself says so, and the log begins anew.
    let keys = &log.0.server().installation().stores.keys;
    log.0.block_on(coffer_keyring::forget_audit_mark(keys)).unwrap();
    assert!(log.catch_up_anew().unwrap() >= 3);
}

/// One number in the database would have the server delete what it is to keep.
#[test]
fn nothing_is_deleted_for_a_number_that_nobody_signed() {
    let log = Log::new();
    log.grow(SIZE);
    // From then on the key store knows the log, and pruning is signed.
    log.0.run_jobs();
    log.save("whole");
    log.tamper(&["UPDATE audit_head SET pruned = 500"]);
    log.0.run_jobs();
    assert_eq!(log.0.count("audit_entry WHERE id <= 500"), 500);
    assert_eq!((log.broken(), log.ready().0), (1.0, 200), "it is said, and the log goes on");
    let found = log.verify_beside_keys().problems;
    assert_eq!(found, [Problem::PrunedAltered { says: 500, signed: 0 }]);

    // Nor with an entry that says that somebody had them pruned, and with the entries gone.
    let forged = "INSERT INTO audit_entry (format, at, server, actor_kind, mode, app, account, \
                  operation, subject, outcome) SELECT format, at, server, 'admin', mode, app, \
                  account, 'admin.audit.prune', '500', 'done' FROM audit_entry WHERE id = 600";
    log.tamper(&[forged, "DELETE FROM audit_entry WHERE id = 300"]);
    log.0.run_jobs();
    assert_eq!(log.0.count("audit_entry WHERE id <= 500"), 499);
    let found = log.verify_beside_keys().problems;
    let altered = Problem::PrunedAltered { says: 500, signed: 0 };
    assert_eq!(found, [altered, Problem::Missing(300..=300)]);

    // What the operator has pruned is signed anew, and then what was put there is of no use.
    log.restore("whole");
    let admin = log.0.admin();
    assert_eq!(admin.post("/v1/admin/audit/prune", &[("before", "100")]).status, 202);
    log.0.run_jobs();
    assert_eq!(log.0.count("audit_entry WHERE id <= 100"), 0);
    assert_eq!((log.verify_beside_keys().problems, log.broken()), (vec![], 0.0));
    log.tamper(&["UPDATE audit_head SET pruned = 200"]);
    log.0.run_jobs();
    assert_eq!(log.0.count("audit_entry WHERE id <= 200"), 100);
    let found = log.verify_beside_keys().problems;
    assert_eq!(found, [Problem::PrunedAltered { says: 200, signed: 100 }]);
}

/// An attempt to prune, and what somebody without the right says, excuses nothing.
#[test]
fn only_what_an_operator_had_pruned_explains_entries_that_are_gone() {
    let log = Log::new();
    log.grow(300);
    log.0.run_jobs();
    let admin = log.0.admin();
    admin.post("/v1/admin/audit/prune", &[("before", "100")]);
    log.catch_up();
    assert_eq!(log.verify_beside_keys().problems, []);
    let cases = [
        "UPDATE audit_entry SET outcome = 'refused' WHERE operation = 'admin.audit.prune'",
        "UPDATE audit_entry SET actor_kind = 'app' WHERE operation = 'admin.audit.prune'",
        "UPDATE audit_entry SET subject = '200' WHERE operation = 'admin.audit.prune'",
    ];
    log.save("whole");
    for statement in cases {
        log.tamper(&[statement]);
        let found = log.verify_beside_keys().problems;
        assert_eq!(found[0], Problem::PrunedByNobody(100), "{statement}: {found:?}");
        assert!(matches!(found[1..], [Problem::Altered(_)]), "{statement}: {found:?}");
        log.restore("whole");
    }
}

/// The version before did not sign what was pruned: that is done once, and then never again.
#[test]
fn a_store_of_the_version_before_is_sealed_once() {
    let log = Log::new();
    log.grow(300);
    log.0.admin().post("/v1/admin/audit/prune", &[("before", "100")]);
    log.catch_up();
    log.tamper(&["UPDATE audit_head SET pruned_note = NULL"]);
    assert_eq!(log.verify_beside_keys().problems, [], "no server has marked it yet");
    log.0.run_jobs();
    assert_eq!(log.0.count("audit_entry WHERE id <= 100"), 0);
    assert_eq!((log.verify_beside_keys().problems, log.broken()), (vec![], 0.0));
    log.tamper(&["UPDATE audit_head SET pruned_note = NULL"]);
    log.0.clock.pass(Duration::from_secs(60));
    log.0.run_jobs();
    assert_eq!(log.broken(), 1.0);
    let found = log.verify_beside_keys().problems;
    assert_eq!(found[0], Problem::PrunedAltered { says: 100, signed: 0 });
}
