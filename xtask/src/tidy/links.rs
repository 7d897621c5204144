//! Pages lead somewhere: their links within the tree with their anchors, and the paths that they
//! name.

use super::finding::Finding;
use crate::code::tree::File;
use std::collections::{BTreeMap, BTreeSet};

/// The folders with which a path of the repository begins.
const FOLDERS: [&str; 8] =
    ["crates/", "docs/", "tests/", "testkit/", "bench/", "fuzz/", "xtask/", ".ci/"];

pub fn check(files: &[File]) -> Vec<Finding> {
    let exists = |path: &str| {
        let folder = format!("{path}/");
        files.iter().any(|file| file.path == path || file.path.starts_with(&folder))
    };
    let pages = files.iter().filter(|file| file.path.ends_with(".md"));
    let dead = pages.flat_map(|page| {
        let lines = page.text.lines().enumerate();
        lines.flat_map(move |(index, line)| {
            let (folder, _) = page.path.rsplit_once('/').unwrap_or_default();
            let linked = links(line).filter_map(move |link| target(folder, link));
            let named = paths(line).map(str::to_owned);
            linked.chain(named).map(move |path| (page, index + 1, path))
        })
    });
    let dead = dead.filter(|(_, _, path)| !exists(path));
    let dead = dead
        .map(|(page, line, path)| Finding::new(&page.path, line, format!("there is no {path}")));
    dead.chain(anchors(files)).collect()
}

/// The links to headings that their pages have not.
fn anchors(files: &[File]) -> Vec<Finding> {
    let pages: BTreeMap<&str, BTreeSet<String>> = files
        .iter()
        .filter(|file| file.path.ends_with(".md"))
        .map(|file| (file.path.as_str(), headings(&file.text)))
        .collect();
    let mut dead = Vec::new();
    for page in files.iter().filter(|file| file.path.ends_with(".md")) {
        let (folder, _) = page.path.rsplit_once('/').unwrap_or_default();
        for (index, line) in page.text.lines().enumerate() {
            for (path, anchor) in links(line).filter_map(|link| link.split_once('#')) {
                let path = match path {
                    "" => Some(page.path.clone()),
                    path => target(folder, path),
                };
                let Some(there) = path.as_deref().and_then(|path| pages.get(path)) else {
                    continue;
                };
                if !there.contains(anchor) {
                    let message = format!("{} has no #{anchor}", path.unwrap_or_default());
                    dead.push(Finding::new(&page.path, index + 1, message));
                }
            }
        }
    }
    dead
}

/// The names by which a page's headings are linked to, as GitHub and mdBook make them.
fn headings(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        let words = line.trim_start_matches('#');
        if in_code || words.len() == line.len() || !words.starts_with(' ') {
            continue;
        }
        let kept = words.trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        let kept = kept.map(|c| if c == ' ' { '-' } else { c });
        let name: String = kept.flat_map(char::to_lowercase).collect();
        let numbered = (1..).map(|number| format!("{name}-{number}"));
        let mut candidates = std::iter::once(name.clone()).chain(numbered);
        names.extend(candidates.find(|candidate| !names.contains(candidate)));
    }
    names
}

/// What the links of a line lead to.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let starts = line.split("](").skip(1);
    starts.filter_map(|rest| rest.split([')', ' ']).next())
}

/// The path from the root to which a link of a page in `folder` leads; `None` if it leads out of
/// the tree or stays on its page.
fn target(folder: &str, link: &str) -> Option<String> {
    let (path, _) = link.split_once('#').unwrap_or((link, ""));
    if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
        return None;
    }
    let mut target: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).collect();
    for name in path.split('/').filter(|name| !name.is_empty() && *name != ".") {
        if name == ".." { target.pop().map(drop)? } else { target.push(name) }
    }
    Some(target.join("/"))
}

/// The paths of the repository that a line names between backticks.
fn paths(line: &str) -> impl Iterator<Item = &str> {
    let quoted = line.split('`').skip(1).step_by(2);
    let paths = quoted.filter(|text| FOLDERS.iter().any(|folder| text.starts_with(folder)));
    // What has a placeholder, a pattern or arguments is no path.
    let plain = paths.filter(|path| !path.contains(['<', '*', '{', '…', ' ', '$']));
    plain.map(|path| {
        let path = path.split("::").next().unwrap_or(path);
        path.split(':').next().unwrap_or(path).trim_end_matches('/')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let file = |path: &str, text: &str| File { path: path.into(), text: text.into() };
        let there = file("docs/wire/a.md", "# B");
        let files = [file(path, text), there, file("crates/x/src/y.rs", "")];
        check(&files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn links_lead_to_files() {
        let text = "# C\n[a](wire/a.md) [b](wire/a.md#b) [c](#c) [d](https://d.test/e)\n[e](wire)";
        assert!(found("docs/b.md", text).is_empty());
        assert!(found("docs/decisions/b.md", "[a](../wire/a.md) [b](../../crates/x)").is_empty());
        assert_eq!(
            found("docs/b.md", "[a](a.md)\n[b](../wire/a.md \"B\")"),
            ["docs/b.md:1: there is no docs/a.md", "docs/b.md:2: there is no wire/a.md"]
        );
        assert_eq!(found("README.md", "[a](doc/a.md)"), ["README.md:1: there is no doc/a.md"]);
    }

    #[test]
    fn anchors_are_on_their_pages() {
        let text = "# A `b`: c\n\n## D\n## D\n[x](#a-b-c) [y](#d-1) [z](wire/a.md) [w](y.rs#q)";
        let found = |text: &str| {
            let page = File { path: "docs/b.md".into(), text: text.into() };
            anchors(&[page]).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert!(found(text).is_empty());
        assert_eq!(found("# A\n```\n# B\n```\n[b](#b)"), ["docs/b.md:5: docs/b.md has no #b"]);
        assert_eq!(found("# A\n[c](b.md#c)"), ["docs/b.md:2: docs/b.md has no #c"]);
    }

    #[test]
    fn named_paths_are_there() {
        let text =
            "`crates/x/src/y.rs`, `crates/x/`, `crates/<x>/z.rs`, `y.rs`, `crates/x/src/y.rs:7`";
        assert!(found("a.md", text).is_empty());
        assert_eq!(
            found("a.md", "`x`, `crates/x/src/z.rs`"),
            ["a.md:1: there is no crates/x/src/z.rs"]
        );
    }
}
