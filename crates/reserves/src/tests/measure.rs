//! How long reports and simulations take on a ledger of a million charges. They are run by hand:
//! `cargo test -p coffer-reserves --release -- --ignored --nocapture measured`.

use super::books::{Books, NOW, owner};
use crate::model::plan::Terms;
use crate::reports::proposal::Proposal;
use crate::reports::report::{AsOf, of_account};
use crate::reports::simulate::Simulation;
use coffer_base::clock::DAY_SECONDS;
use std::time::Instant;

/// Charges of 90 days, one each second or so, of which each hundredth is refunded, and each
/// thousandth disputed; the history that their transactions would have left.
const FILLED: [&str; 6] = [
    "INSERT INTO ledger (mode, platform, account, last_tx, last_at) \
     VALUES (0, 'acct_platform', 'acct_one', 3000000, 1772359200)",
    "INSERT INTO ledger_balance (mode, platform, account, currency, source_type, \
     payments_pending, payments_available, reserved_pending, reserved_available, clearing, fees, \
     payouts_in_transit) VALUES (0, 'acct_platform', 'acct_one', 'usd', 0, 0, 0, 0, 0, 0, 0, 0)",
    "INSERT INTO ledger_charge (mode, platform, account, seq, id, amount, currency, fee, \
     application_fee, source_type, created, available_on, refunded, disputed, pending, settled, \
     by_transaction) SELECT 0, 'acct_platform', 'acct_one', n.i * 65536, 'ch_' || n.i, \
     1000 + n.i % 9000, 'usd', 30, 0, 0, 1772359200 - (1000000 - n.i) * 7, 1772359200, 0, 0, 0, \
     1, 0 FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
     WHERE i < 1000000) SELECT i FROM n) AS n",
    "INSERT INTO ledger_refund (mode, platform, account, seq, id, charge, amount, currency, \
     source_type, created, consumed, from_pending, failed_amount, parked) \
     SELECT mode, platform, account, seq + 100 * 65536 + 1, 're_' || seq, id, 500, currency, 0, \
     created + 700, 0, 0, 0, 0 FROM ledger_charge WHERE seq / 65536 % 100 = 0",
    "INSERT INTO ledger_balance_at (mode, platform, account, currency, source_type, at, last_tx, \
     payments_pending, payments_available, reserved_pending, reserved_available, \
     payouts_in_transit) SELECT mode, platform, account, currency, 0, created, seq / 65536, 0, \
     seq / 65536 * 2000, 0, 0, 0 FROM ledger_charge",
    "INSERT INTO ledger_figure_at (mode, platform, account, figure, currency, item, at, amount) \
     SELECT mode, platform, account, 0, currency, created - created % 86400, created, amount \
     FROM ledger_charge UNION ALL SELECT mode, platform, account, 1, currency, \
     created - created % 86400 + 31 * 86400, created, amount / 10 FROM ledger_charge",
];

#[tokio::test]
#[ignore = "it is run by hand, to measure"]
async fn a_million_charges_are_measured() {
    let books = Books::open().await;
    for statement in FILLED {
        books.raw(statement).await.unwrap();
    }
    let owner = owner("acct_one");
    let began = Instant::now();
    let reports = 100_i64;
    for back in 0..reports {
        let today = NOW.plus(-back * 13 * 3600);
        let moment = AsOf { today, window_days: 120 };
        let found = of_account(&books.store, &owner, &moment).await.unwrap();
        assert_eq!(found.len(), 1);
    }
    println!("a report of a past moment: {:?}", began.elapsed() / 100);
    let rolling = |percent, days_after_charge| Proposal {
        percent,
        terms: Terms::Rolling { days_after_charge, expires_on: None },
        currency: None,
        draw: crate::Consumption::ReserveFirst,
        hold_transfers: true,
    };
    let proposals = [rolling(10, 30), rolling(25, 90)];
    let began = Instant::now();
    let mut simulation = Simulation::default();
    let times = (NOW.plus(-91 * DAY_SECONDS), NOW);
    simulation.add_account(&books.store, &owner, &proposals, times, 1).await.unwrap();
    println!("two plans on {} charges: {:?}", simulation.charges, began.elapsed());
    assert_eq!(simulation.charges, 1_000_000);
    let (traffic, outcomes) = simulation.currencies.values().next().unwrap();
    assert_eq!(traffic.charges, 1_000_000);
    assert!(outcomes.iter().all(|outcome| outcome.holds == 1_000_000));
}
