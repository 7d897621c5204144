//! Somebody who asks for one thing after another, and asks again until there is an answer.

use super::secrets::SecretCall;
use super::wire::Request;
use crate::books::changes::{Bookkeeper, Change};

/// What a caller does.
pub enum Kind {
    /// Shares secrets with others.
    Secrets,
    /// Has an account's books to itself.
    Books(Box<Bookkeeper>),
}

/// What was asked, for whoever gets the answer.
#[derive(Clone, Debug)]
pub enum Wanted {
    Secret(SecretCall),
    Change(Change),
    /// The same answer once more.
    Same(u16, String),
}

/// What a caller waits for.
pub struct Pending {
    pub wanted: Wanted,
    pub request: Request,
    /// When it was first sent.
    pub since: u64,
    /// Which attempt is under way, if one is.
    pub attempt: Option<u64>,
}

pub struct Caller {
    pub kind: Kind,
    pub account: Option<String>,
    pub pending: Option<Pending>,
    /// How much was asked for.
    pub asked: usize,
}

impl Caller {
    pub fn new(kind: Kind, account: Option<String>) -> Self {
        Self { kind, account, pending: None, asked: 0 }
    }

    /// Waits for the answer to `request`, under an idempotency key of its own.
    pub fn want(&mut self, number: usize, wanted: Wanted, request: Request, since: u64) {
        self.asked += 1;
        let key = Some(format!("caller {number} key {}", self.asked));
        let idempotency_key = if request.method == "GET" { None } else { key };
        let request = Request { account: self.account.clone(), idempotency_key, ..request };
        self.pending = Some(Pending { wanted, request, since, attempt: None });
    }
}
