//! One webhook endpoint: the attempts at its deliveries, and what can be done about it.

use super::webhooks::{self, PATH};
use super::{forms, lists};
use crate::api::{Field, Refusal, path_of};
use crate::open::{self, Place};
use crate::outcome::{Result, noticed};
use crate::session::Purpose;
use crate::view::Tone;
use crate::visit::Visit;
use crate::{frame, links, live, respond, view};
use maud::{Markup, html};
use serde_json::Value;

/// Seconds between two looks at what comes.
const EVERY: u32 = 5;

/// The endpoint and its attempts, newest first.
pub(crate) async fn page(visit: &Visit<'_>) -> Result {
    let place = Place::of(visit);
    let Some(key) = open::key(visit, &place, Purpose::Webhooks).await? else {
        let inside = html! {
            (frame::heading("Webhook endpoint", "", html! {}))
            (open::closed(visit, &place, Purpose::Webhooks))
        };
        return Ok(respond::page(frame::page(visit, "/webhooks", "Webhook endpoint", inside)));
    };
    let api = webhooks::api(visit, &place, &key);
    let id = visit.field("id");
    let endpoint = api.get(&path_of(PATH, id, ""), &[]).await.map_err(Refusal::of_app)?;
    let attempts = lists::page(visit, api, &path_of(PATH, id, "/attempts"), &[]).await;
    let types = endpoint.list("enabled_events").iter().filter_map(Value::as_str);
    let types = types.collect::<Vec<_>>().join(", ");
    let inside = html! {
        (frame::heading(endpoint.text("url"), "", actions(visit, &place, &endpoint)))
        (webhooks::line(&place))
        (view::facts(vec![
            ("Status", webhooks::status(&endpoint)),
            ("Endpoint", view::copied(id)),
            ("Description", view::or_none(endpoint.text("description"))),
            ("Events", view::or_none(if types == "*" { "all of Stripe's types" } else { &types })),
            ("Version", view::or_none(endpoint.text("api_version"))),
            ("Events of all accounts of", view::id(endpoint.text("application"))),
            ("Created", view::time(endpoint.int("created"), visit.now)),
        ]))
        (live::part(visit, EVERY, "", view::section("Attempts of 30 days", html! {
            @match &attempts {
                Ok(list) => { (shown(visit, &place, id, list)) }
                Err(refusal) => { (view::refusal(refusal)) }
            }
        })))
        (open::until(visit, &key))
    };
    Ok(respond::page(frame::page(visit, "/webhooks", "Webhook endpoint", inside)))
}

fn shown(visit: &Visit<'_>, place: &Place, id: &str, list: &Value) -> Markup {
    if list.list("data").is_empty() {
        return view::empty(
            "Nothing was sent here yet",
            "An endpoint gets what happens after it was made. A test event shows whether your \
             receiver answers:",
            &format!("curl -u \"$KEY:\" -X POST $COFFER_URL{PATH}/{id}/test"),
        );
    }
    let rows = list.list("data").iter().map(|attempt| {
        let status = attempt.text("status");
        let tone = match status {
            "succeeded" => Tone::Good,
            "failed" => Tone::Bad,
            _ => Tone::Plain,
        };
        vec![
            view::time(attempt.int("created"), visit.now),
            html! { (view::badge(tone, status)) (why(attempt)) },
            html! {
                code.id { (attempt.text("event")) }
                @if !attempt.text("account").is_empty() { br; (view::id(attempt.text("account"))) }
            },
            html! {
                @match attempt.int("duration_ms") {
                    Some(milliseconds) => { (view::number(milliseconds)) " ms" }
                    None => { (view::none()) }
                }
            },
            view::time(attempt.int("next_attempt_at"), visit.now),
            again(visit, place, id, attempt),
        ]
    });
    let columns = ["When", "Outcome", "Event", "Took", "Next", "Resend"];
    html! {
        (view::table("Attempts", &columns, rows.collect()))
        (view::pager(visit, list))
    }
}

/// What the receiver has answered, or why nothing was sent.
fn why(attempt: &Value) -> Markup {
    let words = match attempt.text("error") {
        "" | "http_status" => "",
        "connection_failed" => "no answer: the server's log says why",
        "address_refused" => {
            "an address that may not be reached: the operator allows it in \
                              webhook_allow"
        }
        "event_gone" => "the event is gone",
        "secret_unavailable" => "the endpoint's secret cannot be read",
        "too_large" => "the event is too large",
        "expired" => "it waited for too long",
        "given_up" => "no further attempt",
        other => other,
    };
    html! {
        @if let Some(status) = attempt.int("http_status") { " " code { (status) } }
        @if !words.is_empty() { br; span.quiet { (words) } }
    }
}

fn again(visit: &Visit<'_>, place: &Place, id: &str, attempt: &Value) -> Markup {
    if attempt.text("status") == "pending" {
        return view::none();
    }
    let event = attempt.text("event");
    let fields = [("id", id), ("event", event), ("of", attempt.text("account"))];
    view::form(
        visit,
        "/webhooks/resend",
        "",
        html! {
            (view::hidden(&place.fields()))
            (view::hidden(&fields))
            button type="submit" aria-label=(format!("Resend {event}")) { "Resend" }
        },
    )
}

fn actions(visit: &Visit<'_>, place: &Place, endpoint: &Value) -> Markup {
    let id = endpoint.text("id");
    let is_enabled = endpoint.text("status") == "enabled";
    let named = |inside: Markup| {
        html! { (view::hidden(&place.fields())) (view::hidden(&[("id", id)])) (inside) }
    };
    let (word, disabled) = if is_enabled { ("Disable", "true") } else { ("Enable", "false") };
    let roll = named(html! {
        (view::select("The secret before it signs for", "expires_in", "86400", &[
            ("86400", "a day"),
            ("3600", "an hour"),
            ("0", "no more"),
        ]))
        button.primary type="submit" { "Roll" }
    });
    let change = named(html! {
        (view::input("URL", "url", endpoint.text("url"), ""))
        (forms::event_types(&forms::types_text(endpoint)))
        (view::input("Description", "description", endpoint.text("description"), ""))
        button.primary type="submit" { "Save" }
    });
    html! {
        (live::switch(visit))
        @if is_enabled {
            (view::form(visit, "/webhooks/test", "", named(html! {
                button type="submit" { "Send a test event" }
            })))
        }
        (view::form(visit, "/webhooks/enable", "", named(html! {
            (view::hidden(&[("disabled", disabled)]))
            button type="submit" { (word) }
        })))
        details.guarded {
            summary.button { "Change" }
            div.pop.wide { (view::form(visit, "/webhooks/change", "stack", change)) }
        }
        (view::guarded(
            "Roll the secret",
            "Both secrets sign for as long as you choose, so that your receiver can take the new \
             one. It is shown once.",
            view::form(visit, "/webhooks/roll", "stack", roll),
        ))
        (view::guarded(
            "Delete",
            "Nothing is sent there any more, and its secret and attempts are gone.",
            view::form(visit, "/webhooks/delete", "", named(html! {
                button.danger type="submit" { "Delete for good" }
            })),
        ))
    }
}

/// One POST about the endpoint that a form names, below its path.
async fn post(
    visit: &Visit<'_>,
    below: &str,
    params: &[(&str, &str)],
) -> std::result::Result<Value, Refusal> {
    let place = Place::of(visit);
    let key = webhooks::opened(visit, &place).await?;
    let api = webhooks::api(visit, &place, &key);
    let path = path_of(PATH, visit.field("id"), below);
    api.post(&path, params, visit.field("once")).await.map_err(Refusal::of_app)
}

/// Enables or disables the endpoint.
pub(crate) async fn enable(visit: &Visit<'_>) -> Result {
    let disabled = if visit.field("disabled") == "false" { "false" } else { "true" };
    post(visit, "", &[("disabled", disabled)]).await?;
    let done = if disabled == "true" { "disabled: nothing is sent to it" } else { "enabled" };
    noticed(visit, format!("The endpoint is {done}."))
}

/// Changes where to and which events.
pub(crate) async fn change(visit: &Visit<'_>) -> Result {
    let types = forms::typed_events(visit);
    let mut params = vec![("url", visit.field("url")), ("description", visit.field("description"))];
    params.extend(types.iter().map(|each| ("enabled_events[]", *each)));
    post(visit, "", &params).await?;
    noticed(visit, "The endpoint is saved.".to_owned())
}

/// Sends a test event.
pub(crate) async fn test(visit: &Visit<'_>) -> Result {
    post(visit, "/test", &[]).await?;
    noticed(visit, "A test event is on its way. Its attempt is below.".to_owned())
}

/// Rolls the secret and shows the new one, once.
pub(crate) async fn roll(visit: &Visit<'_>) -> Result {
    let params = [("expires_in", visit.field("expires_in"))];
    let made = post(visit, "/roll_secret", &params).await?;
    let place = Place::of(visit);
    Ok(respond::page(webhooks::secret_page(visit, &place, "The secret was rolled", &made)))
}

/// Sends an event again, of whichever account it is.
pub(crate) async fn resend(visit: &Visit<'_>) -> Result {
    let place = Place::of(visit);
    let key = webhooks::opened(visit, &place).await?;
    let (of, event) = (visit.field("of"), visit.field("event"));
    let api = match of.is_empty() {
        true => webhooks::api(visit, &place, &key),
        false => visit.with_key(&key.token).for_account(of),
    };
    let params = [("webhook_endpoint", visit.field("id"))];
    let path = path_of("/v1/events", event, "/retry");
    api.post(&path, &params, visit.field("once")).await.map_err(Refusal::of_app)?;
    noticed(visit, format!("{event} is sent again."))
}

/// Deletes the endpoint.
pub(crate) async fn delete(visit: &Visit<'_>) -> Result {
    let place = Place::of(visit);
    let key = webhooks::opened(visit, &place).await?;
    let api = webhooks::api(visit, &place, &key);
    let path = path_of(PATH, visit.field("id"), "");
    api.delete(&path, &[]).await.map_err(Refusal::of_app)?;
    visit.session.notify("The endpoint is deleted.");
    Ok(respond::redirect(&links::to("/webhooks", &place.fields())))
}
