//! The pages by their paths. Each is rendered when somebody first asks for it, and kept.

use crate::{PATH, embedded, render, summary, template};
use bytes::Bytes;
use std::sync::OnceLock;

/// What was rendered, in the order of the embedded files.
static RENDERED: [OnceLock<Bytes>; embedded::PAGES.len()] =
    [const { OnceLock::new() }; embedded::PAGES.len()];

/// The page with this path below `/docs`, without slashes around it.
pub(crate) fn find(path: &str) -> Option<Bytes> {
    let number = embedded::PAGES.iter().position(|(file, _)| short(file) == path)?;
    let (file, text) = embedded::PAGES.get(number)?;
    let rendered = RENDERED.get(number)?.get_or_init(|| {
        let body = render::render(file, text);
        Bytes::from(template::page(summary::entries().find(|one| one.file == *file), body))
    });
    Some(rendered.clone())
}

/// The path of a file's page below `/docs`.
fn short(file: &str) -> &str {
    match file.strip_suffix(".md").unwrap_or(file) {
        "README" => "",
        page => page.strip_suffix("/README").unwrap_or(page),
    }
}

/// The path of a file's page on the server.
pub(crate) fn path(file: &str) -> String {
    match short(file) {
        "" => PATH.to_owned(),
        page => format!("{PATH}/{page}"),
    }
}

/// Whether there is such a page.
pub(crate) fn exists(file: &str) -> bool {
    embedded::PAGES.iter().any(|(known, _)| *known == file)
}

/// Whether there is such a picture.
pub(crate) fn has_picture(file: &str) -> bool {
    embedded::PICTURES.iter().any(|(known, ..)| *known == file)
}
