//! What all calls have in common: `docs/wire/conventions.md`.

mod ambiguous;
pub mod authentication;
mod bodies;
mod bounds;
mod connections;
mod empty_values;
mod faults;
mod forms;
mod headers;
mod limits;
mod parameters;
mod routing;
mod timeouts;
