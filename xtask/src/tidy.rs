//! `cargo xtask tidy`: the walls and habits that the compiler cannot hold.
//!
//! Each rule is a pure function over the files of the tree, with tests on small samples that must
//! fail. What a rule lets pass stands in a list under `xtask/tidy/`, and an entry that is no
//! longer needed is an error as well: the lists can only shrink unless somebody sees them grow.

mod attributes;
mod excess;
mod finding;
mod lengths;
mod lists;
mod source;
mod sql;
mod status;
mod tree;
mod uses;
mod walls;
mod words;

use crate::root;
use crate::step::Outcome;
use finding::Finding;
use lists::{Exceptions, Listed};
use source::Source;
use std::path::Path;
use tree::File;

/// Where the lists of the rules stand.
const LISTS: &str = "xtask/tidy";

/// Checks the tree as it lies on the disk.
pub fn run() -> Outcome {
    let root = root();
    let files = tree::read(&root)?;
    let findings = check(&root, &files)?;
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => {
            println!("{} files are tidy", files.len());
            Ok(())
        }
        count => Err(format!("{count} findings in {} files", files.len())),
    }
}

fn check(root: &Path, files: &[File]) -> Result<Vec<Finding>, String> {
    let exposing = Listed::parse(list(root, "expose.txt")?);
    let answering = Listed::parse(list(root, "status.txt")?);
    let exceptions = Exceptions::parse(list(root, "exceptions.txt")?);
    let sources: Vec<Source> =
        files.iter().filter(|file| file.path.ends_with(".rs")).map(Source::parse).collect();
    let product: Vec<&Source> = sources.iter().filter(|source| source.is_product()).collect();

    let mut findings = sql::check(&product);
    findings.extend(exposing.check(uses::expose(&product)));
    findings.extend(answering.check(status::uses(&product)));
    findings.extend(exceptions.check(lengths::check(files, &sources)));
    findings.extend(walls::check(files));
    findings.extend(words::check(files));
    findings.extend(sources.iter().flat_map(attributes::check));
    findings.sort();
    Ok(findings)
}

fn list(root: &Path, name: &str) -> Result<File, String> {
    let path = format!("{LISTS}/{name}");
    let text = std::fs::read_to_string(root.join(&path))
        .map_err(|e| format!("cannot read {path}: {e}"))?;
    Ok(File { path, text })
}
