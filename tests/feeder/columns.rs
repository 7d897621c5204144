//! Files of columns: what a dry run says, and that they end as the same rows told over the API.

use crate::coffer::{Coffer, run, said};
use crate::interruptions::{KILLS, pause_at_random};
use coffer_base::TestRandom;
use serde_json::{Value, json};
use std::process::{Output, Stdio};
use std::time::Duration;

const MAP: &str = "amounts = 'decimal'\n[columns]\nid = 'ID'\ntype = 'Kind'\namount = 'Gross'\n\
    fee = 'Fee'\ncurrency = 'Currency'\ncreated = 'Created'\navailable_on = 'Available'\n\
    source = 'Source'\ncharge = 'Charge'\n[types]\nSale = 'charge'\n";

const HEAD: &str = "ID,Kind,Gross,Fee,Currency,Created,Available,Source,Charge\n";

/// Rows of three currencies, in which an amount has two places, none, and three.
const ROWS: [&str; 5] = [
    "txn_1,Sale,100.00,3.20,EUR,2026-01-05 10:00,2026-01-07,ch_1,\n",
    "txn_2,refund,-40.00,,eur,2026-01-06 10:00:00,2026-01-06,re_1,ch_1\n",
    "txn_3,Sale,5000,180,jpy,2026-01-06,2026-01-08,ch_3,\n",
    "txn_4,Sale,7.125,-0.005,kwd,2026-01-07,2026-01-09,ch_4,\n",
    "txn_5,nobody_knows,\"12.50\",,eur,2026-01-04T23:59:59Z,2026-01-05,,\n",
];

const IMPORT: [&str; 5] = ["ledger", "import", "rows.csv", "--map", "map.toml"];

/// Puts rows and their map where commands run.
fn put(coffer: &Coffer, rows: &str) {
    std::fs::write(coffer.home.path().join("rows.csv"), format!("{HEAD}{rows}")).unwrap();
    std::fs::write(coffer.home.path().join("map.toml"), MAP).unwrap();
}

/// What is in the directory where commands run.
fn files(coffer: &Coffer) -> Vec<String> {
    let entries = std::fs::read_dir(coffer.home.path()).unwrap();
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<_> =
        entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The ledger of an account has been told nothing, not even what it takes.
#[track_caller]
fn is_untouched(coffer: &Coffer, account: &str) {
    let settings = coffer.client(account).get("/v1/ledger/settings", &[]).ok();
    assert_eq!(settings["intake"], Value::Null, "{settings}");
    let told = coffer.client(account).get("/v1/ledger/transactions", &[]).ok();
    assert_eq!(told["data"], json!([]));
}

#[test]
fn a_dry_run_says_what_is_in_a_file_and_writes_nothing() {
    let Some(coffer) = Coffer::start() else { return };
    put(&coffer, &ROWS.concat());
    let before = files(&coffer);
    let dry = [&IMPORT[..], &["--account", "acct_dry", "--dry-run"]].concat();
    let expected = json!({
        "object": "ledger.import",
        "dry_run": true,
        "rows": 5,
        "bad": 0,
        "bad_rows": [],
        "types": { "charge": 3, "nobody_knows": 1, "refund": 1 },
        "nets": { "eur": "6930", "jpy": "4820", "kwd": "7130" },
        "first_created": 1_767_571_199,
        "last_created": 1_767_744_000,
        "recorded": null,
        "known": null,
        "refused": null,
        "refused_rows": [],
    });
    assert_eq!(run(coffer.command(&dry).args(["--format", "json"])), expected);
    // No server is asked, and no key is needed.
    let alone = coffer.command(&dry).env_remove("COFFER_API_KEY").env_remove("COFFER_URL").output();
    let printed = said(&alone.unwrap());
    for line in ["types.charge 3", "nets.jpy 4820", "first_created 2026-01-04 23:59:59", "rows 5"] {
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(printed.lines().any(|said| words(said).starts_with(line)), "{line}: {printed}");
    }
    assert_eq!(files(&coffer), before);
    is_untouched(&coffer, "acct_dry");
}

#[test]
fn a_dry_run_names_bad_rows_by_their_line() {
    let Some(coffer) = Coffer::start() else { return };
    let [first, second, rest @ ..] = ROWS;
    let bad = [
        "txn_6,Sale,1.005,,eur,2026-01-05,2026-01-05,ch_6,\n",
        // Its text goes over a line's end, so that the next row is two lines on.
        "txn_7,Sale,one,,eur,2026-01-05,2026-01-05,\"ch\n_7\",\n",
        "txn_8,Sale,1,,eur,2026-02-30,2026-01-05,ch_8,\n",
        "txn_9,Sale,1,,eur,2026-01-05\n",
        ",Sale,1,,eur,2026-01-05,2026-01-05,ch_10,\n",
    ];
    put(&coffer, &[&[first], &bad[..2], &[second], &bad[2..], &rest[..]].concat().concat());
    let before = files(&coffer);
    let dry = [&IMPORT[..], &["--account", "acct_dry", "--dry-run"]].concat();
    let output = coffer.command(&dry).args(["--format", "json"]).output().unwrap();
    let printed = said(&output);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = found["bad_rows"].as_array().unwrap();
    let named: Vec<_> = rows
        .iter()
        .map(|row| (row["line"].as_u64().unwrap(), row["why"].as_str().unwrap()))
        .collect();
    let time = "created is neither Unix seconds, nor a time in UTC such as 2026-01-31 12:00:00";
    let expected = [
        (3, "amount is not a number such as -12.34"),
        (4, "amount is not a number such as -12.34"),
        (7, time),
        (8, "it has 6 fields, and the head 9"),
        (9, "id is no text"),
    ];
    assert_eq!(named, expected, "{printed}");
    assert_eq!((&found["rows"], &found["bad"]), (&json!(10), &json!(5)));
    // The sums are those of the others.
    assert_eq!(found["nets"]["eur"], "6930");
    assert!(!printed.contains("nothing was told"), "{printed}");
    assert_eq!(files(&coffer), before);
    is_untouched(&coffer, "acct_dry");
    // Told for good, nothing is told either, and it says so.
    let output = coffer.command(&IMPORT).args(["--account", "acct_dry"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("line 8 cannot be read") && said(&output).contains("--rejects"));
    is_untouched(&coffer, "acct_dry");
}

#[test]
fn a_file_ends_as_the_same_rows_told_over_the_api() {
    let Some(coffer) = Coffer::start() else { return };
    put(&coffer, &ROWS.concat());
    let of_file = [&IMPORT[..], &["--account", "acct_file"]].concat();
    let told = run(coffer.command(&of_file).args(["--format", "json"]));
    assert_eq!((&told["recorded"], &told["dry_run"]), (&json!(5), &json!(false)), "{told}");
    let row = |id: &str,
               word: &str,
               (amount, fee): (i64, i64),
               currency: &str,
               times: (i64, i64)| {
        json!({
            "id": id, "object": "balance_transaction", "type": word, "amount": amount, "fee": fee,
            "net": amount - fee, "currency": currency, "created": times.0, "available_on": times.1,
        })
    };
    let mut rows = [
        row("txn_1", "charge", (10_000, 320), "eur", (1_767_607_200, 1_767_744_000)),
        row("txn_2", "refund", (-4000, 0), "eur", (1_767_693_600, 1_767_657_600)),
        row("txn_3", "charge", (5000, 180), "jpy", (1_767_657_600, 1_767_830_400)),
        row("txn_4", "charge", (7125, -5), "kwd", (1_767_744_000, 1_767_916_800)),
        row("txn_5", "nobody_knows", (1250, 0), "eur", (1_767_571_199, 1_767_571_200)),
    ];
    for (at, source) in [(0, json!("ch_1")), (2, json!("ch_3")), (3, json!("ch_4"))] {
        rows[at]["source"] = source;
    }
    rows[1]["source"] = json!({ "id": "re_1", "object": "refund", "charge": "ch_1" });
    let page = json!({ "object": "list", "data": rows }).to_string();
    let client = coffer.client("acct_page");
    client.post("/v1/ledger/settings", &[("intake", "transactions")]).ok();
    let answer = client.post("/v1/ledger/transactions/import", &[("page", &page)]).ok();
    assert_eq!(answer["recorded"], 5, "{answer}");
    for path in ["/v1/ledger/transactions", "/v1/ledger/charges", "/v1/ledger/refunds"] {
        let list = |account| coffer.client(account).get(path, &[]).ok()["data"].clone();
        assert_eq!(list("acct_file"), list("acct_page"), "{path}");
    }
    assert_eq!(coffer.balances("acct_file"), coffer.balances("acct_page"));
    assert_eq!(coffer.balances("acct_file")["kwd"], (7130, 0));
    // What is told again, in either way, is known.
    let again = run(coffer.command(&of_file).args(["--format", "json"]));
    assert_eq!((&again["recorded"], &again["known"]), (&json!(0), &json!(5)));
}

/// Runs a command until it ends by itself, and kills it before: once as soon as its progress is
/// kept, and then at random. How often, and how it ended.
fn kill_and_end(coffer: &Coffer, import: &[&str], random: &TestRandom) -> (usize, Output) {
    let mut command = coffer.command(import);
    command.args(["--format", "json"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let progress = coffer.home.path().join("rows.csv.progress");
    for kills in 0..KILLS {
        let mut child = command.spawn().unwrap();
        if kills == 0 {
            let is_kept = || std::fs::read_to_string(&progress).is_ok_and(|it| has_told(&it));
            while child.try_wait().unwrap().is_none() && !is_kept() {
                std::thread::sleep(Duration::from_millis(1));
            }
        } else {
            pause_at_random(random, 1_000);
        }
        if child.try_wait().unwrap().is_some() {
            return (kills, child.wait_with_output().unwrap());
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    (KILLS, command.output().unwrap())
}

/// Whether a page is told already.
fn has_told(progress: &str) -> bool {
    serde_json::from_str::<Value>(progress).is_ok_and(|it| it["byte"].as_u64() > Some(0))
}

#[test]
fn a_file_that_is_killed_goes_on_where_it_was_and_rejects_each_row_once() {
    let Some(coffer) = Coffer::start() else { return };
    let (mut rows, mut bad) = (String::new(), String::new());
    for number in 0..3000 {
        let amount = if number % 100 == 7 { "none" } else { "1.50" };
        let row = format!("txn_{number},Sale,{amount},,eur,2026-01-05,2026-01-07,ch_{number},\n");
        rows.push_str(&row);
        if amount == "none" {
            bad.push_str(&row);
        }
    }
    put(&coffer, &rows);
    let import = [&IMPORT[..], &["--account", "acct_csv", "--rejects", "rejects.csv"]].concat();
    let (kills, output) = kill_and_end(&coffer, &import, &TestRandom::seeded(14));
    println!("killed {kills} times");
    assert!(kills > 0, "it was never killed, and nothing was tested");
    let printed = said(&output);
    let told: Value = serde_json::from_slice(&output.stdout).expect(&printed);
    assert_eq!((&told["bad"], &told["refused"]), (&json!(30), &json!(0)), "{told}");
    assert_eq!(coffer.balances("acct_csv")["eur"], (2970 * 150, 0));
    let rejects = std::fs::read_to_string(coffer.home.path().join("rejects.csv")).unwrap();
    assert_eq!(rejects, format!("{HEAD}{bad}"));
    assert!(!coffer.home.path().join("rows.csv.progress").exists());
}
