//! The paths that a module's code names.

use super::source::{line_at, words};

/// A path as it is written, such as `["super", "store", "Row"]`.
pub struct Named {
    pub line: usize,
    pub path: Vec<String>,
    /// The name under which a `use` brings it into the module; none for a path inside code.
    pub alias: Option<String>,
}

/// Every path that `code` imports, and every one inside it that begins with `crate`, `self` or
/// `super`.
pub fn named(code: &str) -> Vec<Named> {
    let (mut rest, mut found) = (code.to_owned(), Vec::new());
    for at in words(code, "use").filter(|at| begins_item(code, *at)) {
        let tree = code.get(at + 3..).unwrap_or_default();
        let tree = tree.split(';').next().unwrap_or_default();
        let mut paths = Vec::new();
        expand(&[], tree, &mut paths);
        let line = line_at(code, at);
        found.extend(paths.into_iter().map(|(path, alias)| Named { line, path, alias }));
        rest.replace_range(at..at + 3 + tree.len(), &" ".repeat(3 + tree.len()));
    }
    for start in ["crate", "self", "super"] {
        found.extend(words(&rest, start).filter_map(|at| inline(&rest, at, line_at(code, at))));
    }
    found
}

/// Whether the keyword at `at` begins an item, and is not the `use<'a>` of a type.
fn begins_item(code: &str, at: usize) -> bool {
    let before = code.get(..at).unwrap_or_default().trim_end();
    before.is_empty() || before.ends_with([';', '{', '}', ')', ']']) || before.ends_with("pub")
}

/// The path that begins at `at`, if it has more than one segment and no other path leads to it.
fn inline(code: &str, at: usize, line: usize) -> Option<Named> {
    let before = code.get(..at).unwrap_or_default();
    let text = code.get(at..).unwrap_or_default();
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
    let path = segments(text.get(..end.unwrap_or(text.len())).unwrap_or_default());
    (path.len() > 1 && !before.ends_with("::")).then_some(Named { line, path, alias: None })
}

/// Takes the tree of a `use` apart: `a::{b, c as d}` is `a::b` and `a::c`, known as `d`.
fn expand(prefix: &[String], tree: &str, found: &mut Vec<(Vec<String>, Option<String>)>) {
    let tree = tree.trim();
    if let Some((head, group)) = tree.split_once('{') {
        let prefix = [prefix, &segments(head)].concat();
        let group = group.trim_end().strip_suffix('}').unwrap_or(group);
        split(group).into_iter().for_each(|branch| expand(&prefix, branch, found));
    } else if !tree.is_empty() {
        let (path, alias) = tree.split_once(" as ").unwrap_or((tree, ""));
        let mut path = [prefix, &segments(path)].concat();
        path.pop_if(|last| last == "*" || (last == "self" && !prefix.is_empty()));
        let alias = Some(alias.trim()).filter(|alias| !alias.is_empty()).map(str::to_owned);
        let alias = alias.or_else(|| path.last().cloned().filter(|_| !tree.ends_with('*')));
        found.push((path, alias));
    }
}

/// The branches of a group: what stands between the commas that no inner group holds.
fn split(group: &str) -> Vec<&str> {
    let mut depth = 0_i32;
    let branches = group.split(move |c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    branches.collect()
}

fn segments(path: &str) -> Vec<String> {
    let segments = path.split("::").map(str::trim).filter(|segment| !segment.is_empty());
    segments.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(code: &str) -> Vec<String> {
        let found = named(code);
        let shown = found.iter().map(|named| match &named.alias {
            Some(alias) => format!("{} {} {alias}", named.line, named.path.join("::")),
            None => format!("{} {}", named.line, named.path.join("::")),
        });
        shown.collect()
    }

    #[test]
    fn a_use_is_taken_apart() {
        let code = "use a::b;\npub(crate) use crate::c::{self, d::{E, F as G}, h::*,\n};\n";
        let expected = [
            "1 a::b b",
            "2 crate::c c",
            "2 crate::c::d::E E",
            "2 crate::c::d::F G",
            "2 crate::c::h",
        ];
        assert_eq!(paths(code), expected);
        assert!(paths("fn a() -> impl Fn() + use<'_> {}").is_empty());
    }

    #[test]
    fn paths_inside_code_are_found() {
        let code =
            "fn a(b: &crate::c::D) {\n    super::super::e::f(self.g);\n    x::crate_name();\n}";
        assert_eq!(paths(code), ["1 crate::c::D", "2 super::super::e::f"]);
    }
}
