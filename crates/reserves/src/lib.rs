//! Reserves and the ledger beneath them: what is held back of a connected account's money, and
//! what may be paid out (`docs/wire/reserves.md`).
//!
//! A family: it declares operations and owns its tables. It knows the kernel and the unit of
//! work, and neither HTTP, nor a database driver, nor any other family.

mod account;
mod bounds;
mod charge;
mod dispute;
mod draw;
mod hold;
mod holding;
mod ledger;
mod money;
mod operations;
mod payout;
mod plan;
mod refund;
mod release;
mod store;
mod sweep;
mod turn;
mod verify;
mod version;
mod wire;

use charge::Charge;
use coffer_kernel::{Routes, Scheduled};
use coffer_storage::{Migration, MigrationSet};
use dispute::Dispute;
use operations::{balance, balance_transactions, breaches, fact, holds, plans, releases};
use payout::Payout;
use refund::Refund;
use std::sync::Arc;
use sweep::{AnnounceDates, ClosePlans, Closing, MakeAvailable, ReleaseDue, Task};

pub use verify::{Difference, Findings, verify};

/// This family's tables.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    component: "reserves",
    migrations: &[
        Migration {
            version: 1,
            name: "ledger",
            sql: include_str!("../migrations/0001_ledger.sql"),
        },
        Migration {
            version: 2,
            name: "reserve",
            sql: include_str!("../migrations/0002_reserve.sql"),
        },
    ],
};

/// Which money a refund or a dispute takes first (reserves §6, §11 decision 3).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum DrawRule {
    /// What is held back of its charge.
    #[default]
    First,
    /// What the account has; what is held back only as far as that does not suffice.
    OnlyIfNeeded,
}

/// What an operator can set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Which money refunds and disputes take first.
    pub draw: DrawRule,
    /// Whether a hold above what is available is refused (reserves §11, decision 4).
    pub strict: bool,
    /// The smallest hold that a plan makes, in minor units, at least 1; where a charge's share
    /// is less, nothing is held (reserves §11, decision 1).
    pub hold_floor: i64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { draw: DrawRule::First, strict: false, hold_floor: 1 }
    }
}

/// Adds the family's operations to the routes.
pub fn register(routes: &mut Routes, settings: Settings) {
    fact::register::<Charge>(routes, settings);
    fact::register::<Refund>(routes, settings);
    fact::register::<Dispute>(routes, settings);
    fact::register::<Payout>(routes, settings);
    routes
        .collection(breaches::Breaches)
        .read(balance::Retrieve)
        .collection(balance_transactions::BalanceTransactions)
        .write(holds::Create { settings })
        .write(holds::Update)
        .collection(holds::Holds)
        .write(plans::Create)
        .write(plans::Update)
        .write(plans::Disable)
        .collection(plans::Plans)
        .write(releases::Create)
        .write(releases::Update)
        .collection(releases::Releases);
}

/// What the family does at given times, in the order in which it happens at one time (reserves
/// §11, decision 27).
pub fn scheduled() -> Vec<Arc<dyn Scheduled>> {
    vec![
        Arc::new(Task(MakeAvailable)),
        Arc::new(Task(ReleaseDue)),
        Arc::new(Task(ClosePlans(Closing::Ended))),
        Arc::new(Task(ClosePlans(Closing::Disabled))),
        Arc::new(Task(AnnounceDates)),
    ]
}

#[cfg(test)]
mod tests;
