//! The ledger: double-entry books of a connected account's money. It takes in what the platform's
//! processor did (charges, refunds, disputes, payouts), keeps balances and balance transactions,
//! and verifies them (`docs/wire/reserves.md`).
//!
//! A family: it declares operations and owns its tables. It knows nothing of what reserves money:
//! whoever does gives it [`ReserveRules`].

pub mod limits;
pub mod model;
mod money;
mod operations;
pub mod params;
pub mod rules;
pub mod sql;
mod store;
pub mod tasks;
mod tx;
pub mod verify;

pub use model::account::{Bucket, SourceType};
pub use model::charge::Charge;
pub use model::entry::{Balance, Entry, Pool, Posting};
pub use money::sum;
pub use rules::{NoReserves, Reserve, ReserveRules, Withdrawal};
pub use store::charge::charges_of_page;
pub use tx::LedgerTx;

use coffer_kernel::{Routes, Scheduled};
use coffer_storage::{Migration, MigrationSet};
use model::dispute::Dispute;
use model::payout::Payout;
use model::refund::Refund;
use operations::{balance, balance_transactions, breaches, intake};
use std::sync::Arc;
use tasks::Task;
use tasks::available::MakeAvailable;

/// The ledger's tables.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    room: "ledger",
    migrations: &[Migration {
        version: 1,
        name: "ledger",
        sql: include_str!("../migrations/0001_ledger.sql"),
    }],
};

/// Adds the ledger's operations to the routes.
pub fn register(routes: &mut Routes, rules: &impl ReserveRules) {
    intake::register::<Charge>(routes, rules);
    intake::register::<Refund>(routes, rules);
    intake::register::<Dispute>(routes, rules);
    intake::register::<Payout>(routes, rules);
    routes
        .collection(breaches::Breaches)
        .read(balance::Retrieve)
        .collection(balance_transactions::BalanceTransactions);
}

/// The ledger's scheduled tasks.
pub fn scheduled(rules: &impl ReserveRules) -> Vec<Arc<dyn Scheduled>> {
    vec![Arc::new(Task(MakeAvailable(rules.clone())))]
}

#[cfg(test)]
mod tests;
