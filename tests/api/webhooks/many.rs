//! A thousand endpoints, of which a hundred hang.

use super::fixture::{Fixture, builder, happen};
use coffer_testkit::Client;
use coffer_webhooks::{WEBHOOK_ENDPOINTS, WEBHOOK_TIMEOUT};
use std::time::Instant;

const ACCOUNTS: usize = 10;
const ENDPOINTS: usize = 100;

/// All others have their event while those that hang still do: nobody waits for them. How long it
/// takes is printed, and not asserted, since that is the machine's.
#[test]
fn receivers_that_hang_keep_no_other_waiting() {
    let server = builder().set(&WEBHOOK_ENDPOINTS, "100").set(&WEBHOOK_TIMEOUT, "60").start();
    let fixture = Fixture::of(server);
    let accounts: Vec<Client> =
        (0..ACCOUNTS).map(|_| fixture.server.connected(&fixture.app).1).collect();
    for (number, client) in accounts.iter().enumerate() {
        for at in 0..ENDPOINTS {
            let what = if at % 10 == number { "hang" } else { "200" };
            fixture.endpoint_with(
                client,
                &format!("{what}/{number}/{at}"),
                &[("enabled_events[]", "*")],
            );
        }
    }
    let start = Instant::now();
    accounts.iter().for_each(|client| drop(happen(client)));
    let good = ACCOUNTS * ENDPOINTS * 9 / 10;
    let received = fixture.receiver.wait("all that do not hang", |received| {
        received.iter().filter(|one| one.path.starts_with("200/")).count() >= good
    });
    println!("{good} deliveries beside 100 that hang took {:?}", start.elapsed());
    let mut paths: Vec<_> = received.iter().map(|one| &one.path).collect();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), received.len(), "each of them once");
    let failed = fixture.client.get("/v1/webhook_endpoints", &[]).ok();
    assert_eq!(failed["data"], serde_json::json!([]));
}
