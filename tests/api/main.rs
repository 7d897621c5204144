//! The API as a caller sees it, a module for each URL, and one for each convention that all of
//! them follow.

mod admin;
mod apps_secrets;
mod apps_secrets_delete;
mod apps_secrets_errors;
mod apps_secrets_expiry;
mod apps_secrets_find;
mod apps_secrets_list;
mod check;
mod clock;
mod contract;
mod conventions;
mod dashboard;
mod developer;
mod disk;
mod explain;
mod fairness;
mod family;
mod idempotency;
mod identity_rows;
mod late_bodies;
mod many_servers;
mod placement;
mod reserves;
mod rows;
mod shipping;
mod wrong_clock;
