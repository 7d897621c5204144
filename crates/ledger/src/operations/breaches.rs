//! Breaches: reported payouts that took more than was available. The processor has then paid out
//! money that the books have as pending or reserved, or that the account did not have, so the
//! platform reads them to act.

use super::LEDGER_READ;
use crate::model::payout::Breach;
use crate::{sql, wire};
use coffer_dialect::{ApiError, CreatedRange, Fields, Object};
use coffer_kernel::{Collection, Ctx, Definition, PagePosition};
use coffer_storage::{StorageError, Store};

/// `GET /v1/ledger/breaches` and `GET /v1/ledger/breaches/:id`.
#[derive(Clone, Copy)]
pub(crate) struct Breaches;

impl Collection for Breaches {
    const KIND: &'static str = "breach";
    const LIST: Definition =
        Definition::list("ledger.breaches.list", "/v1/ledger/breaches", LEDGER_READ, &[]);
    const RETRIEVE: Definition = Definition::retrieve(
        "ledger.breaches.retrieve",
        "/v1/ledger/breaches/:id",
        LEDGER_READ,
        &[],
    );
    const FILTERS: &'static [&'static str] = &CreatedRange::PARAMS;
    type Filter = CreatedRange;
    type Item = Breach;

    fn filter(&self, fields: &Fields<'_>) -> Result<CreatedRange, ApiError> {
        fields.created_range()
    }

    async fn find(
        &self,
        store: &Store,
        ctx: &Ctx,
        id: &str,
    ) -> Result<Option<Breach>, StorageError> {
        sql::read(store, &ctx.owner(), id).await
    }

    fn seq(breach: &Breach) -> i64 {
        breach.seq
    }

    async fn page(
        &self,
        store: &Store,
        ctx: &Ctx,
        position: PagePosition,
        filter: &CreatedRange,
    ) -> Result<Vec<Breach>, StorageError> {
        crate::page(store, &ctx.owner(), position, filter).await
    }

    async fn render(
        &self,
        _store: &Store,
        ctx: &Ctx,
        breaches: Vec<Breach>,
    ) -> Result<Vec<Object>, StorageError> {
        let livemode = ctx.tenant().mode.is_live();
        Ok(breaches.iter().map(|breach| wire::breach(breach, livemode)).collect())
    }
}
