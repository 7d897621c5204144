//! The program itself, as a person or a script runs it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are the tests' own hands: what goes wrong here fails the test"
)]

mod audit;
mod backup_faults;
mod backups;
mod completions;
mod deliveries;
mod deploy;
mod developer;
mod doctor;
mod environment;
mod erasing;
mod health;
mod import;
mod keyring;
mod keys;
mod listen;
mod logs;
mod next_steps;
mod pages;
mod profiles;
mod program;
mod proxies;
mod rollback;
mod roots;
mod run;
mod runs;
mod secret_files;
mod service_manager;
mod signals;
mod stripe;
mod terminal;
mod usage;
mod values;
mod verbs;
mod webhooks;
