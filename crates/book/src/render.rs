//! From Markdown to HTML: links lead to the server's own pages, headings can be linked to, and
//! nothing of a page is taken for HTML.

use crate::{PATH, place};
use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html};

/// The body of a page, and its title.
#[derive(Debug)]
pub(crate) struct Body {
    pub title: String,
    pub html: String,
}

/// Renders the text of `file`, a path from `docs/`.
pub(crate) fn render(file: &str, text: &str) -> Body {
    let mut events: Vec<Event<'_>> = parse(text).collect();
    let title = name_headings(&mut events);
    let mut depth = Vec::new();
    let events = events.into_iter().filter_map(|event| rewrite(file, &mut depth, event));
    let events = events.flat_map(in_window);
    let mut out = String::with_capacity(text.len() * 2);
    html::push_html(&mut out, events);
    Body { title, html: out }
}

/// The parts of a text, as mdBook reads it.
pub(crate) fn parse(text: &str) -> Parser<'_> {
    Parser::new_ext(text, Options::ENABLE_TABLES)
}

/// Gives each heading the name by which it is linked to, and returns the first heading's words.
fn name_headings(events: &mut [Event<'_>]) -> String {
    let mut names: Vec<String> = Vec::new();
    let mut title = None;
    for at in 0..events.len() {
        let Some(Event::Start(Tag::Heading { .. })) = events.get(at) else { continue };
        let words = words(events.get(at..).unwrap_or_default());
        let name = unique(&slug(&words), &names);
        if let Some(Event::Start(Tag::Heading { id, .. })) = events.get_mut(at) {
            *id = Some(CowStr::from(name.clone()));
        }
        names.push(name);
        title.get_or_insert(words);
    }
    title.unwrap_or_default()
}

/// The words of a heading, whose events these begin with.
fn words(events: &[Event<'_>]) -> String {
    let inside = events.iter().take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))));
    let texts = inside.filter_map(|event| match event {
        Event::Text(text) | Event::Code(text) => Some(&**text),
        _ => None,
    });
    texts.collect()
}

/// The name of a heading, as GitHub and mdBook make it.
pub(crate) fn slug(words: &str) -> String {
    let kept = words.trim().chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).flat_map(char::to_lowercase).collect()
}

/// The name, with a number if others have it.
fn unique(name: &str, taken: &[String]) -> String {
    let is_free = |candidate: &String| !taken.contains(candidate);
    let numbered = (1..).map(|number| format!("{name}-{number}"));
    let mut candidates = std::iter::once(name.to_owned()).chain(numbered);
    candidates.find(is_free).unwrap_or_default()
}

/// What becomes of an event. `links` has, for each link that is open, whether it leads anywhere.
fn rewrite<'a>(file: &str, links: &mut Vec<bool>, event: Event<'a>) -> Option<Event<'a>> {
    Some(match event {
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            let target = target(file, link_type, &dest_url);
            links.push(target.is_some());
            match target {
                Some(to) => Event::Start(Tag::Link { link_type, dest_url: to.into(), title, id }),
                None => named_only(&dest_url),
            }
        }
        Event::End(TagEnd::Link) => match links.pop() {
            Some(false) => Event::InlineHtml("</span>".into()),
            _ => Event::End(TagEnd::Link),
        },
        Event::Start(Tag::Image { link_type, dest_url, title, id }) => {
            let dest_url = format!("{PATH}/{}", resolve(file, &dest_url)?).into();
            Event::Start(Tag::Image { link_type, dest_url, title, id })
        }
        // Comments are for who edits the page. There is no other HTML in a page, and if there were
        // it would be shown and not be believed.
        Event::Html(text) | Event::InlineHtml(text) => {
            let is_comment = text.trim_start().starts_with("<!--");
            (!is_comment).then_some(Event::Text(text))?
        }
        other => other,
    })
}

/// What is wider than a page is in a window that scrolls, also for who uses the keyboard.
fn in_window(event: Event<'_>) -> impl Iterator<Item = Event<'_>> {
    let html = |text: &'static str| Some(Event::Html(text.into()));
    let [before, event, after] = match event {
        Event::Start(Tag::Table(_)) => {
            [html("<div class=\"window\" tabindex=\"0\">"), Some(event), None]
        }
        Event::End(TagEnd::Table) => [None, Some(event), html("</div>\n")],
        Event::Start(Tag::CodeBlock(_)) => [html("<pre tabindex=\"0\"><code>"), None, None],
        Event::End(TagEnd::CodeBlock) => [None, None, html("</code></pre>\n")],
        event => [None, Some(event), None],
    };
    [before, event, after].into_iter().flatten()
}

/// What stands for a link to a file of the repository that the book has not.
fn named_only<'a>(link: &str) -> Event<'a> {
    let file = link.trim_start_matches("../");
    let plain = file.chars().filter(|c| !matches!(c, '"' | '<' | '>' | '&'));
    let plain: String = plain.collect();
    Event::InlineHtml(format!("<span class=\"not-served\" title=\"{plain}\">").into())
}

/// Where a link of a page leads; `None` if it is to nothing that is served.
fn target(file: &str, kind: LinkType, link: &str) -> Option<String> {
    if kind == LinkType::Email || link.starts_with('#') || link.contains("://") {
        return Some(link.to_owned());
    }
    let (path, anchor) = link.split_once('#').map_or((link, None), |(path, at)| (path, Some(at)));
    let path = resolve(file, path)?;
    let to = match path {
        path if place::exists(&path) => place::path(&path),
        path if place::exists(&format!("{path}/README.md")) => format!("{PATH}/{path}"),
        path if place::has_picture(&path) => format!("{PATH}/{path}"),
        _ => return None,
    };
    Some(anchor.map_or(to.clone(), |anchor| format!("{to}#{anchor}")))
}

/// The path from `docs/` to which a link of `file` leads; `None` if it leads out of it.
fn resolve(file: &str, link: &str) -> Option<String> {
    let (folder, _) = file.rsplit_once('/').unwrap_or_default();
    let mut path: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).collect();
    for name in link.split('/').filter(|name| !name.is_empty() && *name != ".") {
        if name == ".." { path.pop().map(drop)? } else { path.push(name) }
    }
    Some(path.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{embedded, find};
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn headings_are_named_as_elsewhere() {
        let page = render("a.md", "# Use `it`\n\n## A, b: C_d-e\n\n## A, b: c_d-e\n");
        assert_eq!(page.title, "Use it");
        for id in ["use-it", "a-b-c_d-e", "a-b-c_d-e-1"] {
            assert!(page.html.contains(&format!("id=\"{id}\"")), "{id}: {}", page.html);
        }
    }

    #[test]
    fn links_lead_to_pages_and_what_is_not_served_is_named() {
        let text = "[a](../cli.md#verbs) [b](../../deploy/x) [c](https://c.test) [d](#e)";
        let page = render("wire/a.md", text).html;
        assert!(page.contains("<a href=\"/docs/cli#verbs\">a</a>"), "{page}");
        assert!(page.contains("<span class=\"not-served\" title=\"deploy/x\">b</span>"), "{page}");
        assert!(page.contains("href=\"https://c.test\"") && page.contains("href=\"#e\""), "{page}");
    }

    #[test]
    fn nothing_is_taken_for_html() {
        let page = render("a.md", "a <b onclick=\"c\">d</b>\n\n<script>e</script>\n\n<!-- f -->\n");
        assert!(!page.html.contains("<b") && !page.html.contains("<script"), "{}", page.html);
        assert!(!page.html.contains("f --"), "{}", page.html);
        let code = render("a.md", "```sh\n<i>&amp;\n```\n").html;
        assert!(code.contains("<code>&lt;i&gt;&amp;amp;\n</code>"), "{code}");
    }

    /// The values of an attribute in a text of HTML.
    fn values<'a>(text: &'a str, attribute: &str) -> Vec<&'a str> {
        let start = format!(" {attribute}=\"");
        text.split(&start).skip(1).filter_map(|rest| rest.split('"').next()).collect()
    }

    /// Every link and every picture of every page leads to something that is served, and every
    /// anchor to something that is on its page.
    #[test]
    fn every_link_of_the_book_leads_somewhere() {
        let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut all = Vec::new();
        for (file, _) in embedded::PAGES {
            let path = place::path(file);
            let page = find(&path, None).unwrap().content;
            let page = String::from_utf8(page.to_vec()).unwrap();
            let on_page = values(&page, "id").into_iter().map(str::to_owned).collect();
            ids.insert(path.clone(), on_page);
            all.push((path, page));
        }
        let mut dead = Vec::new();
        for (path, page) in &all {
            let links = values(page, "href").into_iter().chain(values(page, "src"));
            for link in links.filter(|link| !link.contains("://")) {
                let (to, anchor) = link.split_once('#').unwrap_or((link, ""));
                let to = if to.is_empty() { path } else { to };
                let is_there = to == "/docs/api" || find(to, None).is_some();
                let is_on_it =
                    anchor.is_empty() || ids.get(to).is_some_and(|ids| ids.contains(anchor));
                if !is_there || !is_on_it {
                    dead.push(format!("{path}: {link}"));
                }
            }
        }
        assert!(dead.is_empty(), "{dead:#?}");
    }
}
