//! Files that can be read at one sitting, lines that fit a window. Tests are no exception. (The
//! length of functions is clippy's `too_many_lines`.)

use super::finding::Finding;
use crate::code::tree::File;

/// The most lines of a file.
const FILE: usize = 500;
/// The most characters of a line; rustfmt wraps code, and neither comments nor literals.
const LINE: usize = 100;
/// The kinds of files whose lines are counted: what people write and read as code. Prose wraps as
/// it likes, an inline table of a manifest cannot be broken, and people do not write lock files.
const COUNTED: [&str; 11] =
    [".rs", ".py", ".js", ".mjs", ".ts", ".sh", ".sql", ".html", ".css", ".yml", ".ci/run"];

pub fn check(files: &[File]) -> Vec<Finding> {
    let counted = files.iter().filter(|file| COUNTED.iter().any(|end| file.path.ends_with(end)));
    counted.flat_map(|file| long_file(file).into_iter().chain(long_lines(file))).collect()
}

fn long_file(file: &File) -> Option<Finding> {
    let lines = file.text.lines().count();
    let message = format!("the file has {lines} lines; {FILE} is the most");
    (lines > FILE).then(|| Finding::new(&file.path, 0, message))
}

fn long_lines(file: &File) -> impl Iterator<Item = Finding> {
    let lengths = file.text.lines().map(|line| line.chars().count()).enumerate();
    lengths.filter(|(_, length)| *length > LINE).map(|(index, length)| {
        let message = format!("the line has {length} characters; {LINE} is the most");
        Finding::new(&file.path, index + 1, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: String) -> Vec<String> {
        check(&[File { path: path.into(), text }]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn files_and_lines_are_short_except_in_prose() {
        assert!(found("a.py", "a = 1\n".repeat(500)).is_empty());
        assert_eq!(
            found("a.py", "a = 1\n".repeat(501)),
            ["a.py: the file has 501 lines; 500 is the most"]
        );
        assert!(found("a.sql", "é".repeat(100)).is_empty());
        assert_eq!(
            found("a.sql", format!("\n{}", "é".repeat(101))),
            ["a.sql:2: the line has 101 characters; 100 is the most"]
        );
        assert!(found("a.md", "a".repeat(1000)).is_empty());
    }
}
