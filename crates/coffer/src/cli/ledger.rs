//! `coffer ledger`: verifies the books of all ledgers, with or without a server; feeds ledgers from
//! Stripe or from a file, and compares them with a balance.

mod accounts;
mod columns;
mod compare;
mod cut_over;
mod feed;
mod import;
mod mark;
mod pull;
mod reconcile;
mod record;
mod rows;
mod states;
mod stripe;
mod tell;
mod wake;

use super::args::Ledger;
use super::exit::{Exit, Failure};
use super::output::Output;
use super::runtime::Runtime;
use super::waiting::Waiting;
use super::{setup, table};
use crate::config::Config;
use coffer::family_set::FamilySet;
use coffer_kernel::verify::{Difference, Findings};
use serde_json::{Map, Value, json};

/// Carries out a verb.
///
/// # Errors
/// As the verb says.
pub fn run(config: &Config, verb: &Ledger, output: Output) -> Result<Exit, Failure> {
    match verb {
        Ledger::Verify => verify(config, output),
        Ledger::Pull(args) => pull::run(config, args, output),
        Ledger::Import(args) => import::run(config, args, output),
        Ledger::Reconcile(args) => reconcile::run(config, args, output),
    }
}

/// Verifies the books; [`Exit::Failed`] if a figure does not follow from the others, or if a part
/// of the store could not be verified.
///
/// # Errors
/// If there is no store, or if it cannot be read.
fn verify(config: &Config, output: Output) -> Result<Exit, Failure> {
    let waiting = Waiting::begin("verifying the books…");
    let findings = Runtime::new()?.block_on(async {
        let store = setup::open_read_only(config).await?;
        Ok::<_, Failure>(FamilySet::default().verify(&store).await?)
    })?;
    drop(waiting);
    output.show(&document(&findings), |_| lines(&findings))?;
    Ok(if is_right(&findings) { Exit::Done } else { Exit::Failed })
}

/// Whether all was verified, and nothing differs.
fn is_right(findings: &Findings) -> bool {
    findings.differences.is_empty() && findings.unverified.is_empty()
}

fn document(findings: &Findings) -> Value {
    let mut document = Map::new();
    document.insert("ok".to_owned(), json!(is_right(findings)));
    for (name, count) in &findings.counts {
        document.insert((*name).to_owned(), json!(count));
    }
    document.insert("rules".to_owned(), json!(findings.rules));
    let differences = findings.differences.iter().map(difference_document).collect();
    document.insert("differences".to_owned(), differences);
    document.insert("unverified".to_owned(), json!(findings.unverified));
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
    let unverified = findings.unverified.iter().map(|why| table::plain(why));
    lines.extend(unverified.map(|why| format!("FAIL  not verified: {why}")));
    lines.join("\n")
}
