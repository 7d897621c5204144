//! The API as a caller sees it, a module for each URL, and one for each convention that all of
//! them follow.

mod admin;
mod apps_installs;
mod apps_secrets;
mod apps_secrets_delete;
mod apps_secrets_errors;
mod apps_secrets_expiry;
mod apps_secrets_find;
mod apps_secrets_lease;
mod apps_secrets_list;
mod apps_secrets_version;
mod check;
mod clock;
mod contract;
mod conventions;
mod dashboard;
mod described;
mod developer;
mod disk;
mod explain;
mod external_secrets;
mod fairness;
mod family;
mod idempotency;
mod identity_rows;
mod late_bodies;
mod many_servers;
mod metrics;
mod placement;
mod reserves;
mod rows;
mod shipping;
mod simulated;
mod traces;
mod webhooks;
mod wrong_clock;
