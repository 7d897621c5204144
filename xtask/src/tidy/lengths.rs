//! Functions fit a screen, files a sitting, lines a window. Tests are no exception.

use super::excess::{Excess, Rule};
use super::source::{Source, enclosed, line_at, words};
use super::tree::File;

/// The kinds of files whose lines are counted: what people write and read as code. Prose wraps as
/// it likes, an inline table of a manifest cannot be broken, and people do not write lock files.
const COUNTED: [&str; 11] =
    [".rs", ".py", ".js", ".mjs", ".ts", ".sh", ".sql", ".html", ".css", ".yml", ".ci/run"];

pub fn check(files: &[File], sources: &[Source]) -> Vec<Excess> {
    let counted = files.iter().filter(|file| COUNTED.iter().any(|end| file.path.ends_with(end)));
    let mut excesses: Vec<Excess> =
        counted.flat_map(|file| [long_file(file), long_line(file)]).flatten().collect();
    excesses.extend(sources.iter().flat_map(long_functions));
    excesses
}

fn long_file(file: &File) -> Option<Excess> {
    excess(Rule::File, &file.path, 0, "", file.text.lines().count())
}

/// The longest line, if it is too long: with it out of the way, the next one is found.
fn long_line(file: &File) -> Option<Excess> {
    let lengths = file.text.lines().map(|line| line.chars().count()).enumerate();
    let (index, length) = lengths.max_by_key(|(_, length)| *length)?;
    excess(Rule::Lines, &file.path, index + 1, "", length)
}

fn long_functions(source: &Source) -> Vec<Excess> {
    let starts = words(&source.code, "fn");
    starts
        .filter_map(|at| {
            let (name, lines) = function(source.code.get(at..)?)?;
            excess(Rule::Function, &source.path, line_at(&source.code, at), name, lines)
        })
        .collect()
}

fn excess(rule: Rule, path: &str, line: usize, name: &str, size: usize) -> Option<Excess> {
    let (path, name) = (path.to_owned(), name.to_owned());
    (size > rule.limit()).then_some(Excess { rule, path, line, name, size })
}

/// The name and the number of lines of the function whose `fn` starts `code`. A pointer's type has
/// no name, and what a trait only declares has no body.
fn function(code: &str) -> Option<(&str, usize)> {
    let signature = code.strip_prefix("fn")?.strip_prefix(char::is_whitespace)?.trim_start();
    let end = signature.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$')?;
    let name = signature.get(..end).filter(|name| !name.is_empty())?;
    let start = body_start(code)?;
    let body = enclosed(code.get(start..)?, '{', '}')?;
    let head = code.get(..start)?;
    Some((name, head.matches('\n').count() + body.matches('\n').count() + 1))
}

/// Where the body's brace stands: the first outside the brackets of the signature.
fn body_start(code: &str) -> Option<usize> {
    let mut depth = 0_i32;
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth -= 1,
            '{' if depth == 0 => return Some(at),
            ';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: String) -> Vec<String> {
        let files = [File { path: path.into(), text }];
        let sources: Vec<Source> = files.iter().map(Source::parse).collect();
        let excesses = check(&files, if path.ends_with(".rs") { &sources } else { &[] });
        excesses.iter().map(|e| format!("{} {} {}", e.rule.name(), e.place(), e.size)).collect()
    }

    fn function_of(lines: usize) -> String {
        format!(
            "    fn long(a: [u8; 2]) -> u8 {{{}    }}\n",
            "\n        '{';".repeat(lines - 2) + "\n"
        )
    }

    #[test]
    fn a_function_fits_a_screen() {
        assert!(found("a.rs", function_of(70)).is_empty());
        assert_eq!(found("a.rs", function_of(71)), ["function a.rs::long 71"]);
        let nested = format!("mod tests {{\n    fn short() {{}}\n{}}}\n", function_of(71));
        assert_eq!(found("a.rs", nested), ["function a.rs::long 71"]);
    }

    #[test]
    fn what_has_no_body_or_name_is_no_function() {
        let rest = "\n".repeat(80);
        let declared = format!("trait A {{ fn a(&self) -> [u8; 2]; {rest} }}");
        let pointer = format!("struct B {{ b: fn(u8) -> u8, {rest} }}");
        assert!(found("a.rs", declared).is_empty());
        assert!(found("a.rs", pointer).is_empty());
    }

    #[test]
    fn files_and_lines_are_short_except_in_prose() {
        assert!(found("a.py", "a = 1\n".repeat(500)).is_empty());
        assert_eq!(found("a.py", "a = 1\n".repeat(501)), ["file a.py 501"]);
        assert!(found("a.sql", "é".repeat(100)).is_empty());
        assert_eq!(found("a.sql", "é".repeat(101)), ["lines a.sql 101"]);
        assert!(found("a.md", "a".repeat(1000)).is_empty());
    }
}
