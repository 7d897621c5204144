//! Intake: how the platform reports facts of its processor, in one way for all kinds. A fact is
//! created once under the processor's own id; sending the same id again returns the stored object
//! unchanged, and is refused if it contradicts it. An update reports what followed.

use crate::limits;
use crate::reasons;
use crate::rules::warning::keep_conflict;
use crate::rules::{ReserveRules, transaction};
use crate::settings::Settings;
use crate::sql::{self, Record};
use crate::tx::LedgerTx;
use coffer_base::Timestamp;
use coffer_dialect::{ApiError, Fields, Object, Value};
use coffer_kernel::{
    Applied, Arguments, Collection, Ctx, Definition, Failure, PagePosition, Routes, WriteOperation,
};
use coffer_storage::{StorageError, Store, Tx};
use std::fmt::Display;
use std::future::Future;
use std::marker::PhantomData;

/// A kind of facts.
pub(crate) trait Intake: Record<Filter: ListFilter> + Clone + Sync + 'static {
    /// What errors call one.
    const KIND: &'static str;
    /// `POST /v1/ledger/<kind>s`.
    const CREATE: Definition;
    /// `POST /v1/ledger/<kind>s/:id`.
    const UPDATE: Definition;
    const LIST: Definition;
    const RETRIEVE: Definition;
    /// The names of the parameters of a create, in the order in which they are checked.
    const CREATE_PARAMS: &'static [&'static str];
    /// The names of the parameters of an update, in the order in which they are checked.
    const UPDATE_PARAMS: &'static [&'static str];
    type CreateParams: CreateParams;
    /// What can follow a fact of this kind.
    type UpdateParams: Clone + Send + Sync + 'static;

    /// Reads a fact as it is sent, whether it is new or sent again.
    fn parse_create(fields: &Fields<'_>) -> Result<Self::CreateParams, ApiError>;
    /// Reads what followed.
    fn parse_update(fields: &Fields<'_>) -> Result<Self::UpdateParams, ApiError>;

    /// Records a fact whose id is not known yet: its row, its entries, and what the rules reserve
    /// of it or release for it.
    fn record<R: ReserveRules>(
        ledger: &mut LedgerTx<'_, '_>,
        params: &Self::CreateParams,
        with: With<'_, R>,
    ) -> impl Future<Output = Result<Self, Failure>> + Send;

    /// Compares a stored fact with how it is sent again, and adds what was not known of it.
    /// Parameters that were left out contradict nothing; the first that differs is the error. What
    /// held a default is told for the first time.
    fn reconcile<R: ReserveRules>(
        self,
        ledger: &mut LedgerTx<'_, '_>,
        params: &Self::CreateParams,
        rules: &R,
    ) -> impl Future<Output = Result<Self, Failure>> + Send;

    /// Records what followed. Sending the same update again changes nothing.
    fn apply_update<R: ReserveRules>(
        self,
        ledger: &mut LedgerTx<'_, '_>,
        params: &Self::UpdateParams,
        rules: &R,
    ) -> impl Future<Output = Result<Self, Failure>> + Send;

    /// Whether an update moves money, which a ledger that takes transactions refuses.
    const UPDATE_MOVES: bool = true;

    /// Whether transactions of the processor told its money.
    fn told_by_transaction(&self) -> bool {
        false
    }

    /// The object on the wire.
    fn render(&self, livemode: bool) -> Object;

    /// What retrieving one shows besides, if it is asked for.
    fn expanded(
        &self,
        _store: &Store,
        _ctx: &Ctx,
    ) -> impl Future<Output = Result<Vec<(&'static str, Value)>, StorageError>> + Send {
        async { Ok(Vec::new()) }
    }
}

/// By what a fact is recorded.
#[derive(Debug)]
pub(crate) struct With<'a, R> {
    /// How money is reserved.
    pub(crate) rules: &'a R,
    /// What the operator set.
    pub(crate) settings: &'a Settings,
}

/// The parameters of a create; those that were not sent are `None`.
pub(crate) trait CreateParams: Clone + Send + Sync + 'static {
    /// The processor's id.
    fn id(&self) -> &str;

    /// When the fact happened, if it is sent.
    fn created(&self) -> Option<Timestamp>;

    /// Whether it asks whether something may happen, and tells nothing that has.
    fn asks(&self) -> bool {
        false
    }
}

/// What a list is narrowed to.
pub(crate) trait ListFilter: Sized {
    /// The names of its parameters, in the order in which they are checked.
    const PARAMS: &'static [&'static str];

    /// Reads the filter of a list.
    fn parse(fields: &Fields<'_>) -> Result<Self, ApiError>;
}

/// Adds all operations of a kind of facts: create, update, list and retrieve.
pub(crate) fn register<I: Intake>(
    routes: &mut Routes,
    rules: &impl ReserveRules,
    settings: Settings,
) {
    routes
        .write(Create::<I, _> { settings, ..Create::new(rules.clone()) })
        .write(Update::<I, _>::new(rules.clone()))
        .collection(Facts::<I>(PhantomData));
}

/// Creates a fact, or returns the stored one if its id is known.
pub(crate) struct Create<I, R> {
    rules: R,
    settings: Settings,
    kind: PhantomData<fn() -> I>,
}

impl<I, R> Create<I, R> {
    /// With the settings as they are if nobody sets them.
    pub(crate) fn new(rules: R) -> Self {
        Self { rules, settings: Settings::default(), kind: PhantomData }
    }
}

impl<I: Intake, R: ReserveRules> WriteOperation for Create<I, R> {
    const DEFINITION: Definition = I::CREATE;
    type Input = I::CreateParams;
    type Out = I;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<I::CreateParams, ApiError> {
        I::parse_create(&arguments.params.only(I::CREATE_PARAMS)?)
    }

    fn check(&self, params: &I::CreateParams, ctx: &Ctx) -> Result<(), ApiError> {
        check_created(params.created(), ctx.now())
    }

    async fn apply(
        &self,
        params: &I::CreateParams,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<I>, Failure> {
        let owner = ctx.owner();
        let mut ledger = LedgerTx::begin(tx, &owner, ctx.cause()).await?;
        let known = sql::find::<I>(ledger.tx, &owner, params.id()).await?;
        if !params.asks() {
            transaction::check_fact(&ledger, params.created().unwrap_or(ctx.now()))?;
        }
        let fact = match known {
            // Its figures are the processor's own: a fact about it adds none.
            Some(known) if known.told_by_transaction() => known,
            Some(known) => known.reconcile(&mut ledger, params, &self.rules).await?,
            None => {
                let with = With { rules: &self.rules, settings: &self.settings };
                I::record(&mut ledger, params, with).await?
            }
        };
        ledger.finish();
        Ok(Applied { subject: fact.id().to_owned(), out: fact, fingerprint: None })
    }

    async fn refused(
        &self,
        params: &I::CreateParams,
        refusal: &ApiError,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<(), StorageError> {
        keep_conflict(tx, ctx, params.id(), refusal).await
    }

    fn render(&self, fact: &I, ctx: &Ctx) -> Object {
        fact.render(ctx.tenant().mode.is_live())
    }
}

/// Records what followed a fact, which the path names: 404 if it is unknown.
pub(crate) struct Update<I, R> {
    rules: R,
    kind: PhantomData<fn() -> I>,
}

impl<I, R> Update<I, R> {
    pub(crate) const fn new(rules: R) -> Self {
        Self { rules, kind: PhantomData }
    }
}

impl<I: Intake, R: ReserveRules> WriteOperation for Update<I, R> {
    const DEFINITION: Definition = I::UPDATE;
    type Input = (String, I::UpdateParams);
    type Out = I;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<(String, I::UpdateParams), ApiError> {
        let params = I::parse_update(&arguments.params.only(I::UPDATE_PARAMS)?)?;
        Ok((arguments.id().to_owned(), params))
    }

    async fn apply(
        &self,
        (id, params): &(String, I::UpdateParams),
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<I>, Failure> {
        let owner = ctx.owner();
        let mut ledger = LedgerTx::begin(tx, &owner, ctx.cause()).await?;
        let found = sql::find::<I>(ledger.tx, &owner, id).await?;
        let known = found.ok_or_else(|| ApiError::not_found(I::KIND, id, "id"))?;
        if I::UPDATE_MOVES {
            transaction::check_fact(&ledger, ctx.now())?;
        }
        let fact = known.apply_update(&mut ledger, params, &self.rules).await?;
        ledger.finish();
        Ok(Applied { subject: fact.id().to_owned(), out: fact, fingerprint: None })
    }

    async fn refused(
        &self,
        (id, _): &(String, I::UpdateParams),
        refusal: &ApiError,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<(), StorageError> {
        keep_conflict(tx, ctx, id, refusal).await
    }

    fn render(&self, fact: &I, ctx: &Ctx) -> Object {
        fact.render(ctx.tenant().mode.is_live())
    }
}

/// Lists the facts of a kind, and retrieves one.
#[derive(Clone)]
pub(crate) struct Facts<I>(PhantomData<fn() -> I>);

impl<I: Intake> Collection for Facts<I> {
    const KIND: &'static str = I::KIND;
    const LIST: Definition = I::LIST;
    const RETRIEVE: Definition = I::RETRIEVE;
    const FILTERS: &'static [&'static str] = I::Filter::PARAMS;
    type Filter = I::Filter;
    type Item = I;

    fn filter(&self, fields: &Fields<'_>) -> Result<I::Filter, ApiError> {
        I::Filter::parse(fields)
    }

    async fn find(&self, store: &Store, ctx: &Ctx, id: &str) -> Result<Option<I>, StorageError> {
        sql::read(store, &ctx.owner(), id).await
    }

    fn seq(fact: &I) -> i64 {
        fact.seq()
    }

    async fn page(
        &self,
        store: &Store,
        ctx: &Ctx,
        position: PagePosition,
        filter: &I::Filter,
    ) -> Result<Vec<I>, StorageError> {
        crate::page(store, &ctx.owner(), position, filter).await
    }

    async fn render(
        &self,
        store: &Store,
        ctx: &Ctx,
        facts: Vec<I>,
    ) -> Result<Vec<Object>, StorageError> {
        let livemode = ctx.tenant().mode.is_live();
        let mut objects = Vec::with_capacity(facts.len());
        for fact in &facts {
            let mut object = fact.render(livemode);
            for (name, value) in fact.expanded(store, ctx).await? {
                object = object.set(name, value);
            }
            objects.push(object);
        }
        Ok(objects)
    }
}

/// Checks when a fact happened: not in the future, save for clocks that differ by up to
/// [`limits::CLOCK_SKEW_SECONDS`]. Any time in the past is accepted.
pub(crate) fn check_created(created: Option<Timestamp>, now: Timestamp) -> Result<(), ApiError> {
    match created {
        Some(created) if created > now.plus(limits::CLOCK_SKEW_SECONDS) => {
            Err(ApiError::invalid_param(
                "created",
                format!(
                    "'created' lies in the future: it is {created}, and now is {now}, both in \
                         Unix seconds."
                ),
            )
            .because(&reasons::CREATED_AHEAD))
        }
        _ => Ok(()),
    }
}

/// Checks a figure of a fact that is sent again; `sent` is `None` if it was left out, which
/// contradicts nothing.
pub(crate) fn check_same<T: PartialEq + Display>(
    id: &str,
    param: &'static str,
    known: Option<&T>,
    sent: Option<&T>,
) -> Result<(), Failure> {
    match sent {
        Some(sent) if Some(sent) != known => Err(otherwise(id, param, known, sent)),
        _ => Ok(()),
    }
}

/// Checks a figure that may have been corrected since: both what was told first and what stands now
/// may be sent again. What was never told contradicts nothing.
pub(crate) fn check_told<T: PartialEq + Display>(
    id: &str,
    param: &'static str,
    (first, now): (Option<&T>, &T),
    sent: Option<&T>,
) -> Result<(), Failure> {
    match (first, sent) {
        (Some(first), Some(sent)) if sent != first && sent != now => {
            Err(otherwise(id, param, Some(first), sent))
        }
        _ => Ok(()),
    }
}

/// What is told for the first time: what was sent, unless something was told before.
pub(crate) const fn first_told<T: Copy>(first: Option<T>, sent: Option<T>) -> Option<T> {
    if first.is_none() { sent } else { None }
}

/// The refusal of a fact that was told before with another figure.
fn otherwise<T: Display>(id: &str, param: &'static str, known: Option<&T>, sent: &T) -> Failure {
    let known = known.map_or_else(|| "none".to_owned(), |known| format!("'{known}'"));
    let message = format!(
        "'{id}' was told before with another {param}: {known}, not '{sent}'. What the processor \
         told stays as it is; tell what follows from it as a new object."
    );
    ApiError::invalid_param(param, message).because(&reasons::TOLD_OTHERWISE).into()
}
