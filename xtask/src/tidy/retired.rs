//! Words that the code no longer uses: the table in `docs/GLOSSARY.md`.

use super::finding::Finding;
use super::leftovers::Place;
use crate::code::source::{Source, is_word, line_at, words};
use crate::code::tree::File;
use std::collections::BTreeMap;

/// Where the table stands, and under which heading.
pub const GLOSSARY: &str = "docs/GLOSSARY.md";
const HEADING: &str = "## Retired words";

/// The retired words of the glossary.
#[derive(Default)]
pub struct Retired {
    /// By the first part of the name, in small letters.
    names: BTreeMap<String, Vec<Name>>,
    prose: Vec<Word>,
}

/// A word and what to say instead, as the glossary has them.
#[derive(Clone)]
struct Word {
    word: String,
    instead: String,
}

struct Name {
    word: Word,
    parts: Vec<String>,
    is_type: bool,
    /// Whether it is only looked for as a whole name.
    whole: bool,
}

impl Retired {
    /// Reads the table: a row is `| words, with commas between | what to say | where |`.
    pub fn parse(glossary: &str) -> Result<Self, String> {
        let mut retired = Self::default();
        let (_, table) = glossary
            .split_once(HEADING)
            .ok_or_else(|| format!("{GLOSSARY} has no heading \"{HEADING}\""))?;
        let rows = table.lines().skip_while(|line| !line.starts_with("|--")).skip(1);
        for row in rows.take_while(|line| line.starts_with('|')) {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            let [terms, instead, place] = cells[..] else {
                return Err(format!("{GLOSSARY}: a row has three cells: {row}"));
            };
            for term in terms.split(',') {
                let word = term.trim().trim_matches('`').to_owned();
                retired.add(Word { word, instead: instead.to_owned() }, place)?;
            }
        }
        Ok(retired)
    }

    fn add(&mut self, word: Word, place: &str) -> Result<(), String> {
        let whole = match place {
            "prose" => {
                self.prose.push(word);
                return Ok(());
            }
            "names" => false,
            "whole names" => true,
            _ => return Err(format!("{GLOSSARY}: there is no place \"{place}\" to look in")),
        };
        let (parts, is_type) = (parts(&word.word), is_type(&word.word));
        let first = parts.first().cloned().unwrap_or_default();
        self.names.entry(first).or_default().push(Name { word, parts, is_type, whole });
        Ok(())
    }

    /// The retired words in the code and comments of `sources` and in other `files`.
    pub fn check(&self, files: &[File], sources: &[Source]) -> Vec<Place> {
        let mut places = Vec::new();
        for source in sources {
            let mut find = |line, word: &Word| places.push(place(&source.path, line, word));
            for (line, text) in paragraphs(source) {
                self.find_prose(&text, line, &mut find);
            }
            if has_our_names(&source.path) {
                self.find_names(&source.code, 1, &mut find);
                for comment in &source.comments {
                    // Only what stands between backticks is a name.
                    let names = comment.text.split('`').skip(1).step_by(2);
                    names.for_each(|name| self.find_names(name, comment.line, &mut find));
                }
                for literal in &source.literals {
                    self.find_joined_names(&literal.text, literal.line, &mut find);
                }
            }
        }
        for file in files {
            let mut find = |line, word: &Word| places.push(place(&file.path, line, word));
            if is_prose(&file.path) {
                self.find_prose(&file.text, 1, &mut find);
            } else if file.path.ends_with(".sql") || file.path.ends_with(".py") {
                self.find_joined_names(&file.text, 1, &mut find);
            }
        }
        places
    }

    fn find_names(&self, code: &str, line: usize, find: &mut impl FnMut(usize, &Word)) {
        for (at, name) in names(code) {
            if let Some(word) = self.retired(name) {
                find(line + line_at(code, at) - 1, word);
            }
        }
    }

    /// Finds the names that no word of a language can be: those of several parts.
    fn find_joined_names(&self, text: &str, line: usize, find: &mut impl FnMut(usize, &Word)) {
        for (at, name) in names(text).filter(|(_, name)| name.contains('_')) {
            if let Some(word) = self.retired(name).filter(|word| word.word.contains('_')) {
                find(line + line_at(text, at) - 1, word);
            }
        }
    }

    fn find_prose(&self, text: &str, line: usize, find: &mut impl FnMut(usize, &Word)) {
        let text = text.to_ascii_lowercase();
        // A phrase may go on in the next line.
        let joined = text.replace('\n', " ");
        for word in &self.prose {
            for at in words(&joined, &word.word) {
                find(line + line_at(&text, at) - 1, word);
            }
        }
    }

    /// The retired word that `name` is or holds.
    fn retired(&self, name: &str) -> Option<&Word> {
        let (parts, is_type) = (parts(name), is_type(name));
        let mut starts = (0..parts.len()).filter_map(|at| parts.get(at..));
        starts.find_map(|rest| {
            let known = self.names.get(rest.first()?)?;
            let mut fitting = known.iter().filter(|known| {
                known.is_type == is_type
                    && if known.whole {
                        known.word.word == name
                    } else {
                        rest.starts_with(&known.parts)
                    }
            });
            fitting.next().map(|known| &known.word)
        })
    }
}

/// The comments of `source`, those of consecutive lines joined, with the line of each one's begin.
fn paragraphs(source: &Source) -> Vec<(usize, String)> {
    let mut paragraphs: Vec<(usize, String)> = Vec::new();
    let mut next = 0;
    for comment in &source.comments {
        let text = comment.text.trim_start_matches(['/', '!', '*']).trim();
        match paragraphs.last_mut().filter(|_| comment.line == next) {
            Some((_, paragraph)) => {
                paragraph.push('\n');
                paragraph.push_str(text);
            }
            None => paragraphs.push((comment.line, text.to_owned())),
        }
        next = comment.line + comment.text.matches('\n').count() + 1;
    }
    paragraphs
}

fn place(path: &str, line: usize, word: &Word) -> Place {
    let message = format!("\"{}\" is {} here: see {GLOSSARY}", word.word, word.instead);
    Place { what: word.word.clone(), finding: Finding::new(path, line, message) }
}

/// Whether names are looked for in the file: the product's, the test kit's and the tests'.
fn has_our_names(path: &str) -> bool {
    ["crates/", "testkit/", "tests/"].iter().any(|folder| path.starts_with(folder))
}

/// Whether the file is a page or a manifest of ours; the glossary itself names what it retires.
fn is_prose(path: &str) -> bool {
    (path.ends_with(".md") || path.ends_with(".toml")) && path != GLOSSARY
}

/// The names in `code`, and where they begin.
fn names(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    let pieces = code.split_inclusive(|c| !is_word(c)).map(move |piece| {
        let start = at;
        at += piece.len();
        (start, piece.trim_end_matches(|c| !is_word(c)))
    });
    pieces.filter(|(_, name)| name.starts_with(|c: char| c.is_alphabetic() || c == '_'))
}

/// Whether a name is written as a type's: `LedgerTx`, but not `LEDGER_TX`.
fn is_type(name: &str) -> bool {
    name.starts_with(char::is_uppercase) && name.contains(char::is_lowercase)
}

/// The words that a name is made of, in small letters.
fn parts(name: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let camel = is_type(name);
    for piece in name.split('_').filter(|piece| !piece.is_empty()) {
        parts.push(String::new());
        for c in piece.chars() {
            if camel && c.is_uppercase() && parts.last().is_some_and(|part| !part.is_empty()) {
                parts.push(String::new());
            }
            if let Some(part) = parts.last_mut() {
                part.extend(c.to_lowercase());
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "# Glossary
| term | what |
|---|---|
| not | retired |

## Retired words

| do not write | write | tidy looks in |
|---|---|---|
| `Turn`, `take_turn` | `Batch` | names |
| `Known` | `CacheEntry` | whole names |
| this room, rooms | crate | prose |

| not | this | table |
";

    fn found(path: &str, text: &str) -> Vec<String> {
        let file = File { path: path.into(), text: text.into() };
        let sources: Vec<Source> =
            if path.ends_with(".rs") { vec![Source::parse(&file)] } else { Vec::new() };
        let places = Retired::parse(SAMPLE).unwrap().check(&[file], &sources);
        places.iter().map(|place| format!("{} {}", place.finding.line, place.what)).collect()
    }

    #[test]
    fn names_are_found_whole_and_as_parts_of_others() {
        let text = "struct Turn;\nfn take_turn_of() -> InTurn {}\nlet turn = return_turn;\n";
        assert_eq!(found("crates/a/src/b.rs", text), ["1 Turn", "2 take_turn", "2 Turn"]);
        assert_eq!(found("tests/a.rs", "TAKE_TURN; Turns; Turned; Return"), ["1 take_turn"]);
        assert!(found("bench/src/a.rs", "struct Turn;").is_empty());
    }

    #[test]
    fn a_whole_name_is_not_a_part_of_another() {
        assert_eq!(found("tests/a.rs", "Known; WellKnown; known"), ["1 Known"]);
    }

    #[test]
    fn comments_name_things_between_backticks_and_texts_with_underscores() {
        let text =
            "/// Turn the page.\n/// A [`Turn`] and `take_turn()`.\nx(\"a Turn\", \"take_turn\");";
        assert_eq!(found("crates/a/src/b.rs", text), ["2 Turn", "2 take_turn", "3 take_turn"]);
        assert_eq!(found("crates/a/migrations/1.sql", "a\ntake_turn turn Turn"), ["2 take_turn"]);
    }

    #[test]
    fn prose_is_read_in_comments_and_pages() {
        let text = "// This room has room for more.\nlet rooms = \"rooms\";\n/* two\nrooms */";
        assert_eq!(found("xtask/src/a.rs", text), ["1 this room", "4 rooms"]);
        let text = "/// It is this\n/// room's.\n\n/// In this\n\n/// room.\n";
        assert_eq!(found("xtask/src/a.rs", text), ["1 this room"]);
        assert_eq!(found("docs/x.md", "Rooms,\nbedrooms"), ["1 rooms"]);
        assert!(found(GLOSSARY, "rooms").is_empty());
    }

    #[test]
    fn a_table_that_cannot_be_read_is_an_error() {
        assert!(Retired::parse("no table").is_err());
        assert!(Retired::parse(&SAMPLE.replace("whole names", "nowhere")).is_err());
        assert!(Retired::parse(&SAMPLE.replace("| prose |", "|")).is_err());
    }
}
