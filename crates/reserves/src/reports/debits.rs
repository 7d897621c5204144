//! What refunds, disputes and adjustments took of charges, each movement of them at its time.

use crate::limits;
use coffer_base::Owner;
use coffer_ledger::history::{DebitsOf, PastDebit, debits_from};
use coffer_storage::{StorageError, Store};
use std::collections::HashMap;

/// By charge, each charge's in the order in which they were recorded.
pub(super) type Debits = HashMap<String, Vec<PastDebit>>;

/// The debits from a row number on. They are taken from what is `left` to be read, and end where
/// nothing is.
pub(super) async fn debits_since(
    store: &Store,
    owner: &Owner,
    first: i64,
    left: &mut i64,
) -> Result<Debits, StorageError> {
    let mut debits = Debits::new();
    for of in DebitsOf::ALL {
        let mut next = Some(first);
        while let Some(from) = next {
            let (page, more) = debits_from(store, owner, (of, from), limits::CHARGES_READ).await?;
            next = more;
            *left = left.saturating_sub(i64::try_from(page.len()).unwrap_or(i64::MAX));
            if *left < 0 {
                return Ok(debits);
            }
            for debit in page {
                debits.entry(debit.charge.clone()).or_default().push(debit);
            }
        }
    }
    for of_charge in debits.values_mut() {
        of_charge.sort_unstable_by_key(|debit| debit.seq);
    }
    Ok(debits)
}

/// What takes of a charge when that is told, of its debits that were told before it: of a fact what
/// of it had not come back by then, and each transaction by itself. Facts come first, and either in
/// the order in which they took place, as the ledger takes them up.
pub(super) fn waiting(debits: &[PastDebit], charge: i64) -> Vec<PastDebit> {
    let told = debits.partition_point(|debit| debit.seq < charge);
    let mut waiting: Vec<PastDebit> = Vec::new();
    for debit in debits.get(..told).unwrap_or_default() {
        match waiting.iter_mut().find(|known| known.fact == debit.fact) {
            Some(known) => known.amount = known.amount.saturating_add(debit.amount),
            None => waiting.push(debit.clone()),
        }
    }
    waiting.retain(|debit| debit.amount > 0);
    let told = |debit: &PastDebit| debit.of == DebitsOf::Transactions;
    waiting.sort_by_key(|debit| (told(debit), debit.created, debit.fact));
    waiting
}

/// What takes of a charge when it is told, of its debits: all but those that were told before it.
pub(super) fn following(debits: &[PastDebit], charge: i64) -> impl Iterator<Item = &PastDebit> {
    debits.iter().filter(move |debit| debit.seq >= charge && debit.amount > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_base::Timestamp;

    fn debit(seq: i64, fact: i64, amount: i64, created: i64) -> PastDebit {
        PastDebit {
            seq,
            fact,
            charge: "ch_1".to_owned(),
            amount,
            created: Timestamp::from_unix(created),
            is_dispute: true,
            of: DebitsOf::Disputes,
        }
    }

    #[test]
    fn what_came_back_before_the_charge_takes_nothing_of_it() {
        let told = [
            PastDebit { of: DebitsOf::Transactions, ..debit(1, 1, 700, 5) },
            debit(2, 2, 500, 30),
            debit(3, 3, 400, 20),
            debit(4, 2, -200, 30),
            debit(5, 5, 100, 10),
            debit(6, 5, -100, 10),
            debit(7, 2, 50, 30),
            debit(9, 2, 60, 30),
            debit(10, 3, -400, 20),
        ];
        let shown = |debit: &PastDebit| (debit.seq, debit.amount);
        let waiting: Vec<_> = waiting(&told, 8).iter().map(shown).collect();
        assert_eq!(waiting, [(3, 400), (2, 350), (1, 700)]);
        let following: Vec<_> = following(&told, 8).map(shown).collect();
        assert_eq!(following, [(9, 60)]);
    }
}
