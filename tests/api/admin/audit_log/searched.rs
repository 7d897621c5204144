//! What a search through the audit says of how far it came: beside entries that were pruned, and
//! beside those that have no number yet.

use super::{Fill, Log};
use coffer_audit::{Found, Search, StoredEntry};

impl Log {
    fn search(&self, asked: &Search, most: usize) -> Found {
        let found = coffer_audit::search(self.store(), asked, 0, u64::MAX, most);
        self.0.block_on(found).unwrap()
    }
}

#[test]
fn a_search_says_that_it_has_not_seen_what_was_pruned() {
    let log = Log::new();
    log.grow(40);
    let all = log.search(&Search::default(), 100);
    assert_eq!((all.entries.len(), all.looked_from, all.looked_back_to), (40, 1, None));
    log.0.admin().post("/v1/admin/audit/prune", &[("before", "20")]);
    for are_gone in [false, true] {
        let rest = log.search(&Search::default(), 100);
        let oldest = rest.entries.last().unwrap();
        assert_eq!((oldest.id, rest.looked_from), (21, 21), "{are_gone}");
        assert_eq!(rest.looked_back_to, Some(oldest.at()));
        let absent = Search { operation: "program.absent".to_owned(), ..Search::default() };
        assert_eq!(log.search(&absent, 100).looked_back_to, Some(oldest.at()));
        log.0.run_jobs();
    }
    assert_eq!(log.0.count("audit_entry WHERE id <= 20"), 0);
    // Nothing is left that would say since when there are entries, but the head does.
    log.tamper(&["DELETE FROM audit_entry"]);
    let none = log.search(&Search::default(), 100);
    assert_eq!((none.entries.len(), none.looked_back_to), (0, Some(log.head().at)));
}

#[test]
fn entries_without_a_number_are_found_before_and_besides_those_that_have_one() {
    let log = Log::new();
    log.grow(40);
    log.0.block_on(log.store().write(Fill(5))).unwrap();
    let asked =
        |looked_at| Search { operation: "program.test".to_owned(), looked_at, ..Search::default() };
    // Those that fill the answer tell how far back it goes, with a number or without.
    let few = log.search(&asked(None), 3);
    let amounts: Vec<_> = few.entries.iter().map(|entry| entry.int("amount")).collect();
    assert_eq!(amounts, [Some(4), Some(3), Some(2)]);
    assert_eq!(few.looked_back_to, few.entries.last().map(StoredEntry::at));
    let one = log.search(&asked(Some(1)), 100);
    let besides = if log.store().is_shared() { 5 } else { 0 };
    assert_eq!(one.entries.len(), besides + 1);
    assert!(one.entries[..besides].iter().all(|entry| entry.id == 0));
    assert!(one.entries[besides].id >= 40, "the newest that has a number");
    assert_eq!(one.looked_back_to, one.entries.last().map(StoredEntry::at));
}
