use super::super::store::one_number;
use super::super::{Unit, text};
use super::*;
use crate::data::{Numbers, push_hex, scatter};
use rusqlite::Connection;

/// Tables of every kind: numbered by SQLite or not, with digests as bytes and as numbers, with a
/// row that changes, and one that is none of the requests' business.
const SCHEMA: &str = "
    CREATE TABLE tenant (number INTEGER PRIMARY KEY, account TEXT);
    CREATE TABLE secret (number INTEGER PRIMARY KEY, tenant INTEGER, digest INTEGER, sealed BLOB,
        name TEXT, kind TEXT, created INTEGER);
    CREATE UNIQUE INDEX secret_by_digest ON secret (digest);
    CREATE TABLE ledger (account TEXT PRIMARY KEY, last INTEGER) WITHOUT ROWID;
    CREATE TABLE posting (account TEXT, seq INTEGER, amount INTEGER, id TEXT,
        PRIMARY KEY (account, seq)) WITHOUT ROWID;
    CREATE TABLE entry (id INTEGER PRIMARY KEY, operation TEXT);
    CREATE TABLE clock (id INTEGER PRIMARY KEY, seen INTEGER);
    INSERT INTO clock VALUES (1, 0);
";

const ACCOUNTS: i64 = 8;

fn name(number: i64) -> String {
    let mut name = b"token_".to_vec();
    push_hex(&mut name, scatter(number as u64));
    String::from_utf8(name).unwrap()
}

/// A request on an account: one row that is numbered, two that are not, and one that changes.
fn request(store: &Connection, number: i64) -> rusqlite::Result<()> {
    let account = format!("acct_{}", number % ACCOUNTS);
    store.execute(
        "INSERT INTO secret VALUES (NULL, ?1, ?2, ?3, ?4, 'it''s', ?5)",
        (
            number % ACCOUNTS + 1,
            i64::from_le_bytes(scatter(number as u64).to_le_bytes()),
            scatter(!number as u64).to_le_bytes(),
            name(number),
            1_700_000_000 + number / 3,
        ),
    )?;
    store.execute("UPDATE ledger SET last = last + 1 WHERE account = ?", [&account])?;
    store.execute("INSERT INTO entry (operation) VALUES ('set')", [])?;
    for (place, amount) in [(0, 100), (1, 7)] {
        store.execute(
            "INSERT INTO posting SELECT account, last << 16 | ?2, ?3, ?4 FROM ledger \
             WHERE account = ?1",
            (&account, place, amount, name(number * 2 + place)),
        )?;
    }
    Ok(())
}

fn learned() -> Learned {
    let store = Connection::open_in_memory().unwrap();
    store.execute_batch(SCHEMA).unwrap();
    for number in 0..ACCOUNTS {
        let account = format!("acct_{number}");
        store.execute("INSERT INTO tenant (account) VALUES (?)", [&account]).unwrap();
        store.execute("INSERT INTO ledger VALUES (?, ?)", (&account, number)).unwrap();
    }
    let layout = Layout::read(&store).unwrap();
    let mut before = layout.snapshot(&store).unwrap();
    let mut requests = Vec::new();
    for number in 0..2 * ACCOUNTS {
        request(&store, number).unwrap();
        if number == 5 {
            // Something else happens at the same time: what no request writes is not looked at.
            store.execute_batch("UPDATE clock SET seen = seen + 1").unwrap();
        }
        if number == 6 {
            let again = "INSERT INTO posting SELECT account, seq + 9, amount, 'other' FROM posting";
            store.execute_batch(&format!("{again} WHERE account = 'acct_6' LIMIT 1")).unwrap();
        }
        let now = layout.snapshot(&store).unwrap();
        requests.push(now.since(&before));
        before = now;
    }
    learn(&layout, &requests).unwrap()
}

#[test]
fn what_requests_write_is_learned_with_what_is_new_in_it() {
    let learned = learned();
    let expected = [("secret", 1), ("posting", 2), ("entry", 1)];
    assert_eq!(learned.added, expected.map(|(table, rows)| (table.to_owned(), rows)));
    assert_eq!(learned.operation.as_deref(), Some("set"));
    assert_eq!(learned.words(), "adds 1 secret, 2 posting, 1 entry, and changes a row of ledger");
    let parts = Parts::of(&learned.text).unwrap();
    assert!(parts.schema.contains("secret_by_digest") && !parts.schema.contains("clock"));
    let target = Connection::open_in_memory().unwrap();
    target.execute_batch(parts.schema).unwrap();
    let mut unit = Unit::prepare(&parts, &target).unwrap();
    let mut numbers = Numbers::new(1);
    (0..21).for_each(|number| unit.write(number, &mut numbers).unwrap());
    let count = |sql: &str| one_number(&target, &format!("SELECT count(*) FROM {sql}")).unwrap();
    let secrets = "secret WHERE name LIKE 'token_________________' AND kind = 'it''s' \
                   AND length(sealed) = 8 AND tenant BETWEEN 1 AND 8 AND created > 1700000000";
    assert_eq!(count(secrets), 21);
    assert_eq!(count("(SELECT DISTINCT digest FROM secret)"), 21);
    // One account was disturbed, so seven take three turns each.
    assert_eq!(count("ledger"), 7);
    assert_eq!(count("(SELECT DISTINCT tenant FROM secret)"), 7);
    assert_eq!(count("posting WHERE seq & 65535 = 0 AND amount = 100"), 21);
    assert_eq!(count("posting WHERE seq & 65535 = 1 AND amount = 7"), 21);
    let last = "posting JOIN ledger USING (account) WHERE seq >> 16 = last";
    assert_eq!(count(last), 14);
    assert_eq!(count("ledger WHERE account = 'acct_1' AND last = 1 + 2 + 3"), 1);
}

#[test]
fn requests_that_differ_from_each_other_are_no_pattern() {
    let store = Connection::open_in_memory().unwrap();
    store.execute_batch("CREATE TABLE t (id TEXT)").map_err(text).unwrap();
    let layout = Layout::read(&store).unwrap();
    let rows = |count| vec![Change { added: vec![vec![Cell::Null]; count], changed: Vec::new() }];
    let requests: Vec<_> = [1, 2, 3, 4].map(rows).into();
    assert!(learn(&layout, &requests).unwrap_err().contains("wrote alike"));
    let requests: Vec<_> = [0, 0, 0, 0].map(rows).into();
    assert!(learn(&layout, &requests).unwrap_err().contains("no request added"));
}
