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
use coffer_base::limit;
use coffer_kernel::{Family, Parts, Routes, ScheduledTask, Setting, SettingKind};
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
    room: "reserves",
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

impl From<&coffer_kernel::Settings> for Settings {
    fn from(chosen: &coffer_kernel::Settings) -> Self {
        let draw = match chosen.choice(&RESERVE_DRAW) {
            "only_if_needed" => DrawRule::OnlyIfNeeded,
            _ => DrawRule::First,
        };
        let hold_floor = chosen.number(&RESERVE_HOLD_FLOOR);
        Self { draw, strict: chosen.is_on(&RESERVE_STRICT), hold_floor }
    }
}

/// Which money refunds and disputes take first.
pub const RESERVE_DRAW: Setting = Setting {
    name: "reserve_draw",
    default: "first",
    kind: SettingKind::Choice(&["first", "only_if_needed"]),
    about: "what is held of a charge pays for its refunds and disputes: first, or only_if_needed, \
            when the account has not enough",
};

/// Whether holds above what is available are refused.
pub const RESERVE_STRICT: Setting = Setting {
    name: "reserve_strict",
    default: "false",
    kind: SettingKind::Switch,
    about: "refuse holds above what the account has available, instead of leaving it below zero",
};

/// The smallest hold that a plan makes.
pub const RESERVE_HOLD_FLOOR: Setting = Setting {
    name: "reserve_hold_floor",
    default: "1",
    kind: SettingKind::Number { from: 1, to: limit::RESERVE_HOLD_FLOOR_CEILING },
    about: "smallest hold that a plan makes of a charge, in the currency's minor unit",
};

/// The family. Its rows are the platform's books, which outlive its tenants: it purges nothing.
pub const FAMILY: Family = Family {
    name: "reserves",
    migrations: &[MIGRATIONS],
    settings: &[RESERVE_DRAW, RESERVE_STRICT, RESERVE_HOLD_FLOOR],
    quotas: &[],
    purge: &[],
    seals: &[],
    parts,
};

fn parts(settings: &coffer_kernel::Settings) -> Parts {
    let mut routes = Routes::default();
    register(&mut routes, Settings::from(settings));
    Parts { routes, tasks: scheduled(), ..Parts::default() }
}

/// Adds the family's operations to the routes.
fn register(routes: &mut Routes, settings: Settings) {
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
pub fn scheduled() -> Vec<Arc<dyn ScheduledTask>> {
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
