//! The files of `deploy/` against the program: what they set is a setting, what they run is a verb.

use crate::program::{Home, expect};

const COMPOSE: &str = include_str!("../../../../deploy/compose/compose.yml");
const KUBERNETES: &str = include_str!("../../../../deploy/kubernetes/coffer.yml");
const CONTAINER: &str = include_str!("../../../../deploy/container/Containerfile");
const UNIT: &str = include_str!("../../../../deploy/systemd/coffer.service");

/// What each file sets, as far as it says to what; the rest comes from a secret of the cluster.
fn settings(file: &str) -> Vec<(String, Option<String>)> {
    let names = file.match_indices("COFFER_").map(|(at, _)| &file[at..]);
    let settings = names.map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_uppercase() && c != '_').unwrap();
        let (name, rest) = rest.split_at(end);
        let line = rest.lines().next().unwrap().trim_end_matches('}').trim();
        let value = line.strip_prefix([':', '=']).or_else(|| line.strip_prefix(", value:"));
        let value = value.map(|value| match value.split_once(" COFFER_") {
            Some((value, _)) => value,
            None => value,
        });
        (name.to_owned(), value.map(|value| value.trim().trim_matches('"').to_owned()))
    });
    settings.collect()
}

/// Runs `coffer config check` with what a file sets; the files that it names are there.
#[track_caller]
fn check(file: &str, count: usize) {
    let home = Home::new();
    let secret = home.private_file("secret", b"0123456789abcdef");
    let found = settings(file);
    assert_eq!(found.len(), count, "{found:?}");
    let mut call = home.coffer(&["config", "check"]);
    for (name, value) in found {
        let value = match value {
            _ if name.ends_with("_FILE") => secret.clone(),
            Some(value) => value,
            None if name.ends_with("DATABASE_URL") => format!("postgres://coffer@db/{name}"),
            None => panic!("{name} has no value"),
        };
        call = call.env(&name, value);
    }
    expect(&call.run(), 0);
}

#[test]
fn what_is_set_can_be_set() {
    check(COMPOSE, 7);
    check(KUBERNETES, 7);
    // An image is made in two ways, which set the same.
    check(CONTAINER, 4);
    check(UNIT, 2);
}

#[test]
fn health_checks_run_a_verb_that_is_there() {
    assert!(COMPOSE.contains("test: [CMD, /coffer, health]\n"));
    assert_eq!(CONTAINER.matches("CMD [\"/coffer\", \"health\"]\n").count(), 2);
    let home = Home::new();
    expect(&home.coffer(&["health", "--help"]).run(), 0);
    // The unit refuses to reload what this refuses.
    assert!(UNIT.contains("\nExecReload=/usr/bin/coffer config check --config /etc/coffer/"));
    let config = home.path("coffer.toml");
    std::fs::write(&config, "listen = \"nowhere\"\n").unwrap();
    let path = config.display().to_string();
    expect(&home.coffer(&["config", "check", "--config", &path]).run(), 2);
}

#[test]
fn every_socket_unit_has_a_name_that_the_server_takes() {
    for (unit, name) in [
        (include_str!("../../../../deploy/systemd/sockets/coffer.socket"), "api"),
        (include_str!("../../../../deploy/systemd/sockets/coffer-admin.socket"), "admin"),
        (include_str!("../../../../deploy/systemd/sockets/coffer-metrics.socket"), "metrics"),
    ] {
        assert!(unit.contains(&format!("\nFileDescriptorName={name}\n")), "{name}");
        assert!(name == "api" || unit.contains("\nService=coffer.service\n"), "{name}");
    }
}
