//! Roots of trust: what keeps the root key, moving from one to another beside a server, what is
//! said when it is withheld, and a store that is opened again after its root is lost.

use crate::program::{Call, Home, Server, expect, text};
use root_server::{Behaviour, RootServer};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "../../../../testkit/src/root_server.rs"]
#[allow(dead_code, missing_docs, reason = "a file of the test kit, of which this uses a part")]
mod root_server;

const WORDS: &str = "correct horse battery staple";
const TOKEN: &str = "s.hunter2hunter2hunter2";

fn words(home: &Home) -> String {
    home.private_file("words", format!("{WORDS}\n").as_bytes())
}

/// The call with a passphrase for its root.
fn by_words(call: Call, words: &str) -> Call {
    call.env("COFFER_ROOT", "passphrase").env("COFFER_ROOT_SECRET_FILE", words)
}

fn doctor_says(call: Call, code: i32, part: &str) {
    let ended = call.run();
    expect(&ended, code);
    assert!(ended.stdout.contains(part), "no '{part}': {}", ended.stdout);
}

fn files_below(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

/// None of the secrets is in any file but those that are meant to have it.
fn assert_nowhere(home: &Home, secrets: &[Vec<u8>], but: &[&str]) {
    let mut files = Vec::new();
    files_below(&home.path("."), &mut files);
    assert!(files.len() > but.len());
    for file in files {
        let content = fs::read(&file).unwrap();
        let is_meant = but.iter().any(|path| file.ends_with(Path::new(path).file_name().unwrap()));
        for secret in secrets.iter().filter(|_| !is_meant) {
            let found = content.windows(secret.len()).any(|window| window == secret.as_slice());
            assert!(!found, "{} has a secret", file.display());
        }
    }
}

/// The forms of a root key's line: its digits, and the bytes that they stand for.
fn forms(line: &str) -> Vec<Vec<u8>> {
    let digits = line.trim().rsplit(' ').next().unwrap();
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    vec![digits.as_bytes().to_vec(), (0..digits.len()).step_by(2).map(byte).collect()]
}

#[test]
fn a_passphrase_from_a_file_or_a_descriptor_opens_the_store_and_no_other_does() {
    let home = Home::new();
    let words = words(&home);
    let made = by_words(home.coffer(&["init"]), &words).json();
    assert_eq!(text(&made, "root_key"), "a passphrase");
    doctor_says(by_words(home.coffer(&["doctor"]), &words), 0, "a passphrase opens the store");
    let flags = ["doctor", "--root", "passphrase", "--root-secret", "/dev/fd/3"];
    let described = home.coffer(&flags).through_shell(&format!("3< {words}"));
    doctor_says(described, 0, "a passphrase opens the store");

    let wrong = home.private_file("wrong", b"correct horse battery stable");
    doctor_says(by_words(home.coffer(&["doctor"]), &wrong), 1, "FAIL  root key");
    let call = by_words(home.coffer(&["serve", "--listen", "127.0.0.1:0"]), &wrong);
    let refused = call.run();
    expect(&refused, 1);
    assert!(refused.stderr.contains("the passphrase does not open"), "{}", refused.stderr);
    // Nobody is there to ask.
    let nobody = home.coffer(&["doctor"]).env("COFFER_ROOT", "passphrase");
    doctor_says(nobody, 1, "COFFER_ROOT_SECRET_FILE");
    let key = home.private_file("key", b"coffer-root-1 x 00");
    let both = by_words(home.coffer(&["doctor", "--root-key", &key]), &words).run();
    assert!(both.stdout.contains("root_key is set too"), "{}", both.stdout);
    // A passphrase that is written where a kind is wanted is not repeated.
    let slip = home.coffer(&["doctor"]).env("COFFER_ROOT", format!("passphrase:{WORDS}")).run();
    assert!(!slip.stdout.contains(WORDS) && !slip.stderr.contains(WORDS), "{slip:?}");

    let short = home.private_file("short", b"hunter2");
    let refused = by_words(home.other().coffer(&["init"]), &short).run();
    expect(&refused, 1);
    assert!(refused.stderr.contains("fewer than 12"), "{}", refused.stderr);
    assert_nowhere(&home, &[WORDS.as_bytes().to_vec()], &["words"]);
}

#[test]
fn a_move_to_another_root_beside_a_server_changes_neither_keys_nor_data() {
    let home = Home::new();
    let made = home.init(&["--app", "Shop"]);
    let (key, root) = (text(&made, "test_key"), text(&made, "root_key"));
    let line = fs::read_to_string(&root).unwrap();
    let words = words(&home);
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let server = Server::start(&home, &serve);
    let get = |server: &Server<'_>| {
        let got = server.coffer(&["secrets", "get", "a", "--reveal"]).api_key(&key).run();
        expect(&got, 0);
        assert!(got.stdout.contains("the payload"), "{}", got.stdout);
    };
    let set = server.coffer(&["secrets", "set", "a"]).api_key(&key).stdin("the payload");
    expect(&set.run(), 0);

    let migrate =
        ["keyring", "root", "migrate", "--to", "passphrase", "--to-secret", words.as_str()];
    let finish = ["keyring", "root", "finish"];
    expect(&by_words(home.coffer(&finish), &words).run(), 1);
    expect(&home.coffer(&migrate).run(), 0);
    // Interrupted or not, it can be run again.
    expect(&home.coffer(&migrate).run(), 0);
    get(&server);
    let command_line = fs::read(format!("/proc/{}/cmdline", server.process())).unwrap();
    assert!(!String::from_utf8_lossy(&command_line).contains(WORDS));
    let status = home.coffer(&["keyring", "root", "status"]).json();
    let states = |status: &Value| {
        let roots = status["roots"].as_array().unwrap();
        roots
            .iter()
            .map(|root| format!("{} {}", text(root, "state"), text(root, "root")))
            .collect::<Vec<_>>()
    };
    assert_eq!(states(&status), ["current key", "incoming passphrase"]);
    doctor_says(home.coffer(&["doctor"]), 0, "a move to a passphrase is under way");
    let refused = home.coffer(&finish).run();
    expect(&refused, 1);
    assert!(refused.stderr.contains("not moving to this root"), "{}", refused.stderr);
    assert_eq!(server.stop(), Some(0));

    // Servers start with either root.
    let with_old = Server::start(&home, &serve);
    get(&with_old);
    assert_eq!(with_old.stop(), Some(0));
    let with_new = Server::start_call(&home, by_words(home.coffer(&serve), &words), false);
    get(&with_new);
    expect(&by_words(home.coffer(&finish), &words).run(), 0);
    get(&with_new);
    assert_eq!(with_new.stop(), Some(0));

    let status = by_words(home.coffer(&["keyring", "root", "status"]), &words).json();
    assert_eq!(states(&status), ["current passphrase"]);
    doctor_says(home.coffer(&["doctor"]), 1, "the root key does not open");
    let last = Server::start_call(&home, by_words(home.coffer(&serve), &words), false);
    get(&last);
    assert_eq!(last.stop(), Some(0));

    let mut secrets = forms(&line);
    secrets.push(WORDS.as_bytes().to_vec());
    assert_nowhere(&home, &secrets, &["words", &root]);
}

#[test]
fn a_move_can_be_taken_back_and_back_to_a_file() {
    let home = Home::new();
    let root = text(&home.init(&[]), "root_key");
    let words = words(&home);
    let to_words = ["keyring", "root", "migrate", "--to", "passphrase", "--to-secret", &words];
    expect(&home.coffer(&to_words).run(), 0);
    expect(&home.coffer(&["keyring", "root", "cancel"]).run(), 0);
    doctor_says(by_words(home.coffer(&["doctor"]), &words), 1, "does not accept a passphrase");
    expect(&home.coffer(&["keyring", "root", "cancel"]).run(), 1);

    // A file that is there is never overwritten, and is not the new root either.
    let back = ["keyring", "root", "migrate", "--to-key", &root];
    let refused = home.coffer(&back).run();
    expect(&refused, 1);
    assert!(refused.stderr.contains("is not overwritten"), "{}", refused.stderr);
    let second = home.path("second.root").display().to_string();
    let migrate = ["keyring", "root", "migrate", "--to", "key", "--to-key", &second];
    expect(&home.coffer(&migrate).run(), 0);
    expect(&home.coffer(&migrate).run(), 0);
    doctor_says(home.coffer(&["doctor", "--root-key", &second]), 0, "second.root opens the store");
    doctor_says(home.coffer(&["doctor"]), 0, "opens the store");
    expect(&home.coffer(&["keyring", "root", "finish", "--root-key", &second]).run(), 0);
    doctor_says(home.coffer(&["doctor"]), 1, "FAIL  root key");
    doctor_says(home.coffer(&["doctor", "--root-key", &second]), 0, "second.root opens the store");
}

#[test]
fn an_exported_keyring_opens_a_copy_whose_root_is_lost() {
    let home = Home::new();
    let made = home.init(&["--app", "Shop"]);
    let (key, root) = (text(&made, "test_key"), text(&made, "root_key"));
    let line = fs::read_to_string(&root).unwrap();
    let words = words(&home);
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let server = Server::start(&home, &serve);
    let set = server.coffer(&["secrets", "set", "a"]).api_key(&key).stdin("the payload");
    expect(&set.run(), 0);
    let export = home.coffer(&["keyring", "export", "--passphrase", &words]).run();
    expect(&export, 0);
    let exported = home.private_file("keyring.txt", export.stdout.as_bytes());
    assert_eq!(server.stop(), Some(0));

    let copy = home.other();
    fs::create_dir(copy.path("data")).unwrap();
    for name in ["coffer.db", "keys.db"] {
        fs::copy(home.path("data").join(name), copy.path("data").join(name)).unwrap();
    }
    fs::remove_file(&root).unwrap();
    doctor_says(copy.coffer(&["doctor"]), 1, "the root key is missing");
    let wrong = home.private_file("wrong", b"correct horse battery stable");
    let refused = copy.coffer(&["keyring", "import", &exported, "--passphrase", &wrong]).run();
    expect(&refused, 1);
    assert!(refused.stderr.contains("the passphrase does not open"), "{}", refused.stderr);
    let cut = home.private_file("cut.txt", &export.stdout.as_bytes()[..export.stdout.len() - 3]);
    let refused = copy.coffer(&["keyring", "import", &cut, "--passphrase", &words]).run();
    expect(&refused, 1);
    assert!(refused.stderr.contains("cut off"), "{}", refused.stderr);
    let other = home.other();
    other.init(&[]);
    let refused = other.coffer(&["keyring", "import", &exported, "--passphrase", &words]).run();
    expect(&refused, 1);
    assert!(refused.stderr.contains("belongs to store"), "{}", refused.stderr);

    let import = copy.coffer(&["keyring", "import", &exported, "--passphrase", &words]);
    let imported = import.json();
    let new_line = fs::read_to_string(text(&imported, "place")).unwrap();
    assert_ne!(new_line, line);
    doctor_says(copy.coffer(&["doctor"]), 0, "opens the store");
    let server = Server::start(&copy, &serve);
    let got = server.coffer(&["secrets", "get", "a", "--reveal"]).api_key(&key).run();
    assert!(got.stdout.contains("the payload"), "{}", got.stdout);
    assert_eq!(server.stop(), Some(0));

    let mut secrets = forms(&line);
    secrets.push(WORDS.as_bytes().to_vec());
    assert_nowhere(&home, &secrets, &["words"]);
    secrets.extend(forms(&new_line));
    assert_nowhere(&copy, &secrets, &[&text(&imported, "place")]);
}

/// The call with a transit engine for its root.
fn by_transit(call: Call, server: &RootServer, token: &str) -> Call {
    let root = format!("transit:{}/transit/coffer", server.url());
    call.env("COFFER_ROOT", root).env("COFFER_ROOT_SECRET_FILE", token).env("COFFER_ROOT_WAIT", 0)
}

#[test]
fn a_root_that_is_withheld_ends_the_start_with_a_code_of_its_own() {
    let home = Home::new();
    let engine = RootServer::start();
    let token = home.private_file("token", TOKEN.as_bytes());
    by_transit(home.coffer(&["init"]), &engine, &token).json();
    let serve = || by_transit(home.coffer(&["serve", "--listen", "127.0.0.1:0"]), &engine, &token);
    for (behaviour, part) in [
        (Behaviour::SealedFor(u32::MAX), "cannot be reached"),
        (Behaviour::Denied, "permission denied"),
        (Behaviour::UnknownKey, "encryption key not found"),
        (Behaviour::Page, "no usable answer"),
        (Behaviour::Echoes, "refuses"),
    ] {
        engine.behave(behaviour);
        let ended = serve().run();
        expect(&ended, 6);
        assert!(ended.stderr.contains(part), "{behaviour:?}: {}", ended.stderr);
        assert!(!ended.stderr.contains(TOKEN), "{behaviour:?}: {}", ended.stderr);
    }
    // One that is sealed for a while is asked again.
    engine.behave(Behaviour::SealedFor(2));
    let call = by_transit(home.coffer(&["serve", "--listen", "127.0.0.1:0"]), &engine, &token);
    let server = Server::start_call(&home, call.env("COFFER_ROOT_WAIT", 300), false);
    assert!(server.log().contains("asked again"), "{}", server.log());
    let renew = by_transit(home.coffer(&["keyring", "root", "renew"]), &engine, &token);
    expect(&renew.run(), 0);
    assert_eq!(server.stop(), Some(0));
    let before = engine.seen().len();
    doctor_says(by_transit(home.coffer(&["doctor"]), &engine, &token), 0, "the key coffer of");
    let asked = engine.seen()[before..].iter().any(|request| request.body.contains("vault:v2:"));
    assert!(asked, "what was sealed anew is what is opened");
    assert_nowhere(&home, &[TOKEN.as_bytes().to_vec()], &["token"]);
}

#[test]
fn a_disabled_key_of_aws_is_named() {
    let home = Home::new();
    let aws = RootServer::start();
    let root = format!("aws-kms:alias/coffer?region=eu-west-1&endpoint={}", aws.url());
    let with_aws = |call: Call| {
        let call = call.env("COFFER_ROOT", &root).env("COFFER_ROOT_WAIT", 0);
        call.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", TOKEN)
    };
    with_aws(home.coffer(&["init"])).json();
    doctor_says(with_aws(home.coffer(&["doctor"])), 0, "the key alias/coffer");
    aws.behave(Behaviour::Disabled);
    let ended = with_aws(home.coffer(&["serve", "--listen", "127.0.0.1:0"])).run();
    expect(&ended, 6);
    let said = &ended.stderr;
    assert!(said.contains("DisabledException") && said.contains("enable the key"), "{said}");
    assert_nowhere(&home, &[TOKEN.as_bytes().to_vec()], &[]);
}
