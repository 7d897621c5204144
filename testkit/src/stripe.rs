//! A server that answers as Stripe does to whoever reads what happened to accounts' money: balance
//! transactions, balances, events, payouts and disputes, in the shapes that Stripe documents. What
//! happened is a made-up month, whose right balances are known beside it.
//!
//! It is as awkward as Stripe: lists go backwards in pages, a transaction appears some time after
//! it was created, the day on which money becomes available moves, events are missing, and every
//! so many requests there were too many.

mod answer;
mod http;
mod lists;
mod money;
mod month;
mod story;

pub use money::{Balances, Sums};
pub use month::{Account, Month, Plan, Transaction};

use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};

/// The server. Its thread ends with the process.
pub struct StripeStandIn {
    address: SocketAddr,
    state: Arc<State>,
}

/// What its threads share.
struct State {
    month: Month,
    /// The time, in Unix seconds: what lies behind it has not happened.
    now: AtomicI64,
    /// Requests so far.
    requests: AtomicU64,
    /// Every so many requests one is refused; none if 0.
    refused_every: AtomicU64,
    /// How many of the accounts are in the list of them.
    listed: AtomicUsize,
    /// What becomes of answers before they leave.
    altered: RwLock<Option<Alteration>>,
}

/// Changes the answer to a path.
type Alteration = Box<dyn Fn(&str, &mut Value) + Send + Sync>;

impl StripeStandIn {
    /// Serves a month that is over.
    pub fn start(month: Month) -> Self {
        Self::start_at(month, 0)
    }

    /// The same at a port; any if it is 0.
    pub fn start_at(month: Month, port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            now: AtomicI64::new(month.end),
            month,
            requests: AtomicU64::new(0),
            refused_every: AtomicU64::new(0),
            listed: AtomicUsize::new(usize::MAX),
            altered: RwLock::new(None),
        });
        let of_thread = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&of_thread);
                // A client that breaks off is no matter of this server.
                std::thread::spawn(move || drop(http::serve(stream, &state)));
            }
        });
        Self { address, state }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What happened.
    pub fn month(&self) -> &Month {
        &self.state.month
    }

    /// Moves its time.
    pub fn set_now(&self, now: i64) {
        self.state.now.store(now, Ordering::SeqCst);
    }

    /// Refuses one of so many requests because there were too many; none if 0.
    pub fn refuse_every(&self, requests: u64) {
        self.state.refused_every.store(requests, Ordering::SeqCst);
    }

    /// Lists only the first so many of the accounts as connected ones; the others answer as before.
    pub fn list_accounts(&self, count: usize) {
        self.state.listed.store(count, Ordering::SeqCst);
    }

    /// Changes answers before they leave, by their path: to what Stripe is not known to answer.
    pub fn alter(&self, with: impl Fn(&str, &mut Value) + Send + Sync + 'static) {
        *self.state.altered.write().unwrap() = Some(Box::new(with));
    }

    /// Answers as it did before.
    pub fn alter_nothing(&self) {
        *self.state.altered.write().unwrap() = None;
    }

    /// Requests so far.
    pub fn requests(&self) -> u64 {
        self.state.requests.load(Ordering::SeqCst)
    }
}
