//! Webhook endpoints, and what arrives at them.

mod deliveries;
mod endpoints;
mod fixture;
mod hostile;
mod many;
mod schedule;
