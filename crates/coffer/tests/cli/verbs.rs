//! What the verbs do, one after the other.

use crate::program::{self, Home, Server, expect};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

#[test]
fn init_makes_an_installation_once() {
    let home = Home::new();
    let made = home.init(&["--app", "Shop"]);
    for (field, start) in [
        ("admin_key", "ak_coffer_"),
        ("store", "store_"),
        ("account", "acct_"),
        ("app", "app_"),
        ("test_key", "sk_test_coffer_"),
        ("live_key", "sk_live_coffer_"),
    ] {
        assert!(program::text(&made, field).starts_with(start), "{field} in {made}");
    }
    let root_key = program::text(&made, "root_key");
    assert!(Path::new(&root_key).starts_with(home.path("config")), "{root_key}");
    let again = home.coffer(&["init"]).run();
    expect(&again, 1);
    assert!(again.stderr.contains("holds a store already"), "{}", again.stderr);
    assert!(again.stdout.is_empty());
}

#[test]
fn the_keys_of_init_work_and_are_shown_to_people_too() {
    let home = Home::new();
    let shown = home.coffer(&["init", "--app", "Shop"]).run();
    expect(&shown, 0);
    let key = shown.stdout.lines().find_map(|line| line.strip_prefix("test key   ")).unwrap();
    assert!(shown.stderr.contains("coffer serve"), "{}", shown.stderr);
    let server = Server::start(&home, &["serve", "--listen", "127.0.0.1:0"]);
    let set = server.coffer(&["secrets", "set", "a"]).api_key(key).stdin("1");
    expect(&set.run(), 0);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_marketplace_is_run_from_the_command_line() {
    let home = Home::new();
    let admin = program::text(&home.init(&[]), "admin_key");
    let server = Server::start(&home, &["serve", "--listen", "127.0.0.1:0"]);
    let run = |words: &[&str]| server.coffer(words).admin_key(&admin).json();
    let id = |object: &Value| program::text(object, "id");
    let developer = id(&run(&["accounts", "create", "--name", "Developer"]));
    let customer = run(&["accounts", "create", "--id", "acct_customer"]);
    assert_eq!(id(&customer), "acct_customer");
    let words = ["--account", &developer, "--name", "Shop", "--quota", "secrets_per_scope=2"];
    let app = id(&run(&[&["apps", "create"], &words[..]].concat()));
    let words = ["installs", "create", "--app", &app, "--account", "acct_customer"];
    let install = id(&run(&words));
    let made = run(&["keys", "create", "--app", &app, "--mode", "live", "--expires-in", "90d"]);
    let key = program::text(&made, "key");
    assert!(key.starts_with("sk_live_coffer_") && made["expires_at"].is_number(), "{made}");
    let words = ["keys", "create", "--app", &app, "--mode", "test", "--permission", "secret_read"];
    let restricted = run(&words);
    assert_eq!(restricted["permissions"], serde_json::json!(["secret_read"]));
    assert!(program::text(&run(&["keys", "create", "--admin"]), "key").starts_with("ak_coffer_"));

    let on = ["--account", "acct_customer"];
    let set = server.coffer(&[&["secrets", "set", "token"], &on[..]].concat()).api_key(&key);
    expect(&set.stdin("hunter2\n").run(), 0);
    let get = [&["secrets", "get", "token", "--reveal"], &on[..]].concat();
    assert_eq!(server.coffer(&get).api_key(&key).run().stdout, "hunter2");
    let deleted = run(&["installs", "delete", &install]);
    assert_eq!(deleted["purged"], false);
    let refused = server.coffer(&get).api_key(&key).run();
    expect(&refused, 4);
    assert_eq!(run(&["keys", "list", "--app", &app])["data"].as_array().unwrap().len(), 2);
    assert_eq!(run(&["accounts", "list", "--limit", "1"])["has_more"], true);
    run(&["keys", "revoke", &id(&made)]);
    expect(&server.coffer(&["secrets", "list"]).api_key(&key).run(), 4);
    expect(&server.coffer(&["apps", "show", "app_nobody"]).admin_key(&admin).run(), 3);
    assert_eq!(run(&["status"])["mode"], "production");
    assert_eq!(run(&["accounts", "delete", "acct_customer", "--yes"])["deleted"], true);
}

#[test]
fn secrets_are_set_shown_listed_and_deleted() {
    let home = Home::new();
    let key = program::text(&home.init(&["--app", "Shop"]), "test_key");
    let server = Server::start(&home, &["serve", "--listen", "127.0.0.1:0"]);
    let run = |words: &[&str]| server.coffer(words).api_key(&key);
    let set = run(&["secrets", "set", "a", "--expires-in", "30d"]).stdin("one\n\n").json();
    assert!(set["expires_at"].is_number() && set.get("payload").is_none(), "{set}");
    let file = home.path("value");
    std::fs::write(&file, "two\n").unwrap();
    let file = file.display().to_string();
    expect(&run(&["secrets", "set", "b", "--user", "u", "--from-file", &file]).run(), 0);
    // One newline of standard input is not the value's; a file is its value.
    assert_eq!(run(&["secrets", "get", "a", "--reveal"]).run().stdout, "one\n");
    assert_eq!(run(&["secrets", "get", "b", "--user", "u", "--reveal"]).run().stdout, "two\n");
    let hidden = run(&["secrets", "get", "a"]).run().stdout;
    assert!(hidden.contains("********") && !hidden.contains("one"), "{hidden}");
    assert_eq!(run(&["secrets", "get", "a", "--reveal"]).json()["payload"], "one\n");
    let listed = run(&["secrets", "list"]).json();
    assert_eq!((&listed["object"], &listed["has_more"]), (&"list".into(), &false.into()));
    assert_eq!(listed["data"][0]["name"], "a");
    assert_eq!(run(&["secrets", "delete", "a"]).json()["deleted"], true);
    let gone = run(&["secrets", "get", "a", "--reveal"]).run();
    expect(&gone, 3);
    assert!(gone.stderr.contains("No such secret"), "{}", gone.stderr);
    expect(&run(&["secrets", "set", "c"]).stdin("").run(), 2);
    expect(&server.coffer(&["secrets", "list"]).run(), 4);
    assert_eq!(server.stop(), Some(0));
    let offline = home.coffer(&["secrets", "list", "--url", "http://127.0.0.1:1"]);
    expect(&offline.api_key(&key).run(), 5);
}

#[test]
fn a_list_is_all_of_its_pages() {
    let home = Home::new();
    let server = Server::start(&home, &["dev", "--listen", "127.0.0.1:0"]);
    // Developer mode takes any admin key.
    let run = |words: &[&str]| server.coffer(words).admin_key("ak_any").json();
    for _ in 0..101 {
        server.create_account();
    }
    let all = run(&["accounts", "list"]);
    let ids = |list: &Value| {
        let ids = list["data"].as_array().unwrap().iter().map(|object| object["id"].clone());
        ids.collect::<Vec<_>>()
    };
    assert_eq!((ids(&all).len(), &all["has_more"]), (101, &false.into()));
    let some = run(&["accounts", "list", "--limit", "100"]);
    assert_eq!((ids(&some).len(), &some["has_more"]), (100, &true.into()));
    assert_eq!(ids(&some), ids(&all)[..100]);
}

#[test]
fn one_server_has_a_store_to_itself() {
    let home = Home::new();
    let missing = home.coffer(&["serve"]).run();
    expect(&missing, 1);
    assert!(missing.stderr.contains("coffer init --data-dir"), "{}", missing.stderr);
    let made = home.init(&[]);
    let server = Server::start(&home, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(server.log().contains(&program::text(&made, "root_key")), "{}", server.log());
    for words in [&["serve", "--listen", "127.0.0.1:0"][..], &["admin-key", "create"]] {
        let second = home.coffer(words).run();
        expect(&second, 1);
        let process = format!("in use by another coffer (process {})", server.process());
        assert!(second.stderr.contains(&process), "{}", second.stderr);
    }
    assert_eq!(server.stop(), Some(0));
    let made = home.coffer(&["admin-key", "create"]).json();
    let server = Server::start(&home, &["serve", "--listen", "127.0.0.1:0"]);
    let status = server.coffer(&["status"]).admin_key(&program::text(&made, "key"));
    assert_eq!(status.json()["mode"], "production");
}

#[test]
fn only_the_root_key_makes_an_admin_key() {
    let home = Home::new();
    let root_key = program::text(&home.init(&[]), "root_key");
    let moved = home.path("elsewhere");
    std::fs::rename(&root_key, &moved).unwrap();
    let refused = home.coffer(&["admin-key", "create"]).run();
    expect(&refused, 1);
    assert!(refused.stdout.is_empty() && refused.stderr.contains(&root_key), "{}", refused.stderr);
    let moved = moved.display().to_string();
    expect(&home.coffer(&["admin-key", "create", "--root-key", &moved]).run(), 0);
    let text = std::fs::read_to_string(&moved).unwrap();
    let given = home.coffer(&["admin-key", "create"]).env("COFFER_ROOT_KEY", &text);
    expect(&given.run(), 0);
}

#[test]
fn plain_http_stays_on_this_machine() {
    let home = Home::new();
    home.init(&[]);
    let open = home.coffer(&["serve", "--listen", "0.0.0.0:0"]).run();
    expect(&open, 2);
    assert!(open.stderr.contains("--insecure-http"), "{}", open.stderr);
    expect(&home.coffer(&["config", "check", "--listen", "0.0.0.0:0"]).run(), 2);
    let closed = home.coffer(&["dev", "--listen", "0.0.0.0:0"]).run();
    expect(&closed, 2);
    assert!(closed.stderr.contains("--allow-host"), "{}", closed.stderr);
    let open = ["dev", "--listen", "0.0.0.0:0", "--allow-host", "coffer"];
    for key in ["short", "no spaces in a key", "sk_test_éééééééééééé"] {
        expect(&home.coffer(&open).env("COFFER_DEV_KEY", key).run(), 2);
    }
    for host in ["coffer:4747", "http://coffer", "*", ""] {
        expect(&home.coffer(&["dev", "--allow-host", host]).run(), 2);
    }
    for origin in ["*", "localhost:3000", "http://localhost:3000/"] {
        expect(&home.coffer(&["dev", "--allow-origin", origin]).run(), 2);
    }
    let words = ["config", "check", "--listen", "0.0.0.0:0", "--insecure-http"];
    expect(&home.coffer(&words).run(), 0);
}

#[test]
fn backups_open_and_doctor_looks_for_them() {
    let home = Home::new();
    let key = program::text(&home.init(&["--app", "Shop"]), "test_key");
    let server = Server::start(&home, &["serve", "--listen", "127.0.0.1:0"]);
    expect(&server.coffer(&["secrets", "set", "a"]).api_key(&key).stdin("1").run(), 0);
    let verdict = |check: &str| {
        let found = home.coffer(&["doctor"]).json();
        let checks = found["checks"].as_array().unwrap().iter();
        let mut verdicts = checks.filter(|found| found["check"] == check);
        program::text(verdicts.next().expect(check), "verdict")
    };
    assert_eq!(verdict("key backup"), "warn");
    let [data, keys] = ["copy.data", "copy.keys"].map(|name| home.path(name).display().to_string());
    for (to, file) in [("--to", &data), ("--keys-to", &keys)] {
        let told = home.coffer(&["backup", "create", to, file]).run();
        expect(&told, 0);
        let is_data = to == "--to";
        assert_eq!(told.stderr.contains("worthless"), is_data, "{}", told.stderr);
        assert_eq!(told.stderr.contains("keys.db"), is_data, "{}", told.stderr);
        expect(&home.coffer(&["backup", "create", to, file]).run(), 1);
    }
    expect(&home.coffer(&["backup", "verify", &data, &keys]).run(), 0);
    assert_eq!(verdict("key backup"), "ok");
    // On a machine with one disk it lies on that of the data, which is a warning.
    assert_ne!(verdict("root key"), "fail");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn doctor_fails_where_the_server_would() {
    let home = Home::new();
    expect(&home.coffer(&["doctor"]).run(), 1);
    let root_key = program::text(&home.init(&[]), "root_key");
    expect(&home.coffer(&["doctor"]).run(), 0);
    std::fs::remove_file(root_key).unwrap();
    let found = home.coffer(&["doctor"]).run();
    expect(&found, 1);
    assert!(found.stdout.contains("FAIL  root key"), "{}", found.stdout);
}

#[test]
fn keys_are_read_from_files_and_from_the_service_manager() {
    let home = Home::new();
    let made = home.init(&["--app", "Shop"]);
    let root_key = program::text(&made, "root_key");
    let credentials = home.path("credentials");
    std::fs::create_dir(&credentials).unwrap();
    std::fs::rename(&root_key, credentials.join("coffer-root")).unwrap();
    expect(&home.coffer(&["doctor"]).run(), 1);
    let found = home.coffer(&["doctor"]).env("CREDENTIALS_DIRECTORY", credentials.display());
    expect(&found.run(), 0);
    let moved = credentials.join("coffer-root").display().to_string();
    expect(&home.coffer(&["doctor"]).env("COFFER_ROOT_KEY_FILE", &moved).run(), 0);
    let text = std::fs::read_to_string(&moved).unwrap();
    expect(&home.coffer(&["doctor"]).env("COFFER_ROOT_KEY", text.trim()).run(), 0);

    let serve = ["serve", "--listen", "127.0.0.1:0", "--root-key", &moved];
    let server = Server::start(&home, &serve);
    let file =
        |name: &str, field: &str| home.private_file(name, program::text(&made, field).as_bytes());
    let (admin, test) = (file("admin", "admin_key"), file("test", "test_key"));
    expect(&server.coffer(&["accounts", "list"]).env("COFFER_ADMIN_KEY_FILE", &admin).run(), 0);
    let set = server.coffer(&["secrets", "set", "a"]).env("COFFER_API_KEY_FILE", &test).stdin("1");
    expect(&set.run(), 0);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_refusal_is_logged_with_the_request_id_of_its_answer() {
    let home = Home::new();
    home.init(&[]);
    let server = Server::start(&home, &["serve", "--listen", "127.0.0.1:0"]);
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let head = "GET /v1/apps/secrets HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    write!(stream, "{head}Authorization: Bearer sk_test_nobody\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let id = answer.lines().find_map(|line| line.strip_prefix("request-id: ")).unwrap();
    let log = server.log();
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let refusal = lines.find(|line| line["request_id"] == id).expect("a line with the id");
    assert_eq!((&refusal["message"], &refusal["status"]), (&"refused".into(), &401.into()));
    assert!(!log.contains("sk_test_nobody"), "{log}");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn settings_say_where_they_came_from() {
    let home = Home::new();
    let file = home.path("coffer.toml");
    std::fs::write(&file, "log_level = \"warn\"\nlisten = \"127.0.0.1:1\"\n").unwrap();
    let words = ["config", "print", "--listen", "127.0.0.1:2"];
    let print = home.coffer(&words).env("COFFER_CONFIG", file.display());
    let settings = print.env("COFFER_API_KEY", "sk_test_hunter2").json();
    let source = |name: &str| {
        let settings = settings.as_array().unwrap().iter();
        let mut named = settings.filter(|setting| setting["name"] == name);
        program::text(named.next().expect(name), "source")
    };
    assert_eq!(source("listen"), "flag --listen");
    assert_eq!(source("data_dir"), "environment COFFER_DATA_DIR");
    assert_eq!(source("log_level"), format!("file {}", file.display()));
    assert_eq!(source("log_format"), "default");
    assert!(!settings.to_string().contains("hunter2"));
    let unknown = home.coffer(&["config", "check"]).env("COFFER_LISTNE", "127.0.0.1:1").run();
    expect(&unknown, 2);
    assert!(unknown.stderr.contains("COFFER_LISTEN"), "{}", unknown.stderr);
}

#[test]
fn the_version_the_help_and_the_completions_are_printed() {
    let home = Home::new();
    let version = home.coffer(&["--version"]).run();
    expect(&version, 0);
    let expected = format!("coffer {}\n", coffer::VERSION);
    assert_eq!(version.stdout, expected);
    for shell in ["bash", "zsh", "fish"] {
        let script = home.coffer(&["completions", shell]).run();
        expect(&script, 0);
        assert!(script.stdout.contains("coffer"), "{shell}");
    }
    assert!(home.coffer(&["help"]).run().stdout.contains("Exit codes"));
    expect(&home.coffer(&["servee"]).run(), 2);
}

#[test]
fn the_keys_can_have_a_directory_of_their_own() {
    let home = Home::new();
    let keys = home.path("apart/keys").display().to_string();
    let coffer = |words: &[&str]| home.coffer(words).env("COFFER_KEY_DIR", &keys);
    let made = coffer(&["init", "--app", "Shop"]).json();
    assert!(!home.path("data/keys.db").exists() && home.path("apart/keys/keys.db").exists());
    let forgotten = home.coffer(&["serve"]).run();
    expect(&forgotten, 1);
    assert!(forgotten.stderr.contains("--key-dir"), "{}", forgotten.stderr);
    let server = Server::start(&home, &["serve", "--listen", "127.0.0.1:0", "--key-dir", &keys]);
    let key = program::text(&made, "test_key");
    expect(&server.coffer(&["secrets", "set", "a"]).api_key(&key).stdin("1").run(), 0);
    // Nobody else has these keys, not even with data elsewhere.
    let other = home.path("other").display().to_string();
    let second = coffer(&["init", "--data-dir", &other]).run();
    expect(&second, 1);
    assert!(second.stderr.contains("in use by another coffer"), "{}", second.stderr);
    assert_eq!(server.stop(), Some(0));
    let second = coffer(&["init", "--data-dir", &other]).run();
    expect(&second, 1);
    assert!(second.stderr.contains("the keys of a store already"), "{}", second.stderr);
    let copy = home.path("copy.keys").display().to_string();
    expect(&coffer(&["backup", "create", "--keys-to", &copy]).run(), 0);
    let found = coffer(&["doctor"]).run();
    expect(&found, 0);
    assert!(found.stdout.contains("WARN  separation"), "{}", found.stdout);
    let (from, to) = (home.path("data"), home.path("moved"));
    let moved = home.coffer(&[
        "migrate-store",
        "--from",
        &format!("sqlite:{}", from.display()),
        "--from-keys",
        &format!("sqlite:{keys}"),
        "--to",
        &format!("sqlite:{}", to.display()),
    ]);
    expect(&moved.run(), 0);
    assert!(to.join("keys.db").exists());
}

#[test]
fn a_store_where_others_can_write_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let mode = |mode| {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(home.path("data"), permissions).unwrap();
    };
    std::fs::create_dir(home.path("data")).unwrap();
    mode(0o777);
    for words in [&["init"][..], &["dev", "--listen", "127.0.0.1:0"]] {
        let refused = home.coffer(words).run();
        expect(&refused, 1);
        assert!(refused.stderr.contains("chmod go-w"), "{}", refused.stderr);
    }
    mode(0o755);
    home.init(&[]);
    mode(0o775);
    for words in [&["serve"][..], &["admin-key", "create"], &["doctor"]] {
        let refused = home.coffer(words).run();
        expect(&refused, 1);
        let said = format!("{}{}", refused.stdout, refused.stderr);
        assert!(said.contains("chmod go-w") && said.contains("fsGroup"), "{words:?}: {said}");
    }
}

#[test]
fn a_second_signal_does_not_wait_for_requests() {
    let home = Home::new();
    let key = program::text(&home.init(&["--app", "Shop"]), "test_key");
    let words = ["serve", "--listen", "127.0.0.1:0", "--log-level", "debug"];
    let mut server = Server::start(&home, &words);
    let mut stream = TcpStream::connect(server.address()).unwrap();
    // The server answers this with a promise to read the body, which never comes.
    write!(
        stream,
        "POST /v1/apps/secrets HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\n\
         Expect: 100-continue\r\nContent-Length: 50\r\n\r\n"
    )
    .unwrap();
    let mut promise = [0; 12];
    stream.read_exact(&mut promise).unwrap();
    assert_eq!(&promise, b"HTTP/1.1 100");
    server.terminate();
    server.wait_for("stopping");
    // A server that waited for the body until it gave up would end with another code.
    assert_eq!(server.stop(), Some(130));
}
