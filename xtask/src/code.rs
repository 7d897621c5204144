//! The tree as text: its files, Rust files taken apart, functions, modules and manifests.

pub mod functions;
pub mod manifest;
pub mod modules;
pub mod source;
pub mod tree;
pub mod use_tree;

use source::Source;
use std::collections::BTreeSet;

/// The files that are compiled into the server: those below `crates/*/src`, without the modules
/// that are declared for tests only.
pub fn product(sources: &[Source]) -> Vec<&Source> {
    let tests: BTreeSet<String> = sources.iter().flat_map(modules::for_tests).collect();
    let product = sources.iter().filter(|source| source.is_product());
    product.filter(|source| !tests.contains(&source.path)).collect()
}

/// Every Rust file of `files`, taken apart.
pub fn parse(files: &[tree::File]) -> Vec<Source> {
    files.iter().filter(|file| file.path.ends_with(".rs")).map(Source::parse).collect()
}
