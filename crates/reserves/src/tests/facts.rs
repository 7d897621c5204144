//! Facts of charges of which money is reserved.

use super::books::{Act, Books, THIRD};
use crate::Consumption;
use coffer_ledger::model::refund::Refund;

const CHARGE: Act = Act::Charge("ch_1", 10_000, Some(320));

#[tokio::test]
async fn a_charge_posts_what_came_its_fee_and_its_hold() {
    let books = Books::open().await;
    books.all(&[Act::Plan(15), CHARGE]).await;
    assert_eq!(books.postings("ch_1").await, ["X→P.p 10000", "P.p→F 320"]);
    assert_eq!(books.standing().await, [8228, 0, 1452, 0, -10_000, 320, 0]);
    assert_eq!(books.charge("ch_1").await.pending, 9680);
    assert_eq!(books.transactions("ch_1").await, [("charge".into(), false, 10_000, 320)]);
}

#[tokio::test]
async fn a_late_fee_is_a_correction_where_the_charge_stands() {
    let mut books = Books::open().await;
    books.all(&[Act::Plan(15), Act::Charge("ch_1", 10_000, None)]).await;
    assert_eq!(books.standing().await, [8500, 0, 1500, 0, -10_000, 0, 0]);
    books.all(&[Act::Fee("ch_1", 320)]).await;
    assert_eq!(books.standing().await, [8180, 0, 1500, 0, -10_000, 320, 0]);
    assert_eq!(books.charge("ch_1").await.pending, 9680);
    books.all(&[Act::Fee("ch_1", 300)]).await;
    assert_eq!(books.standing().await, [8200, 0, 1500, 0, -10_000, 300, 0]);
    books.become_time(THIRD).await;
    books.all(&[Act::Fee("ch_1", 310), Act::Fee("ch_1", 310)]).await;
    assert_eq!(books.standing().await, [0, 8190, 0, 1500, -10_000, 310, 0]);
    let said = ["X→P.p 10000", "P.p→F 320", "F→P.p 20", "P.p→P.a 8200", "R.p→R.a 1500"];
    assert_eq!(books.postings("ch_1").await, [&said[..], &["P.a→F 10"]].concat());
    let fee = |fee| ("stripe_fee".to_owned(), false, 0, fee);
    assert_eq!(books.transactions("ch_1").await[1..], [fee(320), fee(-20), fee(10)]);
}

#[tokio::test]
async fn a_late_fee_never_takes_what_is_reserved() {
    let books = Books::open().await;
    books.all(&[Act::Plan(100), Act::Charge("ch_1", 1000, None), Act::Fee("ch_1", 50)]).await;
    assert_eq!(books.standing().await, [0, -50, 1000, 0, -1000, 50, 0]);
    assert_eq!(books.postings("ch_1").await, ["X→P.p 1000", "P.a→F 50"]);
}

#[tokio::test]
async fn a_refund_of_a_pending_charge_comes_from_what_is_pending() {
    let books = Books::open().await;
    books.all(&[Act::Plan(15), CHARGE, Act::Refund("re_1", "ch_1", 3000)]).await;
    assert_eq!(books.postings("re_1").await, ["P.p→X 3000"]);
    assert_eq!(books.standing().await, [6680, 0, 0, 0, -7000, 320, 0]);
    let charge = books.charge("ch_1").await;
    assert_eq!((charge.pending, charge.refunded), (6680, 3000));
    let refund: Refund = books.read("re_1").await;
    assert_eq!((refund.consumed, refund.from_pending), (1452, 3000));
}

#[tokio::test]
async fn a_failed_refund_credits_what_is_available_once_the_charge_is_and_restores_no_hold() {
    let mut books = Books::open().await;
    books.all(&[Act::Plan(15), CHARGE, Act::Refund("re_1", "ch_1", 3000)]).await;
    books.become_time(THIRD).await;
    books.all(&[Act::Fail("re_1")]).await;
    assert_eq!(books.postings("re_1").await, ["P.p→X 3000", "X→P.a 3000"]);
    assert_eq!(books.standing().await, [0, 9680, 0, 0, -10_000, 320, 0]);
    assert_eq!(books.charge("ch_1").await.refunded, 0);
    let failure = ("refund_failure".to_owned(), false, 3000, 0);
    assert_eq!(books.transactions("re_1").await[1], failure);
}

#[tokio::test]
async fn a_dispute_consumes_the_hold_but_not_for_its_fee() {
    let mut books = Books::open().await;
    books.all(&[Act::Plan(15), CHARGE]).await;
    books.become_time(THIRD).await;
    books.all(&[Act::Dispute("dp_1", "ch_1", 10_000, 1500)]).await;
    assert_eq!(books.postings("dp_1").await, ["P.a→X 10000", "P.a→F 1500"]);
    assert_eq!(books.standing().await, [0, -1820, 0, 0, 0, 1820, 0]);
    assert!(books.charge("ch_1").await.disputed);
    books.all(&[Act::Win("dp_1", true)]).await;
    assert_eq!(books.postings("dp_1").await[2..], ["X→P.a 10000", "F→P.a 1500"]);
    assert_eq!(books.standing().await, [0, 9680, 0, 0, -10_000, 320, 0]);
    let adjustment = |amount, fee| ("adjustment".to_owned(), false, amount, fee);
    let expected = [adjustment(-10_000, 1500), adjustment(10_000, -1500)];
    assert_eq!(books.transactions("dp_1").await, expected);
}

#[tokio::test]
async fn the_reserve_is_consumed_only_as_far_as_needed_if_the_operator_says_so() {
    let mut books = Books::open().await;
    books.settings.consumption = Consumption::OnlyIfNeeded;
    books.all(&[Act::Plan(15), CHARGE, Act::Refund("re_1", "ch_1", 8000)]).await;
    assert_eq!(books.standing().await, [228, 0, 1452, 0, -2000, 320, 0]);
    books.all(&[Act::Refund("re_2", "ch_1", 1000)]).await;
    assert_eq!(books.standing().await, [0, 0, 680, 0, -1000, 320, 0]);
}

#[tokio::test]
async fn a_payout_is_refused_beyond_what_is_available() {
    let mut books = Books::open().await;
    books.all(&[Act::Plan(15), CHARGE]).await;
    books.become_time(THIRD).await;
    let refused = books.try_to("acct_one", Act::Payout("po_1", 8229, false)).await.unwrap_err();
    assert_eq!(refused.code(), Some("balance_insufficient"));
    assert_eq!((refused.status(), refused.param()), (400, Some("amount")));
    books.all(&[Act::Payout("po_1", 8228, false)]).await;
    assert_eq!(books.standing().await, [0, 0, 0, 1452, -10_000, 320, 8228]);
    assert_eq!(books.transactions("po_1").await, [("payout".into(), false, -8228, 0)]);
}
