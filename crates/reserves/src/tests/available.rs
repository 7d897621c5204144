//! Money that becomes available.

use super::books::{Act, Books, THIRD};

#[tokio::test]
async fn a_charges_money_and_its_reserve_become_available_in_one_entry() {
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
    let entries = books.store.query_part(sql, &[]).await.unwrap();
    assert_eq!(entries[0].int(0).unwrap(), 1);
    assert_eq!(books.transactions("ch_1").await.len(), 1);
}
