//! Phrases that stand under `# Errors` and say nothing about when a call fails.

use super::finding::Finding;
use super::leftovers::Place;
use crate::code::source::Source;

/// The phrases; `[…]` is any link.
const PHRASES: [&str; 4] = [
    "[…] of the engine.",
    "As […].",
    "What the caller got wrong.",
    "What the caller got wrong, or what failed.",
];

/// The section that the rule reads.
const SECTION: &str = "# Errors";

/// A section that says nothing but a phrase.
pub struct Empty {
    pub phrase: &'static str,
    /// The line of its heading.
    pub line: usize,
    /// How many lines with words it has, its heading's among them.
    pub lines: usize,
}

/// The sections of `source` that say nothing.
pub fn empty(source: &Source) -> Vec<Empty> {
    let docs =
        || source.comments.iter().filter_map(|comment| Some((comment.line, doc(&comment.text)?)));
    let headings = docs().filter(|(_, text)| *text == SECTION);
    let found = headings.filter_map(|(heading, _)| {
        let after = docs().filter(|(line, _)| *line > heading).zip(heading + 1..);
        let section: Vec<&str> = after
            .take_while(|((line, text), next)| line == next && !text.starts_with("# "))
            .map(|((_, text), _)| text)
            .filter(|text| !text.is_empty())
            .collect();
        let said = without_links(&section.join(" "));
        let phrase = PHRASES.into_iter().find(|phrase| *phrase == said)?;
        Some(Empty { phrase, line: heading, lines: section.len() + 1 })
    });
    found.collect()
}

pub fn check(sources: &[Source]) -> Vec<Place> {
    let found = sources.iter().flat_map(|source| {
        empty(source).into_iter().map(|empty| {
            let message =
                format!("\"{}\" does not say when it fails: say it or nothing", empty.phrase);
            let finding = Finding::new(&source.path, empty.line, message);
            Place { what: empty.phrase.to_owned(), finding }
        })
    });
    found.collect()
}

/// The text of a line of documentation.
fn doc(comment: &str) -> Option<&str> {
    comment.strip_prefix("///").or(comment.strip_prefix("//!")).map(str::trim)
}

fn without_links(text: &str) -> String {
    let mut parts = text.split('[');
    let mut said = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        said += "[…]";
        said += part.split_once(']').map_or("", |(_, after)| after);
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::tree::File;

    #[test]
    fn a_section_that_says_nothing_is_found() {
        let text = "/// Reads it.
///
/// # Errors
/// [`StorageError`] of the engine.
fn a() {}

/// Reads it.
/// # Errors
/// [`StorageError`] of the engine, or that the row is gone.
fn b() {}

    /// # Errors
    ///
    /// What the caller got wrong,
    /// or what failed.
    ///
    /// # Panics
    /// Never.
    fn c() {}

/// As [`Store::query`].
fn d() {}
/// # Errors
/// As [`Store::query`].
/// As [`Store::query`].
fn e() {}
/// # Errors
/// As [`Store::query`].
fn f() {}
";
        let source = Source::parse(&File { path: "crates/a/src/b.rs".into(), text: text.into() });
        let found: Vec<_> = empty(&source).iter().map(|one| (one.line, one.lines)).collect();
        assert_eq!(found, [(3, 2), (12, 3), (27, 2)]);
        let places = check(&[source]);
        let what: Vec<&str> = places.iter().map(|place| place.what.as_str()).collect();
        assert_eq!(what, [PHRASES[0], PHRASES[3], PHRASES[1]]);
    }
}
