//! Releasing some of a hold, or all of it, before its date.

use super::super::RESERVE_RELEASE_WRITE;
use super::no_such_hold;
use crate::expand::{IN_RELEASE, ReleaseLinks};
use crate::limits;
use crate::model::hold::Hold;
use crate::model::release::{Allocation, Reason, ReleaseReason};
use crate::operations::examples;
use crate::reasons;
use crate::rules::release::release;
use crate::store::release as store;
use coffer_base::{Currency, limit};
use coffer_dialect::{ApiError, Metadata, MetadataChange, Object};
use coffer_kernel::{Applied, Arguments, Ctx, Definition, Failure, WriteOperation};
use coffer_ledger::{LedgerTx, sql};
use coffer_storage::Tx;

/// `POST /v1/reserve/releases`.
pub(crate) struct Create;

/// The parameters of a new release.
#[derive(Clone, Debug)]
pub(crate) struct CreateParams {
    /// The id of the hold.
    hold: String,
    /// At most what remains of the hold, which is the default.
    amount: Option<i64>,
    /// The hold's, if it is sent.
    currency: Option<Currency>,
    metadata: Metadata,
}

impl WriteOperation for Create {
    const DEFINITION: Definition = Definition::write(
        "reserve.releases.create",
        "/v1/reserve/releases",
        RESERVE_RELEASE_WRITE,
        IN_RELEASE,
    )
    .of_stripe()
    .one_at_a_time()
    .example(examples::RELEASES_CREATE);
    type Input = CreateParams;
    /// The release as the response shows it, read in the transaction that changes it.
    type Out = Object;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<CreateParams, ApiError> {
        let known = ["reserve_hold", "amount", "currency", "metadata"];
        let fields = arguments.params.only(&known)?;
        let hold = fields.required_plain("reserve_hold", limit::PROCESSOR_ID_CHARACTERS)?;
        let amount = fields.optional_amount("amount")?;
        let currency = fields.optional_currency("currency")?;
        let change = fields.metadata()?.unwrap_or(MetadataChange::Clear);
        let metadata = change.apply(&Metadata::default())?;
        Ok(CreateParams { hold, amount, currency, metadata })
    }

    async fn apply(
        &self,
        params: &CreateParams,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Object>, Failure> {
        let owner = ctx.owner();
        let mut ledger = LedgerTx::begin(tx, &owner, ctx.cause()).await?;
        let found = sql::find::<Hold>(ledger.tx, &owner, &params.hold).await?;
        let hold = found.ok_or_else(|| no_such_hold(&params.hold))?;
        let amount = params.amount_of(&hold)?;
        // A hold that was never released has no releases to count.
        if hold.released > 0 {
            check_count(store::count_by_callers(ledger.tx, &owner, hold.seq).await?, &hold)?;
        }
        let reason = ReleaseReason {
            metadata: params.metadata.clone(),
            ..ReleaseReason::of(Reason::HoldReleasedEarly)
        };
        let release = release(&mut ledger, &[Allocation { hold, amount }], reason).await?;
        let one = std::slice::from_ref(&release);
        let links = ReleaseLinks::read(ledger.tx, ctx, "", one).await?;
        ledger.finish();
        Ok(Applied { out: links.render(&release), subject: release.id, fingerprint: None })
    }

    fn render(&self, shown: &Object, _ctx: &Ctx) -> Object {
        shown.clone()
    }
}

impl CreateParams {
    /// How much of `hold` to release: all that remains by default. Refused are another currency, a
    /// hold of which nothing can be released, and more than remains.
    fn amount_of(&self, hold: &Hold) -> Result<i64, ApiError> {
        if let Some(currency) = self.currency.filter(|each| *each != hold.pool.currency) {
            let message = format!(
                "The hold '{}' is in {}, not in {currency}: leave currency out, or send its own.",
                hold.id, hold.pool.currency
            );
            let error = ApiError::invalid_param("currency", message);
            return Err(error.because(&reasons::CURRENCY_OF_HOLD));
        }
        if !hold.is_releasable() {
            let why = match hold.remaining() {
                0 => "all of it was released already",
                _ => "its plan was disabled, so that all of it is being released",
            };
            let message = format!("Nothing of the hold '{}' can be released: {why}.", hold.id);
            let error = ApiError::invalid_param("reserve_hold", message);
            return Err(error.because(&reasons::NOTHING_LEFT).with_about(why));
        }
        match self.amount {
            Some(amount) if amount > hold.remaining() => Err(ApiError::invalid_param(
                "amount",
                format!(
                    "The hold '{}' has {} left to release, less than {amount}.",
                    hold.id,
                    hold.remaining()
                ),
            )
            .because(&reasons::ABOVE_REST)),
            Some(amount) => Ok(amount),
            None => Ok(hold.remaining()),
        }
    }
}

/// Refuses one release too many of a hold by callers: each hold shows its releases, so their number
/// has a bound.
fn check_count(releases: i64, hold: &Hold) -> Result<(), ApiError> {
    if releases < limits::RELEASES_PER_HOLD {
        return Ok(());
    }
    let message = format!(
        "The hold '{}' was released in {releases} parts, the most that it can be by request; the \
         rest is released at its date.",
        hold.id
    );
    Err(ApiError::invalid_param("reserve_hold", message).because(&reasons::TOO_MANY_RELEASES))
}
