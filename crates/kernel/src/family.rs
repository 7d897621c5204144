//! A family of resources as one value: all that the rest of the program needs to know of it.

use crate::event::{EventListener, EventShape};
use crate::explain::Explainer;
use crate::figures::TableFigures;
use crate::jobs::Job;
use crate::prune::Prune;
use crate::quota::{QUOTAS, Quota};
use crate::registry::InstallListener;
use crate::rotation;
use crate::routes::Routes;
use crate::schedule::ScheduledTask;
use crate::sealed::SealedTable;
use crate::setting::{Setting, Settings};
use crate::usage::{self, Usage};
use crate::verify::Check;
use coffer_dialect::Reason;
use coffer_storage::MigrationSet;
use std::sync::Arc;

/// A family of resources. A crate exports one as a constant; a server has a list of them.
#[derive(Clone, Copy)]
pub struct Family {
    /// Its name, which is its crate's.
    pub name: &'static str,
    /// Its tables, in the order in which the sets are applied.
    pub migrations: &'static [MigrationSet],
    /// What an operator can set.
    pub settings: &'static [Setting],
    /// What an operator can set for each app.
    pub quotas: &'static [Quota],
    /// How much of it each app keeps.
    pub usage: Usage,
    /// How the rows of a tenant are deleted. Each `select` takes mode, app, account and a number
    /// of rows. A family whose rows outlive the tenant, such as a ledger, has none.
    pub purge: &'static [Prune],
    /// How the rows of one of the tenant's users are deleted, where it keeps any. Each `select`
    /// takes mode, app, account, first and last slot, the user, and a number of rows.
    pub purge_user: &'static [Prune],
    /// What it stores sealed.
    pub seals: &'static [Seal],
    /// What must hold of its tables.
    pub checks: &'static [Check],
    /// What it has measured of its tables.
    pub figures: &'static [TableFigures],
    /// Why it refuses requests, for whoever runs the server.
    pub reasons: &'static [Reason],
    /// What it looks up when a refusal is to be explained.
    pub explainers: &'static [Explainer],
    /// Puts together what runs, by the settings.
    pub parts: fn(&Settings) -> Parts,
}

/// The running parts of a family.
#[derive(Default)]
pub struct Parts {
    /// Its operations.
    pub routes: Routes,
    /// Its background jobs.
    pub jobs: Vec<Arc<dyn Job>>,
    /// Its scheduled tasks, in the order in which they run at a midnight.
    pub tasks: Vec<Arc<dyn ScheduledTask>>,
    /// What it writes when an event is appended.
    pub listeners: Vec<Arc<dyn EventListener>>,
    /// How its events look in older versions.
    pub shapes: Vec<Arc<dyn EventShape>>,
    /// What it writes when an app is installed, uninstalled, or granted something else.
    pub install_listeners: Vec<Arc<dyn InstallListener>>,
}

impl Parts {
    /// Adds all that `more` has, behind what is there.
    pub fn append(&mut self, more: Self) {
        let Self { routes, jobs, tasks, listeners, shapes, install_listeners } = more;
        self.routes.append(routes);
        self.jobs.extend(jobs);
        self.tasks.extend(tasks);
        self.listeners.extend(listeners);
        self.shapes.extend(shapes);
        self.install_listeners.extend(install_listeners);
    }
}

/// One kind of records that a family stores sealed.
#[derive(Clone, Copy)]
pub struct Seal {
    /// What they are called, in the plural.
    pub name: &'static str,
    /// Where they are: by this they are opened to be checked, and sealed anew by a rotation of
    /// keys.
    pub table: SealedTable,
}

/// The kernel's own share: stored responses, tombstones, events.
pub const KERNEL: Family = Family {
    name: "kernel",
    migrations: &[crate::store::MIGRATIONS],
    settings: rotation::SETTINGS,
    quotas: QUOTAS,
    usage: usage::USAGE,
    purge: crate::store::PURGE,
    purge_user: &[],
    seals: &[Seal { name: "stored responses", table: crate::idempotency::SEALED }],
    checks: &[],
    figures: &[],
    reasons: crate::reasons::ALL,
    explainers: &[],
    parts: kernel_parts,
};

fn kernel_parts(_settings: &Settings) -> Parts {
    let mut routes = Routes::default();
    routes.collection(crate::events::Events).metrics();
    Parts { routes, jobs: vec![Arc::new(crate::prune::PruneAged)], ..Parts::default() }
}
