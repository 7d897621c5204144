//! Collections: kinds of objects that callers list, newest first, and read one by one.
//!
//! A family says how its objects are found and printed; parameters, cursors and pages are the
//! same for all of them (conventions §5).

use crate::context::Ctx;
use crate::error::storage_failure;
use crate::operation::{Access, Arguments, Definition, Method, Reach, ReadOperation};
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
    /// What the caller got wrong.
    fn filter(&self, fields: &Fields<'_>) -> Result<Self::Filter, ApiError>;

    /// Finds an object by its id.
    ///
    /// # Errors
    /// [`StorageError`] of the engine.
    fn find(
        &self,
        store: &Store,
        ctx: &Ctx,
        id: &str,
    ) -> impl Future<Output = Result<Option<Self::Item>, StorageError>> + Send;

    /// Where an object stands in its list: a number that is larger for newer ones.
    fn seq(item: &Self::Item) -> i64;

    /// Reads the objects from a position on, in the order of reading.
    ///
    /// # Errors
    /// [`StorageError`] of the engine.
    fn page(
        &self,
        store: &Store,
        ctx: &Ctx,
        position: PagePosition,
        filter: &Self::Filter,
    ) -> impl Future<Output = Result<Vec<Self::Item>, StorageError>> + Send;

    /// Prints objects, with what the request expands in them.
    ///
    /// # Errors
    /// [`StorageError`] of the engine.
    fn render(
        &self,
        store: &Store,
        ctx: &Ctx,
        items: Vec<Self::Item>,
    ) -> impl Future<Output = Result<Vec<Object>, StorageError>> + Send;
}

impl Definition {
    /// `GET path` that lists a collection.
    pub const fn list(
        name: &'static str,
        path: &'static str,
        permission: &'static str,
        expandable: &'static [&'static str],
    ) -> Self {
        let access = Access::Tenant { permission };
        Self { name, method: Method::Get, path, access, expandable, list: true }
    }

    /// `GET path/:id` that reads one object of a collection.
    pub const fn retrieve(
        name: &'static str,
        path: &'static str,
        permission: &'static str,
        expandable: &'static [&'static str],
    ) -> Self {
        let access = Access::Tenant { permission };
        Self { name, method: Method::Get, path, access, expandable, list: false }
    }

    /// `POST path` that makes or changes something.
    pub const fn write(
        name: &'static str,
        path: &'static str,
        permission: &'static str,
        expandable: &'static [&'static str],
    ) -> Self {
        let access = Access::Tenant { permission };
        Self { name, method: Method::Post, path, access, expandable, list: false }
    }
}

/// The operation that lists a collection.
pub(crate) struct List<C>(pub(crate) C);

/// What a list is asked for.
pub(crate) struct Asked<F> {
    filter: F,
    page: PageRequest,
}

impl<C: Collection> ReadOperation for List<C> {
    const DEFINITION: Definition = C::LIST;
    type Input = Asked<C::Filter>;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Self::Input, ApiError> {
        let fields = arguments.params.only(&[C::FILTERS, &PageRequest::PARAMS].concat())?;
        Ok(Asked { filter: self.0.filter(&fields)?, page: PageRequest::parse(&fields)? })
    }

    fn reach(_input: &Self::Input) -> Reach {
        Reach::Backend
    }

    async fn run(&self, asked: &Self::Input, ctx: &Ctx, store: &Store) -> Result<Object, ApiError> {
        let failed = |error: StorageError| storage_failure(&error);
        let cursor = match &asked.page.cursor {
            None => None,
            Some((_, id)) => self.0.find(store, ctx, id).await.map_err(failed)?,
        };
        let position = PagePosition::of(&asked.page, C::KIND, cursor.as_ref().map(C::seq))?;
        let rows = self.0.page(store, ctx, position, &asked.filter).await.map_err(failed)?;
        let page = Page::cut(rows, position);
        let objects = self.0.render(store, ctx, page.items).await.map_err(failed)?;
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

    fn reach(_input: &String) -> Reach {
        Reach::Backend
    }

    async fn run(&self, id: &String, ctx: &Ctx, store: &Store) -> Result<Object, ApiError> {
        let failed = |error: StorageError| storage_failure(&error);
        let found = self.0.find(store, ctx, id).await.map_err(failed)?;
        let objects = self.0.render(store, ctx, found.into_iter().collect()).await;
        let object = objects.map_err(failed)?.pop();
        object.ok_or_else(|| ApiError::not_found(C::KIND, id, "id"))
    }
}
