//! Reconciliations: the platform tells the processor's balance, and learns in what the books
//! differ.

use super::import::page;
use super::{LEDGER_READ, LEDGER_WRITE};
use crate::limits;
use crate::model::account::SourceType;
use crate::model::reconciliation::{Difference, ProcessorBalance, Reconciliation};
use crate::model::transaction::NewTransaction as Transaction;
use crate::operations::examples;
use crate::params::optional_time;
use crate::reasons;
use crate::rules::reconcile::{self, Balances};
use crate::sql;
use crate::store::reconciliation as store;
use crate::tx::LedgerTx;
use coffer_base::Timestamp;
use coffer_dialect::{ApiError, CreatedRange, Fields, Object, Value};
use coffer_kernel::{
    Applied, Arguments, Collection, Ctx, Definition, Failure, JsonBody, PagePosition,
    WriteOperation,
};
use coffer_storage::{StorageError, Store, Tx};

/// `POST /v1/ledger/reconciliations`.
pub(crate) struct Create;

/// What the processor tells.
pub(crate) struct Input {
    /// The time of the balance; the time of the request if it was not sent.
    as_of: Option<Timestamp>,
    theirs: Balances,
    /// The transactions of a page of its list.
    page: Vec<Transaction>,
}

impl WriteOperation for Create {
    const DEFINITION: Definition = Definition::write(
        "ledger.reconciliations.create",
        "/v1/ledger/reconciliations",
        LEDGER_WRITE,
        &[],
    )
    .one_at_a_time()
    .takes(JsonBody { name: "page", most: limits::PAGE_BYTES })
    .example(examples::RECONCILIATIONS_CREATE);
    type Input = Input;
    type Out = Reconciliation;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<Input, ApiError> {
        let fields = arguments.params.only(&["as_of", "available", "pending", "page"])?;
        let as_of = optional_time(&fields, "as_of")?;
        let mut theirs = Balances::new();
        for name in ["available", "pending"] {
            read_balance(&fields, name, &mut theirs)?;
        }
        let page = fields.optional_plain("page", limits::PAGE_BYTES)?;
        let page = page.map_or_else(|| Ok(Vec::new()), |text| page::told_of(&text))?;
        Ok(Input { as_of, theirs, page })
    }

    fn check(&self, input: &Input, ctx: &Ctx) -> Result<(), ApiError> {
        let latest = ctx.now().plus(limits::CLOCK_SKEW_SECONDS);
        if input.as_of.is_none_or(|as_of| as_of <= latest) {
            return Ok(());
        }
        let message = "'as_of' lies in the future: send the time at which the balance was read.";
        Err(ApiError::invalid_param("as_of", message).because(&reasons::CREATED_AHEAD))
    }

    async fn apply(
        &self,
        input: &Input,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Reconciliation>, Failure> {
        let owner = ctx.owner();
        let mut ledger = LedgerTx::begin(tx, &owner, ctx.cause()).await?;
        let as_of = input.as_of.unwrap_or(ctx.now());
        let mut differences = reconcile::compare(&mut ledger, &input.theirs, as_of).await?;
        let announces = reconcile::note_drift(&mut ledger, &differences).await?;
        let page: Vec<_> = input.page.iter().collect();
        differences.extend(reconcile::compare_page(&mut ledger, &page).await?);
        let (latest_transaction, parked) = store::standing(ledger.tx, &owner).await?;
        let reconciliation = Reconciliation {
            seq: ledger.next_seq()?,
            id: ledger.new_id("lrec"),
            created: ctx.now(),
            as_of,
            matches: !differences.iter().any(|each| each.check.counts()),
            differences: rendered(&differences)?,
            latest_transaction,
            parked,
        };
        store::insert(ledger.tx, &owner, &reconciliation);
        if announces {
            let object = render(&reconciliation, owner.mode.is_live());
            ledger.emit_event("coffer.ledger.drift", object, None).await?;
        }
        ledger.finish();
        Ok(Applied { subject: reconciliation.id.clone(), out: reconciliation, fingerprint: None })
    }

    fn render(&self, reconciliation: &Reconciliation, ctx: &Ctx) -> Object {
        render(reconciliation, ctx.tenant().mode.is_live())
    }
}

/// Reads one half of the processor's balance, as it shows it: a list of currencies, each with the
/// amount and, as far as they were sent, the amounts by source type.
fn read_balance(
    fields: &Fields<'_>,
    name: &'static str,
    theirs: &mut Balances,
) -> Result<(), ApiError> {
    let Some(list) = fields.optional_object(name)? else { return Ok(()) };
    for place in 0..=limits::CURRENCIES {
        let Some(each) = list.optional_object(&place.to_string())? else {
            return list.has_no_more(place);
        };
        let currency = each.required_currency_code("currency")?;
        let amount = required_amount(&each, "amount")?;
        let told = theirs.entry(currency).or_default();
        let half = if name == "available" { &mut told.available } else { &mut told.pending };
        *half = half.saturating_add(amount);
        if let Some(pools) = each.optional_object("source_types")? {
            add_pools(&pools, told)?;
        }
    }
    let most = limits::CURRENCIES;
    let message = format!("'{name}' has more than {most} currencies.");
    Err(ApiError::invalid_param(name, message).because(&reasons::PAGE_MALFORMED))
}

/// Adds the amounts by source type.
fn add_pools(pools: &Fields<'_>, told: &mut ProcessorBalance) -> Result<(), ApiError> {
    let sums = told.pools.get_or_insert_default();
    for ((word, _), sum) in SourceType::CHOICES.into_iter().zip(sums) {
        *sum = sum.saturating_add(signed(pools, word)?.unwrap_or(0));
    }
    Ok(())
}

fn required_amount(fields: &Fields<'_>, name: &str) -> Result<i64, ApiError> {
    signed(fields, name)?.ok_or_else(|| ApiError::parameter_missing(fields.path(name)))
}

/// A signed sum of a whole account, which is larger than single transactions.
fn signed(fields: &Fields<'_>, name: &str) -> Result<Option<i64>, ApiError> {
    let ceiling = limits::BALANCE_CEILING;
    fields.optional_integer_within(name, -ceiling..=ceiling)
}

/// What was found, as the JSON that is shown of it.
fn rendered(differences: &[Difference]) -> Result<String, StorageError> {
    let texts = differences.iter().map(|each| {
        let object = Object::bare()
            .set("check", each.check.as_str())
            .set("currency", each.currency.to_string())
            .set("difference", each.amount())
            .set("ours", each.ours)
            .set("source_type", each.source_type.map(|it| it.as_str().to_owned()))
            .set("theirs", each.theirs)
            .set("transaction", each.transaction.clone());
        String::from_utf8(object.render())
            .map_err(|_| StorageError::Internal("a difference was rendered as no text".into()))
    });
    let texts: Vec<String> = texts.collect::<Result<_, _>>()?;
    Ok(format!("[{}]", texts.join(",")))
}

/// `GET /v1/ledger/reconciliations` and `GET /v1/ledger/reconciliations/:id`.
#[derive(Clone, Copy)]
pub(crate) struct Reconciliations;

impl Collection for Reconciliations {
    const KIND: &'static str = "reconciliation";
    const LIST: Definition = Definition::list(
        "ledger.reconciliations.list",
        "/v1/ledger/reconciliations",
        LEDGER_READ,
        &[],
    );
    const RETRIEVE: Definition = Definition::retrieve(
        "ledger.reconciliations.retrieve",
        "/v1/ledger/reconciliations/:id",
        LEDGER_READ,
        &[],
    )
    .example(examples::RECONCILIATIONS_RETRIEVE);
    const FILTERS: &'static [&'static str] = &CreatedRange::PARAMS;
    type Filter = CreatedRange;
    type Item = Reconciliation;

    fn filter(&self, fields: &Fields<'_>) -> Result<CreatedRange, ApiError> {
        fields.created_range()
    }

    async fn find(
        &self,
        store: &Store,
        ctx: &Ctx,
        id: &str,
    ) -> Result<Option<Reconciliation>, StorageError> {
        sql::read(store, &ctx.owner(), id).await
    }

    fn seq(reconciliation: &Reconciliation) -> i64 {
        reconciliation.seq
    }

    async fn page(
        &self,
        store: &Store,
        ctx: &Ctx,
        position: PagePosition,
        filter: &CreatedRange,
    ) -> Result<Vec<Reconciliation>, StorageError> {
        crate::page(store, &ctx.owner(), position, filter).await
    }

    async fn render(
        &self,
        _store: &Store,
        ctx: &Ctx,
        reconciliations: Vec<Reconciliation>,
    ) -> Result<Vec<Object>, StorageError> {
        let livemode = ctx.tenant().mode.is_live();
        Ok(reconciliations.iter().map(|each| render(each, livemode)).collect())
    }
}

/// The object on the wire.
fn render(reconciliation: &Reconciliation, livemode: bool) -> Object {
    Object::new(&reconciliation.id, "ledger.reconciliation")
        .set("as_of", reconciliation.as_of)
        .set("created", reconciliation.created)
        .set("differences", Value::Rendered(reconciliation.differences.clone()))
        .set("latest_transaction", reconciliation.latest_transaction.clone())
        .set("livemode", livemode)
        .set("matches", reconciliation.matches)
        .set("parked", reconciliation.parked)
}
