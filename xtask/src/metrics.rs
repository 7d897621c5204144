//! `docs/metrics.md`: every metric with its labels and what it means, as the code defines them.

use crate::code::tree::{self, File};
use crate::root;
use crate::step::Outcome;
use std::fmt::Write as _;

/// The page.
pub const PAGE: &str = "docs/metrics.md";

/// Where the metrics are defined.
const CATALOGUE: &str = "crates/metrics/src/catalogue.rs";

const HEAD: &str = "\
# Metrics

Every figure that `/metrics` shows, in Prometheus' text format, as the code defines it. This page is
written by `cargo xtask metrics` and is not edited by hand.

`/metrics` is served without a key on `--metrics-listen`, together with `/livez` and `/readyz` and
nothing else; with `--tls-cert` it speaks TLS there as everywhere. Without that listener it is part
of the admin API, for admin keys of operators and auditors. Scrapes are answered from memory, also
while a database is away; what has to be looked up in a store is measured every 15 seconds, and sums
over whole tables every five minutes. [Alerts](operations/alerts.md) says which figures to watch,
and `deploy/` has the rules and a dashboard.

No label names an app, an account, a user, a key or a secret. Counters and histograms begin at 0
when the server starts. Buckets of histograms end at 50, 100, 250 and 500 microseconds, and so on up
to 10 seconds.
";

/// Writes the page.
pub fn run() -> Outcome {
    let page = page(&tree::read(&root())?)?;
    let path = root().join(PAGE);
    std::fs::write(&path, page).map_err(|e| format!("cannot write {}: {e}", path.display()))
}

/// The page as it should be.
pub fn page(files: &[File]) -> Result<String, String> {
    let catalogue = files.iter().find(|file| file.path == CATALOGUE);
    let catalogue = catalogue.ok_or_else(|| format!("{CATALOGUE} is missing"))?;
    let mut page = HEAD.to_owned();
    for entry in entries(&catalogue.text) {
        let _ = match entry {
            Entry::Part(title) => {
                write!(page, "\n## {title}\n\n| Metric | Type | Labels | What it is |\n")
                    .and_then(|()| writeln!(page, "|---|---|---|---|"))
            }
            Entry::Metric(Metric { name, kind, labels, help }) => {
                let (kind, labels) = (kind.to_lowercase(), labels.replace('"', "`"));
                writeln!(page, "| `{name}` | {kind} | {labels} | {help} |")
            }
        };
    }
    Ok(page)
}

/// The names of all metrics, with their types.
pub fn names(files: &[File]) -> Vec<(String, String)> {
    let catalogue = files.iter().find(|file| file.path == CATALOGUE);
    let entries = catalogue.map(|file| entries(&file.text)).unwrap_or_default();
    let metrics = entries.into_iter().filter_map(|entry| match entry {
        Entry::Metric(metric) => Some((metric.name, metric.kind)),
        Entry::Part(_) => None,
    });
    metrics.collect()
}

enum Entry {
    Part(String),
    Metric(Metric),
}

/// A metric as its definition is written.
struct Metric {
    name: String,
    kind: String,
    /// Still in quotes, with commas between.
    labels: String,
    help: String,
}

/// The parts and the metrics of the list, in its order.
fn entries(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut definition = String::new();
    let list = text.lines().skip_while(|line| *line != "metrics! {").skip(1);
    for line in list.take_while(|line| *line != "}").map(str::trim) {
        if let Some(title) = line.strip_prefix("// ## ") {
            entries.push(Entry::Part(title.to_owned()));
            continue;
        }
        definition.push_str(line.strip_suffix('\\').unwrap_or(line));
        if line.ends_with("\";") {
            entries.extend(metric(&definition).map(Entry::Metric));
            definition.clear();
        } else if !line.ends_with('\\') {
            definition.push(' ');
        }
    }
    entries
}

/// Reads `NAME: Kind "name" ["label"] "what it means";`.
fn metric(definition: &str) -> Option<Metric> {
    let (_, rest) = definition.split_once(": ")?;
    let (kind, rest) = rest.split_once(" \"")?;
    let (name, rest) = rest.split_once("\" [")?;
    let (labels, rest) = rest.split_once("] \"")?;
    let help = rest.strip_suffix("\";")?;
    let [kind, name, labels, help] = [kind, name, labels, help].map(str::to_owned);
    Some(Metric { name, kind, labels, help })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_become_rows() {
        let text = "use x;\n\nmetrics! {\n    // ## Part\n    A: Gauge \"a_bytes\" []\n        \
                    \"How much.\";\n    B: Counter \"b_total\" [\"x\", \"y\"]\n        \
                    \"How \\\n         often.\";\n}\n";
        let file = File { path: CATALOGUE.to_owned(), text: text.to_owned() };
        let page = page(&[file]).unwrap();
        let expected = "\n## Part\n\n| Metric | Type | Labels | What it is |\n|---|---|---|---|\n\
                        | `a_bytes` | gauge |  | How much. |\n\
                        | `b_total` | counter | `x`, `y` | How often. |\n";
        assert_eq!(page.strip_prefix(HEAD).unwrap(), expected);
    }

    #[test]
    fn every_definition_of_the_code_is_read() {
        let files = tree::read(&root()).unwrap();
        let text = &files.iter().find(|file| file.path == CATALOGUE).unwrap().text;
        let defined = text.matches("\";\n").count();
        assert_eq!(names(&files).len(), defined);
        assert!(defined > 50, "{defined}");
    }
}
