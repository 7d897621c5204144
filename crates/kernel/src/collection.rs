//! Collections: kinds of objects that callers list, newest first, and read one by one.
//!
//! A family says how its objects are found and rendered; parameters, cursors and pages are the
//! same for all of them.

use crate::context::Ctx;
use crate::definition::Definition;
use crate::operation::{Arguments, Failure, ReadOperation};
use crate::page::{Page, PagePosition};
use coffer_dialect::{ApiError, Fields, Object, PageRequest, list};
use coffer_storage::{StorageError, Store};
use std::future::Future;

/// A kind of objects.
pub trait Collection: Send + Sync + 'static {
    /// What errors call an object of it: `No such …`.
    const KIND: &'static str;
    /// The operation that lists: see [`Definition::list`].
    const LIST: Definition;
    /// The operation that reads one: see [`Definition::retrieve`].
    const RETRIEVE: Definition;
    /// The parameters that narrow a list, besides those of paging.
    const FILTERS: &'static [&'static str];
    /// What a list is narrowed to.
    type Filter: Send + Sync + 'static;
    /// An object as it was read.
    type Item: Send;

    /// Checks the parameters that narrow a list, in their declared order.
    ///
    /// # Errors
    /// The first parameter that is malformed.
    fn filter(&self, fields: &Fields<'_>) -> Result<Self::Filter, ApiError>;

    /// Finds an object by its id.
    fn find(
        &self,
        store: &Store,
        ctx: &Ctx,
        id: &str,
    ) -> impl Future<Output = Result<Option<Self::Item>, StorageError>> + Send;

    /// Where an object stands in its list: a number that is larger for newer ones.
    fn seq(item: &Self::Item) -> i64;

    /// Reads the objects from a position on, in the order of reading.
    fn page(
        &self,
        store: &Store,
        ctx: &Ctx,
        position: PagePosition,
        filter: &Self::Filter,
    ) -> impl Future<Output = Result<Vec<Self::Item>, StorageError>> + Send;

    /// Renders objects, with what the request expands in them.
    fn render(
        &self,
        store: &Store,
        ctx: &Ctx,
        items: Vec<Self::Item>,
    ) -> impl Future<Output = Result<Vec<Object>, StorageError>> + Send;
}

/// The operation that lists a collection.
pub(crate) struct List<C>(pub(crate) C);

/// The parameters of a list.
pub(crate) struct ListInput<F> {
    filter: F,
    page: PageRequest,
}

impl<C: Collection> ReadOperation for List<C> {
    const DEFINITION: Definition = C::LIST;
    type Input = ListInput<C::Filter>;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Self::Input, ApiError> {
        let fields = arguments.params.only(&[C::FILTERS, &PageRequest::PARAMS].concat())?;
        Ok(ListInput { filter: self.0.filter(&fields)?, page: PageRequest::parse(&fields)? })
    }

    async fn run(&self, input: &Self::Input, ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        let cursor = match &input.page.cursor {
            None => None,
            Some((_, id)) => self.0.find(store, ctx, id).await?,
        };
        let position = PagePosition::of(&input.page, C::KIND, cursor.as_ref().map(C::seq))?;
        let rows = self.0.page(store, ctx, position, &input.filter).await?;
        let page = Page::cut(rows, position);
        ctx.audit_amount(page.items.len());
        let objects = self.0.render(store, ctx, page.items).await?;
        Ok(list(objects, page.has_more, C::LIST.path))
    }
}

/// The operation that reads one object of a collection.
pub(crate) struct Retrieve<C>(pub(crate) C);

impl<C: Collection> ReadOperation for Retrieve<C> {
    const DEFINITION: Definition = C::RETRIEVE;
    type Input = String;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<String, ApiError> {
        arguments.params.only(&[])?;
        Ok(arguments.id().to_owned())
    }

    async fn run(&self, id: &String, ctx: &Ctx, store: &Store) -> Result<Object, Failure> {
        let found = self.0.find(store, ctx, id).await?;
        if found.is_some() {
            ctx.audit_subject(id);
        }
        // An object is found at once, but what is shown with it can be many rows.
        let store = &store.in_turn();
        let mut objects = self.0.render(store, ctx, found.into_iter().collect()).await?;
        Ok(objects.pop().ok_or_else(|| ApiError::not_found(C::KIND, id, "id"))?)
    }
}
