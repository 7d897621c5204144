//! Lines of `NAME=value`, as most tools read them. Nothing is expanded: a `$` of a value is one.

use super::{Entry, entry};

/// Reads lines: `NAME=value`, `export NAME=value`, comments with `#`, `'…'` as it is, and `"…"`
/// with `\n`, `\r`, `\t`, `\"`, `\\` and `\$`. Quotes may go over several lines.
pub fn read(text: &str) -> Result<Vec<Entry>, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut entries = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            rest = after;
            continue;
        }
        let at =
            || text.get(..text.len() - rest.len()).unwrap_or_default().matches('\n').count() + 1;
        let Some((name, _)) = line.split_once('=') else {
            return Err(format!("line {}: it is no NAME=value", at()));
        };
        let value = rest.get(name.len() + 1..).unwrap_or_default();
        let bare = name.trim().strip_prefix("export ").unwrap_or(name.trim()).trim();
        if bare.is_empty() || bare.contains(char::is_whitespace) {
            return Err(format!("line {}: it has no name that a variable can have", at()));
        }
        let (value, after) = take(value).ok_or_else(|| {
            format!("line {}: its quotes do not end, or something comes after them", at())
        })?;
        entries.push(entry(bare.to_owned(), value));
        rest = after;
    }
    Ok(entries)
}

/// The value that the text begins with, and what follows its line.
fn take(text: &str) -> Option<(String, &str)> {
    let start = text.trim_start_matches([' ', '\t']);
    if let Some(quoted) = start.strip_prefix('\'') {
        let (value, after) = quoted.split_once('\'')?;
        return Some((value.to_owned(), end_of_line(after)?));
    }
    if let Some(quoted) = start.strip_prefix('"') {
        let mut value = String::new();
        let mut letters = quoted.char_indices();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => return Some((value, end_of_line(quoted.get(at + 1..)?)?)),
                '\\' => match letters.next()?.1 {
                    'n' => value.push('\n'),
                    'r' => value.push('\r'),
                    't' => value.push('\t'),
                    other @ ('"' | '\\' | '$' | '`') => value.push(other),
                    other => value.extend(['\\', other]),
                },
                other => value.push(other),
            }
        }
        return None;
    }
    let (line, after) = start.split_once('\n').unwrap_or((start, ""));
    let comment = line
        .find(" #")
        .or_else(|| line.find("\t#"))
        .or_else(|| line.find('#').filter(|at| *at == 0));
    let value = comment.map_or(line, |at| line.get(..at).unwrap_or(line));
    Some((value.trim().to_owned(), after))
}

/// What follows the line; nothing but blanks and a comment may be left of it.
fn end_of_line(after: &str) -> Option<&str> {
    let (line, next) = after.split_once('\n').unwrap_or((after, ""));
    let left = line.trim();
    (left.is_empty() || left.starts_with('#')).then_some(next)
}

/// A line that [`read`] reads as this value, and shells too if it has one line: what would mean
/// something in double quotes is escaped.
pub fn line(name: &str, value: &str) -> String {
    let mut out = format!("{name}=\"");
    for letter in value.chars() {
        match letter {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '"' | '\\' | '$' | '`' => out.extend(['\\', letter]),
            other => out.push(other),
        }
    }
    out.push_str("\"\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_people() {
        let text = "# comment\n\nexport A=1\nB = two words # why\nC='as $it \\n is' # x\r\n\
                    D=\"two\nlines\"\nE=\nF=a#b\nG=http://x/#y\n";
        let read = read(text).unwrap();
        let read: Vec<_> = read.iter().map(|e| (e.name.as_str(), e.value.as_str())).collect();
        assert_eq!(
            read,
            [
                ("A", "1"),
                ("B", "two words"),
                ("C", "as $it \\n is"),
                ("D", "two\nlines"),
                ("E", ""),
                ("F", "a#b"),
                ("G", "http://x/#y"),
            ]
        );
    }
}
