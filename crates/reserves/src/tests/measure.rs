//! How long reports and simulations take on a ledger of a thousand charges, and on those of a
//! million. They are run by hand:
//! `cargo test -p coffer-reserves --release -- --ignored --nocapture measured`.

use super::books::{Books, NOW, owner};
use crate::Consumption;
use crate::limits;
use crate::model::plan::Terms;
use crate::reports::proposal::Proposal;
use crate::reports::report::{AsOf, of_account};
use crate::reports::simulate::Simulation;
use coffer_base::Owner;
use coffer_base::clock::DAY_SECONDS;
use std::time::{Duration, Instant};

/// What a simulation of a million charges may take.
const MOST: Duration = Duration::from_secs(60);

/// Reports of which one's time is the mean.
const REPORTS: u32 = 100;

/// The charges of three accounts: those of a thousand have 81 days of a charge every two hours,
/// those of a million the same days of one every 7 seconds, told by facts or by transactions.
macro_rules! told {
    () => {
        "(SELECT f.account, f.by_transaction, n.i * 65536 AS seq, 'ch_' || n.i AS id, \
         1000 + n.i % 9000 AS amount, 1772359200 - (f.charges - n.i) * f.seconds AS created \
         FROM (SELECT 'acct_few' AS account, 1000 AS charges, 7000 AS seconds, \
         0 AS by_transaction UNION ALL SELECT 'acct_one', 1000000, 7, 0 \
         UNION ALL SELECT 'acct_two', 1000000, 7, 1) AS f \
         JOIN (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
         WHERE i < 1000000) SELECT i FROM n) AS n ON n.i <= f.charges) AS told"
    };
}

/// The history that their transactions would have left: each charge is one entry of one posting, in
/// a second of its own; each hundredth is refunded, and each thousandth disputed.
const FILLED: [&str; 10] = [
    "INSERT INTO ledger (mode, platform, account, last_tx, last_at) \
     SELECT 0, 'acct_platform', f.account, 3000000, 1772359200 \
     FROM (SELECT 'acct_few' AS account UNION ALL SELECT 'acct_one' UNION ALL SELECT 'acct_two') \
     AS f",
    "INSERT INTO ledger_balance (mode, platform, account, currency, source_type, \
     payments_pending, payments_available, reserved_pending, reserved_available, clearing, fees, \
     payouts_in_transit) SELECT mode, platform, account, 'usd', 0, 0, 0, 0, 0, 0, 0, 0 \
     FROM ledger",
    concat!(
        "INSERT INTO ledger_charge (mode, platform, account, seq, id, amount, currency, fee, \
         application_fee, source_type, created, available_on, refunded, disputed, pending, \
         settled, by_transaction) SELECT 0, 'acct_platform', account, seq + 1, id, amount, 'usd', \
         30, 0, 0, created, created, 0, 0, 0, 1, by_transaction FROM ",
        told!()
    ),
    concat!(
        "INSERT INTO ledger_transaction (mode, platform, account, seq, id, type, kind, amount, \
         fee, application_fee, currency, source_type, pool_told, created, available_on, \
         balance_type, source, record, drawn, posted, settled, parked, recorded, announced) \
         SELECT 0, 'acct_platform', account, seq, 'txn_' || id, 'charge', 0, amount, 30, 0, 'usd', \
         0, 0, created, created, 'payments', id, id, 0, 1, 1, 0, created, 0 FROM ",
        told!(),
        " WHERE by_transaction = 1"
    ),
    concat!(
        "INSERT INTO ledger_refund (mode, platform, account, seq, id, charge, amount, currency, \
         source_type, created, consumed, from_pending, failed_amount, parked) \
         SELECT 0, 'acct_platform', account, seq + 100 * 65536 + 9, 're_' || seq, id, 500, 'usd', \
         0, created + 700, 0, 0, 0, 0 FROM ",
        told!(),
        " WHERE seq / 65536 % 100 = 0"
    ),
    concat!(
        "INSERT INTO ledger_dispute (mode, platform, account, seq, id, charge, amount, currency, \
         source_type, fee, created, status, consumed, from_pending, fee_returned, withdrawn, \
         reinstated, moved, parked) \
         SELECT 0, 'acct_platform', account, seq + 1000 * 65536 + 10, 'du_' || seq, id, amount, \
         'usd', 0, 0, created + 7000, 0, 0, 0, 0, amount, 0, 0, 0 FROM ",
        told!(),
        " WHERE seq / 65536 % 1000 = 0"
    ),
    concat!(
        "INSERT INTO ledger_entry (mode, platform, account, seq, kind, source, created) \
         SELECT 0, 'acct_platform', account, seq + 2, 'charge', id, created FROM ",
        told!()
    ),
    concat!(
        "INSERT INTO ledger_posting (mode, platform, account, entry, line, from_bucket, \
         to_bucket, amount, currency, source_type) SELECT 0, 'acct_platform', account, \
         seq + 2, 0, 4, 1, amount, 'usd', 0 FROM ",
        told!()
    ),
    concat!(
        "INSERT INTO ledger_balance_at (mode, platform, account, currency, source_type, at, \
         last_tx, payments_pending, payments_available, reserved_pending, reserved_available, \
         payouts_in_transit) SELECT 0, 'acct_platform', account, 'usd', 0, created, seq / 65536, \
         0, seq / 65536 * 2000, 0, 0, 0 FROM ",
        told!()
    ),
    concat!(
        "INSERT INTO ledger_figure_at (mode, platform, account, figure, currency, item, at, \
         amount) \
         SELECT 0, 'acct_platform', account, 0, 'usd', created - created % 86400, created, amount \
         FROM ",
        told!(),
        " UNION ALL SELECT 0, 'acct_platform', account, 1, 'usd', \
         created - created % 86400 + 31 * 86400, created, amount / 10 FROM ",
        told!()
    ),
];

/// What a report of a past moment takes.
async fn report(books: &Books, owner: &Owner) -> Duration {
    let began = Instant::now();
    for back in 0..REPORTS {
        let today = NOW.plus(-i64::from(back) * 13 * 3600);
        let moment = AsOf { today, window_days: 120 };
        let found = of_account(&books.store, owner, &moment).await.unwrap();
        assert_eq!(found.len(), 1);
    }
    began.elapsed() / REPORTS
}

/// What two plans on all of an account's charges take.
async fn simulation(books: &Books, owner: &Owner, draw: Consumption, charges: i64) -> Duration {
    let rolling = |percent, days_after_charge| Proposal {
        percent,
        terms: Terms::Rolling { days_after_charge, expires_on: None },
        currency: None,
        draw,
        hold_transfers: true,
    };
    let proposals = [rolling(10, 30), rolling(25, 90)];
    let began = Instant::now();
    let mut simulation = Simulation::of_at_most(limits::CHARGES_SIMULATED);
    let times = (NOW.plus(-91 * DAY_SECONDS), NOW);
    simulation.add_account(&books.store, owner, &proposals, times, 1).await.unwrap();
    let took = began.elapsed();
    assert_eq!(simulation.charges, charges);
    let (traffic, outcomes) = simulation.currencies.values().next().unwrap();
    assert_eq!(traffic.charges, charges);
    assert_eq!(traffic.debits.map(|taken| taken > 0), [true, true]);
    assert!(outcomes.iter().all(|outcome| outcome.holds == charges));
    took
}

#[tokio::test]
#[ignore = "it is run by hand, to measure"]
async fn a_million_charges_are_measured() {
    let books = Books::open().await;
    for statement in FILLED {
        books.raw(statement).await.unwrap();
    }
    let [few, one, two] = ["acct_few", "acct_one", "acct_two"].map(owner);
    // The first finds the statements unprepared, and nothing in memory.
    report(&books, &few).await;
    report(&books, &one).await;
    let (small, large) = (report(&books, &few).await, report(&books, &one).await);
    println!("a report of a past moment, 1,000 postings: {small:?}; 1,000,000: {large:?}");
    for (draw, said) in [
        (Consumption::ReserveFirst, "the reserve first"),
        (Consumption::OnlyIfNeeded, "only if needed"),
    ] {
        for (of, told) in [(&one, "facts"), (&two, "transactions")] {
            let took = simulation(&books, of, draw, 1_000_000).await;
            let most = if took < MOST { "within" } else { "NOT within" };
            println!(
                "two plans on 1,000,000 charges of {told}, drawn {said}: {took:?}, {most} {MOST:?}"
            );
        }
    }
}
