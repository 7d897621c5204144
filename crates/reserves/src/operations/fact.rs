//! Facts: what the processor tells, in one way for all kinds (reserves §13.1). A fact is told once
//! under the processor's own id; told again it is answered as it stands; what follows later is
//! told of it by its own call.

use super::check_created;
use crate::Settings;
use crate::turn::Turn;
use coffer_base::{Owner, Timestamp};
use coffer_dialect::{ApiError, Fields, Object};
use coffer_kernel::{
    Applied, Arguments, Collection, Ctx, Definition, Failure, PagePosition, RequestScope, Routes,
    WriteOperation,
};
use coffer_storage::{StorageError, Store, Tx};
use std::future::Future;
use std::marker::PhantomData;

/// A kind of facts.
pub(crate) trait Fact: Clone + Send + Sync + 'static {
    /// What errors call one.
    const KIND: &'static str;
    /// The operation by which one is told.
    const CREATE: Definition;
    /// The operation by which is told what follows.
    const UPDATE: Definition;
    const LIST: Definition;
    const RETRIEVE: Definition;
    /// The parameters of each.
    const TOLD: &'static [&'static str];
    const NEWS: &'static [&'static str];
    const FILTERS: &'static [&'static str];
    /// One as it is told; what was not sent is `None`.
    type Told: Clone + Send + Sync + 'static;
    /// What follows.
    type News: Clone + Send + Sync + 'static;
    /// What a list is narrowed to.
    type Filter: Send + Sync + 'static;

    fn id(&self) -> &str;
    fn seq(&self) -> i64;
    fn render(&self, livemode: bool) -> Object;

    /// Checks the parameters, in their declared order.
    fn told(fields: &Fields<'_>) -> Result<Self::Told, ApiError>;
    fn news(fields: &Fields<'_>) -> Result<Self::News, ApiError>;
    fn filter(fields: &Fields<'_>) -> Result<Self::Filter, ApiError>;

    /// The processor's id.
    fn told_id(told: &Self::Told) -> &str;

    /// When it happened, if it is said.
    fn told_at(_told: &Self::Told) -> Option<Timestamp> {
        None
    }

    /// One by its id, as a turn sees it.
    fn find(
        tx: &mut Tx<'_>,
        owner: &Owner,
        id: &str,
    ) -> impl Future<Output = Result<Option<Self>, StorageError>> + Send;

    /// One by its id.
    fn read(
        store: &Store,
        owner: &Owner,
        id: &str,
    ) -> impl Future<Output = Result<Option<Self>, StorageError>> + Send;

    /// Those from a position on, in the order of reading.
    fn page(
        store: &Store,
        owner: &Owner,
        position: PagePosition,
        filter: &Self::Filter,
    ) -> impl Future<Output = Result<Vec<Self>, StorageError>> + Send;

    /// Records one that was not known.
    fn first(
        turn: &mut Turn<'_, '_>,
        told: &Self::Told,
        settings: &Settings,
    ) -> impl Future<Output = Result<Self, Failure>> + Send;

    /// Compares one that is known with how it is told now, and answers it as it stands.
    fn again(
        self,
        turn: &mut Turn<'_, '_>,
        told: &Self::Told,
    ) -> impl Future<Output = Result<Self, Failure>> + Send;

    /// Records what follows.
    fn follow(
        self,
        turn: &mut Turn<'_, '_>,
        news: &Self::News,
    ) -> impl Future<Output = Result<Self, Failure>> + Send;
}

/// Adds all operations on facts of a kind.
pub(crate) fn register<F: Fact>(routes: &mut Routes, settings: Settings) {
    routes
        .write(Create::<F>::new(settings))
        .write(Update::<F>::new())
        .collection(Facts::<F>(PhantomData));
}

/// Tells a fact.
pub(crate) struct Create<F>(Settings, PhantomData<fn() -> F>);

impl<F> Create<F> {
    pub(crate) const fn new(settings: Settings) -> Self {
        Self(settings, PhantomData)
    }
}

impl<F: Fact> WriteOperation for Create<F> {
    const DEFINITION: Definition = F::CREATE;
    type Input = F::Told;
    type Out = F;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<F::Told, ApiError> {
        F::told(&arguments.params.only(F::TOLD)?)
    }

    fn check(&self, told: &F::Told, ctx: &Ctx) -> Result<(), ApiError> {
        check_created(F::told_at(told), ctx)
    }

    async fn apply(
        &self,
        told: &F::Told,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<F>, Failure> {
        let owner = ctx.owner();
        let mut turn = Turn::take(tx, &owner, ctx.cause()).await?;
        let fact = match F::find(turn.tx, &owner, F::told_id(told)).await? {
            Some(known) => known.again(&mut turn, told).await?,
            None => F::first(&mut turn, told, &self.0).await?,
        };
        turn.finish()?;
        Ok(Applied { subject: fact.id().to_owned(), out: fact, fingerprint: None })
    }

    fn render(&self, fact: &F, ctx: &Ctx) -> Object {
        fact.render(ctx.tenant().mode.is_live())
    }
}

/// Tells what followed a fact.
pub(crate) struct Update<F>(PhantomData<fn() -> F>);

impl<F> Update<F> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<F: Fact> WriteOperation for Update<F> {
    const DEFINITION: Definition = F::UPDATE;
    type Input = (String, F::News);
    type Out = F;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<(String, F::News), ApiError> {
        let news = F::news(&arguments.params.only(F::NEWS)?)?;
        Ok((arguments.id().to_owned(), news))
    }

    fn scope(_input: &(String, F::News)) -> RequestScope {
        RequestScope::Backend
    }

    async fn apply(
        &self,
        (id, news): &(String, F::News),
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<F>, Failure> {
        let owner = ctx.owner();
        let mut turn = Turn::take(tx, &owner, ctx.cause()).await?;
        let found = F::find(turn.tx, &owner, id).await?;
        let known = found.ok_or_else(|| ApiError::not_found(F::KIND, id, "id"))?;
        let fact = known.follow(&mut turn, news).await?;
        turn.finish()?;
        Ok(Applied { subject: fact.id().to_owned(), out: fact, fingerprint: None })
    }

    fn render(&self, fact: &F, ctx: &Ctx) -> Object {
        fact.render(ctx.tenant().mode.is_live())
    }
}

/// The list of facts of a kind, and each of them.
#[derive(Clone)]
pub(crate) struct Facts<F>(PhantomData<fn() -> F>);

impl<F: Fact> Collection for Facts<F> {
    const KIND: &'static str = F::KIND;
    const LIST: Definition = F::LIST;
    const RETRIEVE: Definition = F::RETRIEVE;
    const FILTERS: &'static [&'static str] = F::FILTERS;
    type Filter = F::Filter;
    type Item = F;

    fn filter(&self, fields: &Fields<'_>) -> Result<F::Filter, ApiError> {
        F::filter(fields)
    }

    async fn find(&self, store: &Store, ctx: &Ctx, id: &str) -> Result<Option<F>, StorageError> {
        F::read(store, &ctx.owner(), id).await
    }

    fn seq(fact: &F) -> i64 {
        fact.seq()
    }

    async fn page(
        &self,
        store: &Store,
        ctx: &Ctx,
        position: PagePosition,
        filter: &F::Filter,
    ) -> Result<Vec<F>, StorageError> {
        F::page(store, &ctx.owner(), position, filter).await
    }

    async fn render(
        &self,
        _store: &Store,
        ctx: &Ctx,
        facts: Vec<F>,
    ) -> Result<Vec<Object>, StorageError> {
        let livemode = ctx.tenant().mode.is_live();
        Ok(facts.iter().map(|fact| fact.render(livemode)).collect())
    }
}
