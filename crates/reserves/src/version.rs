//! What older versions of the API show instead: one table for each kind of objects (reserves §1).
//!
//! Everything is printed as the newest version has it, and then taken back, change by change, to
//! the version that the caller speaks. Nothing else looks at versions, except that a plan of type
//! `manual_release` can only be made by callers who know of it ([`MANUAL_RELEASE`]).

use crate::hold::Hold;
use crate::plan::{Plan, State};
use crate::release::{Reason, Release};
use coffer_dialect::{ApiVersion, Object, Value};

/// Year, month and day of a version.
type Date = (u16, u8, u8);

/// From this version on a disabled plan says so at once; until 2025-12-15 it was `disabling`
/// while its holds were being released (reserves §11, decision 9).
const DISABLED_AT_ONCE: Date = (2025, 12, 16);

/// Holds tell which releases they gave to.
const RELEASE_DETAILS: Date = (2026, 6, 24);

/// Everything has a destination, and releases by date another reason.
const ENDIVE: Date = (2026, 9, 30);

/// The version from which on plans can be of type `manual_release` (reserves §11, decision 15).
pub(crate) const MANUAL_RELEASE: Date = ENDIVE;

/// One change: what a field showed before it.
pub(crate) struct Change<T: 'static> {
    since: Date,
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

fn older_status(plan: &Plan) -> Value {
    Value::from(match plan.state {
        State::Active => "active",
        State::Draining { .. } => "disabling",
        State::Disabled { .. } => "disabled",
        State::Expired => "expired",
    })
}

fn drained_at(plan: &Plan) -> Value {
    match plan.state {
        State::Disabled { drained_at, .. } => Value::from(drained_at),
        State::Active | State::Draining { .. } | State::Expired => Value::Null,
    }
}

fn older_reason(release: &Release) -> Value {
    Value::from(match release.reason {
        Reason::HoldExpired => "bulk_hold_expiry",
        reason => reason.as_str(),
    })
}

/// `object`, which shows `item` in the newest version, as `version` shows it.
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
