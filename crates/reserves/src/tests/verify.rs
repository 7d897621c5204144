//! The check of the books finds what is wrong with them.

use super::books::{Act, Books, THIRD, verified};

async fn books() -> Books {
    let mut books = Books::open().await;
    books.all(&[Act::Plan(15), Act::Charge("ch_1", 10_000, Some(320))]).await;
    books.all(&[Act::Charge("ch_2", 500, None), Act::Refund("re_1", "ch_1", 100)]).await;
    books.become_time(THIRD).await;
    books.all(&[Act::Payout("po_1", 50, false)]).await;
    books
}

#[tokio::test]
async fn right_books_have_no_difference_and_are_counted() {
    let books = books().await;
    let findings = verified(&books.store).await.unwrap();
    assert_eq!(findings.differences, []);
    assert_eq!(findings.rules.len(), 14);
    let counts = [
        ("ledgers", 1),
        // Two charges and their holds, a release and its refund, two availabilities, a payout.
        ("entries", 9),
        ("postings", 12),
        ("charges", 2),
        ("holds", 2),
        ("releases", 1),
    ];
    assert_eq!(findings.counts, counts);
}

#[tokio::test]
async fn every_rule_finds_what_breaks_it() {
    for (breaking, rule) in [
        (
            "UPDATE ledger_balance SET payments_available = payments_available + 1",
            "a balance is the sum of its postings",
        ),
        (
            "UPDATE reserve_hold SET amount = amount + 1 WHERE charge = 'ch_2'",
            "what is reserved is what the holds have left",
        ),
        (
            "UPDATE ledger_charge SET pending = 7 WHERE id = 'ch_2'",
            "what is pending is what charges, adjustments and transactions wait for",
        ),
        (
            "UPDATE ledger_charge SET pending = 7 WHERE id = 'ch_2'",
            "a charge whose money is available waits for none",
        ),
        ("UPDATE ledger_payout SET status = 1", "what is in transit is what payouts carry"),
        (
            "UPDATE reserve_hold SET released = released + 1 WHERE charge = 'ch_2'",
            "what a hold has released is what releases took of it",
        ),
        (
            "INSERT INTO reserve_allocation (mode, platform, account, hold, release, amount) \
             SELECT mode, platform, account, seq, (SELECT seq FROM reserve_release), 1 \
             FROM reserve_hold WHERE charge = 'ch_2'",
            "a release is the sum of its parts",
        ),
        (
            "UPDATE ledger_balance_at SET payments_pending = payments_pending + 1 \
             WHERE at = (SELECT MAX(at) FROM ledger_balance_at)",
            "the newest of a balance's history is the balance",
        ),
        (
            "UPDATE ledger_charge SET disputed = 1 WHERE id = 'ch_2'",
            "what can still be disputed is what charges leave of it",
        ),
        (
            "UPDATE ledger_figure_at SET amount = amount + 1 WHERE figure = 1",
            "what is due at a date is what the holds until then have left",
        ),
        (
            "UPDATE ledger_charge SET refunded = 99 WHERE id = 'ch_1'",
            "what is refunded of a charge is what its refunds took",
        ),
        (
            "INSERT INTO balance_transaction SELECT mode, platform, account, seq + 1000000, \
             'txn_more', entry, kind, source, currency, reserved, pending, 1, 0, 0, created, \
             available_on, told, category, exchange_rate, payout FROM balance_transaction \
             WHERE kind = 'payout'",
            "balance transactions say what was posted",
        ),
    ] {
        let books = books().await;
        books.raw(breaking).await.unwrap();
        let found = verified(&books.store).await.unwrap().differences;
        assert!(found.iter().any(|difference| difference.rule == rule), "{rule}: {found:?}");
    }
}

#[tokio::test]
async fn a_difference_says_whose_it_is_and_both_figures() {
    let books = books().await;
    books.raw("UPDATE ledger_charge SET refunded = 99 WHERE id = 'ch_1'").await.unwrap();
    let findings = verified(&books.store).await.unwrap();
    // What is refunded counts in what can still be disputed, too.
    assert_eq!(findings.differences.len(), 2, "{:?}", findings.differences);
    let mut differences = findings.differences.iter();
    let difference = differences.find(|each| each.rule.starts_with("what is refunded")).unwrap();
    assert_eq!(
        difference.to_string(),
        "test acct_platform acct_one, ch_1: 99 is kept, 100 was expected (what is refunded of a \
         charge is what its refunds took)"
    );
}

#[tokio::test]
async fn what_was_booked_is_neither_changed_nor_deleted() {
    let books = books().await;
    for statement in [
        "UPDATE ledger_entry SET kind = 'x'",
        "DELETE FROM ledger_entry",
        "UPDATE ledger_posting SET amount = 1",
        "DELETE FROM ledger_posting",
        "UPDATE balance_transaction SET amount = 1",
        "DELETE FROM balance_transaction",
        "UPDATE ledger_balance SET reserved_available = -1",
        "UPDATE ledger_balance SET payouts_in_transit = -1",
    ] {
        assert!(books.raw(statement).await.is_err(), "{statement}");
    }
    books.check().await;
}
