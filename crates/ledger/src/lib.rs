//! The ledger: double-entry books of a connected account's money. It takes in what the platform's
//! processor did (charges, refunds, disputes, payouts), keeps balances and balance transactions,
//! and verifies them (`docs/wire/reserves.md`).
//!
//! A family: it declares operations and owns its tables. It knows nothing of what reserves money:
//! whoever does gives it [`ReserveRules`].

pub mod expand;
pub mod history;
pub mod limits;
pub mod model;
mod money;
mod operations;
pub mod params;
pub mod reasons;
pub mod rules;
mod settings;
pub mod sql;
mod store;
pub mod stories;
pub mod tasks;
mod tx;
mod wire;

pub use model::account::{Bucket, SourceType};
pub use model::charge::Charge;
pub use model::entry::{Balance, Entry, Pool, Posting};
pub use model::history::{Figure, FigureKind};
pub use money::sum;
pub use rules::{MoneyBack, NoReserves, Reserve, ReserveRules, Taker, Withdrawal};
pub use settings::{DEFAULT_CURRENCY, PAYOUT_FLOOR, PAYOUT_MATCH, PayoutFloor};
pub use store::list::page;
use store::verify::CHECK;
pub use tx::LedgerTx;

use coffer_kernel::{Family, Parts, Routes, ScheduledTask, Settings, Usage};
use coffer_storage::{Migration, MigrationSet, Placement};
use model::adjustment::Adjustment;
use model::dispute::Dispute;
use model::payout::Payout;
use model::refund::Refund;
use operations::{
    accounts, balance, balance_transactions, breaches, import, intake, movements, parked,
    reconciliations, transactions, warnings,
};
use std::sync::Arc;
use tasks::Task;
use tasks::arrivals::PayoutsArrive;
use tasks::available::{MakeAvailable, SettleAdjustments};
use tasks::parked::AnnounceParked;
use tasks::transactions::SettleTransactions;

/// The ledger's tables.
pub const MIGRATIONS: MigrationSet = MigrationSet {
    component: "ledger",
    migrations: &[
        Migration {
            version: 1,
            name: "ledger",
            sql: include_str!("../migrations/0001_ledger.sql"),
        },
        Migration {
            version: 2,
            name: "ledger_history",
            sql: include_str!("../migrations/0002_ledger_history.sql"),
        },
        Migration {
            version: 3,
            name: "ledger_automatic_payouts",
            sql: include_str!("../migrations/0003_ledger_automatic_payouts.sql"),
        },
    ],
    tables: &[
        ("ledger", Placement::Spread),
        ("ledger_entry", Placement::Spread),
        ("ledger_posting", Placement::Spread),
        ("ledger_balance", Placement::Spread),
        ("balance_transaction", Placement::Spread),
        ("ledger_charge", Placement::Spread),
        ("ledger_refund", Placement::Spread),
        ("ledger_dispute", Placement::Spread),
        ("ledger_movement", Placement::Spread),
        ("ledger_parked", Placement::Spread),
        ("ledger_payout", Placement::Spread),
        ("ledger_adjustment", Placement::Spread),
        ("ledger_breach", Placement::Spread),
        ("ledger_transaction", Placement::Spread),
        ("ledger_reconciliation", Placement::Spread),
        ("ledger_drift", Placement::Spread),
        ("ledger_warning", Placement::Spread),
        ("ledger_balance_at", Placement::Spread),
        ("ledger_figure_at", Placement::Spread),
    ],
};

/// The family, with the rules by which money of it is reserved. Its rows are the platform's books,
/// which outlive its tenants: it purges nothing.
pub const fn family<R: ReserveRules>() -> Family {
    Family {
        name: "ledger",
        migrations: &[MIGRATIONS],
        settings: &[PAYOUT_FLOOR, PAYOUT_MATCH, DEFAULT_CURRENCY],
        quotas: &[],
        usage: Usage::NONE,
        purge: &[],
        purge_user: &[],
        seals: &[],
        checks: &[CHECK],
        figures: store::figures::FIGURES,
        reasons: reasons::ALL,
        explainers: &[],
        parts: parts::<R>,
    }
}

/// Routes and scheduled tasks. Each operation gets a copy of the rules, which the
/// operator's settings fix once, when the server starts.
fn parts<R: ReserveRules>(settings: &Settings) -> Parts {
    let rules = R::new(settings);
    let settings = settings::Settings::from(settings);
    let mut routes = Routes::default();
    intake::register::<Charge>(&mut routes, &rules, settings);
    intake::register::<Refund>(&mut routes, &rules, settings);
    intake::register::<Dispute>(&mut routes, &rules, settings);
    intake::register::<Payout>(&mut routes, &rules, settings);
    intake::register::<Adjustment>(&mut routes, &rules, settings);
    routes
        .write(transactions::Create(rules.clone()))
        .write(import::Import(rules.clone()))
        .collection(transactions::Transactions)
        .write(operations::settings::Update)
        .read(operations::settings::Retrieve)
        .collection(parked::Parked)
        .collection(warnings::Warnings)
        .write(reconciliations::Create)
        .collection(reconciliations::Reconciliations)
        .collection(breaches::Breaches)
        .write(movements::Create(rules.clone()))
        .read(accounts::Accounts(rules.clone()))
        .read(balance::Retrieve { default_currency: settings.default_currency })
        .collection(balance_transactions::BalanceTransactions(rules.clone()))
        .collection(balance_transactions::History(balance_transactions::BalanceTransactions(
            rules.clone(),
        )));
    Parts { routes, tasks: tasks(rules), ..Parts::default() }
}

/// The scheduled tasks of ledgers, in the order in which they run at one midnight.
fn tasks<R: ReserveRules>(rules: R) -> Vec<Arc<dyn ScheduledTask>> {
    vec![
        Arc::new(Task(MakeAvailable(rules.clone()))),
        Arc::new(Task(SettleAdjustments)),
        Arc::new(Task(SettleTransactions(rules))),
        Arc::new(Task(PayoutsArrive)),
        Arc::new(Task(AnnounceParked)),
    ]
}

#[cfg(test)]
mod tests;
