//! Where secrets are taken out of their wrapping.

use crate::code::source::{Source, line_at, words};

/// A use that only listed files may have: the file, the line, and what was used.
pub struct Use {
    pub path: String,
    pub line: usize,
    pub what: &'static str,
}

/// Every call of `Redacted::expose`, by either way of writing it.
pub fn expose(product: &[&Source]) -> Vec<Use> {
    let mut uses = Vec::new();
    for source in product {
        for at in words(&source.code, "expose") {
            let before = source.code.get(..at).unwrap_or_default().trim_end();
            let line = line_at(&source.code, at);
            if before.ends_with(['.', ':']) && !source.is_test(line) {
                uses.push(Use { path: source.path.clone(), line, what: "Redacted::expose" });
            }
        }
    }
    uses
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::tree::File;

    #[test]
    fn every_way_of_exposing_is_found() {
        let text = "fn a(x: Redacted<String>) {
    x.expose();
    x
        . expose();
    map(Redacted::expose);
    // x.expose()
    x.exposed();
}
impl X { fn expose(&self) {} }
#[cfg(test)]
mod tests { fn b() { x.expose(); } }
";
        let source = Source::parse(&File { path: "crates/a/src/b.rs".into(), text: text.into() });
        let lines: Vec<usize> = expose(&[&source]).iter().map(|found| found.line).collect();
        assert_eq!(lines, [2, 4, 5]);
    }
}
