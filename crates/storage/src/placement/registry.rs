//! What is known of this program's tables and statements, for the check in debug builds.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use super::statement::Analysis;
use super::{Placed, Placement};

/// The tables that are spread, of all stores that this process has opened.
static SPREAD: OnceLock<RwLock<HashSet<&'static str>>> = OnceLock::new();

/// What was found out of statements: as many as the program has.
static KNOWN: OnceLock<RwLock<HashMap<&'static str, Arc<Analysis>>>> = OnceLock::new();

/// Makes the tables of a store known.
pub(crate) fn know(tables: impl IntoIterator<Item = Placed>) {
    if cfg!(debug_assertions) {
        let spread = tables.into_iter().filter(|(_, placement)| *placement == Placement::Spread);
        let known = SPREAD.get_or_init(RwLock::default);
        let mut known = known.write().unwrap_or_else(PoisonError::into_inner);
        known.extend(spread.map(|(name, _)| name));
    }
}

/// The places of the parameters that are accounts of tables that are spread.
///
/// # Errors
/// Says which table the statement does not name the account of.
pub(super) fn accounts(sql: &'static str) -> Result<Vec<usize>, String> {
    let spread = SPREAD.get_or_init(RwLock::default).read().unwrap_or_else(PoisonError::into_inner);
    if spread.is_empty() {
        return Ok(Vec::new());
    }
    analysis(sql).accounts(|table| spread.contains(table))
}

fn analysis(sql: &'static str) -> Arc<Analysis> {
    let known = KNOWN.get_or_init(RwLock::default);
    if let Some(found) = known.read().unwrap_or_else(PoisonError::into_inner).get(sql) {
        return Arc::clone(found);
    }
    let found = Arc::new(Analysis::of(sql));
    known.write().unwrap_or_else(PoisonError::into_inner).insert(sql, Arc::clone(&found));
    found
}
