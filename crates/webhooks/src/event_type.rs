//! Types of events, and which of them an endpoint gets.

use crate::{limits, reasons};
use coffer_dialect::{ApiError, Fields};

/// The types of the SDKs, a line each. Most of them never occur here; scripts that were written for
/// Stripe name them all the same.
const TYPES: &str = include_str!("event_type/stripe.txt");

/// This program's own types, which are sent only to those who name them.
const OWN: [&str; 10] = [
    FAILING,
    TEST,
    "coffer.ledger.breach",
    "coffer.ledger.drift",
    "coffer.ledger.negative",
    "coffer.ledger.parked",
    "coffer.reserve.overdue",
    "coffer.reserve.short",
    "apps.secret.expired",
    "apps.secret.expiring",
];

/// The type of an event that somebody asks for, to see whether it arrives. It goes to the endpoint
/// that was asked for, whatever types that gets.
pub(crate) const TEST: &str = "coffer.webhook.test";

/// The type of the event that tells of an endpoint without success.
pub(crate) const FAILING: &str = "coffer.webhook.failing";

/// All but this program's own types.
const ALL: &str = "*";

/// Which events an endpoint gets: types, or `*`, without repetition, in the order of the caller.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct EventTypes(Vec<String>);

impl EventTypes {
    /// `enabled_events`; `None` if it was not sent.
    ///
    /// # Errors
    /// A 400 that names the first item that is no type, or the parameter if it is empty.
    pub(crate) fn parse(fields: &Fields<'_>) -> Result<Option<Self>, ApiError> {
        let name = "enabled_events";
        if !fields.has(name) {
            return Ok(None);
        }
        let sent = fields.text_list(name)?;
        if sent.is_empty() {
            return Err(ApiError::parameter_empty(name));
        }
        if sent.len() > limits::ENABLED_EVENTS {
            let most = limits::ENABLED_EVENTS;
            let message = format!("{} items were sent; at most {most} are allowed.", sent.len());
            return Err(ApiError::invalid_param(name, message)
                .because(&reasons::EVENT_TYPE)
                .with_about(name));
        }
        let mut types: Vec<String> = Vec::with_capacity(sent.len());
        for (index, one) in sent.into_iter().enumerate() {
            if !is_type(one) {
                return Err(unknown(index, one));
            }
            if !types.iter().any(|known| known == one) {
                types.push(one.to_owned());
            }
        }
        Ok(Some(Self(types)))
    }

    /// As a row holds them.
    pub(crate) fn to_text(&self) -> String {
        self.0.join("\n")
    }

    /// From a row.
    pub(crate) fn of_text(text: &str) -> Self {
        Self(text.lines().map(str::to_owned).collect())
    }

    /// The types, for the wire.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.clone()
    }

    /// Whether events of a type are among them.
    pub(crate) fn include(&self, kind: &str) -> bool {
        let by_star = !OWN.contains(&kind);
        self.0.iter().any(|one| one == kind || (by_star && one == ALL))
    }
}

fn is_type(word: &str) -> bool {
    word == ALL || OWN.contains(&word) || TYPES.lines().any(|known| known == word)
}

fn unknown(index: usize, shown: &str) -> ApiError {
    let clipped: String = shown.chars().take(80).collect();
    ApiError::invalid_param(
        format!("enabled_events[{index}]"),
        format!(
            "Invalid enabled_events[{index}]: '{clipped}' is no event type. Send types such as \
             'reserve.hold.created', or '*' for all; patterns such as 'reserve.*' are not taken."
        ),
    )
    .because(&reasons::EVENT_TYPE)
    .with_about(clipped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_dialect::Params;

    fn parse(body: &str) -> Result<Option<EventTypes>, ApiError> {
        let params = Params::decode(None, body.as_bytes()).unwrap();
        EventTypes::parse(&params.only(&["enabled_events"]).unwrap())
    }

    #[test]
    fn types_are_those_of_the_sdks_and_our_own() {
        assert_eq!(TYPES.lines().count(), 275);
        let all: Vec<_> = TYPES.lines().chain(OWN).collect();
        for some in all.chunks(60) {
            let body: Vec<_> = some.iter().map(|one| format!("enabled_events[]={one}")).collect();
            let parsed = parse(&body.join("&")).unwrap().unwrap();
            assert_eq!(parsed.names(), some);
            assert_eq!(EventTypes::of_text(&parsed.to_text()), parsed);
        }
        for (body, param, code) in [
            ("enabled_events=", "enabled_events", Some("parameter_invalid_empty")),
            ("enabled_events[]=*&enabled_events[]=a.b", "enabled_events[1]", None),
            ("enabled_events[]=reserve.*", "enabled_events[0]", None),
        ] {
            let error = parse(body).unwrap_err();
            assert_eq!((error.param(), error.code()), (Some(param), code), "{body}");
        }
        assert_eq!(parse("").unwrap(), None);
    }

    #[test]
    fn a_star_is_for_all_but_our_own_types_and_repetitions_are_dropped() {
        let star = parse("enabled_events[]=*&enabled_events[]=*").unwrap().unwrap();
        assert_eq!(star.names(), ["*"]);
        assert!(star.include("reserve.hold.created") && star.include("apps.install.created"));
        assert!(!star.include(FAILING) && !star.include("apps.secret.expired"));
        let named = parse("enabled_events[]=*&enabled_events[]=coffer.webhook.failing");
        assert!(named.unwrap().unwrap().include(FAILING));
        let one = parse("enabled_events[]=reserve.hold.created").unwrap().unwrap();
        assert!(one.include("reserve.hold.created") && !one.include("reserve.hold.updated"));
    }
}
