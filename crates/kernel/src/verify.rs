//! Verification: whether every stored figure that follows from others does. It only reads, and may
//! run beside a server.

use crate::store::owner_of_row;
use coffer_storage::{StorageError, Store, Value};
use std::fmt;

/// Differences of one rule that a verification lists: who repairs books looks at the first few,
/// and a table that is wrong as a whole must not fill memory.
pub const DIFFERENCES_PER_RULE: i64 = 100;

/// What a crate has verified of its tables.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// What is counted, by name, and the statements that count it.
    pub counts: &'static [(&'static str, &'static str)],
    /// What is compared.
    pub comparisons: &'static [Comparison],
}

/// A comparison of stored figures with those from which they follow.
#[derive(Clone, Copy, Debug)]
pub struct Comparison {
    /// What must be equal, in words.
    pub rule: &'static str,
    /// A statement that selects what differs: mode, platform, account, subject, the expected
    /// figure, and the stored one. Its parameter is how many rows.
    pub sql: &'static str,
}

/// What a verification read, and what it found.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Findings {
    /// How many rows there are, by name.
    pub counts: Vec<(&'static str, u64)>,
    /// The rules that were checked, in words.
    pub rules: Vec<&'static str>,
    /// Where they are broken; at most [`DIFFERENCES_PER_RULE`] of each in each part of the store.
    pub differences: Vec<Difference>,
    /// Why parts of the store were not verified: their servers did not answer.
    pub unverified: Vec<String>,
}

/// Two figures that must be equal, and are not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The rule that is broken, in words.
    pub rule: &'static str,
    /// Mode, platform and account.
    pub ledger: String,
    /// Which pool, bucket or object.
    pub subject: String,
    /// The figure that follows from others.
    pub expected: i64,
    /// The figure that is stored.
    pub found: i64,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, ledger, subject, expected, found } = self;
        write!(f, "{ledger}, {subject}: {found} is kept, {expected} was expected ({rule})")
    }
}

/// Runs `checks` on all rows in `store`.
///
/// # Errors
/// If the database does not answer, or a row is corrupt.
pub async fn verify(
    store: &Store,
    checks: impl IntoIterator<Item = &Check>,
) -> Result<Findings, StorageError> {
    let checks: Vec<&Check> = checks.into_iter().collect();
    let counts = checks.iter().flat_map(|check| check.counts).map(|(name, _)| (*name, 0));
    let rules = checks.iter().flat_map(|check| check.comparisons).map(|one| one.rule);
    let mut findings =
        Findings { counts: counts.collect(), rules: rules.collect(), ..Findings::default() };
    let parts = store.parts().await?;
    for part in &parts {
        match findings.add_part(part, &checks).await {
            Err(StorageError::Unavailable(why)) if parts.len() > 1 => {
                findings.unverified.push(why.to_string());
            }
            verified => verified?,
        }
    }
    findings.unverified.dedup();
    Ok(findings)
}

impl Findings {
    /// Verifies one part of a store.
    async fn add_part(&mut self, part: &Store, checks: &[&Check]) -> Result<(), StorageError> {
        let counts = checks.iter().flat_map(|check| check.counts);
        for ((_, sum), (_, sql)) in self.counts.iter_mut().zip(counts) {
            *sum = sum.saturating_add(count(part, sql).await?);
        }
        for comparison in checks.iter().flat_map(|check| check.comparisons) {
            self.differences.extend(differences(part, comparison).await?);
        }
        Ok(())
    }
}

async fn count(store: &Store, sql: &'static str) -> Result<u64, StorageError> {
    let rows = store.scan(sql, &[]).await?;
    let count =
        rows.first().ok_or_else(|| StorageError::Internal("a count gave no row".into()))?.int(0)?;
    Ok(u64::try_from(count).unwrap_or(0))
}

async fn differences(
    store: &Store,
    comparison: &Comparison,
) -> Result<Vec<Difference>, StorageError> {
    let most = Value::Int(DIFFERENCES_PER_RULE);
    let rows = store.scan(comparison.sql, &[most]).await?;
    rows.iter()
        .map(|row| {
            let owner = owner_of_row(row)?;
            Ok(Difference {
                rule: comparison.rule,
                ledger: format!("{} {} {}", owner.mode, owner.platform, owner.account),
                subject: row.text(3)?.to_owned(),
                expected: row.int(4)?,
                found: row.int(5)?,
            })
        })
        .collect()
}
