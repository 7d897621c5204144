//! Where the files of `docs/` are on the server.

use crate::{PATH, embedded};

/// The path of a file's page below `/docs`.
pub(crate) fn short(file: &str) -> &str {
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
