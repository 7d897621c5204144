//! What older versions of the API show instead: one table for each kind of objects.
//!
//! Objects are rendered as the newest version has them, and then translated, change by change, to
//! the version of the caller. Nothing else looks at versions, except that only callers of a version
//! that has plans of type `manual_release` can create one ([`MANUAL_RELEASE`]), and that lists of
//! plans are narrowed to a status as the caller sees it ([`disabled_states`]).

use crate::model::hold::Hold;
use crate::model::plan::{Plan, State};
use crate::model::release::{Reason, Release};
use coffer_base::Timestamp;
use coffer_dialect::{ApiVersion, Object, Value};
use coffer_kernel::event::{EventShape, Json};

/// Year, month and day of a version.
type Date = (u16, u8, u8);

/// From this version on a plan is `disabled` at once; until 2025-12-15 it was `disabling` while
/// its holds were being released.
const DISABLED_AT_ONCE: Date = (2025, 12, 16);

/// From this version on holds show `release_details`.
const RELEASE_DETAILS: Date = (2026, 6, 24);

/// From this version on all objects have a `destination`, and releases by date the reason
/// `hold_expired`, which was `bulk_hold_expiry` before.
const ENDIVE: Date = (2026, 9, 30);

/// The version from which on plans can be of type `manual_release`.
pub(crate) const MANUAL_RELEASE: Date = ENDIVE;

/// A change of one field: what it showed before. A field is in a table once, so that the order of
/// changes does not matter.
pub(crate) struct Change<T: 'static> {
    /// The first version that has the newest form.
    since: Date,
    /// A field of the object itself, not of one inside it.
    field: &'static str,
    /// `None` where there was no such field.
    older: fn(&T) -> Option<Value>,
}

/// The changes to holds.
pub(crate) const HOLD: &[Change<Hold>] = &[
    Change { since: ENDIVE, field: "destination", older: |_| None },
    Change { since: RELEASE_DETAILS, field: "release_details", older: |_| None },
];

/// The changes to plans.
pub(crate) const PLAN: &[Change<Plan>] = &[
    Change { since: ENDIVE, field: "destination", older: |_| None },
    Change { since: DISABLED_AT_ONCE, field: "status", older: |plan| Some(older_status(plan)) },
    Change { since: DISABLED_AT_ONCE, field: "disabled_at", older: |plan| Some(drained_at(plan)) },
];

/// The changes to releases.
pub(crate) const RELEASE: &[Change<Release>] = &[
    Change { since: ENDIVE, field: "destination", older: |_| None },
    Change { since: ENDIVE, field: "reason", older: |release| Some(older_reason(release)) },
];

/// A plan's status while `disabling` was one: disabled only once its holds are released.
fn older_status(plan: &Plan) -> Value {
    Value::from(match plan.state {
        State::Active => "active",
        State::Draining { .. } => "disabling",
        State::Disabled { .. } => "disabled",
        State::Expired => "expired",
    })
}

/// When a plan became disabled while `disabling` was a status: once nothing was left of its holds.
fn drained_at(plan: &Plan) -> Value {
    match plan.state {
        State::Disabled { drained_at, .. } => Value::from(drained_at),
        State::Active | State::Draining { .. } | State::Expired => Value::Null,
    }
}

/// A release's reason before [`ENDIVE`]; only that of releases by date had another name.
fn older_reason(release: &Release) -> Value {
    Value::from(match release.reason {
        Reason::HoldExpired => "bulk_hold_expiry",
        reason => reason.as_str(),
    })
}

/// The states of plans whose status is `disabled` in `version`. There are always two, so that one
/// statement lists both; they may be the same.
pub(crate) fn disabled_states(version: &ApiVersion) -> [&'static str; 2] {
    if version.is_at_least(DISABLED_AT_ONCE) {
        ["disabled", "draining"]
    } else {
        ["disabled", "disabled"]
    }
}

/// Translates `object`, which shows `item` in the newest version, to `version`.
pub(crate) fn translate<T>(
    object: Object,
    item: &T,
    changes: &[Change<T>],
    version: &ApiVersion,
) -> Object {
    let undone = changes.iter().filter(|change| !version.is_at_least(change.since));
    undone.fold(object, |object, change| match (change.older)(item) {
        Some(value) => object.set(change.field, value),
        None => object.without(change.field),
    })
}

/// The same of events, which are stored in the newest version: by what they show, since nobody
/// knows any more what the objects were.
#[derive(Debug)]
pub(crate) struct OlderEvents;

impl EventShape for OlderEvents {
    fn translate(&self, kind: &str, created: Timestamp, data: &mut Json, version: &ApiVersion) {
        let is_older = |since: Date| !version.is_at_least(since);
        for part in ["object", "previous_attributes"] {
            let Some(Json::Object(fields)) = data.get_mut(part) else { continue };
            match kind.rsplit_once('.').map_or("", |(of, _)| of) {
                "reserve.hold" => {
                    let _ =
                        is_older(RELEASE_DETAILS).then(|| fields.shift_remove("release_details"));
                }
                "reserve.plan" if is_older(DISABLED_AT_ONCE) => {
                    older_plan(fields, kind == "reserve.plan.disabled", created);
                }
                "reserve.release" if is_older(ENDIVE) => {
                    if fields.get("reason").is_some_and(|reason| reason == "hold_expired") {
                        fields.insert("reason".to_owned(), "bulk_hold_expiry".into());
                    }
                }
                "reserve.plan" | "reserve.release" => {}
                _ => continue,
            }
            if is_older(ENDIVE) {
                fields.shift_remove("destination");
            }
        }
    }
}

/// A plan of an event in a version in which `disabling` was a status. The event that says that it
/// is disabled comes once it is; all before it are of one that is being disabled.
fn older_plan(fields: &mut serde_json::Map<String, Json>, ends: bool, created: Timestamp) {
    if !fields.get("status").is_some_and(|status| status == "disabled") {
        return;
    }
    let (status, at) = match ends {
        true => ("disabled", Json::from(created.unix())),
        false => ("disabling", Json::Null),
    };
    fields.insert("status".to_owned(), status.into());
    fields.insert("disabled_at".to_owned(), at);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::plan::Terms;
    use coffer_base::Currency;
    use coffer_dialect::Metadata;

    fn version(text: &str) -> ApiVersion {
        ApiVersion::parse(Some(text)).unwrap()
    }

    #[test]
    fn events_are_translated_by_what_they_show() {
        let at = Timestamp::from_unix(7);
        let shown = |kind: &str, data: &str, named: &str| {
            let mut data = serde_json::from_str(data).unwrap();
            OlderEvents.translate(kind, at, &mut data, &version(named));
            data.to_string()
        };
        let hold = r#"{"object":{"destination":"x","release_details":[],"id":"1"}}"#;
        assert_eq!(shown("reserve.hold.created", hold, "2026-10-28.endive"), hold);
        let before = r#"{"object":{"release_details":[],"id":"1"}}"#;
        assert_eq!(shown("reserve.hold.created", hold, "2026-06-24"), before);
        assert_eq!(shown("reserve.hold.created", hold, "2026-01-01"), r#"{"object":{"id":"1"}}"#);
        assert_eq!(shown("note.created", hold, "2020-01-01"), hold);
        let release = r#"{"object":{"reason":"hold_expired"}}"#;
        let older = r#"{"object":{"reason":"bulk_hold_expiry"}}"#;
        assert_eq!(shown("reserve.release.created", release, "2026-01-01"), older);
        let plan = r#"{"object":{"status":"disabled","disabled_at":5}}"#;
        let ended = r#"{"object":{"status":"disabled","disabled_at":7}}"#;
        assert_eq!(shown("reserve.plan.disabled", plan, "2025-12-15.clover"), ended);
        let ending = r#"{"object":{"status":"disabling","disabled_at":null}}"#;
        assert_eq!(shown("reserve.plan.updated", plan, "2025-12-15.clover"), ending);
        assert_eq!(shown("reserve.plan.updated", plan, "2026-06-24"), plan);
    }

    fn at(unix: i64) -> Timestamp {
        Timestamp::from_unix(unix)
    }

    fn plan(state: State) -> Plan {
        Plan {
            seq: 1,
            id: "resplan_1".into(),
            created: at(1),
            currency: None,
            percent: 5,
            terms: Terms::Manual,
            state,
            announcing: false,
            draw: None,
            hold_transfers: None,
            metadata: Metadata::default(),
        }
    }

    fn release(reason: Reason) -> Release {
        Release {
            seq: 1,
            id: "resrel_1".into(),
            created: at(1),
            amount: 5,
            currency: Currency::parse("usd").unwrap(),
            reason,
            hold: None,
            plan: None,
            source: None,
            metadata: Metadata::default(),
        }
    }

    #[test]
    fn the_day_of_a_change_shows_it_and_the_day_before_does_not() {
        let table = |text: &str, reason| {
            let release = release(reason);
            let object =
                Object::bare().set("destination", "payments").set("reason", "hold_expired");
            let shown = translate(object, &release, RELEASE, &version(text));
            (shown.get("destination").is_some(), shown.get("reason").cloned())
        };
        let newest = (true, Some(Value::from("hold_expired")));
        for text in [ApiVersion::LATEST, "2026-09-30.endive", "2026-09-30.preview", "2030-01-01"] {
            assert_eq!(table(text, Reason::HoldExpired), newest, "{text}");
        }
        let older = (false, Some(Value::from("bulk_hold_expiry")));
        for text in ["2026-09-29.dahlia", "2026-02-25.clover", "2025-08-27.preview"] {
            assert_eq!(table(text, Reason::HoldExpired), older, "{text}");
            // Other reasons were always called so.
            let reversed = table(text, Reason::HoldReversed).1;
            assert_eq!(reversed, Some(Value::from("hold_reversed")), "{text}");
        }
    }

    #[test]
    fn a_plan_was_disabling_until_nothing_was_left_of_it() {
        let shown = |text: &str, state| {
            let object = Object::bare().set("status", "disabled").set("disabled_at", at(100));
            let shown = translate(object, &plan(state), PLAN, &version(text));
            (shown.get("status").cloned().unwrap(), shown.get("disabled_at").cloned().unwrap())
        };
        let draining = State::Draining { since: at(100) };
        let disabled = State::Disabled { since: at(100), drained_at: at(108) };
        let at_once = (Value::from("disabled"), Value::from(at(100)));
        for state in [draining, disabled] {
            assert_eq!(shown("2026-01-28.clover", state), at_once);
            assert_eq!(shown("2025-12-16", state), at_once);
        }
        for text in ["2025-12-15.preview", "2025-12-15.clover", "2025-08-27.preview"] {
            let disabling = (Value::from("disabling"), Value::Null);
            assert_eq!(shown(text, draining), disabling, "{text}");
            let drained = (Value::from("disabled"), Value::from(at(108)));
            assert_eq!(shown(text, disabled), drained, "{text}");
            assert_eq!(shown(text, State::Active), (Value::from("active"), Value::Null));
            assert_eq!(shown(text, State::Expired), (Value::from("expired"), Value::Null));
        }
    }

    #[test]
    fn the_changes_to_holds_come_one_after_the_other() {
        for (text, destination, details) in [
            ("2026-09-30.endive", true, true),
            ("2026-09-29.dahlia", false, true),
            ("2026-06-24.dahlia", false, true),
            ("2026-06-23.clover", false, false),
        ] {
            let version = version(text);
            let since = |field| {
                let mut changes = HOLD.iter().filter(|change| change.field == field);
                let since = changes.next().unwrap().since;
                assert!(changes.next().is_none(), "{field} changes once");
                version.is_at_least(since)
            };
            assert_eq!((since("destination"), since("release_details")), (destination, details));
        }
    }
}
