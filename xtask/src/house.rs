//! `cargo xtask house`: the product's crates in figures, beside what they are to be.

mod figures;
mod places;

use crate::code::modules::Crate;
use crate::code::{self, tree};
use crate::root;
use crate::step::Outcome;
use figures::Figures;
use std::collections::BTreeMap;

const HELP: &str = "\
cargo xtask house [--help | --imports]

--imports prints which module imports from which. Without it come figures of the crates under
crates/, without their tests:

  lines      all lines of src/, but those of items and modules that are compiled for tests only
  functions  those with a body; a length counts from `fn` to the last brace: median, 90th
             percentile, longest
  docs       lines of documentation and comments, as a share of all lines that are not empty
             (a bare `///` is)
  honest     the same without the `# Errors` sections that hold nothing but a stock phrase
  circles    groups of modules that stand side by side and import each other in a circle
  outside    direct dependencies that are not ours, without those for tests
  places     the files that registering a family touches: the registry, and every other source or
             manifest of the product that names the crate of a family. A dependency's line in a
             manifest is none, and neither is a family that may stand on another one. The crate
             identity is no family here, since no server runs without it.
";

/// The most lines of the median function.
const MEDIAN: usize = 7;
/// The most lines of nine functions in ten.
const NINETIETH: usize = 20;
/// The least share of documentation, per mille.
const DOCS: usize = 150;
/// The files that registering a family touches.
const PLACES: usize = 1;

/// `cargo xtask house [--help | --imports]`.
pub fn run(words: &[String]) -> Outcome {
    match words {
        [] => print(),
        [option] if option == "--imports" => print_imports(),
        [option] if option == "--help" => {
            print!("{HELP}");
            Ok(())
        }
        _ => Err("house has no options but --help and --imports".to_owned()),
    }
}

fn print() -> Outcome {
    let files = tree::read(&root())?;
    let sources = code::parse(&files);
    let product = code::product(&sources);
    let crates = Crate::all(&product);
    let mut all = Figures::new("all");
    println!("{}", Figures::head());
    for one in &crates {
        let figures = Figures::of(one, &files, &product);
        println!("{}", figures.row());
        all.add(figures);
    }
    println!("{}\n", all.row());
    for line in all.longest_functions() {
        println!("longest: {line}");
    }
    for one in &crates {
        for modules in one.circles().keys() {
            let names: Vec<String> = modules.iter().map(|path| path.join("::")).collect();
            println!("circle in {}: {}", one.name, names.join(", "));
        }
    }
    let places = places::find(&files, &product);
    for place in &places {
        println!("place: {place}");
    }
    println!();
    print_goals(&all, places.len());
    Ok(())
}

/// Prints which module imports from which: parent and child aside, as the circles are counted.
fn print_imports() -> Outcome {
    let sources = code::parse(&tree::read(&root())?);
    for one in Crate::all(&code::product(&sources)) {
        let mut imports: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for import in one.imports() {
            imports.entry(import.from.join("::")).or_default().push(import.to.join("::"));
        }
        for (from, to) in imports {
            println!("{}  {from} → {}", one.name, to.join(", "));
        }
    }
    Ok(())
}

fn print_goals(all: &Figures, places: usize) {
    let share = |per_mille: usize| format!("{}.{} %", per_mille / 10, per_mille % 10);
    let goals = [
        (
            "median function",
            all.quantile(50).to_string(),
            MEDIAN.to_string(),
            all.quantile(50) <= MEDIAN,
        ),
        (
            "90th percentile",
            all.quantile(90).to_string(),
            NINETIETH.to_string(),
            all.quantile(90) <= NINETIETH,
        ),
        ("circles", all.circles.to_string(), "0".to_owned(), all.circles == 0),
        ("honest docs", share(all.honest()), share(DOCS), all.honest() >= DOCS),
        ("places", places.to_string(), PLACES.to_string(), places <= PLACES),
    ];
    println!("{:16} {:>8} {:>8}", "", "is", "goal");
    for (name, is, goal, reached) in goals {
        println!("{name:16} {is:>8} {goal:>8}  {}", if reached { "reached" } else { "not yet" });
    }
}
