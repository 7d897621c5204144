//! The order of the pages, as mdBook's `SUMMARY.md` has it.

use crate::embedded;
use std::sync::LazyLock;

/// A part of the book: a heading and the pages below it.
#[derive(Debug)]
pub(crate) struct Part {
    /// Empty for the pages before the first heading.
    pub title: &'static str,
    pub entries: Vec<Entry>,
}

/// A page in the order of the book.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub title: &'static str,
    /// From `docs/`.
    pub file: &'static str,
    /// How far it is indented: 0 for what the menu always shows.
    pub depth: usize,
}

static PARTS: LazyLock<Vec<Part>> = LazyLock::new(|| parse(embedded::SUMMARY));

/// The parts of the book.
pub(crate) fn parts() -> &'static [Part] {
    &PARTS
}

/// The pages of the book, in its order.
pub(crate) fn entries() -> impl Iterator<Item = &'static Entry> {
    parts().iter().flat_map(|part| &part.entries)
}

fn parse(text: &'static str) -> Vec<Part> {
    let mut parts = vec![Part { title: "", entries: Vec::new() }];
    // The first line is the file's own title.
    for line in text.lines().skip(1) {
        if let Some(title) = line.strip_prefix("# ") {
            parts.push(Part { title: title.trim(), entries: Vec::new() });
        } else if let (Some(entry), Some(part)) = (entry(line), parts.last_mut()) {
            part.entries.push(entry);
        }
    }
    parts.retain(|part| !part.entries.is_empty());
    parts
}

fn entry(line: &'static str) -> Option<Entry> {
    let inside = line.trim_start();
    let depth = (line.len() - inside.len()) / INDENT;
    let link = inside.strip_prefix("- ").unwrap_or(inside).strip_prefix('[')?;
    let (title, file) = link.strip_suffix(')')?.split_once("](")?;
    Some(Entry { title, file, depth })
}

/// Blanks before an entry that is below another one.
const INDENT: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn parts_have_entries() {
        let text = "# Summary\n\n[A](a.md)\n\n# P\n\n- [B](b/c.md)\n  - [C](d.md)\n";
        let parts = parse(text);
        assert_eq!(parts.len(), 2);
        let second = &parts[1];
        assert_eq!((second.title, second.entries[0].file), ("P", "b/c.md"));
        assert_eq!((second.entries[1].title, second.entries[1].depth), ("C", 1));
    }

    /// mdBook drops a page that the summary does not have, and nobody finds it.
    #[test]
    fn every_page_is_in_the_summary_once() {
        let listed: Vec<&str> = entries().map(|entry| entry.file).collect();
        let set: BTreeSet<&str> = listed.iter().copied().collect();
        assert_eq!(set.len(), listed.len(), "a page is listed twice");
        let there: BTreeSet<&str> = embedded::PAGES.iter().map(|(file, _)| *file).collect();
        let missing: Vec<_> = there.difference(&set).collect();
        let dead: Vec<_> = set.difference(&there).collect();
        assert!(missing.is_empty(), "docs/SUMMARY.md lacks {missing:?}: `cargo xtask reference`");
        assert!(dead.is_empty(), "docs/SUMMARY.md names what is not there: {dead:?}");
    }
}
