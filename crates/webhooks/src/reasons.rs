//! The reasons of this crate's refusals, as [`Reason`](coffer_dialect::Reason) describes them.

coffer_dialect::reasons! {
    URL = "webhook.url":
        "the URL is none that deliveries may be sent to: {about}",
        "use an https URL of a public host, or let the operator allow the destination \
         (webhook_allow)";
    EVENT_TYPE = "webhook.event_type":
        "'{about}' is no event type",
        "compare it with the types in Stripe's list of events; patterns are not taken, but '*'";
    TOO_MANY = "webhook.too_many":
        "the account has as many endpoints as it may, which is {about}",
        "delete one, or raise webhook_endpoints";
    CONNECT = "webhook.connect":
        "it asked for the events of connected accounts in the name of one of them",
        "leave Stripe-Account out";
    VERSION = "webhook.version":
        "the API version is malformed",
        "send one such as 2026-10-28.endive";
    NOT_ENABLED = "webhook.not_enabled":
        "the endpoint is disabled, or does not get events of this type",
        "enable it, or add the type to its enabled_events";
    OTHER_ACCOUNT = "webhook.other_account":
        "the parameter account is not whom the request is about",
        "leave account out, or send the same in Stripe-Account";
    NO_LISTENER = "webhook.no_listener":
        "the resend was for a listener of Stripe's command line, which this server has not",
        "send webhook_endpoint, or run coffer listen";
}
