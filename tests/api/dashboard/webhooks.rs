//! The pages of webhook endpoints.

use super::browser::Browser;
use crate::webhooks::fixture::{Fixture, happen};
use coffer_testkit::encode;
use serde_json::json;

fn target(path: &str, place: &[(&str, &str)]) -> String {
    format!("/dashboard{path}?{}", encode(place))
}

#[test]
fn an_endpoint_is_made_its_attempts_are_shown_and_an_event_is_sent_again() {
    let fixture = Fixture::new();
    let mut browser = Browser::signed_in(&fixture.server);
    let place = [("app", fixture.app.id.as_str()), ("mode", "test")];
    assert!(browser.page("/dashboard/webhooks").contains(&fixture.app.id), "it can be chosen");
    let list = target("/webhooks", &place);
    let closed = browser.page(&list);
    assert!(closed.contains("opens no app") && !closed.contains("New endpoint"), "{closed}");
    let form = [("url", "https://hooks.invalid/"), ("events", "*")];
    let refused = browser.post("/dashboard/webhooks/create", &[&place[..], &form].concat()).0;
    assert_eq!(refused.status, 403, "it is not open: {}", refused.body);

    let opening = [&place[..], &[("purpose", "webhooks"), ("back", &list)]].concat();
    assert_eq!(browser.post("/dashboard/opening", &opening).leads(), list);
    let empty = browser.page(&list);
    assert!(empty.contains("data-copy=\"coffer listen --forward-to"), "{empty}");
    let url = fixture.receiver.url("500/from-a-page");
    let events = "reserve.plan.created\r\nreserve.hold.created";
    let form = [("url", url.as_str()), ("events", events), ("description", "tills")];
    let made = browser.post("/dashboard/webhooks/create", &[&place[..], &form].concat());
    let secret = made.page().split("data-copy=\"").nth(1).unwrap();
    let secret = secret.split('"').next().unwrap();
    assert!(secret.starts_with("whsec_"), "{secret}");
    let shown = browser.page(&list);
    assert!(shown.contains(&url) && shown.contains("and 1 more"), "{shown}");
    assert!(shown.contains(">enabled<") && !shown.contains("whsec_"), "{shown}");

    let event = fixture.happen();
    fixture.send();
    let endpoints = fixture.client.get("/v1/webhook_endpoints", &[]).ok();
    let id = endpoints["data"][0]["id"].as_str().unwrap();
    let one = target("/webhook", &[&place[..], &[("id", id)]].concat());
    let page = browser.page(&one);
    for part in [event.as_str(), ">failed<", "<code>500</code>", "tills", "Resend"] {
        assert!(page.contains(part), "no {part} in {page}");
    }
    let again = [&place[..], &[("id", id), ("event", &event), ("back", &one)]].concat();
    assert_eq!(browser.post("/dashboard/webhooks/resend", &again).leads(), one);
    fixture.send();
    assert_eq!(fixture.receiver.received().len(), 2);
    let page = browser.page(&one);
    assert!(page.contains("is sent again."), "{page}");
    assert_eq!(page.matches(">failed<").count(), 2, "{page}");
}

#[test]
fn an_endpoint_is_disabled_enabled_changed_rolled_tested_and_deleted() {
    let fixture = Fixture::new();
    let endpoint = fixture.endpoint("200");
    let mut browser = Browser::signed_in(&fixture.server);
    let place = [("app", fixture.app.id.as_str()), ("mode", "test"), ("id", &endpoint.id)];
    let opening = [&place[..], &[("purpose", "webhooks")]].concat();
    browser.post("/dashboard/opening", &opening).leads();
    let one = target("/webhook", &place);
    let empty = browser.page(&one);
    assert!(empty.contains(&format!("{}/test\"", endpoint.id)), "a command to copy: {empty}");
    let send = |path: &str, more: &[(&str, &str)]| {
        browser.post(&format!("/dashboard/webhooks/{path}"), &[&place[..], more].concat())
    };
    send("enable", &[("disabled", "true")]).leads();
    assert_eq!(fixture.get(&endpoint)["status"], "disabled");
    send("enable", &[("disabled", "false")]).leads();
    assert_eq!(fixture.get(&endpoint)["status"], "enabled");
    let (url, events) = (fixture.receiver.url("200/moved"), "reserve.hold.created");
    send("change", &[("url", &url), ("events", events), ("description", "")]).leads();
    let changed = fixture.get(&endpoint);
    assert_eq!((&changed["url"], &changed["enabled_events"][0]), (&json!(url), &json!(events)));
    let rolled = send("roll", &[("expires_in", "0")]);
    assert!(rolled.page().contains("data-copy=\"whsec_"), "{}", rolled.page());
    send("test", &[]).leads();
    fixture.send();
    let received = fixture.receiver.received();
    assert_eq!(received[0].event()["type"], "coffer.webhook.test");
    let to = send("delete", &[]).leads().to_owned();
    assert!(browser.page(&to).contains("The endpoint is deleted."));
    fixture.client.get(&format!("/v1/webhook_endpoints/{}", endpoint.id), &[]).refused(404);
    assert_eq!(browser.get(&one).status, 404);
}

#[test]
fn an_event_of_a_connected_account_is_sent_again_from_the_platforms_endpoint() {
    let fixture = Fixture::new();
    let (account, connected) = fixture.server.connected(&fixture.app);
    let platform = [("enabled_events[]", "*"), ("connect", "true")];
    let endpoint = fixture.endpoint_with(&fixture.client, "200", &platform);
    let event = happen(&connected);
    fixture.send();
    let attempt = &fixture.attempts(&endpoint)[0];
    assert_eq!(attempt["account"], account.as_str());
    let mut browser = Browser::signed_in(&fixture.server);
    let place = [("app", fixture.app.id.as_str()), ("id", &endpoint.id)];
    let opening = [&place[..], &[("purpose", "webhooks")]].concat();
    browser.post("/dashboard/opening", &opening).leads();
    let page = browser.page(&target("/webhook", &place));
    let field = format!("name=\"of\" value=\"{account}\"");
    assert!(page.contains(&field) && page.contains(&event), "{page}");
    let again = [&place[..], &[("of", &account), ("event", &event)]].concat();
    browser.post("/dashboard/webhooks/resend", &again).leads();
    fixture.send();
    assert_eq!(fixture.receiver.received().len(), 2);
    // Neither does what was opened for webhooks open secrets, nor the other way round.
    let secrets = [&place[..], &[("account", account.as_str())]].concat();
    assert!(browser.page(&target("/secrets", &secrets)).contains("opens no app"));
}
