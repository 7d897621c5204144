//! Changing a release's metadata: nothing else of it changes. Stripe has no event for it.

use super::super::RESERVE_RELEASE_WRITE;
use super::KIND;
use crate::expand::{IN_RELEASE, ReleaseLinks};
use crate::model::release::Release;
use crate::operations::examples;
use crate::store::release as store;
use coffer_dialect::{ApiError, MetadataChange, Object};
use coffer_kernel::{Applied, Arguments, Ctx, Definition, Failure, WriteOperation};
use coffer_ledger::{LedgerTx, sql};
use coffer_storage::Tx;

/// `POST /v1/reserve/releases/:id`.
pub(crate) struct Update;

impl WriteOperation for Update {
    const DEFINITION: Definition = Definition::write(
        "reserve.releases.update",
        "/v1/reserve/releases/:id",
        RESERVE_RELEASE_WRITE,
        IN_RELEASE,
    )
    .of_stripe()
    .one_at_a_time()
    .example(examples::RELEASES_UPDATE);
    /// The release's id, and the change, which is required: nothing else can be sent.
    type Input = (String, MetadataChange);
    /// The release as the response shows it, read in the transaction that changes it.
    type Out = Object;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<(String, MetadataChange), ApiError> {
        let metadata = arguments.params.only(&["metadata"])?.metadata()?;
        let change = metadata.ok_or_else(|| ApiError::parameter_missing("metadata"))?;
        Ok((arguments.id().to_owned(), change))
    }

    async fn apply(
        &self,
        (id, change): &(String, MetadataChange),
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Object>, Failure> {
        let owner = ctx.owner();
        let ledger = LedgerTx::begin(tx, &owner, ctx.cause()).await?;
        let found = sql::find::<Release>(ledger.tx, &owner, id).await?;
        let mut release = found.ok_or_else(|| ApiError::not_found(KIND, id, "id"))?;
        release.metadata = change.apply(&release.metadata)?;
        store::set_metadata(ledger.tx, &owner, &release);
        let one = std::slice::from_ref(&release);
        let links = ReleaseLinks::read(ledger.tx, ctx, "", one).await?;
        ledger.finish();
        Ok(Applied { out: links.render(&release), subject: release.id, fingerprint: None })
    }

    fn render(&self, shown: &Object, _ctx: &Ctx) -> Object {
        shown.clone()
    }
}
