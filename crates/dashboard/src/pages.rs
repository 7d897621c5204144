//! The pages.

pub(crate) mod accounts;
pub(crate) mod apps;
pub(crate) mod audit;
pub(crate) mod events;
mod forms;
pub(crate) mod installs;
pub(crate) mod keyring;
pub(crate) mod keys;
mod lists;
pub(crate) mod overview;
mod overview_secrets;
mod places;
pub(crate) mod reserves;
pub(crate) mod risk;
pub(crate) mod search;
pub(crate) mod secret;
pub(crate) mod secrets;
pub(crate) mod settings;
pub(crate) mod simulate;
mod tables;
pub(crate) mod unused;
pub(crate) mod webhook;
pub(crate) mod webhooks;
