//! Warnings: what the platform should look at although the books are right.

use super::LEDGER_READ;
use crate::model::warning::{Kind, Warning};
use crate::sql;
use crate::store::warning::Filter;
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{Collection, Ctx, Definition, PagePosition};
use coffer_storage::{StorageError, Store};

/// `GET /v1/ledger/warnings` and `GET /v1/ledger/warnings/:id`.
#[derive(Clone, Copy)]
pub(crate) struct Warnings;

impl Collection for Warnings {
    const KIND: &'static str = "warning";
    const LIST: Definition =
        Definition::list("ledger.warnings.list", "/v1/ledger/warnings", LEDGER_READ, &[]);
    const RETRIEVE: Definition = Definition::retrieve(
        "ledger.warnings.retrieve",
        "/v1/ledger/warnings/:id",
        LEDGER_READ,
        &[],
    );
    const FILTERS: &'static [&'static str] =
        &["created", "created[gt]", "created[gte]", "created[lt]", "created[lte]", "kind"];
    type Filter = Filter;
    type Item = Warning;

    fn filter(&self, fields: &Fields<'_>) -> Result<Filter, ApiError> {
        let choices = Kind::ALL.map(|kind| (kind.as_str(), kind));
        let created = fields.created_range()?;
        Ok(Filter { created, kind: fields.optional_choice("kind", &choices)? })
    }

    async fn find(
        &self,
        store: &Store,
        ctx: &Ctx,
        id: &str,
    ) -> Result<Option<Warning>, StorageError> {
        sql::read(store, &ctx.owner(), id).await
    }

    fn seq(warning: &Warning) -> i64 {
        warning.seq
    }

    async fn page(
        &self,
        store: &Store,
        ctx: &Ctx,
        position: PagePosition,
        filter: &Filter,
    ) -> Result<Vec<Warning>, StorageError> {
        crate::page(store, &ctx.owner(), position, filter).await
    }

    async fn render(
        &self,
        _store: &Store,
        ctx: &Ctx,
        warnings: Vec<Warning>,
    ) -> Result<Vec<Object>, StorageError> {
        let livemode = ctx.tenant().mode.is_live();
        Ok(warnings.iter().map(|warning| render(warning, livemode)).collect())
    }
}

/// The object on the wire.
fn render(warning: &Warning, livemode: bool) -> Object {
    Object::new(&warning.id, "ledger.warning")
        .set("about", warning.about.clone())
        .set("created", warning.created)
        .set("kind", warning.kind.as_str())
        .set("livemode", livemode)
        .set("param", warning.param.clone())
}
