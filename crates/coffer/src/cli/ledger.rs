//! `coffer ledger`: verifies the books of all ledgers, with or without a server.

use super::exit::{Exit, Failure};
use super::output::Output;
use super::{setup, table};
use crate::config::Config;
use coffer::family_set::FamilySet;
use coffer_kernel::verify::{Difference, Findings};
use serde_json::{Map, Value, json};

/// Verifies the books; [`Exit::Failed`] if a figure does not follow from the others.
///
/// # Errors
/// If there is no store, or if it cannot be read.
pub fn verify(config: &Config, output: Output) -> Result<Exit, Failure> {
    let findings = setup::runtime()?.block_on(async {
        let store = setup::open_read_only(config).await?;
        Ok::<_, Failure>(FamilySet::default().verify(&store).await?)
    })?;
    output.show(&document(&findings), |_| lines(&findings))?;
    Ok(if findings.differences.is_empty() { Exit::Done } else { Exit::Failed })
}

fn document(findings: &Findings) -> Value {
    let mut document = Map::new();
    document.insert("ok".to_owned(), json!(findings.differences.is_empty()));
    for (name, count) in &findings.counts {
        document.insert((*name).to_owned(), json!(count));
    }
    document.insert("rules".to_owned(), json!(findings.rules));
    let differences = findings.differences.iter().map(difference_document).collect();
    document.insert("differences".to_owned(), differences);
    Value::Object(document)
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
    let counts: Vec<String> =
        findings.counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
    let mut lines = vec![counts.join(", ")];
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
