//! Lists and what narrows them.

use super::books::{Act, Books, owner};
use crate::model::balance_transaction::BalanceTransaction;
use crate::model::charge::Charge;
use crate::model::refund::Refund;
use crate::sql;
use crate::store::balance_transaction::Filter;
use crate::store::{charge as charges, journal, refund as refunds};
use coffer_base::Currency;
use coffer_dialect::{CreatedRange, Params};
use coffer_kernel::PagePosition;

/// All times.
pub(crate) fn always() -> CreatedRange {
    Params::empty().only(&CreatedRange::PARAMS).unwrap().created_range().unwrap()
}

/// The newest of all.
pub(crate) const fn first_page() -> PagePosition {
    PagePosition { seq: i64::MAX, newer: false, fetch: 100 }
}

#[tokio::test]
async fn lists_begin_with_the_newest_and_are_narrowed() {
    let books = Books::open().await;
    let (charge, refund) = (Act::Charge("ch_1", 100, None), Act::Refund("re_1", "ch_1", 10));
    books.all(&[charge, Act::Charge("ch_2", 200, None), refund]).await;
    books.all(&[Act::Refund("re_2", "ch_2", 20), Act::Refund("re_3", "ch_1", 30)]).await;
    let (store, owner) = (&books.store, owner("acct_one"));
    let filter = charges::Filter { currency: Currency::parse("usd"), created: always() };
    let found = sql::page::<Charge>(store, &owner, first_page(), &filter).await.unwrap();
    assert_eq!(found.iter().map(|each| each.id.as_str()).collect::<Vec<_>>(), ["ch_2", "ch_1"]);
    let filter = charges::Filter { currency: Currency::parse("eur"), created: always() };
    let found = sql::page::<Charge>(store, &owner, first_page(), &filter).await.unwrap();
    assert_eq!(found, []);
    for (charge, expected) in [
        (None, &["re_3", "re_2", "re_1"][..]),
        (Some("ch_1"), &["re_3", "re_1"]),
        (Some("ch_9"), &[]),
    ] {
        let filter = refunds::Filter { charge: charge.map(str::to_owned), created: always() };
        let found = sql::page::<Refund>(store, &owner, first_page(), &filter).await.unwrap();
        let ids: Vec<&str> = found.iter().map(|each| each.id.as_str()).collect();
        assert_eq!(ids, expected, "{charge:?}");
    }
}

#[tokio::test]
async fn balance_transactions_of_a_payout_are_of_no_other_object() {
    let books = Books::open().await;
    books.all(&[Act::Charge("ch_1", 100, None), Act::Payout("po_1", 50, true)]).await;
    for (source, of_payout, kind, expected) in [
        ("po_1", true, None, 1),
        ("po_1", false, None, 1),
        ("ch_1", false, None, 1),
        ("ch_1", true, None, 0),
        ("ch_1", false, Some("payout"), 0),
    ] {
        let filter = Filter {
            kind: kind.map(str::to_owned),
            currency: None,
            source: Some(source.to_owned()),
            of_payout,
            created: always(),
        };
        let owner = owner("acct_one");
        let found = sql::page::<BalanceTransaction>(&books.store, &owner, first_page(), &filter);
        assert_eq!(found.await.unwrap().len(), expected, "{source} {of_payout} {kind:?}");
    }
}

#[tokio::test]
async fn another_account_sees_none_of_it() {
    let books = Books::open().await;
    books.all(&[Act::Charge("ch_1", 100, None)]).await;
    let other = owner("acct_two");
    assert_eq!(sql::read::<Charge>(&books.store, &other, "ch_1").await.unwrap(), None);
    assert_eq!(journal::balances(&books.store, &other).await.unwrap(), []);
    books.try_to("acct_two", Act::Charge("ch_1", 300, None)).await.unwrap();
    assert_eq!(books.charge("ch_1").await.amount, 100);
}
