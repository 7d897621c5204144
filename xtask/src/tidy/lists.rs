//! The lists under `xtask/tidy/`: who may do what others may not.
//!
//! An empty line, or one that begins with `#`, is for the reader. An entry that nothing needs any
//! more is an error, so that no list keeps a door open that nobody goes through.

use super::excess::Excess;
use super::finding::Finding;
use super::tree::File;
use super::uses::Use;
use std::collections::BTreeSet;

/// A list of files, each with the reason why it may: `path  reason`.
pub struct Listed {
    path: String,
    /// Line, path, reason.
    entries: Vec<(usize, String, String)>,
}

impl Listed {
    pub fn parse(file: File) -> Self {
        let entries = entries(&file.text)
            .map(|(line, entry)| {
                let (path, reason) = entry.split_once(char::is_whitespace).unwrap_or((entry, ""));
                (line, path.to_owned(), reason.trim().to_owned())
            })
            .collect();
        Self { path: file.path, entries }
    }

    /// Finds the uses outside the listed files, and the entries without a use or a reason.
    pub fn check(&self, uses: Vec<Use>) -> Vec<Finding> {
        let users: BTreeSet<&str> = uses.iter().map(|found| found.path.as_str()).collect();
        let listed: BTreeSet<&str> = self.entries.iter().map(|(_, path, _)| &**path).collect();
        let mut findings = Vec::new();
        for found in uses.iter().filter(|found| !listed.contains(&*found.path)) {
            let message = format!("{} is only for the files in {}", found.what, self.path);
            findings.push(Finding::new(&found.path, found.line, message));
        }
        for (line, path, reason) in &self.entries {
            if !users.contains(&**path) {
                let message = format!("{path} does not need its entry; take it out");
                findings.push(Finding::new(&self.path, *line, message));
            }
            if reason.is_empty() {
                let message = format!("say after {path} why it may");
                findings.push(Finding::new(&self.path, *line, message));
            }
        }
        findings
    }
}

/// What may be longer than the rule says: `function|file|lines  place  size`.
pub struct Exceptions {
    path: String,
    entries: Vec<Exception>,
}

struct Exception {
    line: usize,
    rule: String,
    place: String,
    /// None when the entry cannot be read.
    size: Option<usize>,
}

impl Exceptions {
    pub fn parse(file: File) -> Self {
        let entries = entries(&file.text)
            .map(|(line, entry)| {
                let mut words = entry.split_whitespace().map(str::to_owned);
                let mut word = || words.next().unwrap_or_default();
                let (rule, place, size) = (word(), word(), word());
                Exception { line, rule, place, size: size.parse().ok() }
            })
            .collect();
        Self { path: file.path, entries }
    }

    /// Finds what is too long without an exception or beyond it, and the exceptions that have
    /// become too generous.
    pub fn check(&self, excesses: Vec<Excess>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for excess in &excesses {
            let mut entries = self.entries.iter().filter(|entry| entry.is_for(excess));
            if !entries.any(|entry| entry.size >= Some(excess.size)) {
                findings.push(Finding::new(&excess.path, excess.line, excess.message()));
            }
        }
        for entry in &self.entries {
            let needed = excesses.iter().filter(|excess| entry.is_for(excess));
            let message = match (entry.size, needed.map(|excess| excess.size).max()) {
                (None, _) => "write: function|file|lines  place  size".to_owned(),
                (_, None) => format!("{} is short enough; take the entry out", entry.place),
                (Some(size), Some(needed)) if size > needed => {
                    format!("{} has shrunk; lower the entry to {needed}", entry.place)
                }
                _ => continue,
            };
            findings.push(Finding::new(&self.path, entry.line, message));
        }
        findings
    }
}

impl Exception {
    fn is_for(&self, excess: &Excess) -> bool {
        self.rule == excess.rule.name() && self.place == excess.place()
    }
}

fn entries(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::excess::Rule;

    fn messages(findings: Vec<Finding>) -> Vec<String> {
        findings.iter().map(ToString::to_string).collect()
    }

    fn listed(text: &str, users: &[&str]) -> Vec<String> {
        let uses = users.iter().map(|user| Use { path: (*user).into(), line: 7, what: "it" });
        let list = Listed::parse(File { path: "list".into(), text: text.into() });
        messages(list.check(uses.collect()))
    }

    #[test]
    fn a_list_holds_exactly_those_who_need_it() {
        assert!(listed("# who may\n\na.rs  seals it\n", &["a.rs", "a.rs"]).is_empty());
        assert_eq!(listed("", &["a.rs"]), ["a.rs:7: it is only for the files in list"]);
        assert_eq!(
            listed("a.rs  seals it\n", &[]),
            ["list:1: a.rs does not need its entry; take it out"]
        );
        assert_eq!(listed("a.rs\n", &["a.rs"]), ["list:1: say after a.rs why it may"]);
    }

    fn exceptions(text: &str, size: usize) -> Vec<String> {
        let excess =
            Excess { rule: Rule::Function, path: "a.rs".into(), line: 3, name: "b".into(), size };
        let list = Exceptions::parse(File { path: "list".into(), text: text.into() });
        let excesses = if size == 0 { vec![] } else { vec![excess] };
        messages(list.check(excesses))
    }

    #[test]
    fn exceptions_only_shrink() {
        assert!(exceptions("function a.rs::b 80", 80).is_empty());
        assert_eq!(exceptions("", 80).len(), 1, "no exception");
        assert_eq!(exceptions("function a.rs::c 80", 80).len(), 2, "another function's");
        assert_eq!(exceptions("file a.rs::b 80", 80).len(), 2, "another rule's");
        assert_eq!(
            exceptions("function a.rs::b 80", 81),
            ["a.rs:3: the function b has 81 lines; a screen holds 70"]
        );
        assert_eq!(
            exceptions("function a.rs::b 80", 79),
            ["list:1: a.rs::b has shrunk; lower the entry to 79"]
        );
        assert_eq!(
            exceptions("function a.rs::b 80", 0),
            ["list:1: a.rs::b is short enough; take the entry out"]
        );
        assert_eq!(exceptions("function a.rs::b", 80).len(), 2, "no size");
    }
}
