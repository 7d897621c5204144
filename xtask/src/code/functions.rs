//! Functions and how long they are.

use super::source::{Source, enclosed, line_at, words};

/// A function with a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    /// The line of its `fn`.
    pub line: usize,
    /// From `fn` to the last brace.
    pub lines: usize,
}

/// The functions that are compiled into the server, those inside other functions too.
pub fn product(source: &Source) -> Vec<Function> {
    let starts = words(&source.code, "fn");
    let all = starts.filter_map(|at| {
        let (name, lines) = function(source.code.get(at..)?)?;
        Some(Function { name: name.to_owned(), line: line_at(&source.code, at), lines })
    });
    all.filter(|function| !source.is_test(function.line)).collect()
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
    use crate::code::tree::File;

    fn found(text: &str) -> Vec<(String, usize)> {
        let source = Source::parse(&File { path: "crates/a/src/b.rs".into(), text: text.into() });
        product(&source).into_iter().map(|function| (function.name, function.lines)).collect()
    }

    #[test]
    fn a_function_reaches_from_its_keyword_to_its_last_brace() {
        let text = "mod a {
    fn short() {}
    fn long(
        a: [u8; 2],
    ) -> u8 {
        '{';
    }
}
#[cfg(test)]
mod tests { fn test() {} }
";
        assert_eq!(found(text), [("short".to_owned(), 1), ("long".to_owned(), 5)]);
    }

    #[test]
    fn what_has_no_body_or_name_is_no_function() {
        assert!(found("trait A { fn a(&self) -> [u8; 2]; }").is_empty());
        assert!(found("struct B { b: fn(u8) -> u8, }").is_empty());
    }
}
