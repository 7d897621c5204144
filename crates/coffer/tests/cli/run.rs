//! `coffer run`: a command with secrets.

use crate::program::{Ended, Home, Server, expect};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

/// Users whose secrets commands have at once.
const USERS: usize = 8;

const KEY: &str = "sk_test_run";

fn dev(home: &Home) -> Server<'_> {
    Server::start(home, &["dev", "--listen", "127.0.0.1:0"])
}

fn set(server: &Server<'_>, name: &str, value: &str, more: &[&str]) {
    let words = [&["secrets", "set", name], more].concat();
    expect(&server.coffer(&words).api_key(KEY).stdin(value).run(), 0);
}

fn run(server: &Server<'_>, words: &[&str]) -> Ended {
    server.coffer(&[&["run"], words].concat()).api_key(KEY).run()
}

#[test]
fn a_command_has_the_secrets_and_its_exit_code() {
    let home = Home::new();
    let server = dev(&home);
    set(&server, "stripe.token", "one $HOME\ntwo", &[]);
    set(&server, "other", "o", &[]);
    set(&server, "token", "of a user", &["--user", "u"]);
    let script = "printf '%s|%s|%s' \"$STRIPE_TOKEN\" \"$OTHER\" \"$TOKEN\"; exit 7";
    let ended = run(&server, &["--", "sh", "-c", script]);
    expect(&ended, 7);
    assert_eq!(ended.stdout, "one $HOME\ntwo|o|");
    let script = "printf '%s|%s' \"$T\" \"$APP_OTHER\"";
    let words = ["--map", "stripe.token=T", "--prefix", "APP_", "--", "sh", "-c", script];
    assert_eq!(run(&server, &words).stdout, "one $HOME\ntwo|o");
    let words = ["--map", "stripe.token=T", "--only", "--", "env"];
    let only = run(&server, &words).stdout;
    assert!(only.contains("T=one $HOME") && !only.contains("OTHER"), "{only}");
    assert!(!only.contains("COFFER_API_KEY"), "coffer's own key is not the command's: {only}");
    let ended = run(&server, &["--user", "u", "--", "sh", "-c", "printf %s \"$TOKEN$OTHER\""]);
    assert_eq!(ended.stdout, "of a user");
    let script = "kill -TERM $$";
    let ended = run(&server, &["--", "sh", "-c", script]);
    assert_eq!(ended.code, None, "the command took coffer's place: {ended:?}");
    expect(&run(&server, &["--", "no-such-command"]), 127);
    expect(&run(&server, &["--", "/"]), 126);
    expect(&run(&server, &[]), 2);
}

#[test]
fn many_commands_at_once_have_their_own_secrets_while_others_write() {
    let home = Home::new();
    let server = dev(&home);
    let script = "printf '%s %s' \"$TOKEN\" \"$OTHER\"; exit $CODE";
    for user in 0..USERS {
        let of = ["--user", &format!("u{user}")];
        set(&server, "token", &format!("value {user}"), &of);
        set(&server, "code", &(user + 10).to_string(), &of);
        set(&server, "other", "0", &of);
    }
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for number in 1.. {
                if is_over.load(Ordering::SeqCst) {
                    return number;
                }
                let user = format!("u{}", number % USERS);
                set(&server, "other", &number.to_string(), &["--user", &user]);
            }
            0
        });
        let runs: Vec<_> = (0..USERS * 3)
            .map(|number| {
                let server = &server;
                scope.spawn(move || {
                    let user = number % USERS;
                    let words = ["--user", &format!("u{user}"), "--", "sh", "-c", script];
                    (user, run(server, &words))
                })
            })
            .collect();
        let ended: Vec<_> = runs.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        is_over.store(true, Ordering::SeqCst);
        for one in ended {
            let (user, ended) = one.unwrap();
            expect(&ended, i32::try_from(user + 10).unwrap());
            let (token, other) = ended.stdout.rsplit_once(' ').unwrap();
            assert_eq!(token, format!("value {user}"));
            assert!(other.parse::<usize>().is_ok(), "{ended:?}");
        }
        assert!(writer.join().unwrap() > 1);
    });
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_runs() {
    let home = Home::new();
    let server = dev(&home);
    let refused = |words: &[&str], why: &str| {
        let ended = run(&server, &[words, &["--", "echo", "it ran"]].concat());
        expect(&ended, 2);
        assert!(ended.stderr.contains(why) && ended.stdout.is_empty(), "{ended:?}");
    };
    set(&server, "a.b", "1", &[]);
    set(&server, "a-b", "2", &[]);
    refused(&[], "A_B");
    refused(&["--map", "nothing=X"], "no such secret");
    refused(&["--map", "a.b"], "NAME=ENV");
    refused(&["--map", "a.b=1X"], "no name of a variable");
    refused(&["--only"], "--map");
    set(&server, "ld_preload", "evil.so", &["--user", "u"]);
    refused(&["--user", "u"], "LD_PRELOAD");
    let words = ["--user", "u", "--map", "ld_preload=LD_PRELOAD_X", "--", "true"];
    expect(&run(&server, &words), 0);
}

#[test]
fn a_file_is_the_commands_alone() {
    let home = Home::new();
    let server = dev(&home);
    set(&server, "token", "hunter2 \"quoted\"", &[]);
    let path = home.path("secrets.json").display().to_string();
    let script = format!("cat {path}; echo; printf '%s' \"$TOKEN\"; ls -lL {path}; exit 3");
    let ended = run(&server, &["--mount", &path, "--", "sh", "-c", &script]);
    expect(&ended, 3);
    let (json, rest) = ended.stdout.split_once("}\n").unwrap();
    let json: serde_json::Value = serde_json::from_str(&format!("{json}}}")).unwrap();
    assert_eq!(json["TOKEN"], "hunter2 \"quoted\"");
    assert!(rest.trim_start().starts_with("-r--------"), "only a file, for its owner: {rest}");
    assert!(home.path("secrets.json").symlink_metadata().is_err(), "it stayed");
    std::fs::write(home.path("secrets.json"), "mine").unwrap();
    let ended = run(&server, &["--mount", &path, "--", "true"]);
    expect(&ended, 2);
    assert_eq!(std::fs::read_to_string(home.path("secrets.json")).unwrap(), "mine");
    let path = home.path("secrets.env").display().to_string();
    // What a run that was killed has left is no obstacle.
    std::os::unix::fs::symlink("/proc/self/fd/99", &path).unwrap();
    let script = format!(". {path}; printf %s \"$TOKEN\"");
    let ended = run(&server, &["--mount", &path, "--", "sh", "-c", &script]);
    assert_eq!(ended.stdout, "hunter2 \"quoted\"");
}

/// A command that says when it is ready, beside which coffer stays.
struct Running {
    child: std::process::Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Running {
    fn start(server: &Server<'_>, words: &[&str]) -> Self {
        let mut call = server.coffer(&[&["run"], words].concat()).api_key(KEY);
        let mut child = call.spawn(Stdio::inherit());
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, as a rule.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn signals_reach_the_command_and_nobody_else_can_read_its_file() {
    let home = Home::new();
    let server = dev(&home);
    set(&server, "token", "hunter2", &[]);
    let path = home.path("secrets.env").display().to_string();
    let script = "trap 'echo got USR1' USR1; trap 'echo got TERM; exit 5' TERM; echo ready; \
                  while :; do sleep 0.05; done";
    let mut beside = Running::start(&server, &["--mount", &path, "--", "sh", "-c", script]);
    assert_eq!(beside.line(), "ready");
    let mut outside = String::new();
    if let Ok(mut file) = std::fs::File::open(&path) {
        // It may be an open file of this test's own.
        let kind = file.metadata().unwrap().file_type();
        if kind.is_file() {
            let _ = file.read_to_string(&mut outside);
        }
    }
    assert!(!outside.contains("hunter2"), "{outside}");
    let id = beside.child.id();
    let of_coffer = std::fs::read(format!("/proc/{id}/cmdline")).unwrap();
    assert!(!String::from_utf8_lossy(&of_coffer).contains("hunter2"));
    beside.signal(Signal::USR1);
    assert_eq!(beside.line(), "got USR1");
    beside.signal(Signal::TERM);
    assert_eq!(beside.line(), "got TERM");
    assert_eq!(beside.code(), Some(5));
    assert!(std::fs::symlink_metadata(&path).is_err());
    let mut beside =
        Running::start(&server, &["--mount", &path, "--", "sh", "-c", "echo ready; kill -KILL $$"]);
    assert_eq!(beside.code(), Some(137), "as shells say it");
}

#[test]
fn a_change_starts_the_command_anew() {
    let home = Home::new();
    let server = dev(&home);
    set(&server, "token", "one", &[]);
    let script = "trap 'exit 0' TERM; echo \"$TOKEN\"; while :; do sleep 0.05; done";
    let mut beside = Running::start(&server, &["--watch", "--", "sh", "-c", script]);
    assert_eq!(beside.line(), "one");
    set(&server, "token", "two", &[]);
    assert_eq!(beside.line(), "two");
    set(&server, "more", "m", &[]);
    assert_eq!(beside.line(), "two");
    beside.signal(Signal::TERM);
    assert_eq!(beside.code(), Some(0));
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a copy of another process has to become old")]
fn a_copy_stands_in_for_a_server_that_is_away() {
    let home = Home::new();
    let made = home.init(&["--app", "Shop"]);
    let (key, admin) = (made["test_key"].as_str().unwrap(), made["admin_key"].as_str().unwrap());
    let server = Server::start(&home, &["serve", "--listen", "127.0.0.1:0"]);
    let cache = home.path("cache");
    let call = |words: &[&str]| {
        let words = [&["run"], words, &["--", "sh", "-c", "printf %s \"$TOKEN\""]].concat();
        server.coffer(&words).api_key(key).env("XDG_CACHE_HOME", cache.display()).run()
    };
    let set = server.coffer(&["secrets", "set", "token"]).api_key(key).stdin("hunter2");
    expect(&set.run(), 0);
    assert_eq!(call(&["--offline"]).stdout, "hunter2");
    let copies: Vec<_> = std::fs::read_dir(cache.join("coffer/offline")).unwrap().collect();
    assert_eq!(copies.len(), 1);
    let path = copies[0].as_ref().unwrap().path();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("hunter2") && !text.contains("token"), "{text}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let process = server.process();
    let stop =
        |signal| kill_process(Pid::from_raw(process.cast_signed()).unwrap(), signal).unwrap();
    // A server that hangs would be waited for; one that is gone is not there at once.
    let revoked = server.coffer(&["keys", "list"]).admin_key(admin).json();
    assert!(revoked["data"].is_array());
    stop(Signal::TERM);
    let away = loop {
        let ended = call(&["--offline"]);
        // Until it is gone, the server may still answer.
        if !ended.stderr.is_empty() {
            break ended;
        }
    };
    expect(&away, 0);
    assert_eq!(away.stdout, "hunter2");
    assert!(away.stderr.contains("ago"), "{}", away.stderr);
    expect(&call(&[]), 5);
    expect(&call(&["--offline", "--user", "u"]), 5);
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    let old = call(&["--offline", "--max-age", "1s"]);
    expect(&old, 5);
    assert!(old.stderr.contains("--max-age"), "{}", old.stderr);
    let altered = text.replacen("\n", "\nA", 1);
    for damaged in [text.replacen('1', "2", 1), altered, text + "AAAA\n"] {
        std::fs::write(&path, damaged).unwrap();
        expect(&call(&["--offline"]), 5);
    }
}

#[test]
fn a_key_that_is_refused_takes_its_copy_with_it() {
    let home = Home::new();
    let made = home.init(&["--app", "Shop"]);
    let (key, admin) = (made["test_key"].as_str().unwrap(), made["admin_key"].as_str().unwrap());
    let server = Server::start(&home, &["serve", "--listen", "127.0.0.1:0"]);
    let cache = home.path("cache");
    let call = || {
        let call = server.coffer(&["run", "--offline", "--", "true"]).api_key(key);
        call.env("XDG_CACHE_HOME", cache.display()).run()
    };
    expect(&call(), 0);
    let copies = || std::fs::read_dir(cache.join("coffer/offline")).unwrap().count();
    assert_eq!(copies(), 1);
    let keys = server.coffer(&["keys", "list"]).admin_key(admin).json();
    for one in keys["data"].as_array().unwrap().iter().filter(|one| one["mode"] == "test") {
        let id = one["id"].as_str().unwrap();
        expect(&server.coffer(&["keys", "revoke", id]).admin_key(admin).run(), 0);
    }
    expect(&call(), 4);
    assert_eq!(copies(), 0);
}
