//! Money that becomes available.

use super::books::{Act, Books, NOW, THIRD, days, owner};
use crate::store::ledger;
use coffer_base::clock::DAY_SECONDS;

#[tokio::test]
async fn a_charges_money_and_what_is_held_of_it_become_available_in_one_entry() {
    let mut books = Books::open().await;
    books.all(&[Act::Plan(15), Act::Charge("ch_1", 10_000, Some(320))]).await;
    books.become_time(THIRD.plus(-1)).await;
    assert_eq!(books.standing().await, [8228, 0, 1452, 0, -10_000, 320, 0]);
    books.become_time(THIRD).await;
    assert_eq!(books.standing().await, [0, 8228, 0, 1452, -10_000, 320, 0]);
    assert_eq!(books.postings("ch_1").await[2..], ["P.p→P.a 8228", "R.p→R.a 1452"]);
    let charge = books.charge("ch_1").await;
    assert_eq!((charge.settled, charge.pending), (true, 0));
    let sql = "SELECT COUNT(*) FROM ledger_entry WHERE kind = 'availability'";
    let entries = books.store.query(sql, &[]).await.unwrap();
    assert_eq!(entries[0].int(0).unwrap(), 1);
    assert_eq!(books.transactions("ch_1").await.len(), 1);
}

#[tokio::test]
async fn fees_above_the_amount_are_owed_when_the_day_comes() {
    let mut books = Books::open().await;
    books.all(&[Act::Plan(15), Act::Charge("ch_1", 20, Some(30))]).await;
    assert_eq!(books.standing().await, [-10, 0, 0, 0, -20, 30, 0]);
    books.become_time(THIRD).await;
    assert_eq!(books.postings("ch_1").await[2..], ["P.a→P.p 10"]);
    assert_eq!(books.standing().await, [0, -10, 0, 0, -20, 30, 0]);
}

#[tokio::test]
async fn a_clock_that_goes_back_makes_nothing_available_twice() {
    let mut books = Books::open().await;
    books.all(&[Act::Charge("ch_1", 100, None)]).await;
    for now in [THIRD, THIRD.plus(-DAY_SECONDS), NOW, THIRD] {
        books.become_time(now).await;
        assert_eq!(books.standing().await, [0, 100, 0, 0, -100, 0, 0]);
    }
}

#[tokio::test]
async fn accounts_whose_days_alternate_are_all_served() {
    let mut books = Books::open().await;
    for (day, id) in (0..).zip(["ch_1", "ch_2", "ch_3"]) {
        books.now = days(day);
        for account in ["acct_one", "acct_two"] {
            books.try_to(account, Act::Charge(id, 100, Some(3))).await.unwrap();
        }
    }
    books.become_time(days(10)).await;
    for account in ["acct_one", "acct_two"] {
        let balances = ledger::balances(&books.store, &owner(account)).await.unwrap();
        assert_eq!(*balances[0].1.amounts(), [0, 291, 0, 0, -300, 9, 0]);
    }
}

#[tokio::test]
async fn a_step_that_finds_nothing_writes_nothing() {
    let mut books = Books::open().await;
    books.all(&[Act::Charge("ch_1", 100, None)]).await;
    books.become_time(days(1)).await;
    let watermarks = books.store.query("SELECT name FROM watermark", &[]).await.unwrap();
    assert!(watermarks.is_empty());
}
