//! The documents of `docs/`, as pages that the program serves by itself.
//!
//! mdBook's `docs/SUMMARY.md` gives their order, and `mdbook build` makes a book of the same files.
//! What is served is rendered here instead, by the library that mdBook stands on: nobody needs a
//! tool to build the program, and the pages are in its own look, without a script, and without
//! anything of another server ([`docs/decisions/0093`] has the reasons).
//!
//! [`docs/decisions/0093`]: ../../../docs/decisions/0093-documents-are-in-the-binary.md

mod limits;
mod pages;
mod place;
mod render;
mod search;
mod summary;
mod template;

use bytes::Bytes;

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}

/// Where the documents are.
pub const PATH: &str = "/docs";

/// What every page is styled by: the dashboard's colours, and the book's own.
const STYLE: &str = concat!(
    include_str!("../../dashboard/assets/colours.css"),
    include_str!("../assets/book.css"),
);

/// Its path.
const STYLE_PATH: &str = "/docs/book.css";

/// The dashboard's icon, which is the program's.
const ICON: &str = include_str!("../../dashboard/assets/icon.svg");

/// Its path.
const ICON_PATH: &str = "/docs/icon.svg";

/// The page that looks for words.
const SEARCH_PATH: &str = "/docs/search";

/// Something to answer with.
#[derive(Clone, Debug)]
pub struct File {
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// Its bytes.
    pub content: Bytes,
}

/// What is at `path`, with the query that a search has.
pub fn find(path: &str, query: Option<&str>) -> Option<File> {
    let rest = path.strip_prefix(PATH)?;
    if !rest.is_empty() && !rest.starts_with('/') {
        return None;
    }
    match path {
        STYLE_PATH => Some(file("text/css; charset=utf-8", Bytes::from_static(STYLE.as_bytes()))),
        ICON_PATH => Some(file("image/svg+xml", Bytes::from_static(ICON.as_bytes()))),
        SEARCH_PATH => Some(page(search::page(query.unwrap_or_default()).into())),
        _ => pages::find(rest.trim_matches('/')).map(page).or_else(|| picture(rest)),
    }
}

fn picture(rest: &str) -> Option<File> {
    let name = rest.trim_start_matches('/');
    let (_, kind, bytes) = embedded::PICTURES.iter().find(|(known, ..)| *known == name)?;
    Some(file(kind, Bytes::from_static(bytes)))
}

fn page(content: Bytes) -> File {
    file("text/html; charset=utf-8", content)
}

const fn file(content_type: &'static str, content: Bytes) -> File {
    File { content_type, content }
}
