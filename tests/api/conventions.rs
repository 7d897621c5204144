//! What all calls have in common: `docs/wire/conventions.md`.

mod ambiguous;
pub mod authentication;
mod bodies;
mod bounds;
mod connections;
mod faults;
mod forms;
mod headers;
mod parameters;
mod routing;
mod timeouts;
