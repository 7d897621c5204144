//! The units that the benchmark itself defines. They do not change when Coffer's tables do, so that
//! a ratio to them means the same in every revision.

/// A secret's row alone: version 0.1.0's table, with its index, and a row as it had one for a
/// payload of a hundred characters.
pub const SECRET: &str = include_str!("frozen/secret.sql");

/// A charge under one active plan: the rows that version 0.1.0 added and changed, in its tables
/// with their indexes.
pub const CHARGE: &str = include_str!("frozen/charge.sql");

#[cfg(test)]
mod tests {
    use super::super::{Parts, Unit, store};
    use super::*;
    use crate::data::Numbers;
    use rusqlite::Connection;

    fn carried_out(text: &str, times: u64) -> Connection {
        let parts = Parts::of(text).unwrap();
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(parts.schema).unwrap();
        let mut unit = Unit::prepare(&parts, &connection).unwrap();
        let mut numbers = Numbers::new(1);
        (0..times).for_each(|number| unit.write(number, &mut numbers).unwrap());
        drop(unit);
        connection
    }

    #[test]
    fn a_secret_has_five_key_columns_and_about_five_hundred_bytes() {
        let connection = carried_out(SECRET, 1000);
        let layout = store::Layout::read(&connection).unwrap();
        assert_eq!(layout.tables[0].key.len(), 5);
        assert_eq!(layout.counts(&connection, None).unwrap()["secret"], 1000);
        let pages = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size";
        let bytes = store::one_number(&connection, pages).unwrap() / 1000;
        assert!((400..600).contains(&bytes), "{bytes}");
    }

    #[test]
    fn a_charge_adds_thirteen_rows_and_changes_three() {
        let connection = carried_out(CHARGE, 1000);
        let layout = store::Layout::read(&connection).unwrap();
        let mut counts = layout.counts(&connection, None).unwrap();
        for changed in ["ledger", "ledger_balance", "event_sequence"] {
            assert_eq!(counts.remove(changed), Some(200), "{changed}");
        }
        assert_eq!(counts.values().sum::<u64>(), 13 * 1000);
        let apart = "SELECT count(*) FROM ledger_posting p LEFT JOIN ledger_entry e \
                     ON e.account = p.account AND e.seq = p.entry WHERE e.seq IS NULL";
        assert_eq!(store::one_number(&connection, apart), Ok(0));
    }
}
