//! What an account had over time: the money beside which a plan's holds are put.

use crate::limits;
use coffer_base::{Currency, Owner, Timestamp};
use coffer_ledger::Pool;
use coffer_ledger::history::{pool_rows, pools_at};
use coffer_storage::{StorageError, Store};
use std::collections::BTreeMap;

/// The money of one account in one currency over time.
#[derive(Default)]
pub(super) struct Money {
    /// Each second in which it changed: the time, the last transaction of it, all that the account
    /// had, and what of that was not reserved.
    pub(super) rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) at: i64,
    pub(super) last_tx: i64,
    pub(super) own: i64,
    pub(super) payments: i64,
}

impl Money {
    /// When a transaction of the ledger took place: the second of the first row that contains it.
    pub(super) fn time_of(&self, transaction: i64) -> Option<i64> {
        let at = self.rows.partition_point(|row| row.last_tx < transaction);
        self.rows.get(at).map(|row| row.at)
    }
}

/// The money of an account from a time on, by currency: that of its pools together.
pub(super) async fn money_since(
    store: &Store,
    owner: &Owner,
    before: Timestamp,
) -> Result<BTreeMap<Currency, Money>, StorageError> {
    let start = pools_at(store, owner, before).await?;
    let latest = pools_at(store, owner, Timestamp::from_unix(i64::MAX)).await?;
    let mut pools: BTreeMap<Currency, Vec<(Pool, [i64; 2])>> = BTreeMap::new();
    for (pool, _) in &latest {
        let known = start.iter().find(|(of, _)| of == pool).map(|(_, state)| *state);
        let state = known.unwrap_or_default();
        let own = [state.own(), state.own().saturating_sub(state.reserved())];
        pools.entry(pool.currency).or_default().push((*pool, own));
    }
    let mut money = BTreeMap::new();
    for (currency, pools) in pools {
        money.insert(currency, money_of(store, owner, before, &pools).await?);
    }
    Ok(money)
}

/// The money of some pools together.
async fn money_of(
    store: &Store,
    owner: &Owner,
    before: Timestamp,
    pools: &[(Pool, [i64; 2])],
) -> Result<Money, StorageError> {
    let mut changes: Vec<(i64, i64, [i64; 2])> = Vec::new();
    for (pool, start) in pools {
        let (mut after, mut was) = (before, *start);
        loop {
            let page = pool_rows(store, owner, *pool, after, limits::CHARGES_READ).await?;
            let Some(last) = page.last() else { break };
            after = last.at;
            for row in &page {
                let own = row.state.own();
                let is = [own, own.saturating_sub(row.state.reserved())];
                let [own_was, payments_was] = was;
                let change = [
                    own.saturating_sub(own_was),
                    is.last().copied().unwrap_or_default().saturating_sub(payments_was),
                ];
                changes.push((row.at.unix(), row.last_tx, change));
                was = is;
            }
        }
    }
    if pools.len() > 1 {
        changes.sort_by_key(|(at, last_tx, _)| (*at, *last_tx));
    }
    let sum = |place: usize| {
        let starts = pools.iter().filter_map(|(_, start)| start.get(place));
        starts.fold(0i64, |sum, each| sum.saturating_add(*each))
    };
    Ok(Money { rows: rows_of(changes, sum(0), sum(1)) })
}

/// A row for each second.
fn rows_of(changes: Vec<(i64, i64, [i64; 2])>, mut own: i64, mut payments: i64) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::with_capacity(changes.len());
    let mut newest = 0;
    for (at, last_tx, [more, more_payments]) in changes {
        own = own.saturating_add(more);
        payments = payments.saturating_add(more_payments);
        newest = last_tx.max(newest);
        let row = Row { at, last_tx: newest, own, payments };
        match rows.last_mut() {
            Some(last) if last.at == at => *last = row,
            _ => rows.push(row),
        }
    }
    rows
}
