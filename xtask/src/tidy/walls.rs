//! Which room may stand on which: the architecture's table, read against each `Cargo.toml`.

use super::finding::Finding;
use super::tree::File;
use std::collections::BTreeSet;

/// A room, and the rooms that it may depend on.
struct Room {
    name: &'static str,
    on: &'static [&'static str],
}

/// What a family of resources stands on. Families never see each other.
const FAMILY: &[&str] = &["base", "dialect", "storage", "keyring", "audit", "kernel"];
const FAMILIES: [&str; 5] = ["identity", "secrets", "ledger", "reserves", "dashboard"];

/// Every room under `crates/`. A new one gets its line here.
const ROOMS: [Room; 12] = [
    Room { name: "base", on: &[] },
    Room { name: "dialect", on: &["base"] },
    Room { name: "crypto", on: &["base"] },
    Room { name: "storage", on: &["base"] },
    Room { name: "keyring", on: &["base", "crypto", "storage"] },
    Room { name: "audit", on: &["base", "storage", "keyring"] },
    Room { name: "kernel", on: &["base", "dialect", "storage", "keyring", "audit"] },
    // A family that also makes tokens and hashes them.
    Room {
        name: "identity",
        on: &["base", "dialect", "crypto", "storage", "keyring", "audit", "kernel"],
    },
    Room { name: "secrets", on: FAMILY },
    Room { name: "ledger", on: FAMILY },
    // A family above another: it gives the ledger the rules by which money is reserved.
    Room {
        name: "reserves",
        on: &["base", "dialect", "storage", "keyring", "audit", "kernel", "ledger"],
    },
    Room { name: "dashboard", on: &["base", "kernel", "audit"] },
];
/// The room that puts all others together.
const BINARY: &str = "coffer";

/// Outside crates that only some rooms may use, and those rooms.
const OUTSIDE: [(&[&str], &[&str]); 3] = [
    (&["rusqlite", "libsqlite3-sys", "tokio-postgres", "deadpool-postgres"], &["storage"]),
    (&["aws-lc-rs", "aws-lc-sys"], &["crypto"]),
    (&["axum", "hyper", "hyper-util", "http-body-util", "tower"], &["kernel", BINARY]),
];

/// A dependency as it stands in a manifest.
struct Dependency {
    line: usize,
    package: String,
    /// Only for tests.
    dev: bool,
}

pub fn check(files: &[File]) -> Vec<Finding> {
    let manifests = files.iter().filter_map(|file| {
        let room = file.path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml")?;
        Some((room, file))
    });
    manifests.flat_map(|(room, file)| check_room(room, file)).collect()
}

fn check_room(room: &str, file: &File) -> Vec<Finding> {
    if room != BINARY && ROOMS.iter().all(|known| known.name != room) {
        let message = format!("give the room {room} its line in xtask/src/tidy/walls.rs");
        return vec![Finding::new(&file.path, 0, message)];
    }
    let dependencies = dependencies(&file.text);
    let wrong = dependencies.iter().filter_map(|dependency| {
        let message = wall(room, dependency)?;
        Some(Finding::new(&file.path, dependency.line, message))
    });
    wrong.collect()
}

/// The wall that a dependency goes through, if it does.
fn wall(room: &str, dependency: &Dependency) -> Option<String> {
    let package = dependency.package.as_str();
    if room == BINARY && package.starts_with("coffer-") {
        return None;
    }
    if let Some(on) = package.strip_prefix("coffer-").or((package == BINARY).then_some(BINARY)) {
        return (!may_stand_on(room, on, dependency.dev))
            .then(|| format!("{room} may not depend on {on}"));
    }
    let (_, rooms) = OUTSIDE.iter().find(|(packages, _)| packages.contains(&package))?;
    (!rooms.contains(&room)).then(|| format!("only {} may use {package}", rooms.join(" and ")))
}

/// Tests may set up any room but a family; what is compiled into the server follows the table.
fn may_stand_on(room: &str, on: &str, dev: bool) -> bool {
    let mut table = ROOMS.iter().filter(|known| known.name == room);
    table.any(|known| known.on.contains(&on)) || (dev && on != BINARY && !FAMILIES.contains(&on))
}

/// The dependencies of a manifest, in whichever of the two ways they are written.
fn dependencies(manifest: &str) -> Vec<Dependency> {
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

    fn found(room: &str, text: &str) -> Vec<String> {
        let path = format!("crates/{room}/Cargo.toml");
        let findings = check(&[File { path, text: text.into() }]);
        findings.iter().map(|finding| format!("{}: {}", finding.line, finding.message)).collect()
    }

    #[test]
    fn rooms_stand_on_what_the_table_says() {
        let text = "[package]\nname = \"x\"\n[dependencies]\ncoffer-base.workspace = true\n";
        for room in ROOMS.iter().filter(|room| room.name != "base") {
            assert!(found(room.name, text).is_empty(), "{}", room.name);
        }
        assert_eq!(found("base", text), ["4: base may not depend on base"]);
        assert_eq!(
            found("secrets", "[dependencies]\ncoffer-identity = { path = \"../identity\" }\n"),
            ["2: secrets may not depend on identity"]
        );
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
    fn the_binary_stands_on_all_and_a_new_room_is_asked_for() {
        assert!(found("coffer", "[dependencies]\ncoffer-secrets.workspace = true\n").is_empty());
        assert_eq!(
            found("payouts", "[dependencies]\n"),
            ["0: give the room payouts its line in xtask/src/tidy/walls.rs"]
        );
    }

    #[test]
    fn drivers_and_ciphers_stay_in_their_rooms() {
        assert!(found("storage", "[dependencies]\nrusqlite.workspace = true\n").is_empty());
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
            ["2: only kernel and coffer may use axum"]
        );
    }

    #[test]
    fn tests_set_up_rooms_but_no_family() {
        let text = |room: &str| format!("[dev-dependencies]\ncoffer-{room}.workspace = true\n");
        assert!(found("kernel", &text("crypto")).is_empty());
        assert!(found("secrets", &text("testkit")).is_empty());
        assert_eq!(found("kernel", &text("secrets")), ["2: kernel may not depend on secrets"]);
    }
}
