//! What the tree still holds against a rule: `xtask/tidy/leftovers.txt` counts it, and the counts
//! only shrink.

use super::finding::Finding;
use crate::code::tree::File;
use std::collections::BTreeMap;

/// One place that breaks a rule.
pub struct Place {
    /// How the list names it; places of one name are counted together.
    pub what: String,
    pub finding: Finding,
}

/// The list: `count  rule  what`, one entry a line.
pub struct Leftovers {
    path: String,
    entries: Vec<Entry>,
}

struct Entry {
    line: usize,
    count: usize,
    /// The rule and what breaks it, with single spaces between.
    what: String,
}

impl Leftovers {
    /// Reads the list. An entry that cannot be read counts nothing, and so is not needed.
    pub fn parse(file: File) -> Self {
        let entries = super::lists::entries(&file.text).map(|(line, entry)| {
            let (count, what) = entry.split_once(char::is_whitespace).unwrap_or((entry, ""));
            let what = what.split_whitespace().collect::<Vec<_>>().join(" ");
            Entry { line, count: count.parse().unwrap_or(0), what }
        });
        Self { entries: entries.collect(), path: file.path }
    }

    /// Finds the places that are not listed or more than listed, and the entries that count too
    /// many. `rules` pairs each rule's name with the places that it has found.
    pub fn check(&self, rules: Vec<(&str, Vec<Place>)>) -> Vec<Finding> {
        let found = group(rules);
        let generous = self.entries.iter().filter_map(|entry| {
            let needed = found.get(&entry.what).map_or(0, Vec::len);
            let message = match needed {
                0 => format!("nothing needs \"{}\"; take the entry out", entry.what),
                _ => format!("\"{}\" has shrunk; lower the entry to {needed}", entry.what),
            };
            (needed < entry.count.max(1)).then(|| Finding::new(&self.path, entry.line, message))
        });
        let listed = |what: &str, count: usize| {
            self.entries.iter().any(|entry| entry.what == what && entry.count >= count)
        };
        let over = found.iter().filter(|(what, places)| !listed(what, places.len()));
        generous.chain(over.flat_map(|(_, places)| places.clone())).collect()
    }
}

/// The places by what the list calls them, which the message of each repeats.
fn group(rules: Vec<(&str, Vec<Place>)>) -> BTreeMap<String, Vec<Finding>> {
    let mut found: BTreeMap<String, Vec<Finding>> = BTreeMap::new();
    for (rule, places) in rules {
        for Place { what, mut finding } in places {
            let what = format!("{rule} {what}");
            finding.message = format!("{} [{what}]", finding.message);
            found.entry(what).or_default().push(finding);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(list: &str, count: usize) -> Vec<String> {
        let list = Leftovers::parse(File { path: "list".into(), text: list.into() });
        let place = |line| Place { what: "x y".into(), finding: Finding::new("a.rs", line, "no") };
        let findings = list.check(vec![("rule", (1..=count).map(place).collect())]);
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_left_only_shrinks() {
        assert!(check("# the reader's\n2  rule  x  y", 2).is_empty());
        assert_eq!(check("", 1), ["a.rs:1: no [rule x y]"]);
        assert_eq!(check("1 rule x y", 2), ["a.rs:1: no [rule x y]", "a.rs:2: no [rule x y]"]);
        assert_eq!(
            check("3 rule x y", 2),
            ["list:1: \"rule x y\" has shrunk; lower the entry to 2"]
        );
        assert_eq!(
            check("3 rule x y", 0),
            ["list:1: nothing needs \"rule x y\"; take the entry out"]
        );
        assert_eq!(check("1 other x y", 1).len(), 2, "another rule's");
        assert_eq!(check("rule x y", 1).len(), 2, "no count");
    }
}
