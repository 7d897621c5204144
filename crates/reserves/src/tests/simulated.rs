//! Simulations that read as much as they may, and more.

use super::books::{Act, Books, NOW, owner};
use crate::Consumption;
use crate::model::plan::Terms;
use crate::reports::proposal::Proposal;
use crate::reports::simulate::Simulation;
use coffer_base::clock::DAY_SECONDS;

/// Two further captures of the charge `ch_1`, which transactions tell.
const CAPTURES: [&str; 2] = [
    "UPDATE ledger_charge SET by_transaction = 1, pending = 0, amount = 3000 WHERE id = 'ch_1'",
    "INSERT INTO ledger_transaction (mode, platform, account, seq, id, type, kind, amount, fee, \
     application_fee, currency, source_type, pool_told, created, available_on, balance_type, \
     source, record, drawn, posted, settled, parked, recorded, announced) \
     SELECT c.mode, c.platform, c.account, c.seq + n.place, 'txn_' || n.place, 'charge', 0, 1000, \
     0, 0, c.currency, 0, 0, c.created, c.available_on, 'payments', c.id, c.id, 0, 1, 0, 0, \
     c.created, 0 FROM ledger_charge c JOIN (SELECT -1 AS place UNION ALL SELECT 1000 \
     UNION ALL SELECT 1001) AS n ON c.id = 'ch_1'",
];

#[tokio::test]
async fn captures_refunds_and_disputes_count_as_charges_do() {
    let books = Books::open().await;
    books
        .all(&[
            Act::Charge("ch_1", 1000, None),
            Act::Charge("ch_2", 1000, None),
            Act::Refund("re_1", "ch_2", 100),
            Act::Dispute("dp_1", "ch_2", 200, 0),
        ])
        .await;
    for statement in CAPTURES {
        books.raw(statement).await.unwrap();
    }
    for draw in [Consumption::ReserveFirst, Consumption::OnlyIfNeeded] {
        let terms = Terms::Rolling { days_after_charge: 30, expires_on: None };
        let plan = Proposal { percent: 10, terms, currency: None, draw, hold_transfers: true };
        // Three captures of one charge, another charge, a refund and a dispute.
        for (most, is_beyond) in [(0, true), (1, true), (2, true), (3, true), (5, true), (6, false)]
        {
            let mut simulation = Simulation::of_at_most(most);
            let times = (NOW.plus(-DAY_SECONDS), NOW);
            let owner = owner("acct_one");
            simulation.add_account(&books.store, &owner, &[plan], times, 1).await.unwrap();
            assert_eq!(simulation.is_beyond(), is_beyond, "{draw:?}, {most}");
            if !is_beyond {
                let (traffic, outcomes) = simulation.currencies.values().next().unwrap();
                assert_eq!((traffic.charges, outcomes[0].holds), (2, 4));
            }
        }
    }
}
