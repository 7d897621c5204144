use super::*;

/// The tables that a charge writes to, as Coffer makes them.
const SCHEMA: [&str; 5] = [
    include_str!("../../../../crates/audit/migrations/0001_audit_entry.sql"),
    include_str!("../../../../crates/kernel/migrations/0001_kernel.sql"),
    include_str!("../../../../crates/kernel/migrations/0002_event.sql"),
    include_str!("../../../../crates/ledger/migrations/0001_ledger.sql"),
    include_str!("../../../../crates/reserves/migrations/0001_reserve.sql"),
];

/// The third transaction of a ledger: a charge of 100 of which 10 are held, fees aside. 196608 is
/// its first number.
const ONE_CHARGE: &str = "
    INSERT INTO ledger VALUES (1, 'p', 'a', 3), (1, 'p', 'b', 1);
    INSERT INTO ledger_charge VALUES (1, 'p', 'a', 196608, 'ch_12345678', 100, 'usd', NULL, 0,
        0, NULL, 5, 9, 0, 0, 100, 0);
    INSERT INTO ledger_entry VALUES (1, 'p', 'a', 196609, 'charge', 'ch_12345678', 5),
        (1, 'p', 'a', 196612, 'reserve_hold', 'reshold_12345678', 5);
    INSERT INTO ledger_posting VALUES (1, 'p', 'a', 196609, 0, 4, 0, 100, 'usd', 0),
        (1, 'p', 'a', 196612, 0, 0, 2, 10, 'usd', 0);
    INSERT INTO balance_transaction VALUES (1, 'p', 'a', 196610, 'txn_12345678', 196609, 'charge',
        'ch_12345678', 'usd', 0, 1, 100, 0, 0, 5, 9);
    INSERT INTO reserve_hold VALUES (1, 'p', 'a', 196611, 'reshold_12345678', 5, 10, 0, 'usd', 0,
        'ch_12345678', 7, NULL, 99, NULL, 1, 9, '{}');
    INSERT INTO event_sequence VALUES (1, 'p', 'a', 8);
    INSERT INTO event VALUES (1, 'p', 'a', 8, 'evt_12345678', 5, 'reserve.hold.created', 'v',
        'req_12345678', 'key12345', '{}', 0);
    INSERT INTO ledger_balance VALUES (1, 'p', 'a', 'usd', 0, 90, 0, 10, 0, -100, 0, 0);
    INSERT INTO audit_entry VALUES (5, 'req_12345678', 'k', 'ledger.charges.create', 1, 'p', 'a',
        'ch_12345678', NULL);
    INSERT INTO idempotency_record VALUES (1, 'p', 'a', x'0102030405060708', 'o', x'03',
        'req_12345678', 5, x'04');
";

fn source() -> Connection {
    let source = Connection::open_in_memory().unwrap();
    for sql in SCHEMA.iter().chain(&[ONE_CHARGE]) {
        source.execute_batch(sql).unwrap();
    }
    source
}

fn number(data: &Connection, sql: &str) -> i64 {
    data.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_charge_adds_the_rows_of_the_last_one_again_under_numbers_of_its_own() {
    let (source, target) = (source(), Connection::open_in_memory().unwrap());
    super::super::copy_schema(&source, &target).unwrap();
    let mut numbers = Numbers::new(1);
    for _ in 0..2 {
        let mut charges = Charges::like(&source, &target).unwrap();
        for _ in 0..20 {
            charges.write(&mut numbers).unwrap();
        }
    }
    let each = charge_rows(&source).unwrap();
    assert_eq!(each.len(), PARTS.len() - 3);
    for (table, rows) in each {
        let found = number(&target, &format!("SELECT count(*) FROM {table}"));
        assert_eq!(found, 40 * i64::try_from(rows).unwrap(), "{table}");
    }
    assert_eq!(number(&target, "SELECT count(*) FROM ledger"), 2);
    let apart = "SELECT count(*) FROM ledger_posting p LEFT JOIN ledger_entry e \
                 ON e.mode = p.mode AND e.platform = p.platform AND e.account = p.account \
                 AND e.seq = p.entry WHERE e.seq IS NULL";
    assert_eq!(number(&target, apart), 0);
}

#[test]
fn a_charge_that_wrote_nothing_to_a_table_is_no_pattern() {
    let (source, target) = (source(), Connection::open_in_memory().unwrap());
    super::super::copy_schema(&source, &target).unwrap();
    source.execute_batch("DELETE FROM event").unwrap();
    assert!(Charges::like(&source, &target).err().unwrap().contains("event"));
}
