//! Which crate may stand on which: the architecture's table, read against each `Cargo.toml`.

use super::finding::Finding;
use crate::code::manifest::{Dependency, dependencies};
use crate::code::source::Source;
use crate::code::tree::File;
use std::collections::BTreeSet;

/// A crate, and the crates that it may depend on.
type Row = (&'static str, &'static [&'static str]);

/// The crates below the families. A new one gets its line here.
const FOUNDATION: [Row; 14] = [
    ("base", &[]),
    // The documents: nothing but text.
    ("book", &[]),
    ("metrics", &[]),
    ("dialect", &["base"]),
    ("secretfile", &["base"]),
    ("crypto", &["base", "secretfile"]),
    ("backup", &["base", "crypto"]),
    ("storage", &["base", "metrics", "secretfile"]),
    ("outbound", &["base"]),
    ("keyring", &["base", "crypto", "storage"]),
    ("audit", &["base", "storage", "crypto", "keyring"]),
    ("kernel", &["base", "metrics", "dialect", "storage", "outbound", "keyring", "audit"]),
    // A client of identity providers, which checks their signatures.
    ("oidc", &["base", "crypto", "outbound"]),
    // A client of the API, like any other: it has no way to the stores or the keys.
    ("dashboard", &["base", "kernel", "oidc"]),
];
/// What a family of resources may stand on.
const FAMILY: [&str; 8] =
    ["base", "metrics", "dialect", "storage", "outbound", "keyring", "audit", "kernel"];
/// What a family may stand on besides: another family below it, or the ciphers.
const BESIDES: [Row; 3] = [
    // It makes tokens and hashes them.
    ("identity", &["crypto"]),
    // It gives the ledger the rules by which money is reserved.
    ("reserves", &["ledger"]),
    // It signs what it sends.
    ("webhooks", &["crypto"]),
];
/// The crate that puts all others together.
const BINARY: &str = "coffer";
/// The list of the families.
const REGISTRY: &str = "crates/coffer/src/families.rs";

/// Outside crates that only some crates may use, and those crates.
const OUTSIDE: [(&[&str], &[&str]); 3] = [
    (&["rusqlite", "libsqlite3-sys", "tokio-postgres", "deadpool-postgres"], &["storage"]),
    (&["aws-lc-rs", "aws-lc-sys"], &["crypto"]),
    (&["axum", "hyper", "hyper-util", "http-body-util", "tower"], &["kernel", "outbound", BINARY]),
];

/// The families: the crates that the registry names, and those of the table, which other crates
/// bring along; none of them is a foundation.
pub fn families(sources: &[&Source]) -> BTreeSet<String> {
    let registry = sources.iter().filter(|source| source.path == REGISTRY);
    let named = registry.flat_map(|source| crates_named(source)).map(|(_, name)| name);
    let table = BESIDES
        .iter()
        .flat_map(|(name, besides)| [*name].into_iter().chain(besides.iter().copied()));
    let all = named.chain(table.map(str::to_owned));
    all.filter(|name| FOUNDATION.iter().all(|(known, _)| known != name)).collect()
}

/// The crates of ours that the code of the product in `source` names, with the lines.
pub fn crates_named(source: &Source) -> Vec<(usize, String)> {
    let lines = source.product_lines().flat_map(|(line, code)| {
        let named = code.split(|c: char| !c.is_alphanumeric() && c != '_');
        named.filter_map(move |word| Some((line, word.strip_prefix("coffer_")?.to_owned())))
    });
    lines.collect()
}

/// Whether the family may stand on the other one.
pub fn is_below(other: &str, family: &str) -> bool {
    BESIDES.iter().any(|(name, besides)| *name == family && besides.contains(&other))
}

pub fn check(files: &[File], families: &BTreeSet<String>) -> Vec<Finding> {
    let manifests = files.iter().filter_map(|file| {
        let name = file.path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
        Some((name, file))
    });
    manifests.flat_map(|(name, file)| check_crate(name, file, families)).collect()
}

fn check_crate(name: &str, file: &File, families: &BTreeSet<String>) -> Vec<Finding> {
    let Some(on) = may_stand_on(name, families) else {
        let message = format!("name {name} in {REGISTRY} or in xtask/src/tidy/walls.rs");
        return vec![Finding::new(&file.path, 0, message)];
    };
    let wrong = dependencies(&file.text).into_iter().filter_map(|dependency| {
        let message = wall(name, &on, &dependency, families)?;
        Some(Finding::new(&file.path, dependency.line, message))
    });
    wrong.collect()
}

/// The crates of ours that the crate may depend on; `None` for a crate that nothing names.
fn may_stand_on<'a>(name: &str, families: &'a BTreeSet<String>) -> Option<Vec<&'a str>> {
    let foundations = FOUNDATION.iter().map(|(known, _)| *known);
    if name == BINARY {
        return Some(foundations.chain(families.iter().map(String::as_str)).collect());
    }
    if let Some((_, on)) = FOUNDATION.iter().find(|(known, _)| *known == name) {
        return Some(on.to_vec());
    }
    let besides = BESIDES.iter().filter(|(known, _)| *known == name);
    let besides = besides.flat_map(|(_, besides)| besides.iter().copied());
    families.contains(name).then(|| FAMILY.into_iter().chain(besides).collect())
}

/// The wall that a dependency goes through, if it does.
fn wall(
    name: &str,
    may: &[&str],
    dependency: &Dependency,
    families: &BTreeSet<String>,
) -> Option<String> {
    let package = dependency.package.as_str();
    if let Some(on) = package.strip_prefix("coffer-").or((package == BINARY).then_some(BINARY)) {
        // Tests may set up any crate but a family; what is in the server follows the table.
        let test = dependency.dev && on != BINARY && !families.contains(on);
        return (!may.contains(&on) && !test).then(|| format!("{name} may not depend on {on}"));
    }
    let (_, users) = OUTSIDE.iter().find(|(packages, _)| packages.contains(&package))?;
    (!users.contains(&name)).then(|| format!("only {} may use {package}", users.join(" and ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registered() -> BTreeSet<String> {
        ["identity", "secrets", "ledger", "reserves"].map(str::to_owned).into()
    }

    fn found(name: &str, text: &str) -> Vec<String> {
        let path = format!("crates/{name}/Cargo.toml");
        let findings = check(&[File { path, text: text.into() }], &registered());
        findings.iter().map(|finding| format!("{}: {}", finding.line, finding.message)).collect()
    }

    #[test]
    fn families_are_what_the_registry_names() {
        let text = "use coffer_kernel::Family;
pub fn families() -> Vec<Family> { vec![coffer_secrets::family(), coffer_payouts::family()] }
// coffer_dashboard::family()
#[cfg(test)]
mod tests { use coffer_testkit::x; }
";
        let registry = Source::parse(&File { path: REGISTRY.into(), text: text.into() });
        let other = Source::parse(&File { path: "a.rs".into(), text: "coffer_other::x".into() });
        let families: Vec<String> = families(&[&registry, &other]).into_iter().collect();
        assert_eq!(families, ["identity", "ledger", "payouts", "reserves", "secrets", "webhooks"]);
    }

    #[test]
    fn crates_stand_on_what_the_table_says() {
        let text = "[package]\nname = \"x\"\n[dependencies]\ncoffer-base.workspace = true\n";
        let families = registered();
        let foundations = FOUNDATION
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| !["base", "book", "metrics"].contains(name));
        for name in foundations.chain(families.iter().map(String::as_str)) {
            assert!(found(name, text).is_empty(), "{name}");
        }
        assert_eq!(found("base", text), ["4: base may not depend on base"]);
        assert_eq!(
            found("kernel", "[build-dependencies]\ncoffer-secrets.workspace = true\n"),
            ["2: kernel may not depend on secrets"]
        );
        assert_eq!(
            found("dialect", "[dependencies.coffer-storage]\nworkspace = true\n"),
            ["1: dialect may not depend on storage"]
        );
        assert_eq!(
            found("dialect", "[dependencies]\ncoffer = { path = \"../coffer\" }\n"),
            ["2: dialect may not depend on coffer"]
        );
        assert_eq!(
            found(
                "dialect",
                "[target.'cfg(unix)'.dependencies]\nx = { package = \"coffer-audit\" }"
            ),
            ["2: dialect may not depend on audit"]
        );
    }

    #[test]
    fn a_family_stands_on_another_only_if_the_table_says_so() {
        assert!(found("reserves", "[dependencies]\ncoffer-ledger.workspace = true\n").is_empty());
        assert_eq!(
            found("ledger", "[dependencies]\ncoffer-reserves.workspace = true\n"),
            ["2: ledger may not depend on reserves"]
        );
        assert_eq!(
            found("secrets", "[dependencies]\ncoffer-identity = { path = \"../identity\" }\n"),
            ["2: secrets may not depend on identity"]
        );
        assert_eq!(
            found("secrets", "[dependencies]\ncoffer-crypto.workspace = true\n"),
            ["2: secrets may not depend on crypto"]
        );
    }

    #[test]
    fn the_binary_stands_on_all_and_a_new_crate_is_asked_for() {
        assert!(found("coffer", "[dependencies]\ncoffer-secrets.workspace = true\n").is_empty());
        assert_eq!(
            found("payouts", "[dependencies]\n"),
            ["0: name payouts in crates/coffer/src/families.rs or in xtask/src/tidy/walls.rs"]
        );
    }

    #[test]
    fn drivers_ciphers_and_http_stay_in_their_crates() {
        assert!(found("storage", "[dependencies]\nrusqlite.workspace = true\n").is_empty());
        assert!(found("outbound", "[dependencies]\nhyper.workspace = true\n").is_empty());
        assert_eq!(
            found("coffer", "[dependencies]\nrusqlite.workspace = true\n"),
            ["2: only storage may use rusqlite"]
        );
        assert_eq!(
            found("keyring", "[dependencies]\naws-lc-rs = \"1\"\n"),
            ["2: only crypto may use aws-lc-rs"]
        );
        assert_eq!(
            found("secrets", "[dependencies.web]\npackage = \"axum\"\n"),
            ["2: only kernel and outbound and coffer may use axum"]
        );
    }

    #[test]
    fn tests_set_up_crates_but_no_family() {
        let text = |name: &str| format!("[dev-dependencies]\ncoffer-{name}.workspace = true\n");
        assert!(found("kernel", &text("crypto")).is_empty());
        assert!(found("secrets", &text("testkit")).is_empty());
        assert_eq!(found("kernel", &text("secrets")), ["2: kernel may not depend on secrets"]);
    }
}
