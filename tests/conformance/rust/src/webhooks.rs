//! What async-stripe's crate for webhooks makes of deliveries.

use crate::server::client;
use miniserde::Deserialize;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use stripe::Client;
use stripe_client_core::{RequestBuilder, StripeMethod};
use stripe_webhook::{EventObject, Webhook, WebhookError};

/// How long a delivery may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is read of an endpoint, and of what else is made.
#[derive(Deserialize)]
struct Made {
    id: String,
    secret: Option<String>,
}

/// A delivery: its body and its signature.
type Delivery = (String, String);

/// Takes one request, and answers that it was taken.
fn take(stream: TcpStream, to: &Sender<Delivery>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut length, mut signature) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(": ") else { continue };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().expect("a length"),
            "stripe-signature" => signature = value.to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    // Nobody waits any more if the scenario has failed.
    let _ = to.send((String::from_utf8(body).expect("text"), signature));
    (&stream).write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
}

/// Deliveries, in their order.
type Arrived = Mutex<Receiver<Delivery>>;

fn receiver() -> (String, Arrived) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/hooks", listener.local_addr().expect("its address"));
    let (to, arrived) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            take(stream.expect("a connection"), &to).expect("a request");
        }
    });
    (url, Mutex::new(arrived))
}

async fn post(client: &Client, path: &str, params: &[(&str, &str)]) -> Made {
    let form: BTreeMap<_, _> = params.iter().copied().collect();
    let request = RequestBuilder::new(StripeMethod::Post, path).form(&form);
    request.customize::<Made>().send(client).await.expect(path)
}

/// Makes a plan, and gives what is delivered of it.
async fn happen(client: &Client, arrived: &Arrived) -> (String, Delivery) {
    let plan = [
        ("percent", "10"),
        ("type", "rolling_release"),
        ("rolling_release[days_after_charge]", "30"),
    ];
    let plan = post(client, "/reserve/plans", &plan).await.id;
    let arrived = arrived.lock().expect("nobody panicked with it");
    (plan, arrived.recv_timeout(PATIENCE).expect("a delivery"))
}

fn construct(delivery: &Delivery, secret: &str) -> Result<stripe_webhook::Event, WebhookError> {
    Webhook::construct_event(&delivery.0, &delivery.1, secret)
}

pub async fn verifies_and_constructs_what_is_delivered(base: String) {
    let client = client(&base, "sk_test_webhooks");
    let (url, arrived) = receiver();
    let params = [("url", url.as_str()), ("enabled_events[0]", "*")];
    let endpoint = post(&client, "/webhook_endpoints", &params).await;
    let secret = endpoint.secret.expect("the secret is shown once");
    let (plan, delivery) = happen(&client, &arrived).await;
    let event = construct(&delivery, &secret).expect("an event");
    assert!(event.id.as_str().starts_with("evt_"));
    assert_eq!(event.type_.as_str(), "reserve.plan.created");
    let EventObject::ReservePlanCreated(object) = &event.data.object else {
        panic!("{:?}", event.data.object)
    };
    assert_eq!(object.id.as_str(), plan);
    let wrong = construct(&delivery, &format!("{secret}x")).expect_err("another secret");
    assert!(matches!(wrong, WebhookError::BadSignature), "{wrong:?}");
    let changed = (delivery.0.replace("10", "11"), delivery.1);
    let wrong = construct(&changed, &secret).expect_err("another body");
    assert!(matches!(wrong, WebhookError::BadSignature), "{wrong:?}");
    let roll = format!("/webhook_endpoints/{}/roll_secret", endpoint.id);
    let rolled =
        post(&client, &roll, &[("expires_in", "3600")]).await.secret.expect("the new secret");
    let (_, delivery) = happen(&client, &arrived).await;
    let ids = [&secret, &rolled].map(|one| construct(&delivery, one).expect("an event").id);
    assert_eq!(ids[0], ids[1]);
}

/// A roll has no parameter that must be sent, and this client has two ways to send none: a form
/// that is empty, and no form, which has no content type either.
pub async fn rolls_without_parameters(base: String) {
    let client = client(&base, "sk_test_rolls");
    let (url, arrived) = receiver();
    let params = [("url", url.as_str()), ("enabled_events[0]", "*")];
    let endpoint = post(&client, "/webhook_endpoints", &params).await;
    let mut before = endpoint.secret.expect("the secret is shown once");
    let path = format!("/webhook_endpoints/{}/roll_secret", endpoint.id);
    let bare = || RequestBuilder::new(StripeMethod::Post, &path);
    let empty = bare().form(&BTreeMap::<&str, &str>::new());
    for roll in [empty, bare()] {
        let rolled = roll.customize::<Made>().send(&client).await.expect("a roll");
        let rolled = rolled.secret.expect("the new secret");
        assert_ne!(rolled, before);
        // For a day both sign, since no other time was asked for.
        let (_, delivery) = happen(&client, &arrived).await;
        let ids = [&before, &rolled].map(|one| construct(&delivery, one).expect("an event").id);
        assert_eq!(ids[0], ids[1]);
        before = rolled;
    }
}
