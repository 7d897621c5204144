//! The pages by their paths. Each is rendered when somebody first asks for it, and kept.

use crate::{embedded, place, render, summary, template};
use bytes::Bytes;
use std::sync::OnceLock;

/// What was rendered, in the order of the embedded files.
static RENDERED: [OnceLock<Bytes>; embedded::PAGES.len()] =
    [const { OnceLock::new() }; embedded::PAGES.len()];

/// The page with this path below `/docs`, without slashes around it.
pub(crate) fn find(path: &str) -> Option<Bytes> {
    let number = embedded::PAGES.iter().position(|(file, _)| place::short(file) == path)?;
    let (file, text) = embedded::PAGES.get(number)?;
    let rendered = RENDERED.get(number)?.get_or_init(|| {
        let body = render::render(file, text);
        Bytes::from(template::page(summary::entries().find(|one| one.file == *file), body))
    });
    Some(rendered.clone())
}
