//! What is counted of a crate.

use crate::code::functions;
use crate::code::manifest::dependencies;
use crate::code::modules::Crate;
use crate::code::source::Source;
use crate::code::tree::File;
use crate::tidy::stock;
use std::collections::BTreeSet;

/// How many of the longest functions are shown.
const LONGEST: usize = 3;

/// The figures of one crate, or of several together.
#[derive(Default)]
pub struct Figures {
    name: String,
    lines: usize,
    files: usize,
    /// The functions' lengths, each with its name and its file.
    functions: Vec<(usize, String)>,
    /// Lines that are not empty.
    filled: usize,
    /// Lines of documentation and comments.
    docs: usize,
    /// Those of them that say nothing.
    stock: usize,
    pub circles: usize,
    outside: BTreeSet<String>,
}

impl Figures {
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// The figures of the crate `one`.
    pub fn of(one: &Crate, files: &[File], product: &[&Source]) -> Self {
        let folder = format!("crates/{}/", one.name);
        let mut figures = Self::new(&one.name);
        for source in product.iter().filter(|source| source.path.starts_with(&folder)) {
            let text = files.iter().find(|file| file.path == source.path);
            figures.read(source, text.map_or("", |file| &file.text));
        }
        figures.circles = one.circles().len();
        let manifest = files.iter().find(|file| file.path == format!("{folder}Cargo.toml"));
        let all = manifest.map(|file| dependencies(&file.text)).unwrap_or_default();
        let outside = all.into_iter().filter(|one| !one.dev && !one.package.starts_with("coffer"));
        figures.outside = outside.map(|dependency| dependency.package).collect();
        figures
    }

    fn read(&mut self, source: &Source, text: &str) {
        self.files += 1;
        for (_, line) in (1..).zip(text.lines()).filter(|(line, _)| !source.is_test(*line)) {
            let line = line.trim();
            let is_comment = line.starts_with("//");
            let says_something = line.contains(char::is_alphanumeric);
            self.lines += 1;
            self.filled += usize::from(says_something || !(line.is_empty() || is_comment));
            self.docs += usize::from(says_something && is_comment);
        }
        let empty = stock::empty(source);
        self.stock += empty.iter().map(|one| one.lines).sum::<usize>();
        let functions = functions::product(source).into_iter();
        self.functions.extend(functions.map(|function| {
            let place = format!("{} in {}:{}", function.name, source.path, function.line);
            (function.lines, place)
        }));
    }

    /// Adds the figures of another crate.
    pub fn add(&mut self, other: Self) {
        self.lines += other.lines;
        self.files += other.files;
        self.functions.extend(other.functions);
        self.filled += other.filled;
        self.docs += other.docs;
        self.stock += other.stock;
        self.circles += other.circles;
        self.outside.extend(other.outside);
    }

    /// The length that so many functions in a hundred do not exceed; 0 if there is none.
    pub fn quantile(&self, percent: usize) -> usize {
        let mut lengths: Vec<usize> = self.functions.iter().map(|(lines, _)| *lines).collect();
        lengths.sort_unstable();
        let rank = (lengths.len() * percent).div_ceil(100);
        lengths.get(rank.saturating_sub(1)).copied().unwrap_or(0)
    }

    /// The longest functions, longest first.
    pub fn longest_functions(&self) -> Vec<String> {
        let mut functions: Vec<&(usize, String)> = self.functions.iter().collect();
        functions.sort_by(|a, b| b.cmp(a));
        functions.iter().take(LONGEST).map(|(lines, place)| format!("{lines} {place}")).collect()
    }

    /// The share of documentation without stock phrases, per mille.
    pub fn honest(&self) -> usize {
        per_mille(self.docs.saturating_sub(self.stock), self.filled)
    }

    /// The columns' names.
    pub fn head() -> String {
        format!(
            "{:10} {:>6} {:>5} {:>9} {:>6} {:>4} {:>7} {:>5} {:>6} {:>7} {:>7}",
            "crate",
            "lines",
            "files",
            "functions",
            "median",
            "p90",
            "longest",
            "docs",
            "honest",
            "circles",
            "outside"
        )
    }

    pub fn row(&self) -> String {
        let share = |per_mille: usize| format!("{}.{}%", per_mille / 10, per_mille % 10);
        format!(
            "{:10} {:>6} {:>5} {:>9} {:>6} {:>4} {:>7} {:>5} {:>6} {:>7} {:>7}",
            self.name,
            self.lines,
            self.files,
            self.functions.len(),
            self.quantile(50),
            self.quantile(90),
            self.quantile(100),
            share(per_mille(self.docs, self.filled)),
            share(self.honest()),
            self.circles,
            self.outside.len(),
        )
    }
}

fn per_mille(part: usize, whole: usize) -> usize {
    (part * 1000).checked_div(whole).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_is_counted_without_its_tests() {
        let text = "//! A crate.

/// Reads it.
///
/// # Errors
/// As [`b`].
fn a() -> u8 {
    7 // seven
}

fn b() {}

#[cfg(test)]
mod tests {
    fn c() {}
}
";
        let file = |path: &str, text: &str| File { path: path.into(), text: text.into() };
        let manifest = "[dependencies]\ncoffer-base.workspace = true\nb = \"1\"\n\
            [dev-dependencies]\nc = \"1\"\n";
        let files = [file("crates/a/src/lib.rs", text), file("crates/a/Cargo.toml", manifest)];
        let sources = crate::code::parse(&files);
        let product = crate::code::product(&sources);
        let crates = Crate::all(&product);
        let figures = Figures::of(&crates[0], &files, &product);
        assert_eq!((figures.lines, figures.files, figures.filled), (12, 1, 8));
        assert_eq!((figures.docs, figures.stock, figures.honest()), (4, 2, 250));
        assert_eq!((figures.quantile(50), figures.quantile(90)), (1, 3));
        assert_eq!(figures.longest_functions()[0], "3 a in crates/a/src/lib.rs:7");
        assert_eq!(figures.outside, ["b".to_owned()].into());
    }
}
