//! Completions as a shell asks for them, and the manual.

use crate::program::{Home, Server, expect};

/// What Tab offers in bash behind `words`, of which the last is under the cursor.
fn offered(server: &Server<'_>, words: &[&str]) -> Vec<String> {
    offered_to(server, "bash", words)
}

/// The same in another shell.
fn offered_to(server: &Server<'_>, shell: &str, words: &[&str]) -> Vec<String> {
    let last = (words.len() - 1).to_string();
    let call = server.coffer(&[&["--"], words].concat()).api_key("sk_test_tab");
    let call = call.env("_COFFER_COMPLETE", shell).env("_CLAP_COMPLETE_INDEX", last);
    let call = call.env("_CLAP_COMPLETE_COMP_TYPE", "9").env("_CLAP_COMPLETE_SPACE", "true");
    let ended = call.admin_key("ak_tab").env("_CLAP_IFS", "\n").run();
    expect(&ended, 0);
    ended.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn tab_knows_names_of_secrets_accounts_and_profiles() {
    let home = Home::new();
    let server = Server::start(&home, &["dev", "--listen", "127.0.0.1:0"]);
    for name in ["token", "tokens of two"] {
        let set = server.coffer(&["secrets", "set", name]).api_key("sk_test_tab").stdin("hunter2");
        expect(&set.run(), 0);
    }
    let url = format!("http://{}", server.address());
    let login = home.coffer(&["login", "--profile", "staging", "--url", &url]);
    expect(&login.stdin("sk_test_tab").run(), 0);
    expect(
        &server.coffer(&["accounts", "create", "--id", "acct_tab"]).admin_key("ak_tab").run(),
        0,
    );
    // On a busy machine the server may take longer than Tab waits: then it is pressed again.
    let has = |words: &[&str], value: &str| {
        let is_offered = |_| offered(&server, words).iter().any(|one| one == value);
        assert!((0..100).any(is_offered), "{words:?}: {:?}", offered(&server, words));
    };
    has(&["coffer", "secrets", "get", "to"], "token");
    has(&["coffer", "secrets", "delete", ""], "tokens of two");
    has(&["coffer", "secrets", "list", "--account", "acct_t"], "acct_tab");
    has(&["coffer", "status", "--profile", ""], "staging");
    has(&["coffer", "secrets", "ex"], "expiring");
    for shell in ["zsh", "fish"] {
        let is_offered = |_| {
            let all = offered_to(&server, shell, &["coffer", "secrets", "get", "to"]);
            // What it is stands behind it, if the shell can show that.
            all.iter().any(|one| one.split([':', '\t']).next() == Some("token"))
        };
        assert!((0..100).any(is_offered), "{shell}");
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = home.coffer(&["completions", shell]).run();
        expect(&script, 0);
        assert!(script.stdout.contains("_COFFER_COMPLETE"), "{shell}: {}", script.stdout);
    }
    // A server that is away leaves the verbs.
    let call = home.coffer(&["--", "coffer", "secrets", "get", ""]).env("_COFFER_COMPLETE", "bash");
    expect(&call.env("_CLAP_COMPLETE_INDEX", "3").env("COFFER_URL", "http://127.0.0.1:1").run(), 0);
}

#[test]
fn the_manual_has_a_page_for_each_verb() {
    let home = Home::new();
    let pages = home.path("man");
    expect(&home.coffer(&["man", &pages.display().to_string()]).run(), 0);
    for page in ["coffer.1", "coffer-run.1", "coffer-secrets-import.1"] {
        let text = std::fs::read_to_string(pages.join(page)).unwrap();
        assert!(text.contains(".TH") && text.contains(".SH"), "{page}: {text}");
    }
    let run = std::fs::read_to_string(pages.join("coffer-run.1")).unwrap();
    assert!(run.contains("Examples"), "{run}");
}
