//! The files of `deploy/` against the program: what they set is a setting, what they run is a verb.

use crate::program::{Home, expect};
use std::collections::BTreeSet;
use std::process::Command;

const COMPOSE: &str = include_str!("../../../../deploy/compose/compose.yml");
const KUBERNETES: &str = include_str!("../../../../deploy/kubernetes/coffer.yml");
const CONTAINER: &str = include_str!("../../../../deploy/container/Containerfile");
const UNIT: &str = include_str!("../../../../deploy/systemd/coffer.service");
const KUBERNETES_PAGE: &str = include_str!("../../../../docs/howto/kubernetes.md");

/// Drop-ins of the unit for other roots, with how many settings each has.
const ROOTS: [(&str, usize); 4] = [
    (include_str!("../../../../deploy/systemd/roots/passphrase.conf"), 2),
    (include_str!("../../../../deploy/systemd/roots/transit.conf"), 2),
    (include_str!("../../../../deploy/systemd/roots/aws-kms.conf"), 1),
    (include_str!("../../../../deploy/systemd/roots/pkcs11.conf"), 2),
];

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

/// Runs `coffer config check` with what a file sets; the files that it names are there, private.
#[track_caller]
fn check(file: &str, count: usize) {
    let home = Home::new();
    let secret = home.private_file("secret", b"0123456789abcdef");
    check_with(&home, &secret, file, count, 0);
}

/// The same where the files that it names are `secret`, and what the program ends with.
#[track_caller]
fn check_with(home: &Home, secret: &str, file: &str, count: usize, code: i32) {
    let found = settings(file);
    assert_eq!(found.len(), count, "{found:?}");
    let mut call = home.coffer(&["config", "check"]);
    if file.contains("\nEnvironmentFile=/etc/coffer/aws.env\n") {
        call = call.env("AWS_ACCESS_KEY_ID", "id").env("AWS_SECRET_ACCESS_KEY", "key");
    }
    for (name, value) in found {
        let value = match value {
            _ if name.ends_with("_FILE") => secret.to_owned(),
            Some(value) => value,
            None if name.ends_with("DATABASE_URL") => format!("postgres://coffer@db/{name}"),
            None => panic!("{name} has no value"),
        };
        call = call.env(&name, value);
    }
    expect(&call.run(), code);
}

#[test]
fn what_is_set_can_be_set() {
    check(KUBERNETES, 7);
    // An image is made in two ways, which set the same.
    check(CONTAINER, 4);
    check(UNIT, 2);
    for (drop_in, count) in ROOTS {
        check(drop_in, count);
    }
}

/// Compose gives the container a secret's file with the owner and the mode that it has outside.
#[test]
fn the_password_that_the_compose_file_says_to_make_is_one_that_the_server_reads() {
    assert!(CONTAINER.contains("\nUSER 65532:65532\n"));
    let home = Home::new();
    let lines = COMPOSE.lines().skip_while(|line| !line.starts_with("#   head -c"));
    let lines: Vec<_> = lines.take(2).map(|line| line.trim_start_matches('#')).collect();
    let command = lines.join("\n").replace("sudo ", "");
    assert!(command.contains("-m 0400 -o 65532 "), "{command}");
    // Here the container's user is this one.
    let own = rustix::process::geteuid().as_raw().to_string();
    let made = |command: &str| {
        let ended = Command::new("sh").args(["-c", command]).current_dir(home.path(".")).status();
        assert!(ended.unwrap().success(), "{command}");
        home.path("secrets/postgres").display().to_string()
    };
    let secret = made(&command.replace("65532", &own));
    check_with(&home, &secret, COMPOSE, 7, 0);
    // A file that anybody can read is refused, so that the above means something.
    let secret = made("chmod 0644 secrets/postgres");
    check_with(&home, &secret, COMPOSE, 7, 2);
}

#[test]
fn the_cluster_is_given_every_key_that_the_manifest_takes() {
    let manifest = KUBERNETES.lines().filter(|line| !line.starts_with('#'));
    let taken = manifest.filter_map(|line| line.split_once("key: ").map(|(_, rest)| rest));
    let taken: BTreeSet<_> = taken.filter_map(|rest| rest.split([',', ' ']).next()).collect();
    assert_eq!(taken.len(), 4, "{taken:?}");
    for text in [KUBERNETES, KUBERNETES_PAGE] {
        let made = text.split("--from-").skip(1).filter_map(|rest| rest.split_once('='));
        let made: BTreeSet<_> =
            made.filter_map(|(_, rest)| rest.split(['=', ' ', '\n']).next()).collect();
        assert_eq!(made, taken);
        let namespace = ["kubectl -n coffer create secret", "--namespace=coffer"];
        assert!(namespace.iter().any(|words| text.contains(words)), "{text}");
        assert!(text.contains("create secret generic coffer"));
    }
    let image = format!("registry.example/coffer:{}", env!("CARGO_PKG_VERSION"));
    for text in [KUBERNETES, KUBERNETES_PAGE] {
        assert!(text.contains(&image), "{image}");
    }
}

#[test]
fn a_drop_in_for_another_root_takes_the_units_own_credential_back() {
    for (drop_in, _) in ROOTS {
        let lines: Vec<_> = drop_in.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(lines[..2], ["[Service]", "LoadCredential="]);
        let loaded = lines.contains(&"LoadCredential=root-secret:/etc/coffer/root.secret");
        let read = lines.contains(&"Environment=COFFER_ROOT_SECRET_FILE=%d/root-secret");
        assert_eq!(loaded, read, "{drop_in}");
    }
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
