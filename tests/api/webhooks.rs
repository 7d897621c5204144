//! Webhook endpoints, and what arrives at them.

mod decided;
mod deliveries;
mod endpoints;
mod expiry;
pub mod fixture;
mod hostile;
mod many;
mod names;
mod schedule;
