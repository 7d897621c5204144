//! What a `Cargo.toml` depends on.

use std::collections::BTreeSet;

/// A dependency as it stands in a manifest.
pub struct Dependency {
    pub line: usize,
    pub package: String,
    /// Only for tests.
    pub dev: bool,
}

/// The dependencies of a manifest, in whichever of the two ways they are written.
pub fn dependencies(manifest: &str) -> Vec<Dependency> {
    let mut found = Vec::new();
    let mut section = String::new();
    let mut named = BTreeSet::new();
    for (index, text) in manifest.lines().enumerate() {
        let text = text.split('#').next().unwrap_or_default().trim();
        let line = index + 1;
        if let Some(name) = text.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
            named.clear();
        }
        let dev = section.contains("dev-dependencies");
        if let Some((_, name)) = section.split_once("dependencies.") {
            // [dependencies.name] and its keys.
            let package = value_of("package", text).unwrap_or(name).to_owned();
            if named.insert(package.clone()) {
                found.push(Dependency { line, package, dev });
            }
        } else if section.ends_with("dependencies")
            && let Some((name, _)) = text.split_once(['.', '=', ' '])
        {
            // name = …, or name.workspace = true.
            let package = value_of("package", text).unwrap_or(name).trim().to_owned();
            found.push(Dependency { line, package, dev });
        }
    }
    found
}

/// The quoted value of `key = "…"`, wherever it stands in the line.
fn value_of<'a>(key: &str, line: &'a str) -> Option<&'a str> {
    let (_, after) = line.split_once(key)?;
    after.trim_start().strip_prefix('=')?.trim_start().strip_prefix('"')?.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_writing_a_dependency_are_read() {
        let text = "[package]
name = \"x\"
[dependencies]
a.workspace = true # and why
b = \"1\"
c = { package = \"d\", version = \"1\" }
[dependencies.e]
version = \"1\"
[dev-dependencies]
f.workspace = true
[lints]
workspace = true
";
        let found = dependencies(text);
        let found: Vec<_> = found.iter().map(|d| (d.line, d.package.as_str(), d.dev)).collect();
        let expected =
            [(4, "a", false), (5, "b", false), (6, "d", false), (7, "e", false), (10, "f", true)];
        assert_eq!(found, expected);
    }
}
