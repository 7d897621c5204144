//! One rule for every file that holds a secret.

use crate::listen::openssl;
use crate::program::{Call, Home, Server, expect, text};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

fn chmod(path: &str, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_secret_file_that_the_world_can_read_is_refused_whatever_it_is() {
    let home = Home::new();
    let made = home.init(&["--app", "Shop"]);
    let root = text(&made, "root_key");
    let key = home.private_file("app.key", text(&made, "test_key").as_bytes());
    let admin = home.private_file("admin.key", text(&made, "admin_key").as_bytes());
    let password = home.private_file("password", b"hunter2\n");
    let (cert, tls) = openssl(&home, "tls", "CA:FALSE");
    let server = Server::start(&home, &["serve", "--listen", "127.0.0.1:0"]);
    let postgres = |call: Call| {
        let call = call.env("COFFER_DATABASE_URL", "postgres://u@127.0.0.1:1/d");
        call.env("COFFER_KEY_DATABASE_URL", "postgres://u@127.0.0.1:1/k")
    };
    let config = |words: &[&str]| home.coffer(&[&["config", "check"], words].concat());
    type Use<'a> = (&'a str, Box<dyn Fn() -> Call + 'a>, i32);
    let uses: [Use; 6] = [
        (&root, Box::new(|| home.coffer(&["doctor"])), 0),
        (&tls, Box::new(|| config(&["--tls-cert", &cert, "--tls-key", &tls])), 0),
        (
            &key,
            Box::new(|| server.coffer(&["secrets", "list"]).env("COFFER_API_KEY_FILE", &key)),
            0,
        ),
        (
            &admin,
            Box::new(|| server.coffer(&["apps", "list"]).env("COFFER_ADMIN_KEY_FILE", &admin)),
            0,
        ),
        (
            &password,
            // Nobody listens there: it fails later than with the file.
            Box::new(|| {
                postgres(home.coffer(&["doctor"])).env("COFFER_DATABASE_PASSWORD_FILE", &password)
            }),
            1,
        ),
        (
            &password,
            Box::new(|| postgres(home.coffer(&["doctor"])).env("PGPASSFILE", &password)),
            1,
        ),
    ];
    for (path, call, code) in &uses {
        chmod(path, 0o600);
        let used = call().run();
        expect(&used, *code);
        assert!(!used.stderr.contains("too open") && !used.stdout.contains("too open"), "{used:?}");
        for mode in [0o644, 0o604, 0o622] {
            chmod(path, mode);
            let refused = call().run();
            assert!(matches!(refused.code, Some(1 | 2)), "{path} {mode:o}: {refused:?}");
            let said = format!("{}{}", refused.stdout, refused.stderr);
            assert!(said.contains(*path) && said.contains("chmod"), "{path} {mode:o}: {said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
        chmod(path, 0o600);
    }
}

/// Set by `cargo xtask test --all`: then a test that cannot mount has failed.
const MOUNTS_REQUIRED: &str = "COFFER_TEST_MOUNTS";

#[test]
fn a_root_key_that_is_mounted_is_read() {
    let home = Home::new();
    let root = text(&home.init(&[]), "root_key");
    let (source, place) = (home.path("source"), home.path("mounted"));
    fs::create_dir(&source).unwrap();
    fs::create_dir(&place).unwrap();
    fs::copy(&root, source.join("root.key")).unwrap();
    let owner = rustix::fs::Uid::from_raw(65_534);
    let Some(mounted) = mount(&source, &place) else {
        // The rule's own table covers what it decides.
        let why = "a file system can be mounted read-only by root only";
        assert!(std::env::var_os(MOUNTS_REQUIRED).is_none(), "{why}");
        println!("skipped: {why}");
        return;
    };
    for path in [
        home.path("data"),
        home.path("data/coffer.db"),
        home.path("data/keys.db"),
        source.join("root.key"),
    ] {
        rustix::fs::chown(&path, Some(owner), None).unwrap();
    }
    chmod(&home.path("").display().to_string(), 0o755);
    let key = place.join("root.key").display().to_string();
    for (mode, code) in [(0o400, 0), (0o440, 0), (0o444, 1), (0o460, 1)] {
        chmod(&source.join("root.key").display().to_string(), mode);
        let ended = home.coffer(&["doctor", "--root-key", &key]).by_nobody().run();
        assert_eq!(ended.code, Some(code), "{mode:o}: {ended:?} {mounted:?}");
        if code == 1 {
            // What it says can be done.
            assert!(ended.stdout.contains("defaultMode"), "{}", ended.stdout);
            assert!(!ended.stdout.contains("chmod 600"), "{}", ended.stdout);
        }
    }
}

/// A read-only mount that ends with the test.
#[derive(Debug)]
struct Mounted(std::path::PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}

/// `None` where the system lets nobody mount, as in most containers.
fn mount(source: &std::path::Path, place: &std::path::Path) -> Option<Mounted> {
    let run = |words: &[&std::ffi::OsStr]| {
        let status = std::process::Command::new("mount").args(words).status();
        status.is_ok_and(|status| status.success()).then_some(())
    };
    run(&["--bind".as_ref(), source.as_ref(), place.as_ref()])?;
    let mounted = Mounted(place.to_owned());
    run(&["-o".as_ref(), "remount,ro,bind".as_ref(), place.as_ref()])?;
    Some(mounted)
}

#[test]
fn a_directory_is_not_told_to_change_its_mode() {
    let home = Home::new();
    home.init(&[]);
    let place = home.path("data").display().to_string();
    let refused = home.coffer(&["serve", "--root-key", &place]).run();
    expect(&refused, 1);
    assert!(refused.stderr.contains("is a directory"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("chmod"), "{}", refused.stderr);
}

#[test]
fn a_root_key_that_an_editor_has_touched_opens_the_store() {
    let home = Home::new();
    let root = text(&home.init(&[]), "root_key");
    let line = fs::read_to_string(&root).unwrap();
    for content in
        [format!("{}\r\n", line.trim_end()), format!("\u{feff}{line}"), format!("\n{line}\n")]
    {
        fs::write(&root, &content).unwrap();
        expect(&home.coffer(&["doctor"]).run(), 0);
    }
}
