//! What the documents say that follows from the code: the events, and the decisions in the book's
//! summary. The program writes its own pages: `crates/coffer/src/cli/reference.rs`.

use crate::code::{self, source::Source, tree};
use crate::root;
use crate::step::{Outcome, Step};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use tree::File;

/// The page on events.
pub const EVENTS: &str = "docs/reference/events.md";

/// The order of the book.
pub const SUMMARY: &str = "docs/SUMMARY.md";

/// The types of Stripe's SDKs, a line each.
const STRIPES: &str = "crates/webhooks/src/event_type/stripe.txt";

/// The program's own types, and whoever names types without sending any.
const OWN: &str = "crates/webhooks/src/event_type.rs";

/// Where the decisions are listed: behind this line of the summary.
const BEFORE_DECISIONS: &str = "- [Decisions](decisions/README.md)\n";

const HEAD: &str = "\
# Events

Every event that this server sends, as the code names it. This page is written by `cargo xtask
reference` and is not edited by hand. Events are kept for 30 days (`GET /v1/events`), and sent to
[endpoints](../howto/webhook-endpoint.md) that name them.

| Event | of | More |
|---|---|---|
";

/// Writes the pages, and has the program write its own.
pub fn run() -> Outcome {
    let files = tree::read(&root())?;
    write(EVENTS, &events(&files)?)?;
    write(SUMMARY, &summary(&files)?)?;
    Step::new("cargo")
        .args(["test", "--quiet", "-p", "coffer", "--bin", "coffer", "cli::reference"])
        .env("COFFER_WRITE_DOCS", "1")
        .directory(&root())
        .run()
}

fn write(page: &str, text: &str) -> Outcome {
    std::fs::write(root().join(page), text).map_err(|e| format!("cannot write {page}: {e}"))
}

/// The page on events, as it should be.
pub fn events(files: &[File]) -> Result<String, String> {
    let stripes: Vec<&str> = text(files, STRIPES)?.lines().collect();
    let sources = code::parse(files);
    let own = sources.iter().find(|source| source.path == OWN);
    let own: Vec<&str> = own.into_iter().flat_map(product_literals).filter(is_own).collect();
    let mut sent: BTreeMap<&str, &str> = BTreeMap::new();
    for source in code::product(&sources) {
        let of = source.path.split('/').nth(1).unwrap_or_default();
        // These show or filter what others send.
        if ["dashboard", "kernel"].contains(&of) {
            continue;
        }
        let is_list = source.path == OWN;
        let known = |name: &&str| stripes.contains(name) || own.contains(name);
        for name in product_literals(source).filter(known) {
            if !is_list || name.starts_with("coffer.webhook.") {
                sent.insert(name, of);
            }
        }
    }
    let mut page = HEAD.to_owned();
    for (name, of) in &sent {
        let _ = writeln!(page, "| `{name}` | {of} | {} |", more(of));
    }
    let unsent = own.iter().filter(|name| !sent.contains_key(**name));
    let unsent: Vec<String> = unsent.map(|name| format!("`{name}`")).collect();
    page.push_str(
        "\nAn endpoint may name every type that Stripe's SDKs know, so that scripts which were\n\
         written for Stripe work unchanged; all others of these never occur here.\n",
    );
    if !unsent.is_empty() {
        let _ = write!(page, "\nNames that are taken and not sent yet:\n{}.\n", unsent.join(",\n"));
    }
    Ok(page)
}

/// The literals of a file that are no test's.
fn product_literals(source: &Source) -> impl Iterator<Item = &str> {
    let literals = source.literals.iter().filter(|one| !source.is_test(one.line));
    literals.map(|one| one.text.as_str())
}

fn is_own(name: &&str) -> bool {
    name.starts_with("coffer.") || name.starts_with("apps.secret.")
}

/// Where the events of a crate are described.
fn more(of: &str) -> &'static str {
    match of {
        "reserves" => "[reserves](../wire/reserves.md#8-events)",
        "installs" => "[installs](../wire/installs.md#5-events)",
        _ => "[webhooks](../wire/webhooks.md)",
    }
}

/// The summary with all decisions that there are.
pub fn summary(files: &[File]) -> Result<String, String> {
    let kept = text(files, SUMMARY)?;
    let (before, rest) = kept
        .split_once(BEFORE_DECISIONS)
        .ok_or_else(|| format!("{SUMMARY} has no line {BEFORE_DECISIONS}"))?;
    let after = rest.split_inclusive('\n').skip_while(|line| line.starts_with("  - ["));
    let mut page = format!("{before}{BEFORE_DECISIONS}");
    let decisions = files.iter().filter_map(|file| {
        let name = file.path.strip_prefix("docs/")?;
        let is_one = name.strip_prefix("decisions/")?.starts_with(|c: char| c.is_ascii_digit());
        is_one.then_some((name, file))
    });
    for (name, file) in decisions {
        let title = file.text.lines().next().unwrap_or_default().trim_start_matches("# ");
        let _ = writeln!(page, "  - [{title}]({name})");
    }
    page.extend(after);
    Ok(page)
}

fn text<'a>(files: &'a [File], path: &str) -> Result<&'a str, String> {
    let file = files.iter().find(|file| file.path == path);
    file.map(|file| file.text.as_str()).ok_or_else(|| format!("{path} is missing"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn events_are_those_that_the_code_names() {
        let list = "const OWN: [&str; 2] = [\"coffer.a.b\", \"coffer.c.d\"];\n";
        let code = "fn send() { emit(\"x.made\"); emit(\"coffer.a.b\"); emit(\"no.event\"); }\n\
                    #[cfg(test)]\nmod tests { const A: &str = \"x.gone\"; }\n";
        let files = [
            file(STRIPES, "x.made\nx.gone\n"),
            file(OWN, list),
            file("crates/reserves/src/a.rs", code),
        ];
        let page = events(&files).unwrap();
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
        assert_eq!(rows.len(), 2, "{page}");
        assert!(rows[1].starts_with("| `x.made` | reserves | [reserves]"), "{page}");
        assert!(page.contains("not sent yet:\n`coffer.c.d`."), "{page}");
    }

    #[test]
    fn a_new_decision_gets_its_line() {
        let first = "  - [0001: a](decisions/0001-a.md)\n";
        let kept = format!("# Summary\n\n{BEFORE_DECISIONS}{first}\n- [Z](z.md)\n");
        let files = [
            file(SUMMARY, &kept),
            file("docs/decisions/0001-a.md", "# 0001: a\n"),
            file("docs/decisions/0002-b.md", "# 0002: b\n"),
            file("docs/decisions/README.md", "# Decisions\n"),
        ];
        let page = summary(&files).unwrap();
        let both = format!("{first}  - [0002: b](decisions/0002-b.md)\n");
        assert_eq!(page, kept.replace(first, &both));
        let files = [file(SUMMARY, &page), file("docs/decisions/0001-a.md", "# 0001: a\n")];
        assert_eq!(summary(&files).unwrap(), kept);
    }
}
