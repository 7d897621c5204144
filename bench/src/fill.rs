//! Many holds in little time: copies of a hold that Coffer made, written straight into its store
//! while it is stopped, by the rules that Coffer keeps. Triggers and constraints stay in force.

use crate::args::Result;
use crate::unit::text;
use rusqlite::Connection;
use std::fs::File;
use std::path::Path;

/// Page cache while filling, in KiB: the indexes of random ids are written to all over.
const CACHE_KIB: i64 = 1024 * 1024;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// How long ago the copies say that they were made: so long that their events have been pruned.
const AGE: i64 = 40 * DAY;

/// What is to be written.
pub struct Fill<'a> {
    /// The accounts, each of which has one standalone hold that is not released.
    pub accounts: &'a [String],
    /// Copies for each of them.
    pub copies: u64,
    /// The midnight at which all holds of these accounts are due; without it, as the first is.
    pub due: Option<i64>,
}

/// A table of which each hold has rows, and what is new in their columns. `h` is the new hold, `t`
/// the row of the first one.
struct Part {
    table: &'static str,
    new: &'static [(&'static str, &'static str)],
}

const PARTS: [Part; 3] = [
    Part {
        table: "ledger_entry",
        new: &[
            ("seq", "(h.seq >> 16 << 16) | (t.seq & 65535)"),
            ("source", "h.id"),
            ("created", "h.created"),
        ],
    },
    Part { table: "ledger_posting", new: &[("entry", "(h.seq >> 16 << 16) | (t.entry & 65535)")] },
    Part {
        table: "balance_transaction",
        new: &[
            ("seq", "(h.seq >> 16 << 16) | (t.seq & 65535)"),
            ("entry", "(h.seq >> 16 << 16) | (t.entry & 65535)"),
            ("id", "'txn_' || substr(lower(hex(randomblob(15))), 1, 29)"),
            ("source", "h.id"),
            ("created", "h.created"),
            ("available_on", "h.created"),
        ],
    },
];

/// Writes the copies into the store at `file`, which no server has open.
pub fn holds(file: &Path, fill: &Fill<'_>) -> Result<()> {
    let data = Connection::open(file).map_err(text)?;
    data.pragma_update(None, "cache_size", -CACHE_KIB).map_err(text)?;
    // What is being made need not survive a loss of power; what is measured afterwards must.
    data.pragma_update(None, "synchronous", "OFF").map_err(text)?;
    for mode in ["DELETE", "MEMORY"] {
        data.pragma_update(None, "journal_mode", mode).map_err(text)?;
    }
    data.execute_batch("BEGIN IMMEDIATE").map_err(text)?;
    write(&data, fill)?;
    data.execute_batch("COMMIT").map_err(text)?;
    data.pragma_update(None, "journal_mode", "WAL").map_err(text)?;
    data.close().map_err(|(_, error)| text(error))?;
    File::open(file).and_then(|file| file.sync_all()).map_err(|error| error.to_string())
}

/// How the figures that follow from the holds change with their copies.
const FOLLOWING: [&str; 4] = [
    "UPDATE ledger_balance SET \
     payments_available = payments_available - f.amount * {copies}, \
     reserved_available = reserved_available + f.amount * {copies} FROM temp.first_hold f \
     WHERE ledger_balance.mode = f.mode AND ledger_balance.platform = f.platform \
     AND ledger_balance.account = f.account AND ledger_balance.currency = f.currency \
     AND ledger_balance.source_type = f.source_type",
    "UPDATE ledger_balance_at SET \
     payments_available = payments_available - f.amount * {copies}, \
     reserved_available = reserved_available + f.amount * {copies} FROM temp.first_hold f \
     WHERE ledger_balance_at.mode = f.mode AND ledger_balance_at.platform = f.platform \
     AND ledger_balance_at.account = f.account AND ledger_balance_at.currency = f.currency \
     AND ledger_balance_at.source_type = f.source_type AND NOT EXISTS (SELECT 1 \
     FROM ledger_balance_at n WHERE n.mode = f.mode AND n.platform = f.platform \
     AND n.account = f.account AND n.currency = f.currency \
     AND n.source_type = f.source_type AND n.at > ledger_balance_at.at)",
    "UPDATE ledger_figure_at SET amount = ledger_figure_at.amount + f.amount * {copies} \
     FROM temp.first_hold f WHERE ledger_figure_at.mode = f.mode \
     AND ledger_figure_at.platform = f.platform AND ledger_figure_at.account = f.account \
     AND ledger_figure_at.figure = CASE WHEN f.scheduled_release IS NULL THEN 2 ELSE 1 END \
     AND ledger_figure_at.currency = f.currency \
     AND ledger_figure_at.item = COALESCE(f.scheduled_release, f.plan) \
     AND NOT EXISTS (SELECT 1 FROM ledger_figure_at n WHERE n.mode = f.mode \
     AND n.platform = f.platform AND n.account = f.account \
     AND n.figure = ledger_figure_at.figure AND n.currency = f.currency \
     AND n.item = ledger_figure_at.item AND n.at > ledger_figure_at.at)",
    "UPDATE ledger SET last_tx = last_tx + {copies} FROM temp.first_hold f \
     WHERE ledger.mode = f.mode AND ledger.platform = f.platform \
     AND ledger.account = f.account",
];

fn write(data: &Connection, fill: &Fill<'_>) -> Result<()> {
    patterns(data, fill)?;
    let hold_columns = columns(data, "reserve_hold", |column| match column {
        "seq" => "(l.last_tx + n.number) << 16".to_owned(),
        "id" => "'reshold_' || substr(lower(hex(randomblob(15))), 1, 29)".to_owned(),
        "created" | "available_on" => format!("t.{column} - {AGE}"),
        _ => format!("t.{column}"),
    })?;
    let copies = fill.copies;
    let numbers = format!(
        "WITH RECURSIVE n (number) AS (VALUES (1) UNION ALL \
         SELECT number + 1 FROM n WHERE number < {copies})"
    );
    run(
        data,
        &format!(
            "{numbers} INSERT INTO reserve_hold SELECT {hold_columns} FROM temp.first_hold t \
             CROSS JOIN ledger l ON l.mode = t.mode AND l.platform = t.platform \
             AND l.account = t.account CROSS JOIN n"
        ),
    )?;
    for part in &PARTS {
        let columns = columns(data, part.table, |column| {
            let new = part.new.iter().find(|(name, _)| *name == column);
            new.map_or_else(|| format!("t.{column}"), |(_, value)| (*value).to_owned())
        })?;
        // The numbers of the copies are those that the ledger has not reached yet.
        run(
            data,
            &format!(
                "INSERT INTO {0} SELECT {columns} FROM temp.first_hold f \
                 CROSS JOIN ledger l ON l.mode = f.mode AND l.platform = f.platform \
                 AND l.account = f.account CROSS JOIN reserve_hold h ON h.mode = f.mode \
                 AND h.platform = f.platform AND h.account = f.account \
                 AND h.seq >= (l.last_tx + 1) << 16 CROSS JOIN temp.first_{0} t \
                 ON t.account = f.account AND t.mode = f.mode",
                part.table
            ),
        )?;
    }
    for statement in FOLLOWING {
        run(data, &statement.replace("{copies}", &copies.to_string()))?;
    }
    Ok(())
}

/// Puts the rows of each account's first hold aside, with the date that all are to have.
fn patterns(data: &Connection, fill: &Fill<'_>) -> Result<()> {
    run(data, "CREATE TEMP TABLE chosen (account TEXT PRIMARY KEY)")?;
    for account in fill.accounts {
        data.execute("INSERT INTO temp.chosen VALUES (?)", [account]).map_err(text)?;
    }
    if let Some(due) = fill.due {
        data.execute(
            "UPDATE reserve_hold SET scheduled_release = ?1, release_after = ?1 - 1 \
             WHERE account IN (SELECT account FROM temp.chosen)",
            [due],
        )
        .map_err(text)?;
        data.execute(
            "UPDATE ledger_figure_at SET item = ?1 WHERE figure = 1 \
             AND account IN (SELECT account FROM temp.chosen)",
            [due],
        )
        .map_err(text)?;
    }
    run(
        data,
        "CREATE TEMP TABLE first_hold AS SELECT * FROM reserve_hold \
         WHERE account IN (SELECT account FROM temp.chosen) AND charge IS NULL",
    )?;
    run(
        data,
        "CREATE TEMP TABLE first_ledger_entry AS SELECT e.* FROM ledger_entry e \
         JOIN temp.first_hold f ON e.mode = f.mode AND e.account = f.account \
         AND e.source = f.id",
    )?;
    for table in ["ledger_posting", "balance_transaction"] {
        run(
            data,
            &format!(
                "CREATE TEMP TABLE first_{table} AS SELECT r.* FROM {table} r \
                 JOIN temp.first_ledger_entry e ON r.mode = e.mode AND r.account = e.account \
                 AND r.entry = e.seq"
            ),
        )?;
    }
    let chosen = i64::try_from(fill.accounts.len()).map_err(|error| error.to_string())?;
    let count = "SELECT (SELECT count(*) FROM temp.first_hold), \
                 (SELECT count(*) FROM temp.first_ledger_posting)";
    let found: (i64, i64) =
        data.query_row(count, [], |row| Ok((row.get(0)?, row.get(1)?))).map_err(text)?;
    if found == (chosen, chosen) {
        Ok(())
    } else {
        Err(format!("{chosen} accounts have (holds, postings) {found:?}, not one of each"))
    }
}

/// Copies the one event of an account until it has `count`, in the store at `file`, which no server
/// has open.
pub fn events(file: &Path, account: &str, count: u64) -> Result<()> {
    let data = Connection::open(file).map_err(text)?;
    data.pragma_update(None, "cache_size", -CACHE_KIB).map_err(text)?;
    data.pragma_update(None, "synchronous", "OFF").map_err(text)?;
    let names = event_columns(&data)?;
    for statement in event_copies(&names, account, count, "lower(hex(randomblob(14)))") {
        run(&data, &statement)?;
    }
    data.close().map_err(|(_, error)| text(error))?;
    File::open(file).and_then(|file| file.sync_all()).map_err(|error| error.to_string())
}

fn event_columns(data: &Connection) -> Result<Vec<String>> {
    let event = data.prepare("SELECT * FROM event").map_err(text)?;
    Ok(event.column_names().map(str::to_owned).collect())
}

/// The statements that copy an account's first event, with random ids from `random` and with
/// numbers of their own, and that set the number of the last one.
pub fn event_copies(columns: &[String], account: &str, count: u64, random: &str) -> [String; 2] {
    let new = columns.iter().map(|column| match column.as_str() {
        "seq" => "t.seq + n.number".to_owned(),
        "id" => format!("'evt_' || {random}"),
        column => format!("t.{column}"),
    });
    let new = new.collect::<Vec<_>>().join(", ");
    let copy = format!(
        "WITH RECURSIVE n (number) AS (VALUES (1) UNION ALL \
         SELECT number + 1 FROM n WHERE number < {count}) \
         INSERT INTO event SELECT {new} FROM event t CROSS JOIN n \
         WHERE t.account = '{account}' AND t.seq = (SELECT min(seq) FROM event \
         WHERE account = '{account}') AND NOT EXISTS (SELECT 1 FROM event e \
         WHERE e.account = t.account AND e.seq = t.seq + n.number)"
    );
    let last = format!(
        "UPDATE event_sequence SET seq = (SELECT max(seq) FROM event \
         WHERE account = '{account}') WHERE account = '{account}'"
    );
    [copy, last]
}

/// The columns of a table in their order, each as `new` says.
fn columns(data: &Connection, table: &str, new: impl Fn(&str) -> String) -> Result<String> {
    let statement = data.prepare(&format!("SELECT * FROM {table}")).map_err(text)?;
    let columns: Vec<String> = statement.column_names().map(new).collect();
    Ok(columns.join(", "))
}

fn run(data: &Connection, sql: &str) -> Result<()> {
    data.execute(sql, []).map(drop).map_err(|error| format!("{sql}: {error}"))
}

/// Makes the store look as if its server had not run since two days before `due`, so that what is
/// due then is found when it starts.
pub fn away_since_before(file: &Path, due: i64) -> Result<()> {
    let data = Connection::open(file).map_err(text)?;
    data.execute("UPDATE watermark SET at = min(at, ?)", [due - 2 * DAY]).map(drop).map_err(text)
}

/// The last midnight, in UTC and Unix seconds, by the clock of the machine.
pub fn last_midnight() -> Result<i64> {
    #[expect(clippy::disallowed_methods, reason = "the server under test goes by this clock too")]
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).map_err(|error| error.to_string())?;
    let seconds = i64::try_from(since.as_secs()).map_err(|error| error.to_string())?;
    Ok(seconds - seconds % DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An account with money and one hold of 100, made in its second ledger transaction.
    const FIRST_HOLD: &str = "
        INSERT INTO watermark VALUES ('task', 1000000);
        INSERT INTO ledger (mode, platform, account, last_tx, last_at)
            VALUES (1, 'p', 'a', 2, 5), (1, 'p', 'b', 9, 5);
        INSERT INTO ledger_entry VALUES (1, 'p', 'a', 131073, 'reserve_hold', 'reshold_1', 5);
        INSERT INTO ledger_posting VALUES (1, 'p', 'a', 131073, 0, 1, 3, 100, 'usd', 0);
        INSERT INTO balance_transaction (mode, platform, account, seq, id, entry, kind, source,
            currency, reserved, pending, amount, fee, application_fee, created, available_on,
            told) VALUES
            (1, 'p', 'a', 131074, 'txn_1', 131073, 'reserve_hold', 'reshold_1', 'usd', 0, 0, -100,
             0, 0, 5, 5, 0),
            (1, 'p', 'a', 131075, 'txn_2', 131073, 'reserve_hold', 'reshold_1', 'usd', 1, 0, 100,
             0, 0, 5, 5, 0);
        INSERT INTO reserve_hold VALUES (1, 'p', 'a', 131072, 'reshold_1', 5, 100, 0, 'usd', 0,
            NULL, NULL, 6, 86400, NULL, 0, 5, '{}');
        INSERT INTO ledger_balance VALUES (1, 'p', 'a', 'usd', 0, 0, 900, 0, 100, -1000, 0, 0);
    ";

    fn number(data: &Connection, sql: &str) -> i64 {
        data.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn copies_are_holds_with_books_that_agree() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("store.db");
        let data = Connection::open(&file).unwrap();
        for sql in [
            include_str!("../../crates/kernel/migrations/0002_event.sql"),
            include_str!("../../crates/ledger/migrations/0001_ledger.sql"),
            include_str!("../../crates/ledger/migrations/0002_ledger_history.sql"),
            include_str!("../../crates/reserves/migrations/0001_reserve.sql"),
            FIRST_HOLD,
        ] {
            data.execute_batch(sql).unwrap();
        }
        drop(data);
        let accounts = ["a".to_owned()];
        holds(&file, &Fill { accounts: &accounts, copies: 9, due: Some(2 * DAY) }).unwrap();
        away_since_before(&file, 4 * DAY).unwrap();
        let data = Connection::open(&file).unwrap();
        let due = "SELECT count(DISTINCT id) FROM reserve_hold WHERE scheduled_release = 172800";
        assert_eq!(number(&data, due), 10);
        assert_eq!(number(&data, "SELECT reserved_available FROM ledger_balance"), 1000);
        assert_eq!(number(&data, "SELECT payments_available FROM ledger_balance"), 0);
        assert_eq!(number(&data, "SELECT last_tx FROM ledger WHERE account = 'a'"), 11);
        assert_eq!(number(&data, "SELECT sum(amount) FROM ledger_posting"), 1000);
        assert_eq!(number(&data, "SELECT count(*) FROM balance_transaction"), 20);
        assert_eq!(number(&data, "SELECT at FROM watermark"), 2 * DAY);
        let apart = "SELECT count(*) FROM ledger_entry e JOIN reserve_hold h ON h.id = e.source \
                     WHERE h.seq + 1 = e.seq";
        assert_eq!(number(&data, apart), 10);
    }

    #[test]
    fn the_last_midnight_is_at_most_a_day_ago() {
        let midnight = last_midnight().unwrap();
        assert_eq!(midnight % DAY, 0);
        assert!(midnight > 1_700_000_000);
    }
}
