//! Objects out.

use crate::endpoint::{Attempt, Endpoint, Status};
use coffer_base::Redacted;
use coffer_dialect::{Object, Value};

/// Where lists say that they come from.
pub(crate) const URL: &str = "/v1/webhook_endpoints";

/// What errors call an endpoint.
pub(crate) const KIND: &str = "webhook endpoint";

/// An endpoint. Its secret is shown where it was just made, and nowhere else.
pub(crate) fn endpoint(endpoint: &Endpoint, secret: Option<&Redacted<String>>) -> Object {
    let object = Object::new(&endpoint.id, "webhook_endpoint")
        .set("api_version", endpoint.api_version.clone())
        .set("application", endpoint.application.clone())
        .set("created", endpoint.created)
        .set("description", endpoint.description.clone())
        .set("enabled_events", endpoint.events.names())
        .set("livemode", endpoint.owner.mode.is_live())
        .set("metadata", endpoint.metadata.render())
        .set("status", if endpoint.enabled { "enabled" } else { "disabled" })
        .set("url", endpoint.url.clone());
    match secret {
        Some(secret) => object.set("secret", Value::Secret(secret.clone())),
        None => object,
    }
}

/// An attempt: nothing of what was sent or answered, but the status.
pub(crate) fn attempt(attempt: &Attempt) -> Object {
    let next = match attempt.status {
        Status::Waiting => Some(attempt.due.max(attempt.at)),
        Status::Succeeded | Status::Failed => attempt.next,
    };
    let object = Object::new(&attempt.id(), "webhook_attempt")
        .set("created", attempt.at)
        .set("duration_ms", attempt.milliseconds)
        .set("event", attempt.event.clone())
        .set("http_status", attempt.http_status)
        .set("livemode", attempt.owner.mode.is_live())
        .set("next_attempt_at", next)
        .set("status", attempt.status.as_str())
        .set("webhook_endpoint", attempt.endpoint.clone());
    // As events have it: whoever gets those of many accounts sees whose this one is.
    let object = match attempt.owner.account == attempt.owner.platform {
        true => object,
        false => object.set("account", attempt.owner.account.as_str().to_owned()),
    };
    // Clients take an object that has an error for a failure of their own.
    match &attempt.error {
        Some(error) => object.set("error", error.clone()),
        None => object,
    }
}

/// A page of attempts, at a path that names what they are of.
pub(crate) fn attempts(data: Vec<Object>, has_more: bool, url: String) -> Object {
    Object::singleton("list").set("data", data).set("has_more", has_more).set("url", url)
}
