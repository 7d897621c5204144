//! What the dashboard serves, by its source: tests of every page ask here whether they have all.

use std::collections::BTreeSet;

const SOURCE: &str = include_str!("../../../crates/dashboard/src/routes.rs");

/// The paths in the heads of the arms between two places of the source.
fn arms(from: &str, to: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let part = SOURCE.split(from).nth(1).unwrap().split(to).next().unwrap();
    let heads = part.lines().filter_map(|line| line.split_once("=>")).map(|(head, _)| head);
    heads.flat_map(|head| head.split('"').skip(1).step_by(2).map(move |path| (head, path)))
}

/// The pages that are read, below the dashboard's own path.
pub fn pages() -> BTreeSet<&'static str> {
    let own = arms("async fn get(", "async fn post(").map(|(_, path)| path);
    let first = arms("match (sends, path) {", "_ => {}").filter(|(head, _)| head.contains("false"));
    let pages: BTreeSet<_> = own.chain(first.map(|(_, path)| path)).collect();
    assert!(pages.len() > 20, "{pages:?}");
    pages
}

/// What takes the forms of a session.
pub fn forms() -> BTreeSet<&'static str> {
    let forms: BTreeSet<_> = arms("async fn post(", "fn missing(").map(|(_, path)| path).collect();
    assert!(forms.len() > 15, "{forms:?}");
    forms
}

/// The pages that none of these targets asks for.
pub fn left_out(targets: &[String]) -> BTreeSet<&'static str> {
    let path = |target: &String| {
        let path = target.split('?').next().unwrap().strip_prefix("/dashboard").unwrap();
        path.to_owned()
    };
    let asked: BTreeSet<_> = targets.iter().map(path).collect();
    pages().into_iter().filter(|page| !asked.contains(*page)).collect()
}
