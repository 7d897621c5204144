//! Feeders and imports that are killed at any moment, and rows that are bad.

use crate::coffer::{Coffer, run, said};
use crate::month;
use coffer_base::{Random, TestRandom};
use coffer_testkit::stripe::StripeStandIn;
use std::fmt::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

/// How often a process is killed before it may end.
pub const KILLS: usize = 12;

/// Runs a command, and kills it after a while, until it ends by itself or was killed so often; how
/// often it was killed.
fn kill_at_random(
    command: impl Fn() -> Command,
    random: &TestRandom,
    longest_milliseconds: u16,
) -> usize {
    for kills in 0..KILLS {
        let mut child = command().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        pause_at_random(random, longest_milliseconds);
        if child.try_wait().unwrap().is_some_and(|status| status.success()) {
            return kills;
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    KILLS
}

/// Waits for less than so many milliseconds.
pub fn pause_at_random(random: &TestRandom, longest_milliseconds: u16) {
    let mut bytes = [0; 2];
    random.fill(&mut bytes);
    let pause = u16::from_le_bytes(bytes) % longest_milliseconds;
    std::thread::sleep(Duration::from_millis(u64::from(pause)));
}

#[test]
fn a_feeder_that_is_killed_loses_nothing() {
    let Some(coffer) = Coffer::start() else { return };
    let stripe = StripeStandIn::start(month(11));
    stripe.refuse_every(37);
    let random = TestRandom::seeded(11);
    let kills = kill_at_random(|| coffer.pull(&stripe, &[]), &random, 1_500);
    println!("killed {kills} times");
    assert!(kills > 0, "it was never killed, and nothing was tested");
    let result = run(&mut coffer.pull(&stripe, &["--look-back"]));
    coffer.must_be_right(&stripe);
    let matches = |row: &serde_json::Value| row["matches"] == true;
    assert!(result["data"].as_array().unwrap().iter().all(matches), "{result}");
}

#[test]
fn an_import_that_is_killed_goes_on_where_it_was() {
    let Some(coffer) = Coffer::start() else { return };
    let stripe = StripeStandIn::start(month(12));
    let random = TestRandom::seeded(12);
    let mut kills = 0;
    for account in &stripe.month().accounts {
        let lines = account.transactions.iter().fold(String::new(), |mut text, one| {
            let _ = writeln!(text, "{}", one.shown(stripe.month().end, true));
            text
        });
        std::fs::write(coffer.home.path().join("month.jsonl"), lines).unwrap();
        let import = ["ledger", "import", "--stripe", "month.jsonl", "--account", &account.id];
        kills += kill_at_random(|| coffer.command(&import), &random, 400);
        let told = run(coffer.command(&import).args(["--format", "json"]));
        assert_eq!(told["rows"], account.transactions.len(), "{told}");
        // Its file says how far it is, and goes with the end.
        assert!(!coffer.home.path().join("month.jsonl.progress").exists());
    }
    assert!(kills > 0, "it was never killed, and nothing was tested");
    coffer.must_be_right(&stripe);
}

#[test]
fn bad_rows_are_named_and_nothing_is_told_unless_that_is_meant() {
    let Some(coffer) = Coffer::start() else { return };
    let stripe = StripeStandIn::start(month(13));
    let account = &stripe.month().accounts[0];
    let mut lines: Vec<String> = account
        .transactions
        .iter()
        .map(|one| one.shown(stripe.month().end, true).to_string())
        .collect();
    let bad = "{\"id\": \"txn_bad\"}".to_owned();
    lines.insert(3, bad.clone());
    std::fs::write(coffer.home.path().join("month.jsonl"), lines.join("\n")).unwrap();
    let import = ["ledger", "import", "--stripe", "month.jsonl", "--account", &account.id];
    let output = coffer.command(&import).output().unwrap();
    let printed = said(&output);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(printed.contains("line 4 cannot be read: amount is no whole number"), "{printed}");
    assert!(coffer.balances(&account.id).is_empty(), "something was told");
    let output = coffer.command(&import).args(["--rejects", "rejects.jsonl"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let rejects = std::fs::read_to_string(coffer.home.path().join("rejects.jsonl")).unwrap();
    assert_eq!(rejects.trim(), bad);
    assert_eq!(coffer.balances(&account.id), crate::coffer::right(account));
}

#[test]
fn a_file_of_columns_is_read_by_its_map() {
    let Some(coffer) = Coffer::start() else { return };
    let map = "amounts = 'decimal'\n[columns]\nid = 'ID'\ntype = 'Kind'\namount = 'Gross'\n\
               fee = 'Fee'\ncreated = 'Created'\navailable_on = 'Available'\nsource = 'Source'\n\
               charge = 'Charge'\n[values]\ncurrency = 'eur'\n[types]\nSale = 'charge'\n";
    let rows = "ID,Kind,Gross,Fee,Created,Available,Source,Charge\n\
                txn_1,Sale,100.00,3.20,2026-01-05 10:00,2026-01-07,ch_1,\n\
                txn_2,refund,-40.00,,2026-01-06 10:00:00,2026-01-06,re_1,ch_1\n";
    std::fs::write(coffer.home.path().join("rows.csv"), rows).unwrap();
    std::fs::write(coffer.home.path().join("map.toml"), map).unwrap();
    let import = ["ledger", "import", "rows.csv", "--map", "map.toml", "--account", "acct_csv"];
    let told = run(coffer.command(&import).args(["--format", "json"]));
    assert_eq!((told["recorded"].as_u64(), told["bad"].as_u64()), (Some(2), Some(0)), "{told}");
    assert_eq!(coffer.balances("acct_csv")["eur"], (5_680, 0));
}
