//! Pages on operations whose commands are run as they stand there.

use crate::program::{Home, Server, expect, text};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The blocks of a page in `docs/operations` whose first line is `# kind`, without that line.
pub fn blocks(page: &str, kind: &str) -> Vec<String> {
    let pages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations");
    let page = fs::read_to_string(pages.join(page)).unwrap();
    let begin = format!("```sh\n# {kind}\n");
    let blocks = page.split(&begin).skip(1);
    blocks.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// Runs a block in a shell that ends at the first command that fails.
pub fn run(home: &Home, script: &str, environment: &[(&str, &str)]) {
    let program = Path::new(env!("CARGO_BIN_EXE_coffer")).parent().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-ec", script]).current_dir(home.path("")).env_clear();
    shell.env("PATH", format!("{}:/usr/bin:/bin", program.display()));
    shell.env("XDG_CONFIG_HOME", home.path("config"));
    shell.env("COFFER_DATA_DIR", home.path("data"));
    shell.envs(environment.iter().copied());
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{script}: {output:?}");
}

/// Runs what a page says beside a server that has a secret of `acct_acme`, and then what it says of
/// one that is stopped.
fn run_page(page: &str) {
    let home = Home::new();
    let made = home.init(&["--app", "Shop"]);
    let admin = text(&made, "admin_key");
    let server = Server::start(&home, &["serve", "--listen", "127.0.0.1:0"]);
    let operator = |words: &[&str]| server.coffer(words).admin_key(&admin).json();
    operator(&["accounts", "create", "--id", "acct_acme"]);
    let app = text(&operator(&["apps", "list"])["data"][0], "id");
    operator(&["installs", "create", "--app", &app, "--account", "acct_acme"]);
    let set = server.coffer(&["secrets", "set", "token", "--account", "acct_acme"]);
    expect(&set.api_key(&text(&made, "test_key")).stdin("hunter2").run(), 0);
    let url = format!("http://{}", server.address());
    // What pages call as it stands in the repository.
    fs::create_dir(home.path("docs")).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/audit_verify.py");
    fs::copy(script, home.path("docs/audit_verify.py")).unwrap();
    let passphrase = home.private_file("passphrase", b"a sentence that nobody else has ever said");
    let environment = [
        ("COFFER_URL", url.as_str()),
        ("COFFER_ADMIN_KEY", &admin),
        ("PASSPHRASE_FILE", &passphrase),
    ];
    let commands = blocks(page, "run");
    assert!(commands.len() > 3, "{page}");
    commands.iter().for_each(|script| run(&home, script, &environment));
    let get = server.coffer(&["secrets", "get", "token", "--account", "acct_acme", "--reveal"]);
    assert_eq!(get.api_key(&text(&made, "test_key")).run().stdout, "hunter2");
    assert_eq!(server.stop(), Some(0));
    blocks(page, "run stopped").iter().for_each(|script| run(&home, script, &environment));
}

#[test]
fn the_page_on_keys_is_right_about_its_commands() {
    run_page("keys.md");
}

#[test]
fn the_page_on_the_audit_is_right_about_its_commands() {
    run_page("audit.md");
}

#[test]
fn the_page_on_incidents_is_right_about_its_commands() {
    run_page("incident.md");
}
