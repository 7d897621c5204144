//! The tables of `docs/wire`, so that a test can say which of their rows it covers, and fail when
//! a row has no test or a test no row.

use coffer_testkit::{Answer, TestServer};
use std::collections::BTreeSet;

/// What one row of a table promises of an error.
pub struct Row {
    /// The row's first cell, as it is written.
    pub row: &'static str,
    /// What was asked.
    pub asked: String,
    /// What was answered.
    pub answer: Answer,
    /// Status, type, code and param.
    pub error: (u16, &'static str, Option<&'static str>, Option<&'static str>),
    /// The message, to the letter.
    pub message: String,
}

impl Row {
    /// Asserts that the answer is what the row promises, and nothing more.
    pub fn check(&self) {
        let Self { row, asked, answer, message, .. } = self;
        super::check::lawful(answer);
        let (status, kind, code, param) = self.error;
        assert_eq!(answer.status, status, "{row}: {asked}: {}", answer.body);
        let json = answer.json();
        let error = json["error"].as_object().unwrap();
        assert_eq!(error["type"], kind, "{row}: {asked}");
        assert_eq!(error.get("code").and_then(|code| code.as_str()), code, "{row}: {asked}");
        assert_eq!(error.get("param").and_then(|param| param.as_str()), param, "{row}: {asked}");
        assert_eq!(error["message"], message.as_str(), "{row}: {asked}");
        let keys: Vec<_> = error.keys().map(String::as_str).collect();
        let mut sorted = keys.clone();
        sorted.sort_unstable();
        assert_eq!(keys, sorted, "{row}: the keys are in order");
        let known = ["code", "message", "param", "type"];
        assert!(keys.iter().all(|key| known.contains(key)), "{row}: {keys:?}");
    }
}

/// The first cells of the table that comes after `heading` in `page`.
pub fn rows(page: &str, heading: &str) -> Vec<String> {
    let (_, after) = page.split_once(heading).unwrap_or_else(|| panic!("no {heading}"));
    let table = after.lines().skip_while(|line| !line.starts_with('|'));
    let lines = table.take_while(|line| line.starts_with('|'));
    let cells = lines.skip(2).filter_map(|line| line.split('|').nth(1));
    cells.map(|cell| cell.trim().to_owned()).collect()
}

/// Asserts that `tested` and `untested` together are the rows of the table, each in one of both.
pub fn covers(table: &[String], tested: &[Row], untested: &[(&str, &str)]) {
    let contract: BTreeSet<_> = table.iter().map(String::as_str).collect();
    assert_eq!(contract.len(), table.len(), "two rows have one name");
    let with: BTreeSet<_> = tested.iter().map(|row| row.row).collect();
    let without: BTreeSet<_> = untested.iter().map(|(row, _)| *row).collect();
    assert_eq!(with.intersection(&without).next(), None, "both tested and excused");
    assert_eq!(with.union(&without).copied().collect::<BTreeSet<_>>(), contract);
    assert!(untested.iter().all(|(_, reason)| !reason.is_empty()));
}

/// Asserts that an operator who asks why a request was refused gets a sentence that says so, and
/// what to do: one of its own, and not that of all requests that break some rule.
pub fn explained(server: &TestServer, what: &str, answer: &Answer) {
    let id = answer.header("request-id").unwrap();
    let request = super::explain::explain(server, id, &[]);
    let text = |field: &str| request[field].as_str().unwrap_or_default().to_owned();
    let (reason, sentence) = (text("reason"), text("sentence"));
    assert_eq!(request["status"], answer.status, "{what}: {request}");
    assert_eq!(request["outcome"], "refused", "{what}: {request}");
    assert!(
        !["request.invalid", "parameter.invalid", "forbidden"].contains(&&*reason),
        "{what}: {reason}"
    );
    assert!(!text("because").is_empty() && !text("advice").is_empty(), "{what}: {request}");
    assert!(
        !sentence.contains('{') && !sentence.contains("that its response names'"),
        "{sentence}"
    );
    assert!(
        sentence.contains(&text("because")) && sentence.contains(&text("advice")),
        "{sentence}"
    );
}
