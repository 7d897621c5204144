//! Changing a hold's date and its metadata. A hold of a fixed plan whose date a caller moves no
//! longer follows its plan's.

use super::super::RESERVE_HOLD_WRITE;
use super::super::dates::check_moved;
use super::{KIND, RELEASE_AFTER, release_after};
use crate::expand::{HoldLinks, IN_HOLD};
use crate::model::hold::{Hold, Schedule};
use crate::operations::examples;
use crate::reasons;
use crate::store::{hold as store, release as releases};
use crate::wire;
use coffer_base::Timestamp;
use coffer_dialect::{ApiError, MetadataChange, Object};
use coffer_kernel::{Applied, Arguments, Ctx, Definition, Failure, WriteOperation};
use coffer_ledger::{LedgerTx, sql};
use coffer_storage::Tx;

/// `POST /v1/reserve/holds/:id`.
pub(crate) struct Update;

/// The parameters of an update; those that were not sent are `None`.
#[derive(Clone, Debug)]
pub(crate) struct UpdateParams {
    id: String,
    /// The new date; up to 180 days after the hold was created.
    release_after: Option<Timestamp>,
    metadata: Option<MetadataChange>,
}

impl WriteOperation for Update {
    const DEFINITION: Definition = Definition::write(
        "reserve.holds.update",
        "/v1/reserve/holds/:id",
        RESERVE_HOLD_WRITE,
        IN_HOLD,
    )
    .of_stripe()
    .one_at_a_time()
    .example(examples::HOLDS_UPDATE);
    type Input = UpdateParams;
    /// The hold as the response shows it, read in the transaction of the update.
    type Out = Object;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<UpdateParams, ApiError> {
        let fields = arguments.params.only(&["release_schedule", RELEASE_AFTER, "metadata"])?;
        let schedule = fields.optional_object("release_schedule")?;
        Ok(UpdateParams {
            id: arguments.id().to_owned(),
            release_after: schedule.map(|block| release_after(&block)).transpose()?,
            metadata: fields.metadata()?,
        })
    }

    /// An update that changes nothing writes no row and emits no event.
    async fn apply(
        &self,
        params: &UpdateParams,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Object>, Failure> {
        let owner = ctx.owner();
        let mut ledger = LedgerTx::begin(tx, &owner, ctx.cause()).await?;
        let found = sql::find::<Hold>(ledger.tx, &owner, &params.id).await?;
        let before = found.ok_or_else(|| ApiError::not_found(KIND, &params.id, "id"))?;
        let hold = params.apply(&before, ledger.now())?;
        // A hold that was never released has no details to read.
        let details = match hold.released {
            0 => Vec::new(),
            _ => releases::details(ledger.tx, &owner, hold.seq).await?,
        };
        if hold != before {
            store::update(ledger.tx, &owner, &hold);
            ledger.track(before.figure(), before.remaining().saturating_neg());
            ledger.track(hold.figure(), hold.remaining());
            let object = wire::hold_in_event(&hold, &details, &owner);
            let previous = previous(&before, &hold);
            ledger.emit_event("reserve.hold.updated", object, Some(previous)).await?;
        }
        let links = HoldLinks::read(ledger.tx, ctx, "", std::slice::from_ref(&hold)).await?;
        ledger.finish();
        Ok(Applied { out: links.render(&hold), subject: hold.id, fingerprint: None })
    }

    fn render(&self, shown: &Object, _ctx: &Ctx) -> Object {
        shown.clone()
    }
}

impl UpdateParams {
    /// The hold after the update. A date can be set while something of the hold can be released;
    /// metadata can be changed always.
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
            let error = ApiError::invalid_param(RELEASE_AFTER, message);
            return Err(error.because(&reasons::NO_DATE_TO_MOVE));
        }
        check_moved(RELEASE_AFTER, release_after, hold.created, now)?;
        after.schedule = Schedule::Own {
            release_after: Some(release_after),
            scheduled_release: release_after.midnight_after(),
        };
        Ok(after)
    }
}

/// The fields that the update changed, as they were: the event's `previous_attributes`.
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
