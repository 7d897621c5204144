//! The admin API (conventions, Extensions).

mod accounts;
mod api_keys;
mod apps;
mod audit;
mod erasure;
mod installs;
mod listeners;
mod lists;
