//! Webhooks of Stripe: the right ones wake the feeder, and do nothing else.

use crate::coffer::{Coffer, right};
use crate::{month, now};
use coffer_base::{Redacted, Timestamp};
use coffer_testkit::stripe::StripeStandIn;
use coffer_testkit::{PATIENCE, Raw};
use coffer_webhooks::signature;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SECRET: &str = "whsec_of_the_feeder";

/// A feeder that goes on until it is dropped.
pub struct Follower(Child);

impl Follower {
    /// Starts one, whose endpoint's secret is in `whsec`; with the file of what it says.
    pub fn start(coffer: &Coffer, mut command: Command) -> (Self, PathBuf) {
        coffer.private(&coffer.home.path().join("whsec"), SECRET);
        let log = coffer.home.path().join("follow.log");
        let file = std::fs::File::create(&log).unwrap();
        (Self(command.stdout(Stdio::null()).stderr(file).spawn().unwrap()), log)
    }

    /// Where it receives webhooks, as it has said.
    pub fn address(said: &str) -> String {
        said.split("http://").nth(1).unwrap().lines().next().unwrap().to_owned()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until something is so.
#[track_caller]
pub fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "{what} does not happen");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A body's signature by the endpoint's own secret.
pub fn signed(body: &str) -> String {
    signed_by(SECRET, body)
}

fn signed_by(secret: &str, body: &str) -> String {
    let secret = [Redacted::new(secret.to_owned())];
    signature::header(&secret, Timestamp::from_unix(now()), body.as_bytes())
}

/// Sends a webhook; the status of the answer.
pub fn deliver(address: &str, body: &str, signed: &str) -> u16 {
    let mut connection = Raw::connect(address.parse().unwrap());
    let (signed, length) =
        (format!("Stripe-Signature: {signed}"), format!("Content-Length: {}", body.len()));
    connection.request(&["POST /", &signed, &length], body);
    connection.answer().status
}

#[test]
fn an_event_wakes_the_feeder_if_its_signature_is_right() {
    let Some(coffer) = Coffer::start() else { return };
    let stripe = StripeStandIn::start(month(21));
    let (end, account) = (stripe.month().end, &stripe.month().accounts[0]);
    // Days ago: an account on which nothing happens is looked at once an hour, so whatever comes
    // sooner comes by the event.
    stripe.set_now(end - 3 * 86_400);
    let flags = ["--follow", "--webhooks", "127.0.0.1:0", "--webhook-secret-file", "whsec"];
    let (_follower, log) = Follower::start(&coffer, coffer.pull(&stripe, &flags));
    let said = || std::fs::read_to_string(&log).unwrap();
    wait_until("listening", || said().contains("are fed"));
    let address = Follower::address(&said());
    let last = &stripe.month().accounts.last().unwrap().id;
    let state = coffer.home.path().join("config/coffer/feeder").join(format!("{last}.json"));
    wait_until("the first pass", || {
        let text = std::fs::read_to_string(&state).unwrap_or_default();
        text.contains("\"looked_back\":1")
    });
    stripe.set_now(end);
    let body = format!("{{\"object\": \"event\", \"account\": \"{}\"}}", account.id);
    let before = stripe.requests();
    assert_eq!(deliver(&address, &body, &signed_by("whsec_of_another", &body)), 400);
    assert_eq!(deliver(&address, &body.replace(' ', ""), &signed(&body)), 400);
    assert_eq!(deliver(&address, &body, "t=1,v1=00"), 400);
    assert_eq!(deliver(&address, &body, &signed(&body)), 200);
    // What appeared late before the mark waits for the look back; the newest does not.
    let newest = account.transactions.iter().rfind(|one| one.appears == one.created).unwrap();
    let path = format!("/v1/ledger/transactions/{}", newest.id);
    let client = coffer.client(&account.id);
    wait_until("the event's transaction", || client.get(&path, &[]).status == 200);
    assert!(stripe.requests() > before);
    assert!(!right(account).is_empty());
    assert!(!said().contains(crate::coffer::STRIPE_KEY), "{}", said());
}
