//! The check of the books: whether all figures that follow from others do (reserves §7, §10). It
//! only reads, and may run beside a server.

use crate::store::verify as store;
use coffer_storage::{StorageError, Store};
use std::fmt;

/// What a check looked at, and what it found.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Findings {
    /// Ledgers: one for each account of a platform, in each mode.
    pub ledgers: u64,
    /// Entries in them.
    pub entries: u64,
    /// Postings of these.
    pub postings: u64,
    /// Charges.
    pub charges: u64,
    /// Holds.
    pub holds: u64,
    /// Releases.
    pub releases: u64,
    /// What must hold and was looked at, in words.
    pub rules: Vec<&'static str>,
    /// Where it does not; of each rule at most
    /// [`limit::VERIFY_FINDINGS`](coffer_base::limit::VERIFY_FINDINGS).
    pub differences: Vec<Difference>,
}

/// Two figures that must be equal, and are not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// What must be equal, in words.
    pub rule: &'static str,
    /// Mode, platform and account.
    pub ledger: String,
    /// Which pool, bucket or object.
    pub subject: String,
    /// The figure that follows from others.
    pub expected: i64,
    /// The figure that is kept.
    pub found: i64,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, ledger, subject, expected, found } = self;
        write!(f, "{ledger}, {subject}: {found} is kept, {expected} was expected ({rule})")
    }
}

/// Checks the books of all ledgers in `store`.
///
/// # Errors
/// [`StorageError`] of the engine.
pub async fn verify(store: &Store) -> Result<Findings, StorageError> {
    let [ledgers, entries, postings, charges, holds, releases] = store::counts(store).await?;
    let mut findings =
        Findings { ledgers, entries, postings, charges, holds, releases, ..Findings::default() };
    for comparison in store::COMPARISONS {
        findings.rules.push(comparison.what);
        for unequal in store::compare(store, comparison).await? {
            let owner = &unequal.owner;
            findings.differences.push(Difference {
                rule: comparison.what,
                ledger: format!("{} {} {}", owner.mode, owner.platform, owner.account),
                subject: unequal.subject,
                expected: unequal.expected,
                found: unequal.found,
            });
        }
    }
    Ok(findings)
}
