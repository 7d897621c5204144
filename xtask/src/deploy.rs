//! What lies in `deploy/` against what the code has: rules and dashboards name metrics that exist,
//! and each alert has its part of the book.

use crate::code::tree::File;
use crate::metrics;
use std::collections::BTreeSet;

/// The rules.
const RULES: &str = "deploy/prometheus/coffer.rules.yml";
/// Their unit tests.
const RULE_TESTS: &str = "deploy/prometheus/coffer.rules.test.yml";
/// The dashboard.
const BOARD: &str = "deploy/grafana/coffer.json";
/// The book.
const BOOK: &str = "docs/operations/alerts.md";

/// What does not fit, with the file where it stands.
pub fn problems(files: &[File]) -> Vec<(&'static str, String)> {
    let text = |path| files.iter().find(|file| file.path == path).map(|file| &*file.text);
    let mut problems = Vec::new();
    for path in [RULES, RULE_TESTS, BOARD, BOOK] {
        match text(path) {
            Some(text) => {
                let unknown = unknown_metrics(text, &metrics::names(files));
                problems.extend(unknown.into_iter().map(|name| (path, unknown_message(&name))));
            }
            None => problems.push((path, "is missing".to_owned())),
        }
    }
    let (rules, book) = (text(RULES).unwrap_or_default(), text(BOOK).unwrap_or_default());
    problems.extend(without_book(rules, book).into_iter().map(|message| (RULES, message)));
    problems.extend(without_alert(rules, book).into_iter().map(|message| (BOOK, message)));
    problems
}

fn unknown_message(name: &str) -> String {
    format!("the server has no metric {name}")
}

/// The metrics that a text names and that no definition has: a histogram has three for one.
fn unknown_metrics(text: &str, known: &[(String, String)]) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let named = words.filter(|word| word.starts_with("coffer_") || word.starts_with("process_"));
    let is_known = |word: &&str| {
        known.iter().any(|(name, kind)| match word.strip_prefix(name.as_str()) {
            Some("") => kind != "Histogram",
            Some("_bucket" | "_sum" | "_count") => kind == "Histogram",
            _ => false,
        })
    };
    named.filter(|word| !is_known(word)).map(str::to_owned).collect()
}

fn alerts(rules: &str) -> impl Iterator<Item = &str> {
    rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "))
}

/// Alerts without a part of the book, or whose runbook does not lead there.
fn without_book(rules: &str, book: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for alert in alerts(rules) {
        if !book.contains(&format!("\n### {alert}\n")) {
            problems.push(format!("{alert} has no part of {BOOK}"));
        }
        if !rules.contains(&format!("runbook: \"{BOOK}#{}\"\n", alert.to_lowercase())) {
            problems.push(format!("{alert} has no runbook"));
        }
    }
    problems
}

/// Parts of the book without an alert.
fn without_alert(rules: &str, book: &str) -> Vec<String> {
    let known: BTreeSet<&str> = alerts(rules).collect();
    let parts = book.lines().filter_map(|line| line.strip_prefix("### "));
    let lost = parts.filter(|part| !known.contains(part));
    lost.map(|part| format!("{part} is no alert of {RULES}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Vec<(String, String)> {
        [("coffer_a_total", "Counter"), ("coffer_b_seconds", "Histogram")]
            .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
            .to_vec()
    }

    #[test]
    fn metrics_that_do_not_exist_are_found() {
        let text = "rate(coffer_a_total[5m]) / coffer_b_seconds_bucket{x=\"coffer\"}";
        assert!(unknown_metrics(text, &known()).is_empty());
        let wrong = "coffer_a + coffer_b_seconds + coffer_a_total_sum";
        assert_eq!(unknown_metrics(wrong, &known()).len(), 3);
    }

    #[test]
    fn alerts_and_the_book_go_together() {
        let runbook = format!("runbook: \"{BOOK}#one\"\n");
        let rules = format!("  - alert: One\n    {runbook}  - alert: Two\n");
        let book = "# Alerts\n\n### One\nWhat.\n\n### Three\nWhat.\n";
        assert_eq!(without_book(&rules, book).len(), 2);
        assert_eq!(without_alert(&rules, book).len(), 1);
    }
}
