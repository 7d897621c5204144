//! List: the secrets of one scope, newest first.

use super::{SECRET_READ, WITHOUT_PAYLOADS, open, secret};
use crate::secret::{Locator, Scope};
use crate::{store, wire};
use coffer_dialect::{ApiError, Object, PageRequest, list};
use coffer_kernel::{
    Arguments, Ctx, Definition, Example, Failure, Page, PagePosition, ReadOperation, RequestScope,
    position_of_tombstone,
};
use coffer_keyring::Digest;
use coffer_storage::{StorageError, Store};

/// `GET /v1/apps/secrets`.
pub(crate) struct List;

/// Which scope is listed, and which page of it. Secrets that have expired are on no page.
pub(crate) struct Input {
    scope: Scope,
    page: PageRequest,
}

impl ReadOperation for List {
    const DEFINITION: Definition =
        Definition::list("apps.secrets.list", wire::URL, SECRET_READ, wire::EXPANDABLE)
            .of_stripe()
            .example(Example::of(&[("scope[type]", "account")]));
    type Input = Input;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Input, ApiError> {
        let [scope, kind, user] = wire::SCOPE_PARAMS;
        let [limit, after, before] = PageRequest::PARAMS;
        let fields = arguments.params.only(&[scope, kind, user, limit, after, before])?;
        Ok(Input { scope: wire::scope(&fields)?, page: PageRequest::parse(&fields)? })
    }

    fn scope(input: &Input) -> RequestScope {
        input.scope.request_scope()
    }

    async fn run(&self, input: &Input, ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        if !ctx.expands(wire::PAYLOAD) {
            ctx.audit_detail(WITHOUT_PAYLOADS);
        }
        let Some(keys) = ctx.existing_keys() else {
            PagePosition::of(&input.page, wire::KIND, None)?;
            return Ok(list(Vec::new(), false, wire::URL));
        };
        let scope = input.scope.digest(keys);
        let seq = match &input.page.cursor {
            None => None,
            Some((_, id)) => seq_of_cursor(store, ctx, scope, id).await?,
        };
        let position = PagePosition::of(&input.page, wire::KIND, seq)?;
        let rows = store::page(store, ctx.tenant(), scope, position, ctx.now()).await?;
        let page = Page::cut(rows, position);
        ctx.audit_amount(page.items.len());
        let mut objects = Vec::with_capacity(page.items.len());
        for stored in page.items {
            let locator = Locator { scope: input.scope.clone(), name: stored.name.clone() };
            let payload = open(&stored, &locator, keys)?;
            objects.push(wire::render(&secret(stored, locator, payload, ctx), ctx));
        }
        Ok(list(objects, page.has_more, wire::URL))
    }
}

/// Where the cursor's secret stands, or stood before it was deleted or expired.
async fn seq_of_cursor(
    store: &Store,
    ctx: &Ctx,
    scope: Digest,
    id: &str,
) -> Result<Option<i64>, StorageError> {
    if let Some(seq) = store::seq_of(store, ctx.tenant(), scope, id).await? {
        return Ok(Some(seq));
    }
    position_of_tombstone(store, ctx.tenant(), scope.as_bytes(), id).await
}
