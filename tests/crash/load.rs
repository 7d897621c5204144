//! Callers that write without pause, and remember what was acknowledged.

use crate::kill::Answers;
use crate::rng::Rng;
use coffer_testkit::{Answer, Client, encode};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Mutex;

/// Where a secret is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    pub account: String,
    pub user: Option<String>,
    pub name: String,
}

/// A payload and its expiry.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    pub payload: String,
    pub expires_at: Option<i64>,
}

impl Value {
    /// A value that does not expire.
    pub fn lasting(payload: impl Into<String>) -> Self {
        Self { payload: payload.into(), expires_at: None }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { payload, expires_at } = self;
        write!(f, "{:.16}… of {} bytes until {expires_at:?}", payload, payload.len())
    }
}

/// A write, and the idempotency key that it goes out with.
#[derive(Clone, Debug)]
pub struct Write {
    pub place: Place,
    /// What is set; `None` deletes.
    pub value: Option<Value>,
    pub key: String,
}

/// A request that was carried out, as the audit should know it.
#[derive(Default, Debug)]
pub struct Acknowledged {
    /// The ids of requests that changed something.
    pub changed: Vec<String>,
    /// How many deletions found nothing.
    pub refused: usize,
}

/// One caller. It alone writes to its places, one request at a time, so it knows what must be
/// in them; callers share accounts, scopes and commits with each other.
pub struct Caller {
    number: usize,
    rng: Rng,
    sent: u64,
    pub held: BTreeMap<Place, Option<Value>>,
    pub in_flight: Option<Write>,
    pub acknowledged: Acknowledged,
}

/// Accounts that no one has written to yet.
pub type Fresh = Mutex<Vec<String>>;

const EXPIRES: i64 = 4_000_000_000;

impl Caller {
    pub fn new(number: usize, rng: Rng, account: &str) -> Self {
        let place = |at: usize| Place {
            account: account.to_owned(),
            user: (!at.is_multiple_of(3)).then(|| format!("user {}", at % 2)),
            name: format!("caller {number} secret {at}"),
        };
        let held = (0..12).map(|at| (place(at), None)).collect();
        Self { number, rng, sent: 0, held, in_flight: None, acknowledged: Acknowledged::default() }
    }

    /// Writes and reads until the server is gone. `Err` is a broken promise of the server.
    pub fn run(
        &mut self,
        client: &Client,
        fresh: &Fresh,
        reads: bool,
        answers: &Answers,
    ) -> Result<(), String> {
        while self.step(client, fresh, reads, answers).inspect_err(|_| answers.give_up())? {
            answers.add();
        }
        Ok(())
    }

    /// One request; whether it was answered.
    fn step(
        &mut self,
        client: &Client,
        fresh: &Fresh,
        reads: bool,
        answers: &Answers,
    ) -> Result<bool, String> {
        let place = self.choose(fresh);
        if reads && self.rng.below(3) == 0 {
            let Ok(answer) = find(client, &place) else { return Ok(false) };
            self.compare(&place, &answer)?;
            return Ok(true);
        }
        let write = self.write_to(place);
        match send(client, &write) {
            Ok(answer) if !answers.is_closed() => self.learn(write, &answer).map(|()| true),
            _gone => {
                self.in_flight = Some(write);
                Ok(false)
            }
        }
    }

    /// Now and then an account that has no keys yet: its first write makes them.
    fn choose(&mut self, fresh: &Fresh) -> Place {
        if self.rng.below(10) == 0
            && let Some(account) = fresh.lock().unwrap().pop()
        {
            return Place { account, user: None, name: format!("caller {} first", self.number) };
        }
        let at = self.rng.below(self.held.len() as u64);
        self.held.keys().nth(at as usize).unwrap().clone()
    }

    fn write_to(&mut self, place: Place) -> Write {
        self.sent += 1;
        let value = (self.rng.below(4) != 0).then(|| {
            let word = format!("{:016x}", self.rng.next_u64());
            let payload = word.repeat(1 + self.rng.below(90) as usize);
            let expires = self.rng.below(4) == 0;
            Value { payload, expires_at: expires.then_some(EXPIRES + self.sent as i64) }
        });
        Write {
            place,
            value,
            key: format!("{}-{}-{}", self.number, self.sent, self.rng.next_u64()),
        }
    }

    /// Takes an answer to a write as a promise.
    fn learn(&mut self, write: Write, answer: &Answer) -> Result<(), String> {
        let before = self.held.get(&write.place).cloned().flatten();
        let changes = write.value.is_some() || before.is_some();
        let status = if changes { 200 } else { 404 };
        if answer.status != status {
            return Err(format!("{write:?} on {before:?}: {} {}", answer.status, answer.body));
        }
        if changes {
            let request = answer.header("original-request").ok_or("no Original-Request")?;
            self.acknowledged.changed.push(request.to_owned());
        } else {
            self.acknowledged.refused += 1;
        }
        self.held.insert(write.place, write.value);
        Ok(())
    }

    /// After a restart: what was in flight is wholly there or wholly not, and sending it again
    /// is the first execution or a replay, whichever fits.
    pub fn settle(&mut self, client: &Client) -> Result<bool, String> {
        let Some(write) = self.in_flight.take() else { return Ok(false) };
        let before = self.held.get(&write.place).cloned().flatten();
        let seen = value_of(&find(client, &write.place)?)?;
        if seen != before && seen != write.value {
            return Err(format!("half-written: {write:?} on {before:?} left {seen:?}"));
        }
        let first = send(client, &write)?;
        let replayed = |answer: &Answer| answer.header("idempotent-replayed") == Some("true");
        if before != write.value && replayed(&first) != (seen == write.value) {
            return Err(format!(
                "{write:?} was{} in the store, and its repetition was{} a replay",
                if seen == write.value { "" } else { " not" },
                if replayed(&first) { "" } else { " not" },
            ));
        }
        let again = send(client, &write)?;
        if !replayed(&again) || again.body != first.body || again.status != first.status {
            return Err(format!("{write:?}: {first:?} was followed by {again:?}"));
        }
        self.learn(write, &first)?;
        Ok(replayed(&first))
    }

    /// Everything that was acknowledged is there, and opens.
    pub fn verify(&self, client: &Client) -> Result<(), String> {
        self.held.keys().try_for_each(|place| self.compare(place, &find(client, place)?))
    }

    fn compare(&self, place: &Place, answer: &Answer) -> Result<(), String> {
        let acknowledged = self.held.get(place).cloned().flatten();
        let seen = value_of(answer)?;
        if seen == acknowledged {
            return Ok(());
        }
        Err(format!("lost: {acknowledged:?} was acknowledged at {place:?}, and {seen:?} is there"))
    }
}

fn params(place: &Place) -> Vec<(&str, &str)> {
    let kind = if place.user.is_some() { "user" } else { "account" };
    let mut params = vec![("name", place.name.as_str()), ("scope[type]", kind)];
    params.extend(place.user.as_deref().map(|user| ("scope[user]", user)));
    params
}

/// Sends a write; `Err` if no whole answer came.
pub fn send(client: &Client, write: &Write) -> Result<Answer, String> {
    let mut params = params(&write.place);
    let client = client.for_account(&write.place.account).idempotent(&write.key);
    let Some(Value { payload, expires_at }) = &write.value else {
        return client.attempt("POST", "/v1/apps/secrets/delete", Some(&encode(&params)));
    };
    let expires_at = expires_at.map(|at| at.to_string());
    params.push(("payload", payload));
    params.extend(expires_at.as_deref().map(|at| ("expires_at", at)));
    client.attempt("POST", "/v1/apps/secrets", Some(&encode(&params)))
}

/// Reads a place; `Err` if no whole answer came.
pub fn find(client: &Client, place: &Place) -> Result<Answer, String> {
    let mut params = params(place);
    params.push(("expand[]", "payload"));
    let target = format!("/v1/apps/secrets/find?{}", encode(&params));
    client.for_account(&place.account).attempt("GET", &target, None)
}

/// What a find tells; `Err` if it is neither a secret nor the news that there is none.
pub fn value_of(answer: &Answer) -> Result<Option<Value>, String> {
    match answer.status {
        404 => Ok(None),
        200 => {
            let json = answer.json();
            let payload = json["payload"].as_str().ok_or("a secret without payload")?;
            let expires_at = json["expires_at"].as_i64();
            Ok(Some(Value { payload: payload.to_owned(), expires_at }))
        }
        status => Err(format!("a find was answered with {status}: {}", answer.body)),
    }
}
