//! Reserves: plans that reserve a share of each charge, holds of reserved money, and releases of
//! it (`docs/wire/reserves.md`).
//!
//! A family above the ledger: it gives the ledger its [`Rules`], and posts its own entries in the
//! ledger's transactions.

mod expand;
pub mod limits;
mod model;
mod operations;
pub mod reasons;
mod reports;
mod rules;
mod settings;
mod store;
mod tasks;
mod version;
mod wire;

pub use rules::Rules;
pub use settings::{
    Consumption, RESERVE_DRAW, RESERVE_FOLLOW_FEE, RESERVE_HOLD_FLOOR, RESERVE_RESTORE,
    RESERVE_STRICT, Restore, Settings,
};

use coffer_kernel::event::EventShape;
use coffer_kernel::{Family, Parts, Routes, ScheduledTask, Usage};
use coffer_ledger::tasks::Task;
use coffer_storage::{Migration, MigrationSet, Placement};
use operations::{holds, plans, releases, reports as asked};
use std::sync::Arc;
use tasks::{AnnounceDates, AnnounceOverdue, ClosePlans, Closing, ReleaseDue};

/// The tables of reserves.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    component: "reserves",
    migrations: &[Migration {
        version: 1,
        name: "reserve",
        sql: include_str!("../migrations/0001_reserve.sql"),
    }],
    tables: &[
        ("reserve_plan", Placement::Spread),
        ("reserve_hold", Placement::Spread),
        ("reserve_release", Placement::Spread),
        ("reserve_allocation", Placement::Spread),
        ("reserve_plan_version", Placement::Spread),
        ("reserve_overdue", Placement::Spread),
    ],
};

/// The family. Its rows are the platform's books, which outlive its tenants: it purges nothing.
pub const FAMILY: Family = Family {
    name: "reserves",
    migrations: &[MIGRATIONS],
    settings: &[
        RESERVE_DRAW,
        RESERVE_STRICT,
        RESERVE_HOLD_FLOOR,
        RESERVE_FOLLOW_FEE,
        RESERVE_RESTORE,
    ],
    quotas: &[],
    usage: Usage::NONE,
    purge: &[],
    purge_user: &[],
    seals: &[],
    checks: &[store::verify::CHECK],
    figures: &[],
    reasons: reasons::ALL,
    explainers: &[],
    parts,
};

/// Routes and scheduled tasks. The rules are not among them: the ledger's family is made with
/// [`Rules`] as its parameter.
fn parts(settings: &coffer_kernel::Settings) -> Parts {
    let settings = Settings::from(settings);
    let mut routes = Routes::default();
    routes
        .write(holds::Create { settings })
        .write(holds::Update)
        .collection(holds::Holds)
        .write(plans::Create)
        .write(plans::Update)
        .write(plans::Disable)
        .collection(plans::Plans)
        .write(releases::Create)
        .write(releases::Update)
        .collection(releases::Releases)
        .read(asked::report::Report)
        .read(asked::simulate::Simulate { floor: settings.hold_floor, draw: settings.consumption })
        .read(asked::story::OfHold)
        .read(asked::story::OfCharge)
        .read(asked::story::OfPayout);
    let shapes: Vec<Arc<dyn EventShape>> = vec![Arc::new(version::OlderEvents)];
    Parts { routes, tasks: tasks(), shapes, ..Parts::default() }
}

/// The scheduled tasks of reserves, in the order in which they run at one midnight: what is late is
/// told first, and holds come before the plans whose end releases what remains. The ledger's come
/// before them, so that money that becomes available at a midnight is released as available.
fn tasks() -> Vec<Arc<dyn ScheduledTask>> {
    vec![
        Arc::new(Task(AnnounceOverdue)),
        Arc::new(Task(ReleaseDue)),
        Arc::new(Task(ClosePlans(Closing::Ended))),
        Arc::new(Task(ClosePlans(Closing::Disabled))),
        Arc::new(Task(AnnounceDates)),
    ]
}

#[cfg(test)]
mod tests;
