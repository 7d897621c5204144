//! Lists and what narrows them.

use super::books::{Act, Books, owner};
use crate::model::adjustment::Adjustment;
use crate::model::balance_transaction::BalanceTransaction;
use crate::model::charge::Charge;
use crate::model::dispute::Dispute;
use crate::model::payout::{Breach, Payout, Status};
use crate::model::refund::Refund;
use crate::sql::{self, Record, of_owner};
use crate::store::adjustment as adjustments;
use crate::store::balance_transaction::Filter;
use crate::store::{charge as charges, journal, payout as payouts, refund as refunds};
use coffer_base::{Currency, Timestamp};
use coffer_dialect::{CreatedRange, Params};
use coffer_kernel::PagePosition;
use coffer_kernel::testing::{plan, walks};
use coffer_storage::{StorageError, Tx, Work, values};

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
    let found = crate::page::<Charge>(store, &owner, first_page(), &filter).await.unwrap();
    assert_eq!(found.iter().map(|each| each.id.as_str()).collect::<Vec<_>>(), ["ch_2", "ch_1"]);
    let filter = charges::Filter { currency: Currency::parse("eur"), created: always() };
    let found = crate::page::<Charge>(store, &owner, first_page(), &filter).await.unwrap();
    assert_eq!(found, []);
    for (charge, expected) in [
        (None, &["re_3", "re_2", "re_1"][..]),
        (Some("ch_1"), &["re_3", "re_1"]),
        (Some("ch_9"), &[]),
    ] {
        let filter = refunds::Filter { charge: charge.map(str::to_owned), created: always() };
        let found = crate::page::<Refund>(store, &owner, first_page(), &filter).await.unwrap();
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
            source: Some(source.to_owned()).filter(|_| !of_payout),
            payout: Some(source.to_owned()).filter(|_| of_payout),
            created: always(),
        };
        let owner = owner("acct_one");
        let found = crate::page::<BalanceTransaction>(&books.store, &owner, first_page(), &filter);
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

/// A statement past all rules.
struct Raw(&'static str);

impl Work for Raw {
    type Out = ();

    async fn run(&self, tx: &mut Tx<'_>) -> Result<(), StorageError> {
        tx.query_part(self.0, &[]).await.map(drop)
    }
}

/// The only second of a range that a list is narrowed by.
fn second(at: i64) -> CreatedRange {
    CreatedRange { from: Timestamp::from_unix(at), to: Timestamp::from_unix(at) }
}

/// How a list's statements find their rows: in an index, owner by owner, and in their order.
async fn assert_found<R: Record>(books: &Books, filter: R::Filter) {
    let mut values = of_owner(&owner("acct_one"), values![0_i64, 10_i64, 20_i64]);
    let (newer, older) = R::pages(&filter, &mut values);
    for sql in [newer, older] {
        let plan = plan(&books.store, sql, values.len()).await.unwrap();
        assert_eq!(walks(&plan, &[]), [""; 0], "{sql}");
        assert!(plan.iter().all(|step| step.contains("seq>? AND seq<?")), "{plan:#?}");
    }
}

#[tokio::test]
async fn lists_find_their_rows_in_an_index() {
    let books = Books::open().await;
    let (currency, created) = (Currency::parse("usd"), second(1));
    let status = Some(Status::Paid);
    let filter = charges::Filter { currency, created };
    assert_found::<Charge>(&books, filter).await;
    let filter = payouts::Filter { currency, status, created };
    assert_found::<Payout>(&books, filter).await;
    assert_found::<Breach>(&books, created).await;
    let filter = adjustments::Filter { currency, word: Some("topup".to_owned()), created };
    assert_found::<Adjustment>(&books, filter).await;
    for charge in [None, Some("ch_1".to_owned())] {
        let filter = refunds::Filter { charge, created };
        assert_found::<Refund>(&books, filter.clone()).await;
        assert_found::<Dispute>(&books, filter).await;
    }
    for source in [None, Some("ch_1".to_owned())] {
        let kind = Some("charge".to_owned());
        let filter = Filter { kind, currency, source, payout: None, created };
        assert_found::<BalanceTransaction>(&books, filter).await;
    }
}

#[tokio::test]
async fn a_narrowed_list_is_complete_however_far_apart_its_rows_are() {
    let books = Books::open().await;
    let far = ["UPDATE ledger SET last_tx = 25000", "UPDATE ledger SET last_tx = 52000"];
    books.all(&[Act::Charge("ch_1", 100, None)]).await;
    books.store.write(Raw(far[0])).await.unwrap();
    books.all(&[Act::Charge("ch_2", 200, None), Act::Charge("ch_3", 200, None)]).await;
    books.store.write(Raw(far[1])).await.unwrap();
    books.all(&[Act::Charge("ch_4", 300, None)]).await;
    let (store, owner) = (&books.store, owner("acct_one"));
    let ids = |charges: Vec<Charge>| charges.into_iter().map(|each| each.id).collect::<Vec<_>>();
    let usd = charges::Filter { currency: Currency::parse("usd"), created: always() };
    let all = ids(crate::page(store, &owner, first_page(), &usd).await.unwrap());
    assert_eq!(all, ["ch_4", "ch_3", "ch_2", "ch_1"]);
    let two = PagePosition { fetch: 2, ..first_page() };
    let first: Vec<Charge> = crate::page(store, &owner, two, &usd).await.unwrap();
    let next = PagePosition { seq: first[1].seq, ..two };
    assert_eq!(ids(first), ["ch_4", "ch_3"]);
    assert_eq!(ids(crate::page(store, &owner, next, &usd).await.unwrap()), ["ch_2", "ch_1"]);
    let oldest = PagePosition { seq: i64::MIN, newer: true, fetch: 3 };
    let newer = ids(crate::page(store, &owner, oldest, &usd).await.unwrap());
    assert_eq!(newer, ["ch_1", "ch_2", "ch_3"]);
    let eur = charges::Filter { currency: Currency::parse("eur"), created: always() };
    assert_eq!(ids(crate::page(store, &owner, first_page(), &eur).await.unwrap()), [""; 0]);
}
