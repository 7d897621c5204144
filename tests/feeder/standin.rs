//! The stand-in of Stripe as a program: `coffer-stripe-standin SEED ACCOUNTS TRANSACTIONS [PORT]`.
//! It says where it listens and which accounts there are, and serves until its input ends.

#![allow(clippy::disallowed_methods, reason = "the month ends when the program begins")]

use coffer_testkit::stripe::{Month, Plan, StripeStandIn};
use std::io::Read;
use std::time::{SystemTime, UNIX_EPOCH};

fn main() {
    let numbers: Vec<u64> =
        std::env::args().skip(1).map(|word| word.parse().expect("a number")).collect();
    let number = |at: usize, else_: u64| numbers.get(at).copied().unwrap_or(else_);
    let size = |at, else_| usize::try_from(number(at, else_)).expect("a size");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs();
    let month = Month::of(Plan {
        seed: number(0, 1),
        accounts: size(1, 5),
        transactions: size(2, 600),
        end: i64::try_from(now).expect("a time"),
    });
    let ids: Vec<String> = month.accounts.iter().map(|account| account.id.clone()).collect();
    let port = u16::try_from(number(3, 0)).expect("a port");
    let stripe = StripeStandIn::start_at(month, port);
    println!("{} {}", stripe.url(), ids.join(","));
    // Whoever has started it holds its input open.
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
