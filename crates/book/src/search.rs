//! Looking for words in the documents.

use crate::limits::{FOUND_SECTIONS, QUERY_CHARACTERS, QUERY_WORDS, SNIPPET_CHARACTERS};
use crate::{embedded, place, render, summary, template};
use maud::{Markup, html};
use pulldown_cmark::{Event, Tag, TagEnd};
use std::sync::LazyLock;

/// A page, as what was found on it names it.
#[derive(Clone, Copy, Default)]
struct Place {
    title: &'static str,
    /// Whether it stands below another page, such as a decision, which is read for its reasons.
    is_below: bool,
}

/// A heading and the words below it, up to the next one.
#[derive(Default)]
struct Section {
    /// The path of its page.
    path: String,
    /// Its page.
    page: Place,
    heading: String,
    text: String,
    /// Heading and text in lower case.
    sought: [String; 2],
}

static SECTIONS: LazyLock<Vec<Section>> = LazyLock::new(|| {
    let texts = summary::entries().filter_map(|entry| {
        let (_, text) = embedded::PAGES.iter().find(|(file, _)| *file == entry.file)?;
        let page = Place { title: entry.title, is_below: entry.depth > 0 };
        Some(sections(place::path(entry.file), page, text))
    });
    texts.flatten().collect()
});

fn sections(path: String, page: Place, text: &str) -> Vec<Section> {
    let mut all = Vec::new();
    let mut section = Section { path: path.clone(), page, ..Section::default() };
    let mut in_heading = false;
    for event in render::parse(text) {
        match event {
            Event::Start(Tag::Heading { .. }) => {
                let path = path.clone();
                all.push(std::mem::replace(
                    &mut section,
                    Section { path, page, ..Section::default() },
                ));
                in_heading = true;
            }
            Event::End(TagEnd::Heading(_)) => in_heading = false,
            Event::Text(words) | Event::Code(words) if in_heading => {
                section.heading.push_str(&words);
            }
            Event::Text(words) | Event::Code(words) => section.text.push_str(&words),
            Event::SoftBreak | Event::HardBreak | Event::End(_) => section.text.push(' '),
            _ => {}
        }
    }
    all.push(section);
    for section in &mut all {
        section.sought = [section.heading.to_lowercase(), section.text.to_lowercase()];
    }
    all.retain(|section| !section.heading.is_empty());
    all
}

/// The page with what was found; `query` is as it stands in the URL.
pub(crate) fn page(query: &str) -> String {
    let sought = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "q");
    let sought: String =
        sought.map(|(_, value)| value.chars().take(QUERY_CHARACTERS).collect()).unwrap_or_default();
    let words: Vec<String> =
        sought.split_whitespace().take(QUERY_WORDS).map(str::to_lowercase).collect();
    let found = find(&words);
    let inside = html! {
        article {
            h1 { "Search" }
            @if words.is_empty() {
                p { "Type what you look for, such as " code { "rotate keys" } "." }
            } @else if found.is_empty() {
                p { "No section has all of these words. Fewer or other words may find it." }
            }
            @for section in found { (show(section, &words)) }
        }
    };
    template::document(None, "Search", &sought, inside).into_string()
}

fn show(section: &Section, words: &[String]) -> Markup {
    let to = format!("{}#{}", section.path, render::slug(&section.heading));
    html! {
        div.found {
            h2 { a href=(to) { (section.heading) } }
            p.quiet { (section.page.title) }
            p { (snippet(section, words)) }
        }
    }
}

/// The sections that have all words, the best first.
fn find(words: &[String]) -> Vec<&'static Section> {
    if words.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<(usize, &Section)> =
        SECTIONS.iter().filter_map(|section| Some((score(section, words)?, section))).collect();
    found.sort_by_key(|(score, section)| (section.page.is_below, std::cmp::Reverse(*score)));
    found.into_iter().take(FOUND_SECTIONS).map(|(_, section)| section).collect()
}

/// How well a section fits; `None` if it lacks a word.
fn score(section: &Section, words: &[String]) -> Option<usize> {
    let [heading, text] = &section.sought;
    let page = section.page.title.to_lowercase();
    words.iter().try_fold(0, |sum, word| {
        let hits = [(heading, 4), (&page, 3), (text, 1)];
        let hits = hits.iter().filter(|(in_it, _)| in_it.contains(&**word));
        let score: usize = hits.map(|(_, weight)| weight).sum();
        (score > 0).then_some(sum + score)
    })
}

/// The text around the first word.
fn snippet(section: &Section, words: &[String]) -> String {
    let [_, lower] = &section.sought;
    let at = words.iter().filter_map(|word| lower.find(&**word)).min().unwrap_or_default();
    let before = lower.get(..at).map_or(0, |text| text.chars().count());
    let from = before.saturating_sub(SNIPPET_CHARACTERS / 3);
    let text: String = section.text.chars().skip(from).take(SNIPPET_CHARACTERS).collect();
    let dots = if from > 0 { "…" } else { "" };
    format!("{dots}{}…", text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_found_by_all_of_its_words() {
        let found = page("q=rotate+all+keys");
        assert!(found.contains("class=\"found\""), "{found}");
        assert!(page("q=").contains("Type what you look for"));
        assert!(page("q=xyzzyplugh+keys").contains("No section"));
    }

    #[test]
    fn what_was_typed_is_shown_and_not_believed() {
        let found = page("q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E");
        assert!(!found.contains("<script"), "{found}");
        let long = format!("q={}", "a".repeat(10_000));
        assert!(page(&long).len() < 100_000);
    }
}
