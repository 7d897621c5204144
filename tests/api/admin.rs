//! The admin API (conventions, Extensions).

mod accounts;
mod api_keys;
mod apps;
mod audit;
mod audit_log;
mod audited;
mod erasure;
mod installs;
mod key_bounds;
mod key_lock;
mod key_roles;
mod keyring;
pub(crate) mod listeners;
mod lists;
mod receipts;
mod rolling;
mod roots;
mod secrets;
mod usage;
