//! Pages lead somewhere: their links within the tree, and the paths that they name.

use super::finding::Finding;
use crate::code::tree::File;

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
    dead.map(|(page, line, path)| Finding::new(&page.path, line, format!("there is no {path}")))
        .collect()
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
        let files = [file(path, text), file("docs/wire/a.md", ""), file("crates/x/src/y.rs", "")];
        check(&files).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn links_lead_to_files() {
        let text = "[a](wire/a.md) [b](wire/a.md#b) [c](#c) [d](https://d.test/e)\n[e](wire)";
        assert!(found("docs/b.md", text).is_empty());
        assert!(found("docs/decisions/b.md", "[a](../wire/a.md) [b](../../crates/x)").is_empty());
        assert_eq!(
            found("docs/b.md", "[a](a.md)\n[b](../wire/a.md \"B\")"),
            ["docs/b.md:1: there is no docs/a.md", "docs/b.md:2: there is no wire/a.md"]
        );
        assert_eq!(found("README.md", "[a](doc/a.md)"), ["README.md:1: there is no doc/a.md"]);
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
