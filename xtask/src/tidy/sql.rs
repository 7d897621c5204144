//! SQL stands in files named `store.rs` or in a folder `store/`, under `migrations/`, and in the
//! storage crate.

use super::finding::Finding;
use crate::code::source::Source;

/// The words with which a statement begins. They are written in capitals throughout.
const STATEMENTS: [&str; 10] = [
    "SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "WITH", "PRAGMA", "ALTER", "DROP", "REPLACE",
];

pub fn check(product: &[&Source]) -> Vec<Finding> {
    let outside = product.iter().filter(|source| !may_hold_sql(&source.path));
    outside
        .flat_map(|source| {
            let literals = source.literals.iter();
            let found = literals.filter(|l| is_statement(&l.text) && !source.is_test(l.line));
            found.map(|literal| {
                let message = "SQL belongs in the crate's store.rs or its migrations";
                Finding::new(&source.path, literal.line, message)
            })
        })
        .collect()
}

fn may_hold_sql(path: &str) -> bool {
    path.ends_with("/store.rs")
        || path.contains("/src/store/")
        || path.contains("/migrations/")
        || path.starts_with("crates/storage/")
}

fn is_statement(literal: &str) -> bool {
    let text = literal.trim_start_matches(|c: char| c.is_whitespace() || c == '\\');
    let Some((first, rest)) = text.split_once(char::is_whitespace) else { return false };
    // A method and a path, as in "DELETE /v1/…", is no statement.
    STATEMENTS.contains(&first) && !rest.trim_start().starts_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::tree::File;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        let source = Source::parse(&File { path: path.into(), text: text.into() });
        check(&[&source]).into_iter().map(|finding| finding.line).collect()
    }

    const SAMPLE: &str = "fn a() {
    query(\"SELECT id FROM secret\");
    query(\"\\
        INSERT INTO secret VALUES (1)\");
    query(r#\"PRAGMA user_version\"#);
    // \"DELETE FROM secret\"
    route(\"DELETE /v1/x\", \"Update it\", \"SELECTED rows\");
}
#[cfg(test)]
mod tests { const A: &str = \"DROP TABLE secret\"; }
";

    #[test]
    fn sql_outside_its_files_is_found() {
        assert_eq!(lines("crates/secrets/src/operations/set.rs", SAMPLE), [2, 3, 5]);
        assert_eq!(lines("crates/secrets/src/restore.rs", SAMPLE), [2, 3, 5]);
    }

    #[test]
    fn sql_in_its_files_is_left_alone() {
        for path in ["crates/secrets/src/store.rs", "crates/storage/src/sqlite.rs"] {
            assert!(lines(path, SAMPLE).is_empty(), "{path}");
        }
    }
}
