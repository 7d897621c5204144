//! `coffer ledger`: verifies the books of all ledgers, with or without a server.

use super::exit::{Exit, Failure};
use super::output::Output;
use super::{setup, table};
use crate::config::Config;
use coffer_reserves::{Difference, Findings};
use serde_json::{Value, json};

/// Verifies the books; [`Exit::Failed`] if a figure does not follow from the others.
///
/// # Errors
/// If there is no store, or if it cannot be read.
pub fn verify(config: &Config, output: Output) -> Result<Exit, Failure> {
    let findings = setup::runtime()?.block_on(async {
        let store = setup::open_read_only(config).await?;
        Ok::<_, Failure>(coffer_reserves::verify(&store).await?)
    })?;
    output.show(&document(&findings), |_| lines(&findings))?;
    Ok(if findings.differences.is_empty() { Exit::Done } else { Exit::Failed })
}

fn document(findings: &Findings) -> Value {
    json!({
        "ok": findings.differences.is_empty(),
        "ledgers": findings.ledgers,
        "entries": findings.entries,
        "postings": findings.postings,
        "charges": findings.charges,
        "holds": findings.holds,
        "releases": findings.releases,
        "rules": findings.rules,
        "differences": findings.differences.iter().map(difference_document).collect::<Vec<_>>(),
    })
}

fn difference_document(difference: &Difference) -> Value {
    json!({
        "rule": difference.rule,
        "ledger": difference.ledger,
        "subject": difference.subject,
        "expected": difference.expected,
        "found": difference.found,
    })
}

fn lines(findings: &Findings) -> String {
    let Findings { ledgers, entries, postings, charges, holds, releases, .. } = findings;
    let mut lines = vec![format!(
        "{ledgers} ledgers, {entries} entries, {postings} postings, {charges} charges, {holds} \
         holds, {releases} releases"
    )];
    for rule in &findings.rules {
        let broken: Vec<_> =
            findings.differences.iter().filter(|each| each.rule == *rule).collect();
        lines.push(format!("{}  {rule}", if broken.is_empty() { "ok  " } else { "FAIL" }));
        for each in broken {
            let shown = format!(
                "{}, {}: {} is kept, {} was expected",
                each.ledger, each.subject, each.found, each.expected
            );
            lines.push(format!("      {}", table::plain(&shown)));
        }
    }
    lines.join("\n")
}
