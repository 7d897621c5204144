//! Money that becomes available.

use super::books::{Act, Books, NOW, THIRD, days, owner};
use crate::store::journal;
use coffer_base::clock::DAY_SECONDS;

#[tokio::test]
async fn fees_above_the_amount_are_owed_when_the_day_comes() {
    let mut books = Books::open().await;
    books.all(&[Act::Charge("ch_1", 20, Some(30))]).await;
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
        let balances = journal::balances(&books.store, &owner(account)).await.unwrap();
        assert_eq!(*balances[0].1.amounts(), [0, 291, 0, 0, -300, 9, 0]);
    }
}

#[tokio::test]
async fn a_step_that_finds_nothing_writes_nothing() {
    let mut books = Books::open().await;
    books.all(&[Act::Charge("ch_1", 100, None)]).await;
    books.become_time(days(1)).await;
    let marks = books.store.query("SELECT name FROM watermark", &[]).await.unwrap();
    assert!(marks.is_empty());
}
