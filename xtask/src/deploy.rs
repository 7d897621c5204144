//! What lies in `deploy/` against what the code has: rules and dashboards name metrics and values
//! of labels that exist, and each alert has its part of the book and a test in which it fires.

use crate::code::tree::File;
use crate::metrics;
use std::collections::BTreeSet;

/// The rules.
const RULES: &str = "deploy/prometheus/coffer.rules.yml";
/// Their unit tests.
const RULE_TESTS: [&str; 2] =
    ["deploy/prometheus/coffer.rules.test.yml", "deploy/prometheus/coffer.rules.records.test.yml"];
/// The dashboard.
const BOARD: &str = "deploy/grafana/coffer.json";
/// The book.
const BOOK: &str = "docs/operations/alerts.md";

/// What does not fit, with the file where it stands.
pub fn problems(files: &[File]) -> Vec<(&'static str, String)> {
    let text = |path| files.iter().find(|file| file.path == path).map(|file| &*file.text);
    let mut problems = Vec::new();
    for path in [RULES, BOARD, BOOK].into_iter().chain(RULE_TESTS) {
        match text(path) {
            Some(text) => {
                let unknown = unknown_metrics(text, &metrics::names(files));
                problems.extend(unknown.into_iter().map(|name| (path, unknown_message(&name))));
            }
            None => problems.push((path, "is missing".to_owned())),
        }
    }
    for path in [RULES, BOARD] {
        let unknown = unknown_values(text(path).unwrap_or_default(), files);
        let message = |value| format!("no code gives a label the value {value}");
        problems.extend(unknown.into_iter().map(|value| (path, message(value))));
    }
    let tests: Vec<&str> = RULE_TESTS.into_iter().filter_map(text).collect();
    let untested = untested(text(RULES).unwrap_or_default(), &tests.concat());
    problems.extend(untested.into_iter().map(|message| (RULES, message)));
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

/// The values of labels that a text asks for and that no source file has as a literal. The scrape
/// gives `job` and `instance` theirs.
fn unknown_values(text: &str, files: &[File]) -> BTreeSet<String> {
    let text = text.replace("\\\"", "\"");
    let mut unknown = BTreeSet::new();
    for asks in ["=\"", "=~\""] {
        let parts: Vec<&str> = text.split(asks).collect();
        for (before, behind) in parts.iter().zip(parts.iter().skip(1)) {
            let label = before.rsplit(|c: char| c != '_' && !c.is_ascii_lowercase()).next();
            if matches!(label, Some("" | "job" | "instance") | None) {
                continue;
            }
            let values = behind.split('"').next().unwrap_or_default().split('|');
            for value in values.filter(|value| !value.contains('$')) {
                let literal = match value.strip_suffix(".*") {
                    Some(begin) => format!("\"{begin}"),
                    None => format!("\"{value}\""),
                };
                let has = |file: &File| {
                    file.path.starts_with("crates/")
                        && file.path.ends_with(".rs")
                        && file.text.contains(&literal)
                };
                if !files.iter().any(has) {
                    unknown.insert(value.to_owned());
                }
            }
        }
    }
    unknown
}

/// Alerts that no test sees firing, or none sees silent before.
fn untested(rules: &str, tests: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let cases: Vec<&str> = tests.split("alertname: ").skip(1).collect();
    for alert in alerts(rules) {
        let of = |case: &&&str| case.lines().next().is_some_and(|name| name.trim() == alert);
        let (silent, fires): (Vec<&&str>, Vec<_>) = cases.iter().filter(of).partition(|case| {
            case.lines().nth(1).is_some_and(|line| line.trim() == "exp_alerts: []")
        });
        if fires.is_empty() || silent.is_empty() {
            problems.push(format!("{alert} is not seen firing and silent in a test"));
        }
    }
    problems
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
    fn values_of_labels_that_no_code_gives_are_found() {
        let file = File {
            path: "crates/a/src/reasons.rs".to_owned(),
            text: "code: \"server.busy\", name: \"apps.secrets.find\"".to_owned(),
        };
        let known = "x{reason=~\"server.busy\",operation=~\"apps.secrets.*\",job=\"coffer\"}";
        assert!(unknown_values(known, std::slice::from_ref(&file)).is_empty());
        let wrong = "x{reason=~\"server.busy|server.bussy\",store=\\\"date\\\",i=\"$x\"}";
        assert_eq!(unknown_values(wrong, &[file]).len(), 2);
    }

    #[test]
    fn each_alert_is_seen_firing_and_silent() {
        let rules = "  - alert: One\n  - alert: Two\n  - alert: Three\n";
        let silent = "alertname: One\n        exp_alerts: []\n";
        let fires = "alertname: One\n        exp_alerts:\n          - exp_labels: { a: b }\n";
        let two = "alertname: Two\n        exp_alerts: []\n";
        assert_eq!(untested(rules, &format!("{silent}{fires}{two}")).len(), 2);
        assert_eq!(untested(rules, &format!("{fires}{two}")).len(), 3);
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
