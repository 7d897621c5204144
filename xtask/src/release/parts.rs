//! What the binary is made of: the crates that cargo links into it, with their licences, and what
//! the lock file says of them.

use crate::step::Step;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A package of the lock file.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Crate {
    pub name: String,
    pub version: String,
    /// The SHA-256 of its archive in the registry; empty for our own.
    pub checksum: String,
    /// Its licence, as SPDX expression; empty if it names none.
    pub licence: String,
    /// Name and version of what it depends on, of all platforms.
    pub needs: Vec<(String, String)>,
}

/// The crates of the binary, sorted, and the binary's own.
pub struct Parts {
    crates: BTreeMap<(String, String), Crate>,
    own: Crate,
}

impl Parts {
    /// Reads them from the lock file, and from cargo which of them are in a binary for `platform`.
    pub fn read(root: &Path, platform: &str) -> Result<Self, String> {
        let path = root.join("Cargo.lock");
        let lock = std::fs::read_to_string(&path)
            .map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        let tree = Step::new("cargo")
            .args(["tree", "--locked", "--package", "coffer", "--features", super::FEATURES])
            .args(["--target", platform])
            .args(["--edges", "normal", "--prefix", "none", "--format", "{p}\t{l}"])
            .directory(root)
            .capture()?;
        Self::of(&lock, &tree)
    }

    /// Those that `tree` names, one a line, as `lock` has them.
    fn of(lock: &str, tree: &str) -> Result<Self, String> {
        let mut all = packages(lock);
        let mut crates = BTreeMap::new();
        for line in tree.lines() {
            let (package, licence) = line.split_once('\t').unwrap_or((line, ""));
            // What only runs while it is built is not in the binary.
            if package.contains("(proc-macro)") {
                continue;
            }
            let mut words = package.split_whitespace();
            let (Some(name), Some(version)) = (words.next(), words.next()) else { continue };
            let id = (name.to_owned(), version.trim_start_matches('v').to_owned());
            // cargo writes (*) behind what it has shown already.
            let licence = licence.trim_end_matches(" (*)").trim();
            if let Some(found) = all.remove(&id) {
                crates.insert(id, Crate { licence: expression(licence), ..found });
            } else if !crates.contains_key(&id) {
                return Err(format!("Cargo.lock has no {name} {}", id.1));
            }
        }
        let known: BTreeSet<_> = crates.keys().cloned().collect();
        for each in crates.values_mut() {
            each.needs.retain(|need| known.contains(need));
        }
        let own = crates.iter().find(|((name, _), _)| name == "coffer").map(|(id, _)| id.clone());
        let own = own.and_then(|id| crates.remove(&id));
        Ok(Self { own: own.ok_or("cargo names no package coffer")?, crates })
    }

    /// The version of the binary.
    pub fn version(&self) -> &str {
        &self.own.version
    }

    /// The binary's own package.
    pub const fn own(&self) -> &Crate {
        &self.own
    }

    /// All others.
    pub fn crates(&self) -> Vec<&Crate> {
        self.crates.values().collect()
    }
}

/// Older packages write a slash for what SPDX calls OR.
fn expression(licence: &str) -> String {
    licence.replace('/', " OR ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The packages of a lock file.
fn packages(lock: &str) -> BTreeMap<(String, String), Crate> {
    let blocks = lock.split("[[package]]").skip(1);
    let mut read: Vec<(Crate, Vec<String>)> = blocks.map(package).collect();
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (each, _) in &read {
        versions.entry(each.name.clone()).or_default().push(each.version.clone());
    }
    for (each, needs) in &mut read {
        each.needs = needs.iter().filter_map(|need| resolved(need, &versions)).collect();
    }
    read.into_iter().map(|(each, _)| ((each.name.clone(), each.version.clone()), each)).collect()
}

/// One package, and what it depends on as the file writes it.
fn package(block: &str) -> (Crate, Vec<String>) {
    let (mut read, mut needs) = (Crate::default(), Vec::new());
    for line in block.lines() {
        let unquoted = |text: &str| text.trim().trim_matches(['"', ',']).to_owned();
        match line.split_once(" = ") {
            Some(("name", value)) => read.name = unquoted(value),
            Some(("version", value)) => read.version = unquoted(value),
            Some(("checksum", value)) => read.checksum = unquoted(value),
            Some(_) => {}
            None if line.starts_with(" \"") => needs.push(unquoted(line)),
            None => {}
        }
    }
    (read, needs)
}

/// A name, with its version where there are several.
fn resolved(need: &str, versions: &BTreeMap<String, Vec<String>>) -> Option<(String, String)> {
    let mut words = need.split(' ');
    let name = words.next()?;
    let version = match words.next() {
        Some(version) => version,
        None => versions.get(name)?.first()?,
    };
    Some((name.to_owned(), version.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\
        source = \"registry+x\"\nchecksum = \"aa\"\n\n[[package]]\nname = \"a\"\n\
        version = \"2.0.0\"\n\n[[package]]\nname = \"coffer\"\nversion = \"0.1.0\"\n\
        dependencies = [\n \"a 1.0.0\",\n \"macros\",\n]\n\n[[package]]\nname = \"macros\"\n\
        version = \"3.0.0\"\n";

    #[test]
    fn each_part_of_this_binary_has_a_licence_and_what_is_not_ours_a_checksum() {
        let parts = Parts::read(&crate::root(), super::super::PLATFORM).unwrap();
        let crates = parts.crates();
        assert!(crates.len() > 100, "{}", crates.len());
        assert!(crates.iter().any(|each| each.name == "tikv-jemallocator"));
        for each in crates {
            assert!(!each.licence.is_empty(), "{}", each.name);
            assert_eq!(each.checksum.is_empty(), each.name.starts_with("coffer-"), "{}", each.name);
        }
    }

    #[test]
    fn only_what_is_in_the_binary_counts() {
        let tree = "coffer v0.1.0 (/x)\tApache-2.0\na v1.0.0\tMIT/Apache-2.0\n\
                    macros v3.0.0 (proc-macro)\tMIT\na v1.0.0\tMIT/Apache-2.0 (*)\n";
        let parts = Parts::of(LOCK, tree).unwrap();
        assert_eq!(parts.version(), "0.1.0");
        assert_eq!(parts.own().needs, [("a".to_owned(), "1.0.0".to_owned())]);
        let [only] = parts.crates()[..] else { panic!("{}", parts.crates().len()) };
        assert_eq!(only.licence, "MIT OR Apache-2.0");
        assert_eq!(only.checksum, "aa");
        assert!(Parts::of(LOCK, "coffer v0.1.0\tX\nb v1.0.0\tMIT\n").is_err());
    }
}
