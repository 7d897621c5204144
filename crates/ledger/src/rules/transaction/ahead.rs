//! What is looked up for a page at once, so that a transaction of it asks for nothing that is known
//! not to be there: most of a history is new.

use crate::model::kind::Kind;
use crate::model::transaction::NewTransaction;
use crate::store::ahead as store;
use crate::tx::{Absent, LedgerTx};
use coffer_kernel::Failure;
use std::collections::BTreeSet;

/// With fewer transactions it is cheaper to ask for each.
const FEW: usize = 4;

/// Looks up what a page names.
pub(crate) async fn look_ahead<'a>(
    ledger: &mut LedgerTx<'_, '_>,
    page: impl Iterator<Item = &'a NewTransaction>,
) -> Result<(), Failure> {
    let (mut transactions, mut charges) = (BTreeSet::new(), BTreeSet::new());
    for told in page {
        transactions.insert(told.id.as_str());
        if told.kind() == Kind::Charge {
            charges.insert(told.record());
        }
    }
    if transactions.len() < FEW {
        return Ok(());
    }
    let present = store::look(ledger.tx, ledger.owner, &transactions, &charges).await?;
    let others = |named: BTreeSet<&str>, present: &BTreeSet<String>| {
        named.into_iter().filter(|id| !present.contains(*id)).map(str::to_owned).collect()
    };
    ledger.look_ahead(Absent {
        transactions: others(transactions, &present.transactions),
        awaited: others(charges.clone(), &present.awaited),
        charges: others(charges, &present.charges),
    });
    Ok(())
}
