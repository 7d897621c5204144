//! `cargo xtask tidy`: the walls and habits that the compiler and clippy cannot hold.
//!
//! Each rule is a pure function over the files of the tree, with tests on small samples that must
//! fail. What a rule lets pass stands in a list under `xtask/tidy/`, and an entry that is no
//! longer needed is an error as well: the lists can only shrink unless somebody sees them grow.

mod finding;
mod layers;
mod leftovers;
mod lengths;
mod links;
mod lists;
mod page;
mod retired;
mod sql;
mod status;
pub mod stock;
mod uses;
pub mod walls;
mod words;

use crate::code::modules::Crate;
use crate::code::tree::{self, File};
use crate::code::{self, source::Source};
use crate::root;
use crate::step::Outcome;
use finding::Finding;
use layers::Layers;
use leftovers::Leftovers;
use lists::Listed;
use retired::Retired;

/// Where the lists of the rules stand.
const LISTS: &str = "xtask/tidy";

/// Checks the tree as it lies on the disk.
pub fn run() -> Outcome {
    let files = tree::read(&root())?;
    let findings = check(&files)?;
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

fn check(files: &[File]) -> Result<Vec<Finding>, String> {
    let exposing = Listed::parse(list(files, "expose.txt")?);
    let answering = Listed::parse(list(files, "status.txt")?);
    let layers = Layers::parse(list(files, "layers.txt")?);
    let leftovers = Leftovers::parse(list(files, "leftovers.txt")?);
    let retired = Retired::parse(&file(files, retired::GLOSSARY)?.text)?;
    let sources = code::parse(files);
    let product: Vec<&Source> = code::product(&sources);
    let crates = Crate::all(&product);

    let mut findings = sql::check(&product);
    findings.extend(exposing.check(uses::expose(&product)));
    findings.extend(answering.check(status::uses(&product)));
    findings.extend(layers.names(&crates));
    findings.extend(lengths::check(files));
    findings.extend(links::check(files));
    findings.extend(page::check(files));
    findings.extend(walls::check(files, &walls::families(&product)));
    findings.extend(words::check(files));
    findings.extend(leftovers.check(vec![
        ("circle", layers::circles(&crates)),
        ("upward", layers.upward(&crates)),
        ("stock", stock::check(&sources)),
        ("retired", retired.check(files, &sources)),
    ]));
    findings.sort();
    Ok(findings)
}

fn list(files: &[File], name: &str) -> Result<File, String> {
    let path = format!("{LISTS}/{name}");
    let text = file(files, &path)?.text.clone();
    Ok(File { path, text })
}

fn file<'a>(files: &'a [File], path: &str) -> Result<&'a File, String> {
    files.iter().find(|file| file.path == path).ok_or_else(|| format!("{path} is missing"))
}
