//! Each fact and what it posts.

use super::books::{Act, Books, THIRD, owner};
use crate::model::dispute::{self, Dispute};
use crate::model::payout::{Breach, Payout, Status};
use crate::rules::{MoneyBack, Taker};

const CHARGE: Act = Act::Charge("ch_1", 10_000, Some(320));

#[tokio::test]
async fn a_refund_beyond_what_is_pending_takes_the_rest_of_what_is_available() {
    let books = Books::open().await;
    books.all(&[CHARGE, Act::Refund("re_1", "ch_1", 10_000)]).await;
    assert_eq!(books.postings("re_1").await, ["P.p→X 9680", "P.a→X 320"]);
    books.all(&[Act::Fail("re_1")]).await;
    assert_eq!(books.postings("re_1").await[2..], ["X→P.p 9680", "X→P.a 320"]);
    assert_eq!(books.standing().await, [9680, 0, 0, 0, -10_000, 320, 0]);
}

#[tokio::test]
async fn a_dispute_that_is_won_while_its_charge_is_pending_is_reinstated_there() {
    let books = Books::open().await;
    books.all(&[CHARGE, Act::Dispute("dp_1", "ch_1", 4000, 1500), Act::Win("dp_1", false)]).await;
    let said = ["P.p→X 4000", "P.a→F 1500", "X→P.p 4000"];
    assert_eq!(books.postings("dp_1").await, said);
    assert_eq!(books.standing().await, [9680, -1500, 0, 0, -10_000, 1820, 0]);
}

#[tokio::test]
async fn a_lost_dispute_posts_nothing() {
    let books = Books::open().await;
    books.all(&[CHARGE, Act::Dispute("dp_1", "ch_1", 4000, 0)]).await;
    let before = books.standing().await;
    books.all(&[Act::Lose("dp_1")]).await;
    assert_eq!(books.standing().await, before);
    let dispute: Dispute = books.read("dp_1").await;
    assert_eq!(dispute.status, dispute::Status::Lost);
}

#[tokio::test]
async fn a_reported_payout_is_recorded_and_a_breach_beyond_what_is_available() {
    let books = Books::open().await;
    books.all(&[CHARGE, Act::Payout("po_1", 100, true)]).await;
    assert_eq!(books.standing().await, [9680, -100, 0, 0, -10_000, 320, 100]);
    let (always, first) = (super::lists::always(), super::lists::first_page());
    let owner = owner("acct_one");
    let found: Vec<Breach> = crate::page(&books.store, &owner, first, &always).await.unwrap();
    let [breach] = &found[..] else { panic!("there is one breach: {found:?}") };
    assert!(breach.id.starts_with("lbreach_"));
    assert_eq!((breach.payout.as_str(), breach.available_after), ("po_1", -100));
}

#[tokio::test]
async fn a_payout_posts_each_of_its_statuses_once() {
    let paid = ["P.a→B 50", "B→X 50"];
    for (then, said) in [
        (&[Status::Paid][..], &paid[..]),
        (&[Status::Paid, Status::Paid], &paid),
        (&[Status::Failed], &["P.a→B 50", "B→P.a 50"]),
        (&[Status::Canceled, Status::Canceled], &["P.a→B 50", "B→P.a 50"]),
        (&[Status::Paid, Status::Failed], &["P.a→B 50", "B→X 50", "X→P.a 50"]),
    ] {
        let mut books = Books::open().await;
        books.all(&[CHARGE]).await;
        books.become_time(THIRD).await;
        books.all(&[Act::Payout("po_1", 50, false)]).await;
        for status in then {
            books.all(&[Act::Become("po_1", *status)]).await;
        }
        assert_eq!(books.postings("po_1").await, said, "{then:?}");
    }
}

#[tokio::test]
async fn a_payout_does_not_become_what_it_cannot() {
    for (first, then) in [
        (Status::Failed, Status::Paid),
        (Status::Canceled, Status::Failed),
        (Status::Paid, Status::Canceled),
    ] {
        let books = Books::open().await;
        books.all(&[CHARGE, Act::Payout("po_1", 50, true), Act::Become("po_1", first)]).await;
        let refused = books.try_to("acct_one", Act::Become("po_1", then)).await.unwrap_err();
        assert_eq!((refused.status(), refused.param()), (400, Some("status")), "{first:?}");
        let payout: Payout = books.read("po_1").await;
        assert_eq!(payout.status, first);
    }
}

#[tokio::test]
async fn a_ledger_of_which_nothing_is_reserved_has_right_books() {
    let mut books = Books::open().await;
    books.all(&[CHARGE, Act::Fee("ch_1", 330), Act::Refund("re_1", "ch_1", 3000)]).await;
    assert_eq!(books.standing().await, [6670, 0, 0, 0, -7000, 330, 0]);
    books.become_time(THIRD).await;
    books.all(&[Act::Dispute("dp_1", "ch_1", 1000, 15), Act::Payout("po_1", 5655, false)]).await;
    assert_eq!(books.standing().await, [0, 0, 0, 0, -6000, 345, 5655]);
}

#[test]
fn what_was_reserved_comes_back_first_and_once() {
    for (before, back, expected) in [
        (0, 20, Some((0, 20))),
        (20, 20, Some((20, 30))),
        (30, 20, None),
        (0, 500, Some((0, 30))),
        (-5, 10, Some((0, 5))),
        (0, 0, None),
    ] {
        let found = MoneyBack::of(Taker::Refund("re_1"), 30, before, back);
        assert_eq!(found.map(|back| (back.before, back.after)), expected, "{before} {back}");
    }
}
