//! `GET /v1/admin/reserves/stories/…`: the story of a hold, of a charge, or of a payout.

use super::{WHICH, account};
use crate::limits;
use crate::model::hold::Hold;
use crate::reasons;
use crate::reports::story::{self, HoldOrigin, PlanOrigin, Step};
use crate::store::plan_version::PlanVersion;
use crate::store::story as store;
use coffer_base::{Mode, Owner};
use coffer_dialect::{ApiError, Object, Value};
use coffer_kernel::{Access, Arguments, Ctx, Definition, Failure, ReadOperation};
use coffer_ledger::history::PoolAt;
use coffer_ledger::model::payout::Payout;
use coffer_ledger::stories::{Kind, owners};
use coffer_ledger::{Charge, sql};
use coffer_storage::Store;

/// The story of a hold.
pub(crate) struct OfHold;
/// The story of a charge.
pub(crate) struct OfCharge;
/// The story of a payout.
pub(crate) struct OfPayout;

/// Which object it is about, and what narrows the ledgers that it is looked for in.
pub(crate) struct Query {
    id: String,
    mode: Option<Mode>,
    platform: String,
    account: String,
}

fn parse(arguments: &Arguments<'_>) -> Result<Query, ApiError> {
    let fields = arguments.params.only(&WHICH)?;
    let modes = [("live", Mode::Live), ("test", Mode::Test)];
    Ok(Query {
        id: arguments.id().to_owned(),
        mode: fields.optional_choice("mode", &modes)?,
        platform: account(&fields, "platform")?,
        account: account(&fields, "account")?,
    })
}

impl ReadOperation for OfHold {
    const DEFINITION: Definition = Definition::get(
        "admin.reserves.stories.hold",
        "/v1/admin/reserves/stories/holds/:id",
        Access::AUDITED,
    );
    type Input = Query;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Query, ApiError> {
        parse(arguments)
    }

    async fn run(&self, query: &Query, _ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        let owner = query.owner(store, "reserve_hold", None).await?;
        let found = sql::read::<Hold>(store, &owner, &query.id).await?;
        let hold = found.ok_or_else(|| ApiError::not_found("reserve_hold", &query.id, "id"))?;
        let currency = hold.pool.currency.to_string();
        let origin = story::origin(store, &owner, hold).await?;
        let steps = story::of_hold(store, &owner, &origin).await?;
        let object = of(&owner, "hold", &query.id, currency, &steps);
        Ok(object.set("hold", hold_object(&origin)))
    }
}

impl ReadOperation for OfCharge {
    const DEFINITION: Definition = Definition::get(
        "admin.reserves.stories.charge",
        "/v1/admin/reserves/stories/charges/:id",
        Access::AUDITED,
    );
    type Input = Query;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Query, ApiError> {
        parse(arguments)
    }

    async fn run(&self, query: &Query, _ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        let owner = query.owner(store, "charge", Some(Kind::Charge)).await?;
        let found = sql::read::<Charge>(store, &owner, &query.id).await?;
        let charge = found.ok_or_else(|| ApiError::not_found("charge", &query.id, "id"))?;
        let (origins, steps) = story::of_charge(store, &owner, &query.id).await?;
        let holds = origins.iter().map(|origin| Value::Object(hold_object(origin)));
        let object = of(&owner, "charge", &query.id, charge.currency.to_string(), &steps);
        Ok(object.set("charge", charge_object(&charge)).set("holds", Value::List(holds.collect())))
    }
}

impl ReadOperation for OfPayout {
    const DEFINITION: Definition = Definition::get(
        "admin.reserves.stories.payout",
        "/v1/admin/reserves/stories/payouts/:id",
        Access::AUDITED,
    );
    type Input = Query;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Query, ApiError> {
        parse(arguments)
    }

    async fn run(&self, query: &Query, _ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        let owner = query.owner(store, "payout", Some(Kind::Payout)).await?;
        let found = sql::read::<Payout>(store, &owner, &query.id).await?;
        let payout = found.ok_or_else(|| ApiError::not_found("payout", &query.id, "id"))?;
        let (steps, around) = story::of_payout(store, &owner, &payout).await?;
        let object = of(&owner, "payout", &query.id, payout.currency.to_string(), &steps);
        let [before, after] = around.map(|state| pool_object(&state));
        let payout = payout_object(&payout);
        Ok(object.set("after", after).set("before", before).set("payout", payout))
    }
}

fn pool_object(state: &PoolAt) -> Object {
    Object::bare()
        .set("available", state.available)
        .set("in_transit", state.in_transit)
        .set("pending", state.pending)
        .set("reserved", state.reserved())
}

impl Query {
    /// Whose the object is: of all ledgers, or of those that the parameters leave.
    async fn owner(
        &self,
        store: &Store,
        name: &'static str,
        kind: Option<Kind>,
    ) -> Result<Owner, Failure> {
        let mut found = Vec::new();
        for part in store.parts().await? {
            let most = limits::STORY_OWNERS;
            found.extend(match kind {
                None => store::owners(&part, &self.id, most).await?,
                Some(kind) => owners(&part, kind, &self.id, most).await?,
            });
        }
        found.retain(|owner| self.is_of(owner));
        let mut found = found.into_iter();
        let Some(owner) = found.next() else {
            return Err(ApiError::not_found(name, &self.id, "id").into());
        };
        let Some(other) = found.next() else { return Ok(owner) };
        let of = |owner: &Owner| {
            let (mode, platform) = (owner.mode.as_str(), owner.platform.as_str());
            format!("mode={mode} platform={platform} account={}", owner.account.as_str())
        };
        let message = format!(
            "Several ledgers have '{}', such as those of {} and of {}. Send mode, platform and \
             account.",
            self.id,
            of(&owner),
            of(&other)
        );
        Err(ApiError::invalid_param("id", message).because(&reasons::STORY_AMBIGUOUS).into())
    }

    fn is_of(&self, owner: &Owner) -> bool {
        self.mode.is_none_or(|mode| mode == owner.mode)
            && (self.platform.is_empty() || self.platform == owner.platform.as_str())
            && (self.account.is_empty() || self.account == owner.account.as_str())
    }
}

/// What all stories have.
fn of(owner: &Owner, about: &'static str, id: &str, currency: String, steps: &[Step]) -> Object {
    let step = |step: &Step| {
        let object = Object::bare()
            .set("amount", step.amount)
            .set("at", step.at)
            .set("id", step.id.clone())
            .set("text", step.text.clone())
            .set("what", step.what);
        Value::Object(object)
    };
    Object::new(id, "reserve.story")
        .set("about", about)
        .set("account", owner.account.as_str().to_owned())
        .set("currency", currency)
        .set("livemode", owner.mode.is_live())
        .set("platform", owner.platform.as_str().to_owned())
        .set("steps", Value::List(steps.iter().map(step).collect()))
}

fn hold_object(origin: &HoldOrigin) -> Object {
    let hold = &origin.hold;
    Object::bare()
        .set("amount", hold.amount)
        .set("amount_releasable", hold.remaining())
        .set("charge", hold.charge().map(str::to_owned))
        .set("created", hold.created)
        .set("hold", hold.id.clone())
        .set("plan", origin.plan.as_ref().map(plan_object))
        .set("scheduled_release", hold.scheduled_release())
}

fn plan_object(origin: &PlanOrigin) -> Object {
    let versions = origin.versions.iter().map(|version| Value::Object(version_object(version)));
    Object::bare()
        .set("plan", origin.plan.id.clone())
        .set("state", origin.plan.state.as_str())
        .set("version", origin.version.as_ref().map(version_object))
        .set("versions", Value::List(versions.collect()))
}

fn version_object(version: &PlanVersion) -> Object {
    Object::bare()
        .set("at", version.at)
        .set("percent", version.percent)
        .set("state", version.state.clone())
        .set("text", story::terms(version))
        .set("type", version.terms.as_str())
        .set("version", version.version)
}

fn charge_object(charge: &Charge) -> Object {
    Object::bare()
        .set("amount", charge.amount)
        .set("amount_refunded", charge.shown_refunded())
        .set("charge", charge.id.clone())
        .set("created", charge.created)
        .set("disputed", charge.disputed)
        .set("net", charge.net())
}

fn payout_object(payout: &Payout) -> Object {
    Object::bare()
        .set("amount", payout.amount)
        .set("created", payout.created)
        .set("payout", payout.id.clone())
        .set("reported", payout.reported)
        .set("source_type", payout.source_type.as_str())
        .set("status", payout.status.as_str())
}
