//! Moving a hold's date, and changing its metadata.

use super::super::RESERVE_HOLD_WRITE;
use super::{EXPANDABLE, KIND, RELEASE_AFTER, release_after};
use crate::bounds::check_moved;
use crate::hold::{Hold, Schedule};
use crate::operations::examples;
use crate::store::{charge as charges, hold as store, plan as plans, release as releases};
use crate::turn::Turn;
use crate::wire::{self, Detail, Expanded, View};
use coffer_base::Timestamp;
use coffer_dialect::{ApiError, MetadataChange, Object};
use coffer_kernel::{Applied, Arguments, Ctx, Definition, Failure, WriteOperation};
use coffer_storage::{StorageError, Tx};

/// `POST /v1/reserve/holds/:id`.
pub(crate) struct Update;

/// What is to change; what was not sent is `None`.
#[derive(Clone, Debug)]
pub(crate) struct Changes {
    id: String,
    release_after: Option<Timestamp>,
    metadata: Option<MetadataChange>,
}

/// A hold as it is shown.
pub(crate) struct Shown {
    hold: Hold,
    details: Vec<Detail>,
    expanded: Expanded,
}

impl WriteOperation for Update {
    const DEFINITION: Definition = Definition::write(
        "reserve.holds.update",
        "/v1/reserve/holds/:id",
        RESERVE_HOLD_WRITE,
        EXPANDABLE,
    )
    .example(examples::HOLDS_UPDATE);
    type Input = Changes;
    type Out = Shown;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Changes, ApiError> {
        let fields = arguments.params.only(&["release_schedule", RELEASE_AFTER, "metadata"])?;
        let schedule = fields.optional_object("release_schedule")?;
        Ok(Changes {
            id: arguments.id().to_owned(),
            release_after: schedule.map(|block| release_after(&block)).transpose()?,
            metadata: fields.metadata()?,
        })
    }

    async fn apply(
        &self,
        changes: &Changes,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Shown>, Failure> {
        let owner = ctx.owner();
        let mut turn = Turn::take(tx, &owner, ctx.cause()).await?;
        let found = store::find(turn.tx, &owner, &changes.id).await?;
        let before = found.ok_or_else(|| ApiError::not_found(KIND, &changes.id, "id"))?;
        let hold = changes.apply(&before, turn.now())?;
        let details = match hold.released {
            0 => Vec::new(),
            _ => releases::details(turn.tx, &owner, hold.seq).await?,
        };
        if hold != before {
            store::update(turn.tx, &owner, &hold);
            let object = wire::hold_in_event(&hold, &details, &owner);
            let previous = previous(&before, &hold);
            turn.tell("reserve.hold.updated", object, Some(previous)).await?;
        }
        let expanded = expand(&mut turn, ctx, &hold).await?;
        turn.finish()?;
        let subject = hold.id.clone();
        Ok(Applied { subject, out: Shown { hold, details, expanded }, fingerprint: None })
    }

    fn render(&self, shown: &Shown, ctx: &Ctx) -> Object {
        wire::hold(&shown.hold, &shown.details, shown.expanded.clone(), &View::of(ctx))
    }
}

impl Changes {
    /// The hold with what is to change changed.
    fn apply(&self, hold: &Hold, now: Timestamp) -> Result<Hold, ApiError> {
        let mut after = hold.clone();
        if let Some(change) = &self.metadata {
            after.metadata = change.apply(&hold.metadata)?;
        }
        let Some(release_after) = self.release_after else { return Ok(after) };
        if !hold.is_releasable() {
            let message = format!(
                "The hold '{}' has no date to be moved: all of it was released, or is being \
                 released because its plan was disabled.",
                hold.id
            );
            return Err(ApiError::invalid_param(RELEASE_AFTER, message));
        }
        check_moved(RELEASE_AFTER, release_after, hold.created, now)?;
        after.schedule = Schedule::Own {
            release_after: Some(release_after),
            scheduled_release: release_after.midnight_after(),
        };
        Ok(after)
    }
}

/// What changed, as it was.
fn previous(before: &Hold, after: &Hold) -> Object {
    let mut previous = Object::bare();
    if before.schedule != after.schedule {
        let schedule = wire::release_schedule(before.release_after(), before.scheduled_release());
        previous = previous.set("release_schedule", schedule);
    }
    if before.metadata != after.metadata {
        previous = previous.set("metadata", before.metadata.render());
    }
    previous
}

/// What the request expands in the answer.
async fn expand(turn: &mut Turn<'_, '_>, ctx: &Ctx, hold: &Hold) -> Result<Expanded, StorageError> {
    let mut expanded = Expanded::default();
    if let (true, Some(plan)) = (ctx.expands("reserve_plan"), hold.plan()) {
        let plan = plans::find(turn.tx, turn.owner, &plan.id).await?;
        expanded.reserve_plan = plan.map(|plan| wire::plan(&plan, &View::of(ctx)));
    }
    if let (true, Some(charge)) = (ctx.expands("source_charge"), hold.charge()) {
        let charge = charges::find(turn.tx, turn.owner, charge).await?;
        let livemode = turn.owner.mode.is_live();
        expanded.source_charge = charge.map(|charge| charge.render_source(livemode));
    }
    Ok(expanded)
}
