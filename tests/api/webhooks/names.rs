//! Names that resolve to something else each time they are looked up.

use super::fixture::{Fixture, Receiver, happen};
use coffer_kernel::outbound::{Bytestream, Network, NetworkFuture};
use coffer_testkit::TestServer;
use coffer_webhooks::WEBHOOK_ALLOW_HTTP;
use serde_json::{Value, json};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

/// A network of the test's own: its resolver says what the test wants, and all addresses are the
/// receiver's.
struct Rebinding {
    receiver: SocketAddr,
    answer: Mutex<Vec<IpAddr>>,
    looked_up: Mutex<Vec<String>>,
    connected: Mutex<Vec<SocketAddr>>,
}

impl Rebinding {
    fn to(receiver: &Receiver) -> Arc<Self> {
        let receiver = receiver.address();
        let (answer, looked_up, connected) = Default::default();
        Arc::new(Self { receiver, answer, looked_up, connected })
    }

    fn answers(&self, addresses: &[&str]) {
        *self.answer.lock().unwrap() = addresses.iter().map(|one| one.parse().unwrap()).collect();
    }
}

impl Network for Rebinding {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> NetworkFuture<'a, Vec<SocketAddr>> {
        self.looked_up.lock().unwrap().push(host.to_owned());
        let answer = self.answer.lock().unwrap().clone();
        // What the next look-up would say.
        self.answers(&["127.0.0.1"]);
        let found = answer.into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
        Box::pin(std::future::ready(Ok(found)))
    }

    fn connect<'a>(&'a self, to: &'a [SocketAddr]) -> NetworkFuture<'a, Box<dyn Bytestream>> {
        self.connected.lock().unwrap().extend(to);
        Box::pin(async {
            let stream = tokio::net::TcpStream::connect(self.receiver).await?;
            let stream: Box<dyn Bytestream> = Box::new(stream);
            Ok(stream)
        })
    }
}

#[test]
fn a_name_that_rebinds_is_delivered_to_where_it_was_checked_or_not_at_all() {
    let server = TestServer::builder().set(&WEBHOOK_ALLOW_HTTP, "true");
    let fixture = Fixture::of(server.without_background_jobs().start());
    let network = Rebinding::to(&fixture.receiver);
    let params = [("url", "http://rebinding.example:8080/200"), ("enabled_events[]", "*")];
    let made = fixture.client.post("/v1/webhook_endpoints", &params);
    let attempts = format!("/v1/webhook_endpoints/{}/attempts", made.text("id"));
    let public: SocketAddr = "93.184.216.34:8080".parse().unwrap();
    for (answer, expected) in [
        (&["93.184.216.34"][..], json!(["succeeded", 200, null])),
        (&["127.0.0.1"], json!(["failed", null, "address_refused"])),
        (&["93.184.216.34", "169.254.169.254"], json!(["failed", null, "address_refused"])),
        (&["::ffff:10.0.0.1", "93.184.216.34"], json!(["failed", null, "address_refused"])),
        (&[], json!(["failed", null, "address_refused"])),
    ] {
        let event = happen(&fixture.client);
        network.answers(answer);
        fixture.send_by(&network);
        let list = fixture.client.get(&attempts, &[("limit", "100")]).ok();
        let of_event = |one: &&Value| one["event"] == event && one["status"] != "pending";
        let made = list["data"].as_array().unwrap().iter().find(of_event).unwrap();
        let found = json!([made["status"], made["http_status"], made["error"]]);
        assert_eq!(found, expected, "{answer:?}");
    }
    assert_eq!(*network.connected.lock().unwrap(), [public], "where it was checked, once");
    assert_eq!(*network.looked_up.lock().unwrap(), ["rebinding.example"; 5]);
    assert_eq!(fixture.receiver.received().len(), 1);
}
