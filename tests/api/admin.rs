//! The admin API (conventions, Extensions).

mod accounts;
mod api_keys;
mod apps;
mod audit;
mod audited;
mod erasure;
mod installs;
pub(crate) mod listeners;
mod lists;
mod usage;
