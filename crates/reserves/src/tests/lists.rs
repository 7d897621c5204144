//! How lists find their rows.

use super::books::{Books, owner};
use crate::model::hold::Hold;
use crate::model::plan::Plan;
use crate::model::release::Release;
use crate::store::{hold as holds, release as releases};
use coffer_base::Currency;
use coffer_kernel::testing::{plan, walks};
use coffer_ledger::sql::{Record, of_owner};
use coffer_storage::values;

/// How the older half of a list finds its rows: in an index, owner by owner, the list's own among
/// the numbers of a window.
async fn assert_found<R: Record>(books: &Books, filter: R::Filter) {
    let mut values = of_owner(&owner("acct_one"), values![0_i64, 10_i64, 20_i64]);
    let (newer, older) = R::pages(&filter, &mut values);
    for sql in [newer, older] {
        let plan = plan(&books.store, sql, values.len()).await.unwrap();
        assert_eq!(walks(&plan, &[]), [""; 0], "{sql}: {plan:#?}");
        let in_window = |step: &&String| step.contains("seq>? AND seq<?") || step.contains("seq=?");
        assert!(plan.iter().any(|step| in_window(&step)), "{sql}: {plan:#?}");
    }
}

#[tokio::test]
async fn lists_find_their_rows_in_an_index() {
    let books = Books::open().await;
    let currency = Currency::parse("usd");
    let id = || Some("x_1".to_owned());
    for (charge, plan, release) in
        [(None, None, None), (id(), None, None), (None, id(), None), (None, None, id())]
    {
        let (is_releasable, of_charges) = (Some(true), Some(true));
        let currency = currency.clone();
        let filter = holds::Filter { currency, is_releasable, of_charges, charge, plan, release };
        assert_found::<Hold>(&books, filter).await;
    }
    for (hold, plan) in [(None, None), (id(), None), (None, id())] {
        let filter = releases::Filter { currency: currency.clone(), hold, plan };
        assert_found::<Release>(&books, filter).await;
    }
    assert_found::<Plan>(&books, Some(["active", "expired"])).await;
}
