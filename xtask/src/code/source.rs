//! A Rust file with its comments and literals told apart from its code.

use super::tree::File;
use std::str::Chars;

/// A Rust file, as the rules look at it.
pub struct Source {
    pub path: String,
    /// The text with every comment and the inside of every literal blanked; lines stay in place.
    pub code: String,
    pub literals: Vec<Literal>,
    pub comments: Vec<Comment>,
    /// The lines, first and last, of the items that are only compiled for tests.
    tests: Vec<(usize, usize)>,
}

/// A string literal, as it is written between its quotes.
pub struct Literal {
    pub line: usize,
    pub text: String,
}

/// A comment from `//` to the end of its line, or from `/*` to its end.
pub struct Comment {
    pub line: usize,
    pub text: String,
}

impl Source {
    pub fn parse(file: &File) -> Self {
        let mut lexer = Lexer::new(&file.text);
        lexer.run();
        let tests = test_items(&lexer.code, &lexer.literals);
        let Lexer { code, literals, comments, .. } = lexer;
        Self { path: file.path.clone(), code, literals, comments, tests }
    }

    /// Whether the file is part of the server, not of its tests, benchmarks or tools.
    pub fn is_product(&self) -> bool {
        self.path.starts_with("crates/")
            && self.path.contains("/src/")
            && !self.path.ends_with("/tests.rs")
            && !self.path.contains("/tests/")
    }

    /// The numbered lines of code that are compiled into the server.
    pub fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.code.lines().enumerate().map(|(index, line)| (index + 1, line));
        lines.filter(|(line, _)| !self.is_test(*line))
    }

    /// Whether the line belongs to an item that is only compiled for tests.
    pub fn is_test(&self, line: usize) -> bool {
        self.tests.iter().any(|(first, last)| (*first..=*last).contains(&line))
    }
}

/// The number of the line, from 1, on which the byte at `offset` stands.
pub fn line_at(text: &str, offset: usize) -> usize {
    text.get(..offset).unwrap_or(text).matches('\n').count() + 1
}

/// Where `word` stands by itself in `code`, as byte offsets.
pub fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let edge = |c: Option<char>| !c.is_some_and(is_word);
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = code.get(..*at).and_then(|text| text.chars().next_back());
        let after = code.get(at + word.len()..).and_then(|text| text.chars().next());
        edge(before) && edge(after)
    })
}

/// The text from the first `open` of `code` to the `close` that belongs to it.
pub fn enclosed(code: &str, open: char, close: char) -> Option<&str> {
    let start = code.find(open)?;
    let mut depth = 0_usize;
    for (at, c) in code.char_indices().skip_while(|(at, _)| *at < start) {
        if c == open {
            depth += 1;
        } else if c == close {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return code.get(start..=at);
            }
        }
    }
    None
}

pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The lines of the items below an attribute that leaves them out of the server: `cfg(test)`, by
/// itself or among others, and the feature `testing`, with which crates test each other.
fn test_items(code: &str, literals: &[Literal]) -> Vec<(usize, usize)> {
    let attributes = code.match_indices("#[cfg(").filter_map(|(at, _)| {
        let (line, item) = (line_at(code, at), code.get(at..)?);
        let condition = enclosed(item, '(', ')')?;
        let feature = literals.iter().any(|one| one.line == line && one.text == "testing");
        let test = words(condition, "test").next().is_some() || feature;
        (test && !condition.contains("not(")).then_some((line, item))
    });
    attributes.map(|(line, item)| (line, line + lines_below(item))).collect()
}

/// How many lines the item that begins here has after its first.
fn lines_below(item: &str) -> usize {
    let end = item.find(['{', ';']).unwrap_or(0);
    let rest = item.get(end..).unwrap_or_default();
    let body = if rest.starts_with('{') { enclosed(rest, '{', '}') } else { None };
    let before = item.get(..end).unwrap_or_default();
    before.matches('\n').count() + body.unwrap_or_default().matches('\n').count()
}

/// Copies the text into `code`, blanking what is not code.
struct Lexer<'a> {
    rest: Chars<'a>,
    code: String,
    literals: Vec<Literal>,
    comments: Vec<Comment>,
    line: usize,
}

impl<'a> Lexer<'a> {
    fn new(text: &'a str) -> Self {
        let code = String::with_capacity(text.len());
        let (literals, comments) = (Vec::new(), Vec::new());
        Self { rest: text.chars(), code, literals, comments, line: 1 }
    }

    fn run(&mut self) {
        while let Some(c) = self.rest.clone().next() {
            let rest = self.rest.as_str();
            if rest.starts_with("//") {
                self.comment(rest.find('\n').unwrap_or(rest.len()));
            } else if rest.starts_with("/*") {
                self.comment(comment_length(rest));
            } else if let Some(hashes) = self.raw_string(rest) {
                self.show(hashes + 1);
                let close = format!("\"{}", "#".repeat(hashes));
                let body = rest.get(hashes + 2..).unwrap_or_default();
                self.literal(body.find(&close).unwrap_or(body.len()), hashes);
            } else if c == '"' {
                let body = rest.get(1..).unwrap_or_default();
                self.literal(string_length(body), 0);
            } else if c == '\'' {
                self.show(1);
                self.blank(char_length(rest.get(1..).unwrap_or_default()));
            } else {
                self.show(c.len_utf8());
            }
        }
    }

    /// The number of hashes, if a raw string starts here.
    fn raw_string(&self, rest: &str) -> Option<usize> {
        // A prefix such as the `b` of `br"…"` has been copied already, and is no word's end.
        let word = self.code.chars().rev().take_while(|c| is_word(*c)).count();
        let prefixed = word == 0 || (word == 1 && self.code.ends_with(['b', 'c']));
        let after = rest.strip_prefix('r').filter(|_| prefixed)?;
        let quote = after.trim_start_matches('#');
        quote.starts_with('"').then(|| after.len() - quote.len())
    }

    /// Takes an opening quote, a body of so many bytes, and the closing quote with its hashes.
    fn literal(&mut self, length: usize, hashes: usize) {
        self.show(1);
        let text = self.rest.as_str().get(..length).unwrap_or_default().to_owned();
        self.literals.push(Literal { line: self.line, text });
        self.blank(length);
        self.show(1 + hashes);
    }

    fn comment(&mut self, length: usize) {
        let text = self.rest.as_str().get(..length).unwrap_or_default().to_owned();
        self.comments.push(Comment { line: self.line, text });
        self.blank(length);
    }

    fn show(&mut self, length: usize) {
        self.take(length, |c| c);
    }

    fn blank(&mut self, length: usize) {
        self.take(length, |c| if c == '\n' { c } else { ' ' });
    }

    fn take(&mut self, length: usize, copied: impl Fn(char) -> char) {
        let end = self.rest.as_str().len().saturating_sub(length);
        while self.rest.as_str().len() > end {
            let Some(c) = self.rest.next() else { return };
            self.line += usize::from(c == '\n');
            self.code.push(copied(c));
        }
    }
}

/// The length of the block comment that starts here, with those inside it.
fn comment_length(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let step = if rest.starts_with("/*") {
            depth += 1;
            2
        } else if rest.starts_with("*/") {
            depth -= 1;
            2
        } else {
            rest.chars().next().map_or(1, char::len_utf8)
        };
        at += step;
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// The length of a string's inside, up to the first quote that is not escaped.
fn string_length(body: &str) -> usize {
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at,
            _ => {}
        }
    }
    body.len()
}

/// The length of a character literal's inside and its closing quote; 0 for a lifetime.
fn char_length(body: &str) -> usize {
    let mut chars = body.char_indices();
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((_, escaped))) => {
            let start = 1 + escaped.len_utf8();
            let rest = body.get(start..).unwrap_or_default();
            rest.find('\'').map_or(0, |end| start + end + 1)
        }
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Source {
        Source::parse(&File { path: "crates/x/src/y.rs".into(), text: text.into() })
    }

    #[test]
    fn comments_and_literals_are_not_code() {
        let text = r##"a("x\"{", 'y', '\'', b"z"); // c {
/* d /* e */ { */ f(br#"g"{"#, '{') & h::<'static>"##;
        let source = parse(text);
        assert_eq!(source.code.lines().count(), 2);
        let code: String = source.code.split_whitespace().collect();
        assert_eq!(code, "a(\"\",',',b\"\");f(br#\"\"#,')&h::<'static>");
        let literals: Vec<_> = source.literals.iter().map(|l| (l.line, l.text.as_str())).collect();
        assert_eq!(literals, [(1, "x\\\"{"), (1, "z"), (2, "g\"{")]);
        let comments: Vec<_> = source.comments.iter().map(|c| (c.line, c.text.as_str())).collect();
        assert_eq!(comments, [(1, "// c {"), (2, "/* d /* e */ { */")]);
    }

    #[test]
    fn only_the_items_for_tests_are_tests() {
        let source = parse("fn a() {}\n#[cfg(test)]\nmod tests {\n    b\n}\nfn c() {}\n");
        let lines: Vec<usize> = source.product_lines().map(|(line, _)| line).collect();
        assert_eq!(lines, [1, 6]);
        let source = parse("#[cfg(test)]\nmod tests;\nfn c() {}\n");
        assert!(source.is_test(2) && !source.is_test(3));
        for condition in ["any(test, feature = \"testing\")", "feature = \"testing\""] {
            let source = parse(&format!("#[cfg({condition})]\nmod tests;\nfn c() {{}}\n"));
            assert!(source.is_test(2) && !source.is_test(3), "{condition}");
        }
        for condition in ["not(test)", "feature = \"tests\"", "unix"] {
            assert!(!parse(&format!("#[cfg({condition})]\nmod tests;")).is_test(2), "{condition}");
        }
    }

    #[test]
    fn words_stand_by_themselves() {
        assert_eq!(words("fn a fnord $fn _fn fn", "fn").collect::<Vec<_>>(), [0, 12, 19]);
    }

    #[test]
    fn brackets_are_matched() {
        assert_eq!(enclosed("x (a(b)c) )", '(', ')'), Some("(a(b)c)"));
        assert_eq!(enclosed("x (a", '(', ')'), None);
    }
}
