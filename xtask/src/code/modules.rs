//! The modules of a crate, and which of them imports from which.

use super::source::Source;
use super::use_tree::{self, Named};
use std::collections::{BTreeMap, BTreeSet};

/// A module's path from the root of its crate, which is the empty one.
pub type Path = Vec<String>;

/// One import between two modules that are neither the same nor one inside the other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// The two, as they stand side by side: `store::row` that uses `rules::plan` is `store` that
    /// uses `rules`.
    pub from: Path,
    pub to: Path,
    /// Where the first such import stands.
    pub path: String,
    pub line: usize,
}

/// How many names may lead to one another before a path is given up: re-exports of re-exports.
const HOPS: usize = 8;

/// The modules of one crate.
pub struct Crate {
    pub name: String,
    modules: BTreeMap<Path, Module>,
}

struct Module {
    file: String,
    named: Vec<Named>,
}

impl Crate {
    /// The crates to which `product` belongs, by name.
    pub fn all(product: &[&Source]) -> Vec<Self> {
        let mut crates: BTreeMap<&str, BTreeMap<Path, Module>> = BTreeMap::new();
        for source in product {
            let Some((name, path)) = place(&source.path) else { continue };
            let mut code = String::with_capacity(source.code.len());
            for (index, line) in source.code.lines().enumerate() {
                code += if source.is_test(index + 1) { "" } else { line };
                code.push('\n');
            }
            let module = Module { file: source.path.clone(), named: use_tree::named(&code) };
            crates.entry(name).or_default().insert(path, module);
        }
        crates.into_iter().map(|(name, modules)| Self { name: name.to_owned(), modules }).collect()
    }

    /// The modules that stand directly in the root.
    pub fn top(&self) -> BTreeSet<&str> {
        self.modules.keys().filter_map(|path| path.first().map(String::as_str)).collect()
    }

    /// The imports between modules that stand side by side, each pair once.
    pub fn imports(&self) -> Vec<Import> {
        let mut imports = BTreeMap::new();
        for (from, module) in &self.modules {
            for named in &module.named {
                let Some(to) = self.resolve(from, &named.path, HOPS) else { continue };
                let Some((from, to)) = side_by_side(from, &to) else { continue };
                imports.entry((from, to)).or_insert((module.file.clone(), named.line));
            }
        }
        let all = imports.into_iter();
        all.map(|((from, to), (path, line))| Import { from, to, path, line }).collect()
    }

    /// The imports that lie on circles, circle by circle.
    pub fn circles(&self) -> BTreeMap<BTreeSet<Path>, Vec<Import>> {
        let imports = self.imports();
        let mut reached: BTreeSet<(Path, Path)> =
            imports.iter().map(|import| (import.from.clone(), import.to.clone())).collect();
        close(&mut reached);
        let mut circles: BTreeMap<BTreeSet<Path>, Vec<Import>> = BTreeMap::new();
        for import in imports {
            let reaches = |from: &Path, to: &Path| reached.contains(&(from.clone(), to.clone()));
            if reaches(&import.to, &import.from) {
                let around =
                    reached.iter().filter(|(from, to)| from == &import.from && reaches(to, from));
                circles.entry(around.map(|(_, to)| to.clone()).collect()).or_default().push(import);
            }
        }
        circles
    }

    /// The module to which `path` leads when code of the module `from` names it; `None` for what
    /// is of another crate, or a name of the module's own.
    fn resolve(&self, from: &[String], path: &[String], hops: usize) -> Option<Path> {
        let (first, mut rest) = path.split_first()?;
        let mut at = match first.as_str() {
            "crate" => Vec::new(),
            "self" => from.to_vec(),
            "super" => from.split_last()?.1.to_vec(),
            child => self.child(from, child)?,
        };
        while let Some((next, after)) = rest.split_first() {
            if next == "super" {
                at.pop();
            } else if let Some(child) = self.child(&at, next) {
                at = child;
            } else {
                let named = &self.modules.get(&at)?.named;
                let other = named.iter().find(|named| named.alias.as_ref() == Some(next));
                return match other {
                    None => Some(at),
                    Some(other) => {
                        self.resolve(&at, &[&other.path, after].concat(), hops.checked_sub(1)?)
                    }
                };
            }
            rest = after;
        }
        Some(at)
    }

    fn child(&self, parent: &[String], name: &str) -> Option<Path> {
        let child = [parent, &[name.to_owned()]].concat();
        self.modules.contains_key(&child).then_some(child)
    }
}

/// Adds what is reached over others until nothing is missing.
fn close(reached: &mut BTreeSet<(Path, Path)>) {
    loop {
        let further: Vec<(Path, Path)> = reached
            .iter()
            .flat_map(|(from, over)| {
                let onwards = reached.iter().filter(move |(start, _)| start == over);
                onwards.map(move |(_, to)| (from.clone(), to.clone()))
            })
            .filter(|pair| !reached.contains(pair))
            .collect();
        if further.is_empty() {
            return;
        }
        reached.extend(further);
    }
}

/// The ancestors of two modules, or they themselves, that stand in the same module; `None` when
/// one is inside the other.
fn side_by_side(from: &[String], to: &[String]) -> Option<(Path, Path)> {
    let same = from.iter().zip(to).take_while(|(a, b)| a == b).count();
    Some((from.get(..=same)?.to_vec(), to.get(..=same)?.to_vec()))
}

/// The crate and the module of a file below `crates/*/src`.
fn place(path: &str) -> Option<(&str, Path)> {
    let (name, inside) = path.strip_prefix("crates/")?.split_once("/src/")?;
    let inside = inside.strip_suffix(".rs")?;
    let inside = inside.strip_suffix("/mod").unwrap_or(inside);
    let root = matches!(inside, "lib" | "main");
    let segments = inside.split('/').filter(|_| !root).map(str::to_owned);
    Some((name, segments.collect()))
}

/// The files of the modules that `source` declares for tests only.
pub fn for_tests(source: &Source) -> Vec<String> {
    let stem = source.path.strip_suffix(".rs").unwrap_or(&source.path);
    let folder = match stem.rsplit_once('/') {
        Some((folder, "lib" | "main" | "mod")) => folder,
        _ => stem,
    };
    let lines = source.code.lines().enumerate().filter(|(index, _)| source.is_test(index + 1));
    let declared = lines.filter_map(|(_, line)| {
        let (before, name) = line.trim().strip_suffix(';')?.rsplit_once(' ')?;
        before.ends_with("mod").then(|| format!("{folder}/{name}.rs"))
    });
    declared.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::tree::File;

    fn sources(files: &[(&str, &str)]) -> Vec<Source> {
        let file = |(path, text): &(&str, &str)| File {
            path: format!("crates/a/src/{path}"),
            text: (*text).to_owned(),
        };
        files.iter().map(|one| Source::parse(&file(one))).collect()
    }

    fn only(files: &[(&str, &str)]) -> Crate {
        let sources = sources(files);
        let product: Vec<&Source> = sources.iter().collect();
        let mut crates = Crate::all(&product);
        assert_eq!(crates.len(), 1);
        crates.remove(0)
    }

    fn imports(files: &[(&str, &str)]) -> Vec<String> {
        let imports = only(files).imports();
        let shown = |import: &Import| {
            format!("{} {} {}", import.from.join("::"), import.to.join("::"), import.line)
        };
        imports.iter().map(shown).collect()
    }

    #[test]
    fn imports_are_found_however_they_are_written() {
        let files = [
            ("lib.rs", "mod b; mod c; mod d; pub use d::Thing as Other;"),
            ("b.rs", "use std::fmt;\nuse crate::c;\nfn x() { super::d::y(); }"),
            ("c.rs", "use crate::Other;"),
            ("d.rs", "mod inner;\n#[cfg(test)]\nmod tests { use crate::b; }"),
            ("d/inner.rs", "use super::z; use crate::b::X;"),
        ];
        assert_eq!(imports(&files), ["b c 2", "b d 3", "c d 1", "d b 1"]);
    }

    #[test]
    fn a_path_leads_through_what_other_modules_export() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use crate::b::Thing;"),
            ("b.rs", "pub use super::c::Thing; pub use std::fmt::Debug;"),
            ("c.rs", "use crate::b::Debug;"),
        ];
        assert_eq!(imports(&files), ["a c 1", "b c 1"]);
    }

    #[test]
    fn a_circle_is_found_among_modules_that_stand_side_by_side() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c; mod d;"),
            ("a.rs", "use crate::b::B; mod e;"),
            ("a/e.rs", "use super::A;"),
            ("b.rs", "use crate::c::C;"),
            ("c/mod.rs", "use crate::a::e::E;"),
            ("d.rs", "use crate::a::A;"),
        ];
        let circles = only(&files).circles();
        let names: Vec<String> = circles.keys().flatten().map(|module| module.join("::")).collect();
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(circles.values().map(Vec::len).collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn parent_and_child_are_no_circle() {
        let files = [
            ("lib.rs", "mod a; pub use a::X; fn root() {}"),
            ("a.rs", "mod b; use b::X;"),
            ("a/b.rs", "use super::Y; use crate::root;"),
        ];
        assert!(only(&files).circles().is_empty());
    }

    #[test]
    fn modules_for_tests_are_known() {
        let found = sources(&[
            ("lib.rs", "#[cfg(test)]\nmod helpers;\nmod b;"),
            ("b.rs", "#[cfg(test)]\npub mod c;"),
        ]);
        let tests: Vec<String> = found.iter().flat_map(for_tests).collect();
        assert_eq!(tests, ["crates/a/src/helpers.rs", "crates/a/src/b/c.rs"]);
    }
}
