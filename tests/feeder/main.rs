//! The feeder against a stand-in of Stripe: whatever the order in which a month arrives, and
//! whoever is killed meanwhile, the books end the same and right.
//!
//! The month is made up from a seed, and its right balances are counted while it is. It is a small
//! one, unless `COFFER_FEEDER_MONTH` says `whole`.

#![allow(clippy::disallowed_methods, reason = "the feeder is another process, with its own clock")]

mod accounts;
mod coffer;
mod columns;
mod interruptions;
mod oddities;
mod orders;
mod planted;
mod terminal;
mod webhooks;

use coffer_testkit::stripe::{Month, Plan};
use std::time::{SystemTime, UNIX_EPOCH};

/// The month: 5 accounts with 600 transactions, or 50 with 10,000.
fn month(seed: u64) -> Month {
    let is_whole = std::env::var("COFFER_FEEDER_MONTH").is_ok_and(|month| month == "whole");
    let (accounts, transactions) = if is_whole { (50, 10_000) } else { (5, 600) };
    Month::of(Plan { seed, accounts, transactions, end: now() })
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    i64::try_from(now).unwrap()
}
