//! The Secret Store: apps keep credentials for the accounts that installed them, shared by an
//! account or private to one user, with an expiry (`docs/wire/secret-store.md`).
//!
//! A family: it declares operations and owns its tables. It knows the kernel, keys and the unit
//! of work, and neither HTTP, nor a database driver, nor any other family.
//!
//! A payload is stored in an envelope under the tenant's key, bound to the secret's scope, name and
//! expiry, and a row is found by keyed digests of scope and name. Payloads are in responses only if
//! a request expands them, and in no log, error or audit entry.

mod announced;
mod explain;
mod jobs;
mod lease;
pub mod limits;
mod notices;
mod operations;
pub mod reasons;
mod secret;
mod store;
mod wire;

pub use operations::history::register as register_history;

use coffer_kernel::{
    Amount, BYTES, Beyond, CountedTable, Family, Measure, Parts, Quota, Routes, ScheduledTask,
    Seal, Setting, SettingKind, Settings, Usage,
};
use jobs::expire::ExpireSecrets;
use notices::AnnounceExpiry;
use operations::expiring::ListExpiring;
use operations::{delete::Delete, find::Find, lease::LeaseSecret, list::List, set::Set};
use std::sync::Arc;

/// Secrets in one scope, unless the app has a quota of its own.
pub const SECRETS_PER_SCOPE: Setting = Setting {
    name: "secrets_per_scope",
    default: "10",
    kind: SettingKind::Number { from: 1, to: limits::SECRETS_PER_SCOPE_CEILING },
    about: "secrets in one scope, 1 to 1000, unless the app has a number of its own",
};

/// Whether delete answers with the whole secret and `deleted: true`, as the SDKs' types say,
/// instead of the three keys that Stripe documents.
pub const DELETE_RETURNS_SECRET: Setting = Setting {
    name: "delete_returns_secret",
    default: "false",
    kind: SettingKind::Switch,
    about: "let a delete answer with the whole secret instead of id, object and deleted",
};

/// Whether events announce secrets that expire. They are extensions, with the names of secrets in
/// them: whoever reads an account's events reads those of all its apps.
pub const SECRET_EXPIRY_EVENTS: Setting = Setting {
    name: "secret_expiry_events",
    default: "false",
    kind: SettingKind::Switch,
    about: "announce secrets that expire by events: apps.secret.expiring, and apps.secret.expired",
};

/// How long before.
pub const SECRET_EXPIRING_BEFORE: Setting = Setting {
    name: "secret_expiring_before",
    default: limits::EXPIRING_BEFORE,
    kind: SettingKind::Number {
        from: limits::EXPIRING_BEFORE_LEAST,
        to: limits::EXPIRING_BEFORE_MOST,
    },
    about: "seconds before a secret's expiry at which apps.secret.expiring announces it, 60 to \
            31536000",
};

/// Scopes that hold a secret. A new one is refused beyond the quota; those that are there go on.
pub const SCOPES: Amount = Amount {
    quota: Quota { name: "scopes", from: 1, to: limits::SCOPES_CEILING },
    default: limits::SCOPES_PER_APP,
    about: "scopes with secrets",
    beyond: Beyond::Refuse,
};

/// The family.
pub const FAMILY: Family = Family {
    name: "secrets",
    migrations: &[store::MIGRATIONS],
    settings: &[
        SECRETS_PER_SCOPE,
        DELETE_RETURNS_SECRET,
        SECRET_EXPIRY_EVENTS,
        SECRET_EXPIRING_BEFORE,
    ],
    quotas: &[Quota {
        name: SECRETS_PER_SCOPE.name,
        from: 1,
        to: limits::SECRETS_PER_SCOPE_CEILING,
    }],
    usage: Usage {
        amounts: &[SCOPES],
        counts: &[CountedTable {
            next: store::SIZES,
            start: store::before_all,
            adds: &[
                (BYTES.quota.name, Measure::Sizes),
                (SCOPES.quota.name, Measure::Groups(store::SCOPE_COLUMNS)),
            ],
            census: true,
        }],
    },
    purge: store::PURGE,
    purge_user: store::PURGE_USER,
    seals: &[Seal { name: "secrets", table: store::SEALED }],
    checks: &[],
    figures: &[],
    reasons: reasons::ALL,
    explainers: &[explain::MISSING],
    parts,
};

fn parts(settings: &Settings) -> Parts {
    let before = settings.number(&SECRET_EXPIRING_BEFORE);
    let announced_before = settings.is_on(&SECRET_EXPIRY_EVENTS).then_some(before);
    let mut routes = Routes::default();
    routes
        .seal(Set { secrets_per_scope: settings.number(&SECRETS_PER_SCOPE), announced_before })
        .read(List)
        .read(ListExpiring)
        .read(Find)
        .write(LeaseSecret)
        .write(Delete { returns_secret: settings.is_on(&DELETE_RETURNS_SECRET) });
    let mut tasks: Vec<Arc<dyn ScheduledTask>> = Vec::new();
    if let Some(before) = announced_before {
        tasks.push(Arc::new(AnnounceExpiry { before }));
    }
    Parts {
        routes,
        jobs: vec![Arc::new(ExpireSecrets { announces: announced_before.is_some() })],
        tasks,
        ..Parts::default()
    }
}
