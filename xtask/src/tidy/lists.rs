//! The lists under `xtask/tidy/`: who may do what others may not.
//!
//! An empty line, or one that begins with `#`, is for the reader. An entry that nothing needs any
//! more is an error, so that no list allows what nobody does.

use super::finding::Finding;
use super::uses::Use;
use crate::code::tree::File;
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

/// The entries of a list and the numbers of their lines.
pub fn entries(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
