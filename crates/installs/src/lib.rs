//! App installs: which app is let in on which account, as apps, their developers and platforms that
//! embed them manage it (`docs/wire/installs.md`); and the accounts themselves.
//!
//! A family without tables: who is who is kept by whoever implements the kernel's `Registry`, and
//! changed by the admin API too. This crate decides what a caller may do, shows the objects, and
//! tells of every change, whoever made it, by an event to each party.

mod caller;
mod event;
pub mod limits;
mod operations;
pub mod reasons;
mod wire;

use coffer_kernel::{Family, Parts, Routes, Settings, Usage};
use event::TellParties;
use operations::{accounts, create, list, reauthorize, retrieve, uninstall};
use std::sync::Arc;

/// The family.
pub const FAMILY: Family = Family {
    name: "installs",
    migrations: &[],
    settings: &[],
    quotas: &[],
    usage: Usage::NONE,
    purge: &[],
    purge_user: &[],
    seals: &[],
    checks: &[],
    figures: &[],
    reasons: reasons::ALL,
    explainers: &[],
    parts,
};

fn parts(_settings: &Settings) -> Parts {
    let mut routes = Routes::default();
    routes
        .write(create::Create)
        .read(list::List)
        .read(retrieve::Retrieve)
        .write(reauthorize::Reauthorize)
        .write(uninstall::Uninstall)
        .read(accounts::Own)
        .read(accounts::Named);
    Parts { routes, install_listeners: vec![Arc::new(TellParties)], ..Parts::default() }
}
