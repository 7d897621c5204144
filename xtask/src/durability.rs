//! `docs/durability.md`: which faults were survived, as a run has counted them.
//!
//! Tests print a line `durability: fault | rounds | acknowledged | lost`. A control is a build that
//! must lose something: its last cell says that this was noticed.

use crate::code::tree::File;
use crate::root;
use crate::step::{Outcome, Step};

/// The page.
pub const PAGE: &str = "docs/durability.md";

/// What stands around the table.
const BEGIN: &str = "<!-- the table is written by `cargo xtask durability` -->\n";
const END: &str = "<!-- the end of the table -->\n";

const HEAD: &str = "| Fault | Rounds | Acknowledged | Lost |\n|---|---|---|---|\n";

/// What a test prints before a row.
const MARK: &str = "durability: ";

/// How much a long run does.
const SCALE: [(&str, &str); 7] = [
    ("COFFER_TEST_MOUNTS", "required"),
    ("COFFER_CRASH_ROUNDS", "120"),
    ("COFFER_POWER_ROUNDS", "110"),
    ("COFFER_HOSTILE_CONNECTIONS", "10000"),
    ("COFFER_SIMULATION_SEEDS", "4200"),
    ("COFFER_SIMULATION_STEPS", "240"),
    ("COFFER_CORRUPTION_SAMPLES", "20"),
];

/// Minutes of each program at most.
const MINUTES: u64 = 120;

/// `cargo xtask durability [--from LOG]`: writes the page's table from a long run, or from the log
/// of one.
pub fn run(words: &[String]) -> Outcome {
    let log = match words {
        [] => measure()?,
        [option, path] if option == "--from" => {
            std::fs::read_to_string(path).map_err(|e| format!("cannot read {path}: {e}"))?
        }
        _ => return Err("durability has no options but --from LOG".to_owned()),
    };
    let path = root().join(PAGE);
    let failed = |e| format!("{}: {e}", path.display());
    let page = std::fs::read_to_string(&path).map_err(failed)?;
    let page = with_table(&page, &rows(&log)?)?;
    std::fs::write(&path, page).map_err(failed)
}

/// Power failures, kills, flipped bits and a million simulated steps; what the tests print. It
/// takes root, and most of an hour.
pub fn measure() -> Result<String, String> {
    let run = |test: &str, filters: &[&str]| {
        let arguments = ["test", "-p", "coffer-tests", "--test", test, "--"];
        let mut step = Step::new("cargo").args(arguments).args(filters);
        step = step.args(["--nocapture", "--test-threads=1"]).directory(&root());
        step = SCALE.into_iter().fold(step, |step, (name, value)| step.env(name, value));
        step.minutes(MINUTES).capture()
    };
    let crashes =
        run("crash", &["a_crash_loses", "a_crash_leaves_the_books", "power::", "hostile::"])?;
    let simulated = run("model", &["simulation_of_every", "corruption_of"])?;
    let log = format!("{crashes}\n{simulated}\n");
    println!("{log}");
    Ok(log)
}

/// The rows that a run has printed.
fn rows(log: &str) -> Result<Vec<String>, String> {
    let rows = log.lines().filter_map(|line| line.split_once(MARK));
    let rows: Vec<String> = rows.map(|(_, row)| row.trim().to_owned()).collect();
    match rows.iter().find(|row| !is_right(row)) {
        Some(wrong) => Err(format!("this is no row: {wrong}")),
        None if rows.is_empty() => Err(format!("the run has printed no \"{MARK}\"")),
        None => Ok(rows),
    }
}

/// Whether a row has its four cells, and says that nothing was lost, or that a control's loss was
/// noticed.
fn is_right(row: &str) -> bool {
    let cells: Vec<&str> = row.split('|').map(str::trim).collect();
    let is_count = |cell: &str| cell.replace(',', "").parse::<u64>().is_ok_and(|count| count > 0);
    match cells.as_slice() {
        [fault, rounds, "-", "noticed"] => fault.starts_with("control: ") && is_count(rounds),
        [fault, rounds, acknowledged, "0"] => {
            !fault.is_empty() && is_count(rounds) && is_count(acknowledged)
        }
        _ => false,
    }
}

fn with_table(page: &str, rows: &[String]) -> Result<String, String> {
    let (before, rest) = page.split_once(BEGIN).ok_or("the page has no place for the table")?;
    let (_, after) = rest.split_once(END).ok_or("the page has no end of the table")?;
    let rows: String = rows.iter().map(|row| format!("| {row} |\n")).collect();
    Ok(format!("{before}{BEGIN}\n{HEAD}{rows}\n{END}{after}"))
}

/// What is wrong with the page; `None` if it holds the table of a run.
pub fn problem(files: &[File]) -> Option<&'static str> {
    let Some(page) = files.iter().find(|file| file.path == PAGE) else {
        return Some("is missing");
    };
    let table = page.text.split_once(BEGIN).and_then(|(_, rest)| rest.split_once(END));
    let table = table.and_then(|(table, _)| table.trim_start().strip_prefix(HEAD));
    let rows = table.unwrap_or_default().lines().filter(|line| !line.is_empty());
    let rows: Vec<&str> = rows.collect();
    let cells = |row: &&str| row.trim_start_matches("| ").trim_end_matches(" |").to_owned();
    let are_right = rows.iter().all(|row| is_right(&cells(row)));
    let has_control = rows.iter().any(|row| row.ends_with("| noticed |"));
    let is_table = are_right && has_control && rows.len() > 1;
    (!is_table).then_some("has no table of a run in which nothing was lost")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "test a ... durability: kill -9 | 50 | 1,234 | 0\nok\n\
                       durability: control: never flushes | 3 | - | noticed\n";

    #[test]
    fn a_run_becomes_a_table_and_a_table_is_checked() {
        let empty = format!("# Page\n\n{BEGIN}{END}after\n");
        let page = with_table(&empty, &rows(LOG).unwrap()).unwrap();
        let table = "| kill -9 | 50 | 1,234 | 0 |\n| control: never flushes | 3 | - | noticed |\n";
        assert!(page.contains(table) && page.ends_with("after\n"), "{page}");
        assert_eq!(with_table(&page, &rows(LOG).unwrap()).unwrap(), page);
        let files = |text: &str| [File { path: PAGE.to_owned(), text: text.to_owned() }];
        assert_eq!(problem(&files(&page)), None);
        for wrong in
            [&empty, &page.replace("| 0 |", "| 2 |"), &page.replace("| noticed |", "| 0 |")]
        {
            assert!(problem(&files(wrong)).is_some(), "{wrong}");
        }
        assert!(problem(&[]).is_some());
    }

    #[test]
    fn a_row_that_tells_of_a_loss_is_none() {
        for wrong in ["durability: kill | 5 | 7 | 1", "durability: kill | 0 | 7 | 0", "nothing"] {
            assert!(rows(wrong).is_err(), "{wrong}");
        }
    }
}
