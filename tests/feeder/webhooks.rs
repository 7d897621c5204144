//! Webhooks of Stripe: the right ones wake the feeder, and do nothing else.

use crate::coffer::{Coffer, right};
use crate::{month, now};
use coffer_base::{Redacted, Timestamp};
use coffer_testkit::stripe::StripeStandIn;
use coffer_testkit::{PATIENCE, Raw};
use coffer_webhooks::signature;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const SECRET: &str = "whsec_of_the_feeder";

/// A feeder that goes on until it is dropped.
struct Follower(Child);

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits until something is so.
#[track_caller]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "{what} does not happen");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Sends a webhook; the status of the answer.
fn deliver(address: &str, body: &str, signed: &str) -> u16 {
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
    coffer.private(&coffer.home.path().join("whsec"), SECRET);
    let log = coffer.home.path().join("follow.log");
    let file = std::fs::File::create(&log).unwrap();
    let flags = ["--follow", "--webhooks", "127.0.0.1:0", "--webhook-secret-file", "whsec"];
    let mut command = coffer.pull(&stripe, &flags);
    let child = command.stdout(Stdio::null()).stderr(file).spawn().unwrap();
    let _follower = Follower(child);
    let said = || std::fs::read_to_string(&log).unwrap();
    wait_until("listening", || said().contains("are fed"));
    let address = said();
    let address = address.split("http://").nth(1).unwrap().lines().next().unwrap().to_owned();
    let last = &stripe.month().accounts.last().unwrap().id;
    let state = coffer.home.path().join("config/coffer/feeder").join(format!("{last}.json"));
    wait_until("the first pass", || {
        let text = std::fs::read_to_string(&state).unwrap_or_default();
        text.contains("\"looked_back\":1")
    });
    stripe.set_now(end);
    let body = format!("{{\"object\": \"event\", \"account\": \"{}\"}}", account.id);
    let signed = |secret: &str, body: &str| {
        let secret = [Redacted::new(secret.to_owned())];
        signature::header(&secret, Timestamp::from_unix(now()), body.as_bytes())
    };
    let before = stripe.requests();
    assert_eq!(deliver(&address, &body, &signed("whsec_of_another", &body)), 400);
    assert_eq!(deliver(&address, &body.replace(' ', ""), &signed(SECRET, &body)), 400);
    assert_eq!(deliver(&address, &body, "t=1,v1=00"), 400);
    assert_eq!(deliver(&address, &body, &signed(SECRET, &body)), 200);
    // What appeared late before the mark waits for the look back; the newest does not.
    let newest = account.transactions.iter().rfind(|one| one.appears == one.created).unwrap();
    let path = format!("/v1/ledger/transactions/{}", newest.id);
    let client = coffer.client(&account.id);
    wait_until("the event's transaction", || client.get(&path, &[]).status == 200);
    assert!(stripe.requests() > before);
    assert!(!right(account).is_empty());
    assert!(!said().contains(crate::coffer::STRIPE_KEY), "{}", said());
}
