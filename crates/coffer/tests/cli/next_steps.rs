//! Commands in messages work as they are pasted.

use crate::program::{Home, expect, text};
use std::process::{Child, Command, Stdio};

/// Runs a line that the program printed, as whoever pastes it does, in a directory with nothing of
/// the environment but the program's own directory.
fn paste(home: &Home, line: &str) -> Command {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_coffer"));
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("exec {line}")]).current_dir(home.path("")).env_clear();
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    shell.env("PATH", path).env("XDG_CONFIG_HOME", home.path("config"));
    shell
}

fn served(mut shell: Command, home: &Home, name: &str) -> Child {
    let log = home.path(name);
    shell.env("COFFER_LISTEN", "127.0.0.1:0").stdin(Stdio::null());
    let mut child = shell.stderr(std::fs::File::create(&log).unwrap()).spawn().unwrap();
    while !std::fs::read_to_string(&log).unwrap().contains("\"serving\"") {
        let said = std::fs::read_to_string(&log).unwrap();
        assert!(child.try_wait().unwrap().is_none(), "{said}");
        std::thread::yield_now();
    }
    child
}

#[test]
fn the_line_that_serves_what_init_made_works_as_pasted() {
    for (at, (flags, variable)) in [
        (vec![], Some("data")),
        (vec!["--data-dir", "it's a place"], None),
        (vec!["--data-dir", "d", "--root-key", "$(touch no); root key"], None),
        (vec!["--data-dir", "d", "--config", "my settings.toml"], None),
    ]
    .into_iter()
    .enumerate()
    {
        let home = Home::new();
        std::fs::write(home.path("my settings.toml"), "log_level = \"info\"\n").unwrap();
        let mut call = home.coffer(&[&["init"], &flags[..]].concat());
        if let Some(name) = variable {
            call = call.env("COFFER_DATA_DIR", home.path(name).display());
        }
        let told = call.run();
        expect(&told, 0);
        let line = told.stderr.lines().find(|line| line.starts_with("coffer serve"));
        let line = line.unwrap_or_else(|| panic!("{told:?}"));
        let mut child = served(paste(&home, line), &home, &format!("log{at}"));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!home.path("no").exists());
    }
}

#[test]
fn the_advice_of_a_missing_store_works_as_pasted() {
    let home = Home::new();
    let told = home.coffer(&["serve", "--data-dir", "a $place; with blanks"]).run();
    expect(&told, 1);
    let line = told.stderr.split('`').nth(1).unwrap();
    assert!(paste(&home, line).output().unwrap().status.success(), "{line}");
    assert!(home.path("a $place; with blanks/coffer.db").exists());
}

#[test]
fn the_advice_of_an_open_file_works_as_pasted() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let made = home.coffer(&["init", "--root-key", "a root key"]).json();
    let path = home.path("a root key");
    assert!(text(&made, "root_key").ends_with("a root key"));
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    let told = home.coffer(&["serve", "--root-key", "a root key"]).run();
    expect(&told, 1);
    let command = told.stderr.split('`').nth(1).unwrap();
    assert!(paste(&home, command).output().unwrap().status.success(), "{command}");
    let doctor = home.coffer(&["doctor", "--root-key", "a root key"]).run();
    expect(&doctor, 0);
}

#[test]
fn the_advice_of_a_place_that_others_can_write_works_as_pasted() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let place = home.path("it's open");
    std::fs::create_dir(&place).unwrap();
    std::fs::set_permissions(&place, PermissionsExt::from_mode(0o777)).unwrap();
    let init = || home.coffer(&["init", "--data-dir", "it's open"]).run();
    let told = init();
    expect(&told, 1);
    let command = told.stderr.split('`').nth(1).unwrap();
    assert!(paste(&home, command).output().unwrap().status.success(), "{command}");
    expect(&init(), 0);
}
