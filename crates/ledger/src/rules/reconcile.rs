//! What a reconciliation compares: the books and the balance that the processor tells.

use crate::limits;
use crate::model::account::SourceType;
use crate::model::entry::Pool;
use crate::model::reconciliation::{Check, Difference, LedgerBalance, ProcessorBalance};
use crate::model::transaction::{NewTransaction as Transaction, PAYMENTS, Transaction as Recorded};
use crate::sql;
use crate::store::reconciliation::{self as store, Drift};
use crate::tx::LedgerTx;
use coffer_base::{Currency, Timestamp};
use coffer_kernel::Failure;
use std::collections::{BTreeMap, BTreeSet};

/// The processor's balance, by currency.
pub(crate) type Balances = BTreeMap<Currency, ProcessorBalance>;

/// Compares the totals, the pools and what is available, in this order by currency.
pub(crate) async fn compare(
    ledger: &mut LedgerTx<'_, '_>,
    theirs: &Balances,
    as_of: Timestamp,
) -> Result<Vec<Difference>, Failure> {
    let kept = store::kept(ledger.tx, ledger.owner, as_of).await?;
    let tolerated = store::tolerated(ledger.tx, ledger.owner, as_of).await?;
    let of_ours = kept.keys().map(|pool| pool.currency);
    let currencies: BTreeSet<Currency> = of_ours.chain(theirs.keys().copied()).collect();
    let mut differences = Vec::new();
    for currency in currencies {
        let told = theirs.get(&currency).copied().unwrap_or_default();
        let about = tolerated.get(&currency).copied().unwrap_or(0);
        differences.extend(of_currency(currency, &told, &kept, about));
    }
    Ok(differences)
}

/// In what one currency differs; `about` is by how much its availability may.
fn of_currency(
    currency: Currency,
    told: &ProcessorBalance,
    kept: &BTreeMap<Pool, LedgerBalance>,
    about: i64,
) -> Vec<Difference> {
    let pool = |source_type| kept.get(&Pool { currency, source_type }).copied().unwrap_or_default();
    let pools = SourceType::CHOICES.map(|(_, source_type)| (source_type, pool(source_type)));
    let sum = |of: fn(&LedgerBalance) -> i64| {
        pools.iter().map(|(_, kept)| of(kept)).fold(0, i64::saturating_add)
    };
    let found = |check, theirs, ours| Difference {
        check,
        currency,
        source_type: None,
        transaction: None,
        theirs: Some(theirs),
        ours: Some(ours),
    };
    let total =
        found(Check::Total, told.available.saturating_add(told.pending), sum(|kept| kept.total));
    let available = found(Check::Available, told.available, sum(|kept| kept.available));
    // What the totals differ by may be missing from what is available.
    let about = about.saturating_add(total.amount().saturating_abs());
    let by_pool = told.pools.into_iter().flat_map(|theirs| {
        pools.into_iter().zip(theirs).map(move |((source_type, kept), theirs)| Difference {
            source_type: Some(source_type),
            ..found(Check::Pool, theirs, kept.total)
        })
    });
    let differs = |each: &Difference| each.amount() != 0;
    let mut differences: Vec<_> = std::iter::once(total).chain(by_pool).filter(differs).collect();
    if available.amount().saturating_abs() > about {
        differences.push(available);
    }
    differences
}

/// Compares a page of the processor's list with what was told: what the ledger lacks, what has
/// another net, and what the page lacks although it lies between its ends.
pub(crate) async fn compare_page(
    ledger: &mut LedgerTx<'_, '_>,
    page: &[&Transaction],
) -> Result<Vec<Difference>, Failure> {
    let page: Vec<_> =
        page.iter().filter(|each| each.balance_type() == PAYMENTS).copied().collect();
    let ids = page.iter().map(|each| each.id.as_str());
    let known = sql::by_ids::<Recorded>(ledger.tx, ledger.owner, ids.clone()).await?;
    let mut differences = Vec::new();
    for each in &page {
        let theirs = each.amount.saturating_sub(each.fee.unwrap_or(0));
        let ours = known.get(&each.id).filter(|known| known.posted);
        let ours = ours.filter(|known| known.pool.currency == each.currency).map(Recorded::net);
        if ours != Some(theirs) {
            differences.push(of_transaction(each.currency, &each.id, Some(theirs), ours));
        }
    }
    let ends = (page.iter().map(|each| each.created).min(), page.iter().map(|it| it.created).max());
    if let (Some(first), Some(last)) = ends {
        let told: BTreeSet<&str> = ids.collect();
        // A page of transactions at most has been read, and as many may be lacking.
        let most = limits::LACKING_SHOWN.saturating_mul(2);
        let ours = store::between(ledger.tx, ledger.owner, (first, last), most).await?;
        let lacking = ours.into_iter().filter(|(id, _, _)| !told.contains(id.as_str()));
        differences.extend(
            lacking.map(|(id, currency, net)| of_transaction(currency, &id, None, Some(net))),
        );
    }
    Ok(differences)
}

fn of_transaction(
    currency: Currency,
    id: &str,
    theirs: Option<i64>,
    ours: Option<i64>,
) -> Difference {
    Difference {
        check: Check::Transaction,
        currency,
        source_type: None,
        transaction: Some(id.to_owned()),
        theirs,
        ours,
    }
}

/// Notes by how much totals differ, and since when. Whether any has stood for long enough now that
/// an event says so: once for each.
pub(crate) async fn note_drift(
    ledger: &mut LedgerTx<'_, '_>,
    differences: &[Difference],
) -> Result<bool, Failure> {
    let before = store::drifts(ledger.tx, ledger.owner).await?;
    let totals: BTreeMap<Currency, i64> = differences
        .iter()
        .filter(|each| each.check == Check::Total)
        .map(|each| (each.currency, each.amount()))
        .collect();
    for currency in before.keys().filter(|currency| !totals.contains_key(currency)) {
        store::set_drift(ledger.tx, ledger.owner, *currency, None);
    }
    let now = ledger.now();
    let mut announces = false;
    for (currency, difference) in totals {
        let stood = before.get(&currency).filter(|drift| drift.difference == difference);
        let mut drift =
            stood.copied().unwrap_or(Drift { difference, since: now, announced: false });
        if !drift.announced && drift.since.plus(limits::DRIFT_SECONDS) <= now {
            drift.announced = true;
            announces = true;
        }
        store::set_drift(ledger.tx, ledger.owner, currency, Some(drift));
    }
    Ok(announces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd() -> Currency {
        Currency::parse("usd").unwrap()
    }

    fn found(told: ProcessorBalance, kept: LedgerBalance, about: i64) -> Vec<(Check, i64)> {
        let pool = Pool { currency: usd(), source_type: SourceType::Card };
        let differences = of_currency(usd(), &told, &BTreeMap::from([(pool, kept)]), about);
        differences.iter().map(|each| (each.check, each.amount())).collect()
    }

    #[test]
    fn totals_are_exact_and_availability_is_not() {
        let told = ProcessorBalance { available: 100, pending: 50, pools: None };
        assert_eq!(found(told, LedgerBalance { total: 150, available: 100 }, 0), []);
        assert_eq!(
            found(told, LedgerBalance { total: 149, available: 99 }, 0),
            [(Check::Total, 1)]
        );
        assert_eq!(found(told, LedgerBalance { total: 150, available: 150 }, 50), []);
        let beyond = found(told, LedgerBalance { total: 150, available: 150 }, 49);
        assert_eq!(beyond, [(Check::Available, -50)]);
    }

    #[test]
    fn pools_are_compared_where_they_were_told() {
        let told = ProcessorBalance { available: 100, pending: 50, pools: Some([10, 140, 0]) };
        let differences = found(told, LedgerBalance { total: 150, available: 100 }, 0);
        assert_eq!(differences, [(Check::Pool, 10), (Check::Pool, -10)]);
    }
}
