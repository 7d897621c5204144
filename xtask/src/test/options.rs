//! What the person asked of `cargo xtask test`.

use super::{BUILD, PARTS, Part};
use crate::{fuzz, number};

/// The options of one run.
pub struct Options {
    /// Show the parts and run none.
    pub list: bool,
    /// Run the parts too that a usual run leaves out.
    all: bool,
    /// How long each fuzz target runs.
    pub fuzz_seconds: u32,
    /// The names of the parts to run; when empty, those of a usual run, or all.
    only: Vec<String>,
    /// The one part to run in this process: how a run starts each part of which two run at a time.
    pub alone: Option<&'static Part>,
}

impl Options {
    /// Reads the words after `test`. An unknown word or part is an error, so that a mistyped
    /// name never passes as a run of nothing.
    pub fn parse(words: &[String]) -> Result<Self, String> {
        let (only, fuzz_seconds) = (Vec::new(), fuzz::SECONDS);
        let mut options = Self { list: false, all: false, fuzz_seconds, only, alone: None };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--list" => options.list = true,
                "--all" => options.all = true,
                "--fuzz-seconds" => options.fuzz_seconds = number(word, words.next())?,
                "--only" => options.only.extend(parts(words.next())?),
                "--alone" => {
                    let name = words.next().ok_or("--alone needs the name of a part after it")?;
                    options.alone = Some(part(name)?);
                }
                _ => return Err(format!("test has no option \"{word}\"")),
            }
        }
        if options.all && !options.only.is_empty() {
            return Err("--all and --only exclude each other".to_owned());
        }
        Ok(options)
    }

    /// Whether `part` runs: because it was named, because another one stands on it, or because
    /// none was named and it is part of this run.
    pub fn chosen(&self, part: &Part) -> bool {
        let named = |name: &str| self.only.iter().any(|only| only == name);
        let stands_on_build = || PARTS.iter().any(|other| other.needs_build && named(other.name));
        let usual = self.only.is_empty() && (self.all || !part.only_with_all);
        usual || named(part.name) || (part.name == BUILD && stands_on_build())
    }
}

fn parts(value: Option<&String>) -> Result<Vec<String>, String> {
    let value = value.ok_or("--only needs the names of parts after it, with commas between")?;
    let names: Vec<String> = value.split(',').map(str::to_owned).collect();
    for name in &names {
        part(name)?;
    }
    Ok(names)
}

fn part(name: &str) -> Result<&'static Part, String> {
    let found = PARTS.iter().find(|part| part.name == name);
    found.ok_or_else(|| format!("there is no part \"{name}\"; `cargo xtask test --list`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(words: &[&str]) -> Vec<&'static str> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        let options = Options::parse(&words).unwrap();
        PARTS.iter().filter(|part| options.chosen(part)).map(|part| part.name).collect()
    }

    #[test]
    fn all_parts_run_unless_some_are_named() {
        assert_eq!(chosen(&["--all"]).len(), PARTS.len());
        assert_eq!(chosen(&["--only", "tidy,format"]), ["format", "tidy"]);
    }

    #[test]
    fn some_parts_run_only_with_all_or_by_name() {
        let rare = Part {
            name: "tidy",
            about: "",
            needs_build: false,
            only_with_all: true,
            waits: false,
            run: |_| Ok(()),
        };
        let runs = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            Options::parse(&words).unwrap().chosen(&rare)
        };
        assert!(!runs(&[]) && !runs(&["--only", "format"]));
        assert!(runs(&["--all"]) && runs(&["--only", "tidy"]));
    }

    #[test]
    fn a_part_brings_the_build_it_stands_on() {
        assert_eq!(chosen(&["--only", "conformance/node"]), ["build", "conformance/node"]);
    }

    #[test]
    fn what_is_mistyped_is_refused() {
        for words in [
            &["--only", "tidi"][..],
            &["--only"],
            &["--onyl", "tidy"],
            &["tidy"],
            &["--alone", "tidi"],
            &["--alone"],
            &["--all", "--only", "tidy"],
        ] {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            assert!(Options::parse(&words).is_err(), "{words:?}");
        }
    }
}
