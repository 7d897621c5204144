//! What all calls have in common: `docs/wire/conventions.md`.

pub mod authentication;
mod bounds;
mod connections;
mod faults;
mod forms;
mod headers;
mod parameters;
mod routing;
mod timeouts;
