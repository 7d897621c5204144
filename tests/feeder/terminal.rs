//! What a history shows on a terminal while it is told.

use crate::coffer::{Coffer, said};
use crate::month;
use coffer_testkit::stripe::StripeStandIn;
use std::process::Command;

/// What a command prints on a terminal of its own; none where nothing gives it one.
fn on_a_terminal(coffer: &Coffer, command: &Command) -> Option<String> {
    let quoted = |word: &std::ffi::OsStr| format!("'{}'", word.to_str().unwrap());
    let mut line = "stty cols 120; exec".to_owned();
    for word in std::iter::once(command.get_program()).chain(command.get_args()) {
        line.push(' ');
        line.push_str(&quoted(word));
    }
    let mut terminal = Command::new("script");
    terminal.args(["-q", "-e", "-c", &line, "/dev/null"]).env_clear().env("TERM", "xterm");
    terminal.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    terminal.current_dir(coffer.home.path()).stdin(std::process::Stdio::null());
    for (name, value) in command.get_envs() {
        terminal.env(name, value.unwrap());
    }
    let Ok(output) = terminal.output() else {
        println!("skipped: there is no `script`, which gives a command a terminal");
        return None;
    };
    let printed = said(&output);
    assert!(output.status.success(), "{printed}");
    Some(printed)
}

#[test]
fn a_history_shows_how_far_it_is() {
    let Some(coffer) = Coffer::start() else { return };
    let stripe = StripeStandIn::start(month(41));
    let account = &stripe.month().accounts[0];
    let lines: Vec<String> = account
        .transactions
        .iter()
        .map(|one| one.shown(stripe.month().end, true).to_string())
        .collect();
    std::fs::write(coffer.home.path().join("month.jsonl"), lines.join("\n")).unwrap();
    let import = ["ledger", "import", "--stripe", "month.jsonl", "--account", &account.id];
    let Some(printed) = on_a_terminal(&coffer, &coffer.command(&import)) else { return };
    assert!(printed.contains("told ") && printed.contains("KiB/"), "{printed}");
    let pull = coffer.pull(&stripe, &[]);
    let Some(printed) = on_a_terminal(&coffer, &pull) else { return };
    for one in &stripe.month().accounts {
        assert!(printed.contains(&one.id), "{printed}");
    }
    assert!(printed.contains("/31 days") || printed.contains("/32 days"), "{printed}");
    coffer.must_be_right(&stripe);
}
