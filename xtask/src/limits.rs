//! `docs/limits.md`: the bounds that a caller or an operator can meet, each with its value and its
//! reason, as the code has them.

mod internal;

use crate::code::tree::{self, File};
use crate::root;
use crate::step::Outcome;
use std::fmt::Write as _;

/// The page.
pub const PAGE: &str = "docs/limits.md";

const HEAD: &str = "\
# Limits

Every bound that a caller or an operator can meet, as the code has it. This page is written by
`cargo xtask limits` and is not edited by hand. What only the server itself meets, such as how many
rows a job works on at once, stands in the code (`limits.rs` of each crate).

What an operator can change: `--rate-limit` for all apps (`docs/cli.md`), and for one app
`requests_per_second`, `requests_at_once`, `requests_per_second_per_key` and
`requests_at_once_per_key` of `/v1/admin/apps`. A request beyond them is refused with 429 and code
`rate_limit`; `Stripe-Should-Retry` is `true`, and nothing was executed or stored. Whoever tries too
many keys waits for each answer; a good key of the same address does not. An app's limits in test
mode and in live mode are counted apart, each server counts for itself, and in developer mode there
are none without `--rate-limit`.

How much an app may keep in each mode is its `bytes`, `scopes` and `stored_responses`. The server
counts about once a minute, and a few seconds longer for each million rows, so an app can go beyond
them by what it writes meanwhile, and goes on after the count that follows its deleting something.
";

/// Writes the page.
pub fn run() -> Outcome {
    let page = page(&tree::read(&root())?);
    let path = root().join(PAGE);
    std::fs::write(&path, page).map_err(|e| format!("cannot write {}: {e}", path.display()))
}

/// The page as it should be.
pub fn page(files: &[File]) -> String {
    let mut page = HEAD.to_owned();
    for file in files.iter().filter(|file| is_of_limits(&file.path)) {
        let title = file.text.lines().next().unwrap_or_default();
        let title = title.trim_start_matches("//!").trim();
        let title = title.split(". ").next().unwrap_or_default().trim_end_matches('.');
        let shown = bounds(&file.text).into_iter();
        let shown = shown.filter(|bound| !internal::is_internal(&file.path, &bound.name));
        let shown: Vec<Bound> = shown.collect();
        if shown.is_empty() {
            continue;
        }
        let _ = write!(page, "\n## {title}\n\n| Bound | Value | What it is |\n|---|---|---|\n");
        for bound in shown {
            let _ = writeln!(page, "| `{}` | {} | {} |", bound.name, bound.value, bound.about);
        }
    }
    page
}

fn is_of_limits(path: &str) -> bool {
    path == "crates/base/src/limit.rs"
        || path.starts_with("crates/") && path.ends_with("/src/limits.rs")
}

/// A constant with its documentation.
struct Bound {
    name: String,
    value: String,
    about: String,
}

/// The public constants of a file.
fn bounds(text: &str) -> Vec<Bound> {
    let mut bounds = Vec::new();
    let mut about = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(more) = line.strip_prefix("///") {
            about.push_str(more);
        } else if let Some(rest) = line.strip_prefix("pub const ") {
            let mut statement = rest.to_owned();
            while !statement.ends_with(';') {
                let Some(more) = lines.next() else { break };
                statement.push_str(more.trim());
            }
            bounds.extend(bound(&statement, &about));
            about.clear();
        } else if line.is_empty() {
            about.clear();
        }
    }
    bounds
}

fn bound(statement: &str, about: &str) -> Option<Bound> {
    let (name, rest) = statement.split_once(':')?;
    let (_, expression) = rest.trim_end_matches(';').split_once('=')?;
    let expression = expression.trim();
    let value = value(expression).map_or_else(|| format!("`{expression}`"), grouped);
    Some(Bound { name: name.to_owned(), value, about: without_paths(about.trim()) })
}

/// The value of a sum of products of whole numbers; `None` if it is anything else.
fn value(expression: &str) -> Option<i128> {
    let product = |term: &str| {
        let mut factors = term.split('*').map(|factor| factor.trim().replace('_', "").parse().ok());
        factors.try_fold(1_i128, |product, factor: Option<i128>| product.checked_mul(factor?))
    };
    let mut terms = expression.split('+').map(product);
    terms.try_fold(0_i128, |sum, term| sum.checked_add(term?))
}

/// The number with commas.
fn grouped(number: i128) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut grouped = String::from(if number < 0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The text with links to code turned into what they show.
fn without_paths(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('[') {
        plain.push_str(rest.get(..at).unwrap_or_default());
        let link = rest.get(at + 1..).unwrap_or_default();
        let (shown, after) = link.split_once(']').unwrap_or((link, ""));
        plain.push_str(shown);
        rest = match after.strip_prefix('(') {
            Some(path) => path.split_once(')').map_or("", |(_, after)| after),
            None => after,
        };
    }
    plain.push_str(rest);
    plain.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "//! Bounds of a sample.\n\n/// Most [`things`](crate::Thing), which\n\
                          /// nobody needs.\npub const THINGS: usize = 2 * 1024 + 1;\n\n\
                          const HIDDEN: u32 = 1;\n\n/// As many.\npub const OTHERS: usize =\n    \
                          limit::THINGS;\n";

    #[test]
    fn constants_become_rows() {
        let path = "crates/sample/src/limits.rs".to_owned();
        let other = File { path: "crates/sample/src/lib.rs".to_owned(), text: SAMPLE.to_owned() };
        let page = page(&[File { path, text: SAMPLE.to_owned() }, other]);
        let table = page.strip_prefix(HEAD).unwrap();
        let expected = "\n## Bounds of a sample\n\n| Bound | Value | What it is |\n|---|---|---|\n\
                        | `THINGS` | 2,049 | Most `things`, which nobody needs. |\n\
                        | `OTHERS` | `limit::THINGS` | As many. |\n";
        assert_eq!(table, expected);
    }

    #[test]
    fn what_is_left_out_is_there() {
        let files = tree::read(&root()).unwrap();
        for (path, names) in internal::INTERNAL {
            let file = files.iter().find(|file| file.path == *path).unwrap();
            let known: Vec<_> = bounds(&file.text).into_iter().map(|bound| bound.name).collect();
            for name in names.split_whitespace() {
                assert!(known.iter().any(|one| one == name), "{path} has no {name}");
            }
        }
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, shown) in [(0, "0"), (999, "999"), (1000, "1,000"), (-1_234_567, "-1,234,567")]
        {
            assert_eq!(grouped(number), shown);
        }
    }
}
