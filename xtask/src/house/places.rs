//! The places that registering a family touches.

use crate::code::manifest::dependencies;
use crate::code::source::Source;
use crate::code::tree::File;
use crate::tidy::walls;
use std::collections::BTreeSet;

/// Who is who: the one family that the rest of the program cannot do without.
const IDENTITY: &str = "identity";

/// The files of the product, the registry among them, that name the crate of a family other than
/// their own, each with the families.
pub fn find(files: &[File], product: &[&Source]) -> Vec<String> {
    let families = walls::families(product).into_iter().filter(|family| family != IDENTITY);
    let families: Vec<String> = families.collect();
    let named = |path: &str, crates: &BTreeSet<String>| {
        let own = path.strip_prefix("crates/")?.split('/').next()?;
        let others: Vec<&str> = families
            .iter()
            .filter(|family| crates.contains(*family))
            .filter(|family| *family != own && !walls::is_below(family, own))
            .map(String::as_str)
            .collect();
        (!others.is_empty()).then(|| format!("{path} ({})", others.join(", ")))
    };
    let in_code = product.iter().filter_map(|source| {
        let crates = walls::crates_named(source).into_iter().map(|(_, name)| name).collect();
        named(&source.path, &crates)
    });
    let manifests = files.iter().filter(|file| file.path.ends_with("/Cargo.toml"));
    let in_manifests =
        manifests.filter_map(|file| named(&file.path, &beside_dependencies(&file.text)));
    in_code.chain(in_manifests).collect()
}

/// The crates of ours that a manifest names otherwise than to depend on them.
fn beside_dependencies(manifest: &str) -> BTreeSet<String> {
    let dependencies: BTreeSet<usize> =
        dependencies(manifest).iter().map(|dependency| dependency.line).collect();
    let lines = (1..).zip(manifest.lines()).filter(|(line, _)| !dependencies.contains(line));
    let words = lines.flat_map(|(_, text)| {
        let code = text.split('#').next().unwrap_or_default();
        code.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_')
    });
    words.filter_map(|word| Some(word.strip_prefix("coffer-")?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_that_names_a_family_is_a_place() {
        let file = |path: &str, text: &str| File { path: path.into(), text: text.into() };
        let manifest = "[package]\nname = \"coffer\"\n[dependencies]\ncoffer-secrets = \"1\"\n";
        let files = [
            file(
                "crates/coffer/src/families.rs",
                "coffer_identity::f; coffer_secrets::f; coffer_ledger::f; coffer_reserves::f",
            ),
            file("crates/coffer/src/config.rs", "use coffer_secrets::Settings; coffer_kernel::X"),
            file("crates/coffer/src/assemble.rs", "use coffer_identity::Directory;"),
            file("crates/coffer/src/x.rs", "#[cfg(test)]\nmod tests { use coffer_secrets::X; }"),
            file("crates/secrets/src/lib.rs", "use coffer_secrets::X;"),
            file("crates/reserves/src/lib.rs", "use coffer_ledger::X;"),
            file("crates/coffer/Cargo.toml", manifest),
            file("crates/kernel/Cargo.toml", "[features]\nx = [\"coffer-ledger/x\"]\n"),
        ];
        let sources = crate::code::parse(&files);
        assert_eq!(
            find(&files, &crate::code::product(&sources)),
            [
                "crates/coffer/src/families.rs (ledger, reserves, secrets)",
                "crates/coffer/src/config.rs (secrets)",
                "crates/kernel/Cargo.toml (ledger)"
            ]
        );
    }
}
