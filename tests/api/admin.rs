//! The admin API (conventions, Extensions).

mod accounts;
mod api_keys;
mod apps;
mod audit;
mod audit_log;
mod audited;
mod erasure;
mod installs;
mod keyring;
pub(crate) mod listeners;
mod lists;
mod roots;
mod usage;
