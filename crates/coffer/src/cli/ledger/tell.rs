//! Tells a ledger of Coffer's, and again while the server has no time.

use super::record::Record;
use super::stripe::jittered;
use crate::cli::client::{Client, Expected, object_path, with_query};
use crate::cli::exit::{Exit, Failure};
use crate::cli::runtime::Runtime;
use crate::cli::{output, table};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Transactions of a page, the most that the server takes.
pub const PAGE: usize = 100;

/// Refusals of a page that the server names.
const NAMED: usize = 20;

/// The first pause after an answer that the server has no time; each is twice the one before.
const PAUSE: Duration = Duration::from_millis(250);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long somebody who waits for the end of a command has the server away.
const PATIENCE: Duration = Duration::from_secs(300);

/// Whom a ledger is told by.
pub struct Teller<'a> {
    client: Client,
    runtime: &'a Runtime,
    /// How long the server may be away; always, without.
    patience: Option<Duration>,
}

/// What became of a page.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Outcome {
    /// Transactions that were not known before.
    pub new: u64,
    /// Those that were, and stand as they were.
    pub known: u64,
    /// Those that were refused: how many, and of the first ones, which and why.
    pub refused: u64,
    /// The first of these, by id, with the server's words.
    pub refusals: Vec<(String, String)>,
}

impl Outcome {
    /// Adds what became of another page.
    pub fn add(&mut self, other: Self) {
        self.new = self.new.saturating_add(other.new);
        self.known = self.known.saturating_add(other.known);
        self.refused = self.refused.saturating_add(other.refused);
        self.refusals.extend(other.refusals);
    }

    /// Reads the server's answer to a page.
    fn of(answer: &Value) -> Self {
        let count = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or_default();
        let refusals = answer.get("refusals").and_then(Value::as_array);
        let text = |refusal: &Value, name: &str| {
            table::plain(refusal.get(name).and_then(Value::as_str).unwrap_or_default())
        };
        let refusals = refusals.into_iter().flatten();
        Self {
            new: count("recorded"),
            known: count("known"),
            refused: count("refused"),
            refusals: refusals.map(|one| (text(one, "id"), text(one, "message"))).collect(),
        }
    }
}

impl<'a> Teller<'a> {
    /// One for a command that ends.
    pub const fn new(client: Client, runtime: &'a Runtime) -> Self {
        Self { client, runtime, patience: Some(PATIENCE) }
    }

    /// One that waits for the server as long as it takes.
    #[must_use]
    pub fn that_waits(self, always: bool) -> Self {
        if always { Self { patience: None, ..self } } else { self }
    }

    /// Has the ledger take transactions, from `since` on if it has a history of facts; what was
    /// said before stays. Answers from when on it takes them, if not from the beginning.
    ///
    /// # Errors
    /// If the ledger takes facts already, with what to do.
    pub fn take_transactions(&self, since: Option<i64>) -> Result<Option<i64>, Failure> {
        let (path, expected) = ("/v1/ledger/settings", Expected::object("ledger.settings"));
        let mut settings = self.again(|| self.client.get(path, &[], expected))?;
        if settings.get("intake").and_then(Value::as_str) != Some("transactions") {
            let since = since.map(|since| since.to_string());
            let mut params = vec![("intake", "transactions")];
            params.extend(since.as_deref().map(|since| ("since", since)));
            settings = self.again(|| self.client.post(path, &params, expected))?;
        }
        Ok(settings.get("since").and_then(Value::as_i64))
    }

    /// Tells records, a page at a time.
    ///
    /// # Errors
    /// If a page as a whole is refused, or the server stays away.
    pub fn records(&self, records: &[Record]) -> Result<Outcome, Failure> {
        let mut told = Outcome::default();
        for chunk in records.chunks(PAGE) {
            // A page can be about one payout.
            let mut pages = BTreeMap::<Option<&str>, Vec<Value>>::new();
            for record in chunk {
                pages.entry(record.payout.as_deref()).or_default().push(record.body.clone());
            }
            for (payout, page) in pages {
                told.add(self.page(page, payout)?);
            }
        }
        Ok(told)
    }

    /// Tells a page, and learns of every refusal in it: the server names the first ones of a page.
    ///
    /// # Errors
    /// If a page as a whole is refused, or the server stays away.
    pub fn in_full(&self, records: &[Record]) -> Result<Outcome, Failure> {
        let mut told = self.records(records)?;
        let named = u64::try_from(told.refusals.len()).unwrap_or(u64::MAX);
        if named < told.refused {
            // What was told is known now, so that counts of it say nothing new.
            told.refusals.clear();
            for few in records.chunks(NAMED) {
                told.refusals.extend(self.records(few)?.refusals);
            }
        }
        Ok(told)
    }

    /// Tells a page, of what an automatic payout carried if one is named.
    ///
    /// # Errors
    /// If it is refused as a whole, or the server stays away.
    pub fn page(&self, transactions: Vec<Value>, payout: Option<&str>) -> Result<Outcome, Failure> {
        let body = json!({ "object": "list", "data": transactions });
        let expected = Expected::object("ledger.import");
        let payout: Vec<(&str, &str)> =
            payout.map(|payout| ("payout", payout)).into_iter().collect();
        let path = with_query("/v1/ledger/transactions/import", &payout);
        self.again(|| self.client.post_json(&path, &body, expected))
            .map(|answer| Outcome::of(&answer))
    }

    /// Says what became of a dispute or a payout, in `params`; whether the ledger knows it.
    ///
    /// # Errors
    /// If it is refused, or the server stays away.
    pub fn state(
        &self,
        collection: &str,
        id: &str,
        params: &[(&str, &str)],
        object: &'static str,
    ) -> Result<bool, Failure> {
        let path = object_path(&format!("/v1/ledger/{collection}"), id);
        match self.again(|| self.client.post(&path, params, Expected::object(object))) {
            Ok(_) => Ok(true),
            Err(failure) if failure.exit == Exit::NotFound => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Has the ledger compare itself with a balance.
    ///
    /// # Errors
    /// If it is refused, or the server stays away.
    pub fn reconcile(&self, params: &[(String, String)]) -> Result<Value, Failure> {
        let params: Vec<(&str, &str)> =
            params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected = Expected::object("ledger.reconciliation");
        self.again(|| self.client.post("/v1/ledger/reconciliations", &params, expected))
    }

    /// All transactions that were told and fit `params`, the newest first.
    ///
    /// # Errors
    /// If it is refused, or the server stays away.
    pub fn transactions(
        &self,
        params: &[(&str, &str)],
        mut each: impl FnMut(Value),
    ) -> Result<(), Failure> {
        let mut last: Option<String> = None;
        loop {
            let mut params = params.to_vec();
            params.push(("limit", "100"));
            params.extend(last.as_deref().map(|last| ("starting_after", last)));
            let path = "/v1/ledger/transactions";
            let mut page =
                self.again(|| self.client.get(path, &params, Expected::object("list")))?;
            let has_more = page.get("has_more").and_then(Value::as_bool).unwrap_or(false);
            let Some(Value::Array(objects)) = page.get_mut("data").map(Value::take) else {
                return Err(Failure::failed("the server's answer is no list"));
            };
            let end = objects.last().and_then(|object| object.get("id")?.as_str());
            last = end.map(str::to_owned);
            objects.into_iter().for_each(&mut each);
            if !has_more || last.is_none() {
                return Ok(());
            }
        }
    }

    /// Does something again while the server cannot do it now.
    fn again(&self, call: impl Fn() -> Result<Value, Failure>) -> Result<Value, Failure> {
        let started = Instant::now();
        let mut pause = PAUSE;
        loop {
            let failure = match call() {
                Err(failure) if failure.exit == Exit::Unavailable => failure,
                done => return done,
            };
            if self.patience.is_some_and(|patience| started.elapsed() >= patience) {
                return Err(failure);
            }
            if pause >= LONGEST_PAUSE {
                output::note(&format!("coffer: {}; trying again", failure.message));
            }
            self.runtime.block_on(async { tokio::time::sleep(jittered(pause)).await });
            pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_what_became_of_a_page() {
        let told = Outcome::of(&json!({
            "object": "ledger.import", "received": 4, "recorded": 2, "known": 1, "refused": 1,
            "refusals": [{ "id": "txn_1", "message": "no\u{1b}", "param": "amount" }],
        }));
        let refusals = vec![("txn_1".to_owned(), "no\u{fffd}".to_owned())];
        assert_eq!(told, Outcome { new: 2, known: 1, refused: 1, refusals });
    }
}
