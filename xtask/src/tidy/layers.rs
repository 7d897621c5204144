//! The modules of a crate import no one above them, and no one in a circle.

use super::finding::Finding;
use super::leftovers::Place;
use crate::code::modules::{Crate, Path};
use crate::code::tree::File;
use std::collections::BTreeMap;

/// The declared layers of the crates: `name: lowest < … < highest`, where each layer is one or
/// more top modules with commas between. A line that begins with white space goes on.
pub struct Layers {
    path: String,
    crates: BTreeMap<String, Declared>,
}

struct Declared {
    line: usize,
    layers: Vec<Vec<String>>,
}

impl Declared {
    fn height(&self, module: &str) -> Option<usize> {
        self.layers.iter().position(|layer| layer.iter().any(|name| name == module))
    }
}

impl Layers {
    pub fn parse(file: File) -> Self {
        let mut crates = BTreeMap::new();
        for (line, text) in entries(&file.text) {
            let (name, layers) = text.split_once(':').unwrap_or((&text, ""));
            let names = |layer: &str| layer.split(',').map(|name| name.trim().to_owned()).collect();
            let layers = layers.split('<').map(names).collect();
            crates.insert(name.trim().to_owned(), Declared { line, layers });
        }
        Self { path: file.path, crates }
    }

    /// The declared names that are no modules, and the modules of a declared crate that are in no
    /// layer.
    pub fn names(&self, crates: &[Crate]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (name, declared) in &self.crates {
            let mut find =
                |message| findings.push(Finding::new(&self.path, declared.line, message));
            let Some(found) = crates.iter().find(|found| found.name == *name) else {
                find(format!("there is no crate {name}"));
                continue;
            };
            let top = found.top();
            for module in declared.layers.iter().flatten().filter(|name| !top.contains(&***name)) {
                find(format!("{name} has no module {module}"));
            }
            for module in top.iter().filter(|module| declared.height(module).is_none()) {
                find(format!("give the module {module} of {name} its layer"));
            }
        }
        findings
    }

    /// The imports from a lower layer of a crate to a higher one.
    pub fn upward(&self, crates: &[Crate]) -> Vec<Place> {
        let declared = crates.iter().filter_map(|one| Some((one, self.crates.get(&one.name)?)));
        let upward = declared.flat_map(|(one, declared)| {
            let imports = one.imports().into_iter().filter(|import| {
                let height = |path: &Path| path.first().and_then(|name| declared.height(name));
                let heights = height(&import.from).zip(height(&import.to));
                import.from.len() == 1 && heights.is_some_and(|(from, to)| from < to)
            });
            imports.map(|import| {
                let what =
                    format!("{} {} → {}", one.name, import.from.join("::"), import.to.join("::"));
                let message = format!("a lower layer imports from a higher one: {what}");
                Place { what, finding: Finding::new(&import.path, import.line, message) }
            })
        });
        upward.collect()
    }
}

/// The imports that lie on a circle of modules.
pub fn circles(crates: &[Crate]) -> Vec<Place> {
    let mut places = Vec::new();
    for one in crates {
        for (modules, imports) in one.circles() {
            let names: Vec<String> = modules.iter().map(|path| path.join("::")).collect();
            let what = format!("{} {}", one.name, names.join(" "));
            for import in imports {
                let (from, to) = (import.from.join("::"), import.to.join("::"));
                let message = format!("{from} imports {to} in a circle of modules");
                let finding = Finding::new(&import.path, import.line, message);
                places.push(Place { what: what.clone(), finding });
            }
        }
    }
    places
}

/// The entries with the lines that go on joined to them, and the number of the first line of each.
fn entries(text: &str) -> Vec<(usize, String)> {
    let mut entries: Vec<(usize, String)> = Vec::new();
    let lines = text.lines().enumerate().filter(|(_, line)| !line.starts_with('#'));
    for (index, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        match entries.last_mut().filter(|_| line.starts_with(char::is_whitespace)) {
            Some((_, entry)) => entry.push_str(line),
            None => entries.push((index + 1, line.to_owned())),
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::source::Source;

    fn crates(files: &[(&str, &str)]) -> Vec<Crate> {
        let file = |(path, text): &(&str, &str)| File {
            path: format!("crates/a/src/{path}"),
            text: (*text).to_owned(),
        };
        let sources: Vec<Source> = files.iter().map(|one| Source::parse(&file(one))).collect();
        Crate::all(&sources.iter().collect::<Vec<_>>())
    }

    fn layers(text: &str) -> Layers {
        Layers::parse(File { path: "layers".into(), text: text.into() })
    }

    fn shown(places: &[Place]) -> Vec<String> {
        places.iter().map(|place| place.finding.to_string()).collect()
    }

    #[test]
    fn an_import_goes_down() {
        let crates = crates(&[
            ("lib.rs", "mod model; mod store; mod rules;"),
            ("model.rs", "use crate::rules::R;"),
            ("store.rs", "use crate::model::M;\nuse crate::rules::R;"),
            ("rules.rs", "use crate::store::S;"),
        ]);
        assert!(layers("a: model, rules, store").upward(&crates).is_empty());
        assert_eq!(
            shown(&layers("# a: b\na: model\n  < store < rules").upward(&crates)),
            [
                "crates/a/src/model.rs:1: a lower layer imports from a higher one: a model → rules",
                "crates/a/src/store.rs:2: a lower layer imports from a higher one: a store → rules"
            ]
        );
    }

    #[test]
    fn the_table_names_all_modules_and_no_others() {
        let crates = crates(&[("lib.rs", ""), ("model.rs", ""), ("store.rs", "")]);
        let findings = layers("b: c\na: model < rules").names(&crates);
        let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(
            findings,
            [
                "layers:2: a has no module rules",
                "layers:2: give the module store of a its layer",
                "layers:1: there is no crate b"
            ]
        );
    }

    #[test]
    fn a_circle_is_found() {
        let crates = crates(&[
            ("lib.rs", ""),
            ("b.rs", "use crate::c::C;"),
            ("c.rs", "use crate::d::D;\nuse crate::b::B;"),
            ("d.rs", ""),
        ]);
        assert_eq!(
            shown(&circles(&crates)),
            [
                "crates/a/src/b.rs:1: b imports c in a circle of modules",
                "crates/a/src/c.rs:2: c imports b in a circle of modules"
            ]
        );
    }
}
