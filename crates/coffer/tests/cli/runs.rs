//! `coffer dev` beside test suites: a command that it runs, what a script needs, and seeds.

use crate::program::{Call, Home, expect};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

/// The program itself, for a shell.
const COFFER: &str = env!("CARGO_BIN_EXE_coffer");

/// `coffer dev` with these words, without a data directory of its own.
fn dev(home: &Home, words: &[&str]) -> Call {
    home.coffer(&[&["dev"], words].concat()).env("COFFER_DATA_DIR", "").env("PATH", "/usr/bin:/bin")
}

/// Looks again and again, as a script does, until the file is there or is gone.
#[allow(clippy::disallowed_methods, reason = "the program is another process")]
fn wait_for(path: &Path, is_there: bool) {
    while path.exists() != is_there {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn a_command_finds_the_server_and_its_end_is_the_servers() {
    let home = Home::new();
    let script = format!(
        "{COFFER} secrets set token --from-file value && {COFFER} secrets get token --reveal && \
         test $STRIPE_API_BASE = $COFFER_URL && test $STRIPE_API_KEY = $COFFER_API_KEY && \
         test $STRIPE_PROTOCOL://$STRIPE_HOST:$STRIPE_PORT = $COFFER_URL && {COFFER} status \
         >/dev/null && exit 7"
    );
    home.private_file("value", b"secret");
    let ended = dev(&home, &["--", "sh", "-c", &script]).run();
    expect(&ended, 7);
    assert_eq!((ended.stdout.lines().last(), ended.stderr.as_str()), (Some("secret"), ""));
    // Nothing is left, and the next run begins anew.
    assert!(!home.path("coffer-data").exists());
    let words = ["--", COFFER, "secrets", "get", "token"];
    expect(&dev(&home, &words).run(), 3);
}

#[test]
fn a_command_ends_as_in_a_shell() {
    let home = Home::new();
    for (script, code) in [("exit 0", 0), ("kill -TERM $$", 143), ("kill -KILL $$", 137)] {
        expect(&dev(&home, &["--", "sh", "-c", script]).run(), code);
    }
    let unknown = dev(&home, &["--", "no-such-command"]).run();
    expect(&unknown, 127);
    assert!(unknown.stderr.contains("no-such-command"), "{unknown:?}");
    expect(&dev(&home, &["--", "/"]).run(), 126);
}

#[test]
fn signals_reach_the_command() {
    let home = Home::new();
    let script = "trap 'echo usr' USR1; trap 'exit 9' TERM; echo up; while :; do sleep 0.01; done";
    let mut child = dev(&home, &["--", "sh", "-c", script]).spawn(Stdio::inherit());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let server = Pid::from_child(&child);
    assert_eq!(lines.next().unwrap().unwrap(), "up");
    kill_process(server, Signal::USR1).unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "usr");
    kill_process(server, Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(9));
}

#[test]
fn a_script_learns_when_and_where_it_serves() {
    let home = Home::new();
    let ready = home.path("ready");
    std::fs::write(&ready, "stale").unwrap();
    let words = ["--port", "0", "--print-env", "--ready-file", "ready"];
    let mut child = dev(&home, &words).env("COFFER_DATA_DIR", "data").spawn(Stdio::null());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let printed: Vec<String> = lines.by_ref().take(9).map(Result::unwrap).collect();
    // The file was written before anything was printed.
    let text = std::fs::read_to_string(&ready).unwrap();
    assert_eq!(text.lines().collect::<Vec<_>>(), printed);
    let script = format!(". ./ready && export COFFER_URL COFFER_API_KEY && {COFFER} secrets list");
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &script]).current_dir(home.path("")).env_remove("COFFER_BIN");
    let listed = shell.output().unwrap();
    assert!(listed.status.success(), "{listed:?}");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!ready.exists());
    let words = ["--port", "0", "--ready-file", "nowhere/ready"];
    let refused = dev(&home, &words).env("COFFER_DATA_DIR", "data").run();
    expect(&refused, 1);
    assert!(refused.stderr.contains("ready file nowhere/ready"), "{refused:?}");
}

/// The shell ends without a word to what it has started, as a CI job does that is cancelled.
#[test]
fn it_ends_with_its_parent() {
    let home = Home::new();
    let script = format!(
        "{COFFER} dev --data-dir data --port 0 --exit-with-parent --ready-file ready \
         >/dev/null 2>&1 & \
         while ! test -e ready; do sleep 0.01; done"
    );
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &script]).current_dir(home.path("")).env_remove("COFFER_BIN");
    assert!(shell.status().unwrap().success());
    // It is removed at the end.
    wait_for(&home.path("ready"), false);
}

const SEED: &str = r#"
[[accounts]]
id = "acct_shop"
name = "Shop"

[[keys]]
key = "sk_test_suite"

[[keys]]
key = "rk_test_suite"
permissions = ["secret_read"]

[[installs]]
account = "acct_other"

[[secrets]]
name = "refresh_token"
payload = "of one user"
account = "acct_shop"
user = "usr_1"

[[secrets]]
name = "webhook"
payload = "of all"

[[plans]]
account = "acct_shop"
type = "rolling_release"
percent = 10
rolling_release.days_after_charge = 30

[[charges]]
account = "acct_shop"
id = "ch_1"
amount = 10000
fee = 300
currency = "usd"
"#;

#[test]
fn a_seed_is_made() {
    let home = Home::new();
    std::fs::write(home.path("seed.toml"), SEED).unwrap();
    let script = format!(
        "{COFFER} secrets get refresh_token --reveal --account acct_shop --user usr_1 && echo && \
         COFFER_API_KEY=rk_test_suite {COFFER} secrets get webhook --reveal && echo && \
         {COFFER} installs list --format json && \
         of=Stripe-Account:acct_shop && \
         get() {{ curl -sSf -H $of -u sk_test_suite: \"$COFFER_URL$1\"; }} && \
         get /v1/reserve/plans >plans.json && get /v1/ledger/charges/ch_1 >charge.json && \
         ! COFFER_API_KEY=rk_test_suite {COFFER} secrets delete webhook"
    );
    let ended = dev(&home, &["--seed", "seed.toml", "--", "sh", "-c", &script]).run();
    expect(&ended, 0);
    assert!(ended.stdout.starts_with("of one user\nof all\n"), "{ended:?}");
    for account in ["acct_shop", "acct_other"] {
        assert!(ended.stdout.contains(account), "{ended:?}");
    }
    assert!(ended.stderr.contains("secret_write"), "{ended:?}");
    let read = |name: &str| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(home.path(name)).unwrap()).unwrap()
    };
    let plans = read("plans.json");
    let [plan] = &plans["data"].as_array().unwrap()[..] else { panic!("{plans}") };
    assert_eq!((&plan["type"], &plan["percent"]), (&"rolling_release".into(), &10.into()));
    assert_eq!(plan["rolling_release"]["days_after_charge"], 30);
    let charge = read("charge.json");
    let amounts = (&charge["amount"], &charge["fee"], &charge["currency"]);
    assert_eq!(amounts, (&10000.into(), &300.into(), &"usd".into()));
}

#[test]
fn a_mistake_in_a_seed_is_named_with_its_line() {
    let home = Home::new();
    for (right, wrong, line, words) in [
        ("[[plans]]", "[[plan]]", 26, "'plan' is no section"),
        ("payload = \"of all\"", "payload = ", 24, ""),
        ("percent = 10", "percent = 101", 29, "plans: percent: "),
        ("rolling_release.days_after_charge = 30", "colour = 1", 30, "plans: colour: "),
        ("user = \"usr_1\"", "user = \"\"", 20, "secrets: scope[user]: "),
        ("[\"secret_read\"]", "[\"read\"]", 11, "keys: permissions[0]: "),
        ("account = \"acct_other\"", "", 13, "installs: account: "),
        ("key = \"sk_test_suite\"", "key = \"sk_live_suite\"", 6, "live key"),
    ] {
        assert!(SEED.contains(right), "{right}");
        std::fs::write(home.path("seed.toml"), SEED.replace(right, wrong)).unwrap();
        let ended = dev(&home, &["--seed", "seed.toml", "--", "true"]).run();
        let place = format!("seed.toml:{line}: ");
        let said = &ended.stderr;
        assert!(
            ended.code == Some(2) && said.contains(&place) && said.contains(words),
            "{ended:?}"
        );
    }
    assert!(!dev(&home, &["--seed", "missing.toml"]).run().stderr.is_empty());
}

#[test]
fn a_seed_is_for_a_new_store() {
    let home = Home::new();
    std::fs::write(home.path("seed.toml"), SEED).unwrap();
    let words = ["--seed", "seed.toml", "--", "true"];
    let again = || dev(&home, &words).env("COFFER_DATA_DIR", "data");
    expect(&again().run(), 0);
    let refused = again().run();
    expect(&refused, 2);
    assert!(refused.stderr.contains("a seed is for a new one"), "{refused:?}");
}

#[test]
fn the_api_is_described_without_a_server() {
    let home = Home::new();
    let described = home.coffer(&["openapi"]).json();
    assert_eq!(described["openapi"], "3.1.0");
    let reset = &described["paths"]["/v1/test_helpers/reset"]["post"];
    assert_eq!(reset["x-coffer-developer-only"], true);
    // Nothing is left behind, and the store that is configured is not touched.
    assert!(!home.path("data").exists());
}
