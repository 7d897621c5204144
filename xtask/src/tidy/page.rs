//! Pages that are written by a program: those of limits and of metrics are what the code says, and
//! that of durability holds the table of a run. With them go the files of `deploy/`.

use super::finding::Finding;
use crate::code::tree::File;
use crate::{deploy, durability, limits, metrics, reference};

/// The pages that are not as their programs write them.
pub fn check(files: &[File]) -> Vec<Finding> {
    let problem = durability::problem(files);
    let durability = problem.map(|what| {
        Finding::new(durability::PAGE, 1, format!("{what}: run `cargo xtask durability`"))
    });
    let metrics = metrics(files);
    let deploy = deploy::problems(files);
    let deploy = deploy.into_iter().map(|(path, what)| Finding::new(path, 1, what));
    let reference = reference(files);
    let pages = limits(files).into_iter().chain(metrics).chain(reference);
    pages.chain(durability).chain(deploy).collect()
}

/// The pages that are not as `cargo xtask reference` writes them. Those that the program writes are
/// compared by its own tests.
fn reference(files: &[File]) -> Vec<Finding> {
    let pages = [
        (reference::EVENTS, reference::events(files)),
        (reference::SUMMARY, reference::summary(files)),
    ];
    let stale = pages.into_iter().filter_map(|(page, text)| {
        let kept = files.iter().find(|file| file.path == page);
        let message = match text {
            Ok(text) if kept.is_some_and(|file| file.text == text) => return None,
            Ok(_) => "is not what the tree says: run `cargo xtask reference`".to_owned(),
            Err(message) => message,
        };
        Some(Finding::new(page, 1, message))
    });
    stale.collect()
}

/// The page, if it is not as `cargo xtask limits` writes it.
fn limits(files: &[File]) -> Vec<Finding> {
    let kept = files.iter().find(|file| file.path == limits::PAGE);
    let is_right = kept.is_some_and(|file| file.text == limits::page(files));
    let message = "is not what the code says: run `cargo xtask limits`";
    if is_right { Vec::new() } else { vec![Finding::new(limits::PAGE, 1, message)] }
}

/// The page, if it is not as `cargo xtask metrics` writes it.
fn metrics(files: &[File]) -> Vec<Finding> {
    let kept = files.iter().find(|file| file.path == metrics::PAGE);
    let message = match metrics::page(files) {
        Ok(page) if kept.is_some_and(|file| file.text == page) => return Vec::new(),
        Ok(_) => "is not what the code says: run `cargo xtask metrics`".to_owned(),
        Err(message) => message,
    };
    vec![Finding::new(metrics::PAGE, 1, message)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_old_is_found() {
        let file = |path: &str, text: String| File { path: path.to_owned(), text };
        let bound = "/// Most.\npub const MOST: u32 = 1;\n".to_owned();
        let limits = file("crates/a/src/limits.rs", bound.clone());
        let page = limits::page(&[file("crates/a/src/limits.rs", bound)]);
        assert!(super::limits(&[file(limits::PAGE, page.clone()), limits]).is_empty());
        let changed =
            file("crates/a/src/limits.rs", "/// Most.\npub const MOST: u32 = 2;\n".into());
        assert_eq!(super::limits(&[file(limits::PAGE, page), changed]).len(), 1);
        assert_eq!(check(&[]).len(), 10);
    }
}
