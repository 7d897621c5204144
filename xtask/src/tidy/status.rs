//! HTTP status numbers stand in one file of the dialect and in the listed files of the edge.

use super::uses::Use;
use crate::code::source::{Source, words};

/// Every line that names the type of a status or gives one as a number.
pub fn uses(product: &[&Source]) -> Vec<Use> {
    let mut uses = Vec::new();
    for source in product {
        for (line, code) in source.product_lines() {
            if names_a_status(code) {
                uses.push(Use { path: source.path.clone(), line, what: "an HTTP status" });
            }
        }
    }
    uses
}

fn names_a_status(code: &str) -> bool {
    let speaks_of_one = || code.to_ascii_lowercase().contains("status");
    words(code, "StatusCode").next().is_some() || (speaks_of_one() && holds_a_number(code))
}

/// Whether a number between 100 and 599 stands by itself in the line.
fn holds_a_number(code: &str) -> bool {
    let mut numbers = code.split(|c: char| !c.is_alphanumeric() && c != '_');
    numbers.any(|word| word.len() == 3 && word.parse().is_ok_and(|n| (100..600).contains(&n)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::tree::File;

    #[test]
    fn statuses_are_found_and_other_numbers_are_not() {
        let text = "use http::StatusCode;
fn a() { answer.status(404) }
fn b() -> Answer { Answer { status: 500 } }
const LIMIT: usize = 500;
const STATUS_BYTES: usize = 5000;
// status 404
fn c() { process.status(1) }
#[cfg(test)]
mod tests { fn d() { assert_eq!(answer.status, 200); } }
";
        let source = Source::parse(&File { path: "crates/a/src/b.rs".into(), text: text.into() });
        let lines: Vec<usize> = uses(&[&source]).iter().map(|found| found.line).collect();
        assert_eq!(lines, [1, 2, 3]);
    }
}
