//! Holds, plans and releases as callers and events show them. It renders what it is given, reads
//! nothing and decides nothing; how older versions differ is in [`version`].

use crate::model::hold::Hold;
use crate::model::plan::{Plan, State, Terms};
use crate::model::release::{Release, ReleaseDetail};
use crate::version;
use coffer_base::{Owner, Timestamp};
use coffer_dialect::{ApiVersion, Object, Value};
use coffer_kernel::Ctx;

/// How an object is shown: to whom, and in which version.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// What [`version::translate`] translates to.
    version: ApiVersion,
    /// Whether to show the fields that Stripe shows to Connect platforms: if the caller sent
    /// `Stripe-Account`, and in events.
    connect: bool,
    livemode: bool,
}

impl View {
    /// How the caller of a request sees objects.
    pub(crate) fn of(ctx: &Ctx) -> Self {
        Self {
            version: ctx.version().clone(),
            connect: ctx.is_connect(),
            livemode: ctx.tenant().mode.is_live(),
        }
    }

    /// How events show objects: with all fields, in the newest version.
    fn of_event(owner: &Owner) -> Self {
        Self { version: ApiVersion::latest(), connect: true, livemode: owner.mode.is_live() }
    }
}

/// The objects that a request expands; where there is none, the id is shown.
#[derive(Clone, Default, Debug)]
pub(crate) struct Expanded {
    pub(crate) reserve_hold: Option<Object>,
    pub(crate) reserve_plan: Option<Object>,
    pub(crate) source_charge: Option<Object>,
    /// The refund or the dispute of a release.
    pub(crate) source_transaction: Option<Object>,
}

/// A field that names another object: the object if it was expanded, else its id, else null.
fn link(id: Option<&str>, object: Option<Object>) -> Value {
    match (id, object) {
        (_, Some(object)) => Value::Object(object),
        (Some(id), None) => Value::from(id.to_owned()),
        (None, None) => Value::Null,
    }
}

/// A time in Unix seconds, or null.
fn optional(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, Value::from)
}

/// The releases of a hold, newest first.
pub(crate) fn details(details: &[ReleaseDetail]) -> Value {
    let detail = |detail: &ReleaseDetail| {
        let object = Object::bare()
            .set("amount", detail.amount)
            .set("reserve_release", detail.release.clone());
        Value::Object(object)
    };
    Value::List(details.iter().map(detail).collect())
}

/// When a hold is released, and after which time a caller asked for it. A fixed plan's block has
/// the same two fields.
pub(crate) fn release_schedule(
    release_after: Option<Timestamp>,
    scheduled_release: Option<Timestamp>,
) -> Object {
    Object::bare()
        .set("release_after", optional(release_after))
        .set("scheduled_release", optional(scheduled_release))
}

/// A hold with its releases, newest first. `created_by` is `application` for a plan's hold too,
/// unlike a plan's release.
pub(crate) fn hold(
    hold: &Hold,
    released: &[ReleaseDetail],
    expanded: Expanded,
    view: &View,
) -> Object {
    let plan = hold.plan().map(|plan| plan.id.as_str());
    let schedule = release_schedule(hold.release_after(), hold.scheduled_release());
    let mut object = Object::new(&hold.id, "reserve.hold")
        .set("amount", hold.amount)
        .set("created", hold.created)
        .set("created_by", "application")
        .set("currency", hold.pool.currency.to_string())
        .set("destination", "risk_reserved")
        .set("livemode", view.livemode)
        .set("reason", if plan.is_some() { "charge" } else { "standalone" })
        .set("release_details", details(released))
        .set("release_schedule", schedule)
        .set("reserve_plan", link(plan, expanded.reserve_plan))
        .set("source_charge", link(hold.charge(), expanded.source_charge))
        .set("source_type", hold.pool.source_type.as_str());
    if view.connect {
        object = object
            .set("amount_releasable", hold.remaining())
            .set("is_releasable", hold.is_releasable())
            .set("metadata", hold.metadata.render());
    }
    version::translate(object, hold, version::HOLD, &view.version)
}

/// A hold as events show it: with all fields, its links as ids.
pub(crate) fn hold_in_event(shown: &Hold, released: &[ReleaseDetail], owner: &Owner) -> Object {
    hold(shown, released, Expanded::default(), &View::of_event(owner))
}

/// A plan. A plan whose holds are being released is shown as disabled, and translated for versions
/// in which it is `disabling`.
pub(crate) fn plan(plan: &Plan, view: &View) -> Object {
    let (status, disabled_at) = match plan.state {
        State::Active => ("active", None),
        State::Draining { since } | State::Disabled { since, .. } => ("disabled", Some(since)),
        State::Expired => ("expired", None),
    };
    let mut object = Object::new(&plan.id, "reserve.plan")
        .set("created", plan.created)
        .set("created_by", "application")
        .set("currency", plan.currency.map_or(Value::Null, |each| Value::from(each.to_string())))
        .set("destination", "risk_reserved")
        .set("disabled_at", optional(disabled_at))
        .set("livemode", view.livemode)
        .set("percent", plan.percent)
        .set("status", status)
        .set("type", plan.terms.as_str())
        .set(plan.terms.as_str(), terms(plan.terms));
    // Stripe's plans have neither: they are shown where somebody has set them.
    if let Some(draw) = plan.draw {
        object = object.set("reserve_draw", draw.as_str());
    }
    if let Some(holds) = plan.hold_transfers {
        object = object.set("hold_transfers", holds);
    }
    if view.connect {
        object = object.set("metadata", plan.metadata.render());
    }
    version::translate(object, plan, version::PLAN, &view.version)
}

/// The block of a plan that is named after its type.
pub(crate) fn terms(terms: Terms) -> Object {
    match terms {
        Terms::Fixed { release_after } => {
            release_schedule(Some(release_after), terms.scheduled_release())
        }
        Terms::Rolling { days_after_charge, expires_on } => Object::bare()
            .set("days_after_charge", days_after_charge)
            .set("expires_on", optional(expires_on)),
        Terms::Manual => Object::bare(),
    }
}

/// A plan as events show it.
pub(crate) fn plan_in_event(shown: &Plan, owner: &Owner) -> Object {
    plan(shown, &View::of_event(owner))
}

/// A release. `created_by` is `stripe` unless a caller asked for it.
pub(crate) fn release(release: &Release, expanded: Expanded, view: &View) -> Object {
    let by_caller = release.reason.is_by_caller();
    let mut object = Object::new(&release.id, "reserve.release")
        .set("amount", release.amount)
        .set("created", release.created)
        .set("created_by", if by_caller { "application" } else { "stripe" })
        .set("currency", release.currency.to_string())
        .set("destination", "payments")
        .set("livemode", view.livemode)
        .set("reason", release.reason.as_str())
        // A release takes place when it is recorded.
        .set("released_at", release.created)
        .set("reserve_hold", link(release.hold.as_deref(), expanded.reserve_hold))
        .set("reserve_plan", link(release.plan.as_deref(), expanded.reserve_plan));
    // A release that no caller asked for has none at first, and shows the field once it is set.
    if view.connect && (by_caller || !release.metadata.is_empty()) {
        object = object.set("metadata", release.metadata.render());
    }
    if let Some(source) = &release.source {
        let consumer = link(Some(source.id()), expanded.source_transaction);
        let transaction = Object::bare().set(source.kind(), consumer).set("type", source.kind());
        object = object.set("source_transaction", transaction);
    }
    version::translate(object, release, version::RELEASE, &view.version)
}

/// A release as events show it.
pub(crate) fn release_in_event(shown: &Release, owner: &Owner) -> Object {
    release(shown, Expanded::default(), &View::of_event(owner))
}
