//! Releasing some of a hold, or all of it, before its date.

use super::super::RESERVE_RELEASE_WRITE;
use super::{EXPANDABLE, Shown, expand, no_such_hold};
use crate::hold::Hold;
use crate::operations::examples;
use crate::release::{Because, Part, Reason, release};
use crate::store::{hold as holds, release as store};
use crate::turn::Turn;
use coffer_base::{Currency, limit};
use coffer_dialect::{ApiError, Metadata, MetadataChange, Object};
use coffer_kernel::{Applied, Arguments, Ctx, Definition, Failure, WriteOperation};
use coffer_storage::Tx;

/// `POST /v1/reserve/releases`.
pub(crate) struct Create;

/// A release that is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    hold: String,
    amount: Option<i64>,
    currency: Option<Currency>,
    metadata: Metadata,
}

impl WriteOperation for Create {
    const DEFINITION: Definition = Definition::write(
        "reserve.releases.create",
        "/v1/reserve/releases",
        RESERVE_RELEASE_WRITE,
        EXPANDABLE,
    )
    .example(examples::RELEASES_CREATE);
    type Input = Wanted;
    type Out = Shown;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Wanted, ApiError> {
        let known = ["reserve_hold", "amount", "currency", "metadata"];
        let fields = arguments.params.only(&known)?;
        let hold = fields.required_plain("reserve_hold", limit::PROCESSOR_ID_CHARACTERS)?;
        let amount = fields.optional_amount("amount")?;
        let currency = fields.optional_currency("currency")?;
        let change = fields.metadata()?.unwrap_or(MetadataChange::Clear);
        let metadata = change.apply(&Metadata::default())?;
        Ok(Wanted { hold, amount, currency, metadata })
    }

    async fn apply(
        &self,
        wanted: &Wanted,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Shown>, Failure> {
        let owner = ctx.owner();
        let mut turn = Turn::take(tx, &owner, ctx.cause()).await?;
        let found = holds::find(turn.tx, &owner, &wanted.hold).await?;
        let hold = found.ok_or_else(|| no_such_hold(&wanted.hold))?;
        let amount = wanted.amount_of(&hold)?;
        if hold.released > 0 {
            check_count(store::count_by_callers(turn.tx, &owner, hold.seq).await?, &hold)?;
        }
        let because =
            Because { metadata: wanted.metadata.clone(), ..Because::of(Reason::HoldReleasedEarly) };
        let release = release(&mut turn, &[Part { hold, amount }], because).await?;
        let expanded = expand(&mut turn, ctx, &release).await?;
        turn.finish()?;
        let subject = release.id.clone();
        Ok(Applied { subject, out: Shown { release, expanded }, fingerprint: None })
    }

    fn render(&self, shown: &Shown, ctx: &Ctx) -> Object {
        shown.render(ctx)
    }
}

impl Wanted {
    /// How much of `hold` is to be released.
    fn amount_of(&self, hold: &Hold) -> Result<i64, ApiError> {
        if let Some(currency) = self.currency.filter(|each| *each != hold.pool.currency) {
            let message = format!(
                "The hold '{}' is in {}, not in {currency}: leave currency out, or send its own.",
                hold.id, hold.pool.currency
            );
            return Err(ApiError::invalid_param("currency", message));
        }
        if !hold.is_releasable() {
            let why = match hold.remaining() {
                0 => "all of it was released already",
                _ => "its plan was disabled, so that all of it is being released",
            };
            let message = format!("Nothing of the hold '{}' can be released: {why}.", hold.id);
            return Err(ApiError::invalid_param("reserve_hold", message));
        }
        match self.amount {
            Some(amount) if amount > hold.remaining() => Err(ApiError::invalid_param(
                "amount",
                format!(
                    "The hold '{}' has {} left to release, less than {amount}.",
                    hold.id,
                    hold.remaining()
                ),
            )),
            Some(amount) => Ok(amount),
            None => Ok(hold.remaining()),
        }
    }
}

fn check_count(releases: i64, hold: &Hold) -> Result<(), ApiError> {
    if releases < limit::RELEASES_PER_HOLD {
        return Ok(());
    }
    let message = format!(
        "The hold '{}' was released in {releases} parts, the most that it can be by request; the \
         rest is released at its date.",
        hold.id
    );
    Err(ApiError::invalid_param("reserve_hold", message))
}
