//! `coffer secrets import`, `export`, `copy`, `expiring` and `edit`.

use crate::program::{Ended, Home, Server, expect};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;

const KEY: &str = "sk_test_import";

struct Shop<'a> {
    home: &'a Home,
    server: Server<'a>,
}

impl<'a> Shop<'a> {
    fn start(home: &'a Home) -> Self {
        Self { home, server: Server::start(home, &["dev", "--listen", "127.0.0.1:0"]) }
    }

    fn run(&self, words: &[&str]) -> Ended {
        self.server.coffer(&[&["secrets"], words].concat()).api_key(KEY).run()
    }

    fn json(&self, words: &[&str]) -> Value {
        self.server.coffer(&[&["secrets"], words].concat()).api_key(KEY).json()
    }

    fn set(&self, name: &str, value: &str, more: &[&str]) {
        let words = [&["secrets", "set", name], more].concat();
        expect(&self.server.coffer(&words).api_key(KEY).stdin(value).run(), 0);
    }

    fn get(&self, name: &str, more: &[&str]) -> String {
        let ended = self.run(&[&["get", name, "--reveal"], more].concat());
        expect(&ended, 0);
        ended.stdout
    }

    fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.home.path(name), text).unwrap();
        self.home.path(name).display().to_string()
    }
}

fn counts(result: &Value) -> [i64; 3] {
    ["added", "replaced", "unchanged"].map(|field| result[field].as_i64().unwrap())
}

#[test]
fn files_of_every_form_are_imported() {
    let home = Home::new();
    let shop = Shop::start(&home);
    let env = "# settings\nexport A=one\nB='two words'\nC=\"three\\nlines\"\n";
    let env = shop.file(".env", env);
    let dry = shop.run(&["import", &env, "--dry-run"]);
    expect(&dry, 0);
    assert!(dry.stdout.contains("********") && !dry.stdout.contains("two"), "{}", dry.stdout);
    expect(&shop.run(&["get", "A"]), 3);
    assert_eq!(counts(&shop.json(&["import", &env])), [3, 0, 0]);
    assert_eq!(
        (shop.get("B", &[]), shop.get("C", &[])),
        ("two words".into(), "three\nlines".into())
    );
    let json = shop.file("a.json", "{\"A\": \"one\", \"B\": \"new\", \"D\": 4}");
    assert_eq!(counts(&shop.json(&["import", &json])), [1, 1, 1]);
    let yaml = shop.file("a.yaml", "E: |\n  -----BEGIN\n  x\nF: 'it''s'\nA: one\n");
    assert_eq!(counts(&shop.json(&["import", &yaml])), [2, 0, 1]);
    assert_eq!((shop.get("E", &[]), shop.get("F", &[])), ("-----BEGIN\nx\n".into(), "it's".into()));
    let csv = shop.file("a.csv", "name,value,expires_at\n\"G,1\",\"a \"\"b\"\"\",4000000000\n");
    assert_eq!(counts(&shop.json(&["import", &csv, "--user", "u"])), [1, 0, 0]);
    assert_eq!(shop.get("G,1", &["--user", "u"]), "a \"b\"");
    assert_eq!(shop.json(&["get", "G,1", "--user", "u"])["expires_at"], 4_000_000_000_i64);
    let piped = shop.server.coffer(&["secrets", "import", "-", "--as", "dotenv"]).api_key(KEY);
    expect(&piped.stdin("H=piped\n").run(), 0);
    assert_eq!(shop.get("H", &[]), "piped");
    expect(&shop.run(&["import", &shop.file("a.txt", "A=1")]), 2);
    let wrong = shop.run(&["import", &shop.file("b.env", &format!("A=\nB={}", "x".repeat(5001)))]);
    expect(&wrong, 2);
    assert!(wrong.stderr.contains("'A'") && wrong.stderr.contains("'B'"), "{}", wrong.stderr);
}

/// The eleventh secret is refused, and what was set before it is put back.
#[test]
fn an_import_that_fails_leaves_everything_as_it_was() {
    let home = Home::new();
    let shop = Shop::start(&home);
    shop.set("K1", "before", &["--expires-in", "30d"]);
    shop.set("MINE", "mine", &[]);
    let before = shop.json(&["get", "K1"])["expires_at"].clone();
    let lines: String = (1..=12).map(|at| format!("K{at}=imported\n")).collect();
    let file = shop.file("a.env", &lines);
    let failed = shop.run(&["import", &file]);
    expect(&failed, 1);
    assert!(failed.stderr.contains("nothing has changed"), "{}", failed.stderr);
    let listed = shop.json(&["list"]);
    assert_eq!(listed["data"].as_array().unwrap().len(), 2, "{listed}");
    assert_eq!(shop.get("K1", &[]), "before");
    assert_eq!(shop.json(&["get", "K1"])["expires_at"], before);
    let file = shop.file("a.env", &lines.lines().take(9).collect::<Vec<_>>().join("\n"));
    assert_eq!(counts(&shop.json(&["import", &file])), [8, 1, 0]);
    assert_eq!(counts(&shop.json(&["import", &file])), [0, 0, 9], "a second time changes nothing");
    assert_eq!(shop.json(&["get", "K1"])["expires_at"], before, "the file does not say otherwise");
}

#[test]
fn what_is_exported_is_imported_again() {
    let home = Home::new();
    let shop = Shop::start(&home);
    shop.set("A", "pa$$word \"x\"\nline", &[]);
    shop.set("B", "b", &["--expires-in", "30d"]);
    for form in ["env", "json", "yaml", "csv"] {
        let path = home.path(&format!("out.{form}"));
        let word = path.display().to_string();
        expect(&shop.run(&["export", "--to", &word]), 0);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        expect(&shop.run(&["export", "--to", &word]), 2);
        assert_eq!(counts(&shop.json(&["import", &word])), [0, 0, 2], "{form}");
        assert_eq!(counts(&shop.json(&["import", &word, "--user", form])), [2, 0, 0], "{form}");
        assert_eq!(shop.get("A", &["--user", form]), "pa$$word \"x\"\nline", "{form}");
    }
    let printed = shop.run(&["export", "--as", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&printed.stdout).unwrap()["B"], "b");
    shop.set("two words", "x", &[]);
    expect(&shop.run(&["export"]), 2);
    expect(&shop.run(&["export", "--as", "yaml"]), 0);
}

#[test]
fn secrets_are_copied_to_other_scopes_and_accounts() {
    let home = Home::new();
    let shop = Shop::start(&home);
    shop.set("A", "a", &[]);
    shop.set("B", "b", &["--expires-in", "30d"]);
    assert_eq!(counts(&shop.json(&["copy", "--to-account", "acct_two"])), [2, 0, 0]);
    assert_eq!(shop.get("B", &["--account", "acct_two"]), "b");
    let (here, there) = (["get", "B"], ["get", "B", "--account", "acct_two"]);
    assert_eq!(shop.json(&here)["expires_at"], shop.json(&there)["expires_at"]);
    assert_eq!(counts(&shop.json(&["copy", "A", "--to-user", "u", "--dry-run"])), [1, 0, 0]);
    expect(&shop.run(&["get", "A", "--user", "u"]), 3);
    assert_eq!(counts(&shop.json(&["copy", "A", "--to-user", "u"])), [1, 0, 0]);
    expect(&shop.run(&["get", "B", "--user", "u"]), 3);
    expect(&shop.run(&["copy"]), 2);
    expect(&shop.run(&["copy", "nothing", "--to-user", "u"]), 3);
}

#[test]
fn what_ends_soon_is_listed_first() {
    let home = Home::new();
    let shop = Shop::start(&home);
    shop.set("late", "x", &["--expires-in", "60d"]);
    shop.set("soon", "x", &["--expires-in", "20d"]);
    shop.set("sooner", "x", &["--expires-in", "2d"]);
    shop.set("never", "x", &[]);
    let names = |words: &[&str]| -> Vec<String> {
        let list = shop.json(&[&["expiring"], words].concat());
        let data = list["data"].as_array().unwrap().iter();
        data.map(|secret| secret["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&[]), ["sooner", "soon"]);
    assert_eq!(names(&["--within", "90d"]), ["sooner", "soon", "late"]);
    assert!(names(&["--within", "1d"]).is_empty());
}

#[test]
fn a_value_is_edited_in_memory() {
    let home = Home::new();
    let shop = Shop::start(&home);
    shop.set("token", "one", &["--expires-in", "30d"]);
    let before = shop.json(&["get", "token"])["expires_at"].clone();
    let edit = |editor: &str| {
        let call = shop.server.coffer(&["secrets", "edit", "token"]).api_key(KEY);
        call.env("EDITOR", editor).env("PATH", std::env::var("PATH").unwrap()).run()
    };
    let script = |name: &str, text: &str| {
        let path = shop.file(name, &format!("#!/bin/sh\n{text}\n"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    let seen = home.path("seen").display().to_string();
    let change = script(
        "change",
        &format!(
            "cat \"$2\" > {seen}; stat -fc %T \"$2\" >> {seen}; \
                                            stat -c %a \"$2\" >> {seen}; echo two > \"$2\""
        ),
    );
    expect(&edit(&format!("{change} --wait")), 0);
    assert_eq!(std::fs::read_to_string(&seen).unwrap(), "onetmpfs\n600\n");
    assert_eq!(shop.get("token", &[]), "two");
    assert_eq!(shop.json(&["get", "token"])["expires_at"], before);
    expect(&edit("true"), 0);
    expect(&edit("false"), 1);
    assert_eq!(shop.get("token", &[]), "two");
    // Somebody sets it while it is edited.
    let coffer = env!("CARGO_BIN_EXE_coffer");
    let set = format!("echo mine > \"$1\"; printf theirs | {coffer} secrets set token > /dev/null");
    let raced = edit(&script("race", &set));
    expect(&raced, 5);
    assert_eq!(shop.get("token", &[]), "theirs");
    let left = std::fs::read_dir("/dev/shm").unwrap().flatten();
    let left = left.filter(|entry| entry.file_name().to_string_lossy().starts_with("coffer_"));
    for entry in left {
        // Other tests may edit at the same time, but nothing of this one stays.
        let text = std::fs::read_to_string(entry.path().join("value")).unwrap_or_default();
        assert!(!["one", "two", "mine\n"].contains(&text.as_str()), "{entry:?}");
    }
}

#[test]
fn the_history_of_a_secret_has_its_changes_and_nobody_elses() {
    let home = Home::new();
    let shop = Shop::start(&home);
    let account = ["--account", "acct_history"];
    shop.set("token", "one", &account);
    shop.set("token", "two", &account);
    shop.set("other", "x", &account);
    expect(&shop.run(&["delete", "token", "--account", "acct_history"]), 0);
    let told = |words: &[&str]| {
        let words = [words, &["token"], &account].concat();
        shop.server.coffer(&words).admin_key("ak_coffer_history").json()
    };
    let history = told(&["secrets", "history"]);
    let changes = history["changes"].as_array().unwrap().iter();
    let done: Vec<_> = changes.map(|change| change["operation"].as_str().unwrap()).collect();
    assert_eq!(
        done,
        ["apps.secrets.delete", "apps.secrets.create", "apps.secrets.create"],
        "{history}"
    );
    assert_eq!(history["exists"], serde_json::json!([]), "{history}");
    assert_eq!(told(&["explain", "secret"])["changes"], history["changes"]);
    let without = shop.server.coffer(&["secrets", "history", "token", account[0], account[1]]);
    expect(&without.api_key(KEY).run(), 4);
}
