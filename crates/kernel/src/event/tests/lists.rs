//! Lists of many events: complete, whatever they are narrowed by, and found in an index.

use super::*;
use crate::event::store::{NUMBERS, OF_TYPES, TYPES, WHOLE};
use crate::testing::{plan, walks};
use coffer_storage::values;

/// More than two windows.
const COUNT: i64 = 2 * limit::WINDOW_ROWS + 1234;

/// Adds events of the account `acct_1`, one a second, of a common type, another, and a rare one;
/// and fewer of `acct_2`, of many types.
struct Fill;

impl Work for Fill {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        let sql = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT ?1) \
             INSERT INTO event (mode, platform, account, seq, id, created, type, api_version, \
             data, pending_webhooks) SELECT ?2, 'acct_p', ?3, x, ?3 || x, ?4 + x, \
             CASE WHEN ?3 = 'acct_2' THEN 'k.n' || (x % 45) WHEN x % 1000 = 0 THEN 'b.rare' \
             WHEN x % 2 = 0 THEN 'a.common.created' ELSE 'a.common.updated' END, 'v', '{}', \
             CASE WHEN x % 7001 = 0 THEN 1 ELSE 0 END FROM n";
        for (account, count) in [("acct_1", COUNT), ("acct_2", 500)] {
            tx.query_part(sql, &values![count, Mode::Test, account, NOW]).await?;
        }
        Ok(())
    }
}

/// Whether a filter shows the event of `acct_1` with this number.
type Shows = fn(i64) -> bool;

/// The numbers of all events that a filter shows, read page by page.
async fn read_through(store: &Store, account: &str, filter: &EventFilter, newer: bool) -> Vec<i64> {
    let start = if newer { i64::MIN } else { i64::MAX };
    let mut position = PagePosition { newer, seq: start, fetch: 333 };
    let mut numbers = Vec::new();
    loop {
        let events = page(store, &owner(account), position, filter, NOW).await.unwrap();
        numbers.extend(events.iter().map(|event| event.seq));
        match events.last() {
            Some(last) if events.len() == 333 => position.seq = last.seq,
            _ => return numbers,
        }
    }
}

#[tokio::test]
async fn every_page_of_a_narrowed_list_is_complete() {
    let (store, _kept) = store();
    store.write(Fill).await.unwrap();
    let pattern = |text: &str| EventFilter { pattern: Some(text.into()), ..all() };
    let during = |from, to| CreatedRange { from: NOW.plus(from), to: NOW.plus(to) };
    let types = ["b.rare", "no.such", "a.common.created"].map(str::to_owned).to_vec();
    let rows: [(&str, EventFilter, Shows); 11] = [
        ("all", EventFilter { created: CreatedRange::ALL, ..all() }, |_| true),
        ("rare", pattern("b.*"), |n| n % 1000 == 0),
        ("exact", pattern("b.rare"), |n| n % 1000 == 0),
        ("none", pattern("no.such*"), |_| false),
        ("common", pattern("*.updated"), |n| n % 2 != 0),
        ("types", EventFilter { types, ..all() }, |n| n % 2 == 0),
        ("old", EventFilter { created: during(3, 9), ..all() }, |n| (3..=9).contains(&n)),
        ("never", EventFilter { created: during(-9, 0), ..all() }, |_| false),
        ("unsettled", EventFilter { delivery: Delivery::Unsettled, ..all() }, |n| n % 7001 == 0),
        ("both", EventFilter { delivery: Delivery::Unsettled, ..pattern("a.*") }, |n| {
            n % 7001 == 0
        }),
        ("neither", EventFilter { delivery: Delivery::Unsettled, ..pattern("b.*") }, |_| false),
    ];
    for (name, filter, shows) in rows {
        let mut expected: Vec<_> = (1..=COUNT).filter(|number| shows(*number)).collect();
        assert_eq!(read_through(&store, "acct_1", &filter, true).await, expected, "{name}");
        expected.reverse();
        assert_eq!(read_through(&store, "acct_1", &filter, false).await, expected, "{name}");
    }
    let many: Vec<_> = (1..=500).collect();
    assert_eq!(read_through(&store, "acct_2", &pattern("k.*"), true).await, many);
    assert_eq!(read_through(&store, "acct_3", &pattern("k.*"), true).await, [0; 0]);
}

#[tokio::test]
async fn lists_find_their_events_in_an_index() {
    let (store, _kept) = store();
    for sql in WHOLE {
        let plan = plan(&store, sql, 6).await.unwrap();
        assert_eq!(walks(&plan, &[]), [""; 0], "{plan:#?}");
        assert!(!plan.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:#?}");
    }
    for (sql, parameters) in OF_TYPES.map(|sql| (sql, 30)).into_iter().chain([(TYPES, 4)]) {
        let plan = plan(&store, sql, parameters).await.unwrap();
        assert_eq!(walks(&plan, &["one", "every", "types"]), [""; 0], "{plan:#?}");
        let by_type = plan.iter().filter(|step| step.contains("COVERING INDEX event_by_type"));
        assert_eq!(by_type.count(), if sql == TYPES { 2 } else { limit::EVENT_TYPES }, "{plan:#?}");
    }
    let plan = plan(&store, NUMBERS, 3).await.unwrap();
    assert_eq!(walks(&plan, &[]), [""; 0], "{plan:#?}");
}
