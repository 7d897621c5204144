use super::statement::Analysis;
use super::*;
use crate::values;

fn accounts(sql: &str) -> std::result::Result<Vec<usize>, String> {
    Analysis::of(sql).accounts(|table| ["s", "t"].contains(&table))
}

#[test]
fn a_statement_names_the_account_of_every_table_that_is_spread() {
    for (sql, expected) in [
        ("SELECT a FROM t WHERE mode = ? AND account = ? AND b = 'x?' FOR UPDATE", vec![1]),
        ("SELECT a FROM central WHERE id = ?", vec![]),
        ("SELECT a FROM t AS one WHERE one.account = ?3 AND one.mode = ?1", vec![2]),
        (
            "SELECT h.a FROM t h LEFT JOIN s p ON p.account = h.account WHERE h.account = ?",
            vec![0; 2],
        ),
        (
            "SELECT a FROM t WHERE account = ?1 AND b IN (SELECT b FROM s WHERE account = ?1)",
            vec![0; 2],
        ),
        (
            "SELECT a FROM t WHERE account = ?1 AND b IN (SELECT b FROM (SELECT b FROM s \
             WHERE account = ?1 LIMIT 1 UNION ALL SELECT b FROM s WHERE account = ?2) AS every)",
            vec![0, 0, 1],
        ),
        (
            "DELETE FROM t WHERE account = ? AND NOT EXISTS (SELECT 1 FROM s \
             WHERE s.account = t.account)",
            vec![0; 2],
        ),
        ("UPDATE t SET a = ? WHERE account = ? AND b > 0", vec![1]),
        ("DELETE FROM t WHERE account = ?", vec![0]),
        ("INSERT INTO t (mode, a, account) VALUES (10, 'a', ?)", vec![0]),
        ("DELETE FROM t WHERE rowid = ?", vec![]),
        ("EXPLAIN QUERY PLAN SELECT a FROM t", vec![]),
        (
            "INSERT INTO t (mode, account) VALUES (?, ?) ON CONFLICT (mode, account) \
             DO UPDATE SET a = t.a + 1 RETURNING a",
            vec![1],
        ),
        ("INSERT INTO t (account, a) SELECT account, ? FROM s WHERE account = ?", vec![1]),
        (
            "WITH RECURSIVE types(type) AS (SELECT (SELECT type FROM t WHERE account = ?3 LIMIT 1) \
             UNION ALL SELECT (SELECT next.type FROM t AS next WHERE next.account = ?3 LIMIT 1) \
             FROM types) SELECT type FROM types",
            vec![2, 2],
        ),
    ] {
        assert_eq!(accounts(sql), Ok(expected), "{sql}");
    }
}

#[test]
fn a_statement_that_would_ask_many_servers_is_refused() {
    for sql in [
        "SELECT a FROM t WHERE id = ?",
        "SELECT a FROM t WHERE account > ?",
        "SELECT a FROM t WHERE created < ? ORDER BY created LIMIT ? FOR UPDATE SKIP LOCKED",
        "SELECT count(*) FROM t",
        "SELECT h.a FROM t h JOIN s p ON p.id = h.id WHERE h.account = ?",
        "SELECT h.a FROM t h JOIN s p ON p.id = h.id WHERE account = ?",
        "SELECT a FROM t WHERE account = ?1 AND b IN (SELECT b FROM s WHERE c = ?2)",
        "SELECT a FROM t WHERE account = ? UNION ALL SELECT a FROM s",
        "UPDATE t SET account = 'x'",
        "DELETE FROM t WHERE id = ?",
        "INSERT INTO t (mode, a) VALUES (?, ?)",
        "INSERT INTO t (mode, account) VALUES (?, 'acct_1')",
        "INSERT INTO t (mode, account) VALUES (?, ?) ON CONFLICT DO NOTHING",
        "INSERT INTO t (mode, account) VALUES (?, ?) ON CONFLICT (mode) DO NOTHING",
        "INSERT INTO t (account, a) SELECT account, a FROM s",
    ] {
        assert!(accounts(sql).is_err(), "{sql}");
    }
}

#[test]
fn a_unit_of_work_names_one_account_in_whatever_generation() {
    know([("unit_of_spread", Placement::Spread)]);
    let sql = "DELETE FROM unit_of_spread WHERE account = ?";
    let mut one = Touched::by(false);
    one.statement(sql, &values!["acct_1"]).unwrap();
    one.statement(sql, &values!["acct_1~2"]).unwrap();
    assert!(matches!(one.statement(sql, &values!["acct_2"]), Err(StorageError::Internal(_))));
    let mut several = Touched::by(true);
    several.statement(sql, &values!["acct_1"]).unwrap();
    several.statement(sql, &values!["acct_2"]).unwrap();
}
