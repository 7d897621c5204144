//! Told transactions: the processor's balance transactions, one at a time, listed and retrieved.

use super::intake::check_created;
use super::{LEDGER_READ, LEDGER_WRITE, TRANSIENT};
use crate::limits;
use crate::model::account::SourceType;
use crate::model::kind::is_known;
use crate::model::transaction::{NewTransaction, PayoutWords, Transaction};
use crate::operations::examples;
use crate::params::{optional_processor_id, processor_id, source_type};
use crate::reasons;
use crate::rules::transaction::Recorded;
use crate::rules::warning::keep_conflict;
use crate::rules::{ReserveRules, transaction};
use crate::sql;
use crate::store::transaction::Filter;
use crate::tx::LedgerTx;
use coffer_base::{Timestamp, limit};
use coffer_dialect::{ApiError, Fields, Object, limits as dialect};
use coffer_kernel::{
    Applied, Arguments, Collection, Committed, Ctx, Definition, Failure, PagePosition,
    WriteOperation,
};
use coffer_storage::{StorageError, Store, Tx};

/// The parameters of a transaction, in the order in which they are checked.
const PARAMS: &[&str] = &[
    "id",
    "type",
    "amount",
    "currency",
    "created",
    "available_on",
    "fee",
    "application_fee",
    "reporting_category",
    "balance_type",
    "source",
    "charge",
    "source_transfer",
    "source_type",
    "payout",
    "payout_request",
    "exchange_rate",
];

/// `POST /v1/ledger/transactions`.
pub(crate) struct Create<R>(pub(crate) R);

impl<R: ReserveRules> WriteOperation for Create<R> {
    const DEFINITION: Definition = Definition::write(
        "ledger.transactions.create",
        "/v1/ledger/transactions",
        LEDGER_WRITE,
        &[],
    )
    .one_at_a_time()
    .retries(TRANSIENT)
    .example(examples::TRANSACTIONS_CREATE);
    type Input = NewTransaction;
    type Out = Recorded;

    fn parse(&self, arguments: &Arguments<'_>) -> Result<NewTransaction, ApiError> {
        let told = parse(&arguments.params.only(PARAMS)?)?;
        check(&told)?;
        Ok(told)
    }

    fn check(&self, told: &NewTransaction, ctx: &Ctx) -> Result<(), ApiError> {
        check_created(Some(told.created), ctx.now())
    }

    async fn apply(
        &self,
        told: &NewTransaction,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<Applied<Recorded>, Failure> {
        let owner = ctx.owner();
        let mut ledger = LedgerTx::begin(tx, &owner, ctx.cause()).await?;
        let recorded = transaction::tell(&mut ledger, told, &self.0).await?;
        ledger.finish();
        let subject = recorded.transaction.id.clone();
        Ok(Applied { subject, out: recorded, fingerprint: None })
    }

    async fn refused(
        &self,
        told: &NewTransaction,
        refusal: &ApiError,
        ctx: &Ctx,
        tx: &mut Tx<'_>,
    ) -> Result<(), StorageError> {
        keep_conflict(tx, ctx, &told.id, refusal).await
    }

    async fn committed(&self, recorded: &Recorded, _ctx: &Ctx) -> Result<Committed, ApiError> {
        if recorded.is_of_unknown_type() {
            log_unknown_type(&recorded.transaction.word, 1);
        }
        Ok(Committed::Done)
    }

    fn render(&self, recorded: &Recorded, ctx: &Ctx) -> Object {
        render(&recorded.transaction, ctx.tenant().mode.is_live(), ctx.now())
    }
}

impl Recorded {
    /// Whether it was recorded now, and is an adjustment because nobody knows its type.
    pub(super) fn is_of_unknown_type(&self) -> bool {
        self.is_new && !is_known(&self.transaction.word)
    }
}

/// Says in the log that the processor has a type which the table lacks: its money is right, and
/// whether it means more is for somebody to find out. A type is a word of letters, digits and `_`.
pub(super) fn log_unknown_type(word: &str, transactions: usize) {
    tracing::warn!(
        r#type = word,
        transactions,
        "transactions of a type that is not known were recorded as adjustments"
    );
}

/// Reads a transaction.
fn parse(fields: &Fields<'_>) -> Result<NewTransaction, ApiError> {
    let ceiling = dialect::TOLD_AMOUNT_CEILING;
    let signed = |name: &str| fields.optional_integer_within(name, -ceiling..=ceiling);
    let required = |name: &'static str, value: Option<i64>| {
        value.ok_or_else(|| ApiError::parameter_missing(name))
    };
    let time = |name: &'static str, from: i64| {
        let seconds = fields.optional_integer_within(name, from..=limit::CLOCK_CEILING)?;
        required(name, seconds).map(Timestamp::from_unix)
    };
    Ok(NewTransaction {
        id: processor_id(fields, "id")?,
        word: fields.required_plain("type", limits::TYPE_CHARACTERS)?,
        amount: required("amount", signed("amount")?)?,
        currency: fields.required_currency_code("currency")?,
        created: time("created", limits::EARLIEST_CREATED)?,
        available_on: time("available_on", 0)?,
        fee: signed("fee")?,
        application_fee: signed("application_fee")?,
        category: fields.optional_plain("reporting_category", limits::TYPE_CHARACTERS)?,
        balance_type: fields.optional_plain("balance_type", limits::TYPE_CHARACTERS)?,
        source: optional_processor_id(fields, "source")?,
        charge: optional_processor_id(fields, "charge")?,
        source_transfer: optional_processor_id(fields, "source_transfer")?,
        source_type: source_type(fields)?,
        payout: optional_processor_id(fields, "payout")?,
        payout_request: optional_processor_id(fields, "payout_request")?,
        exchange_rate: fields.optional_plain("exchange_rate", limits::RATE_CHARACTERS)?,
        payout_words: PayoutWords::default(),
    })
}

/// Checks what the types of single parameters do not say.
pub(super) fn check(told: &NewTransaction) -> Result<(), ApiError> {
    check_word("type", &told.word)?;
    for (name, word) in
        [("reporting_category", &told.category), ("balance_type", &told.balance_type)]
    {
        word.as_deref().map_or(Ok(()), |word| check_word(name, word))?;
    }
    check_available_on(told)?;
    check_application_fee(told)?;
    told.exchange_rate.as_deref().map_or(Ok(()), check_rate)
}

/// Checks a word of the processor's: small letters, digits and `_`.
pub(super) fn check_word(name: &'static str, word: &str) -> Result<(), ApiError> {
    let known = |sign: u8| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == b'_';
    if word.bytes().all(known) {
        return Ok(());
    }
    let shown: String = word.chars().take(dialect::ECHO_CHARACTERS).collect();
    let message = format!(
        "Invalid {name}: '{shown}'. The processor's words are made of the letters a to z, of \
         digits and of '_'."
    );
    Err(ApiError::invalid_param(name, message).because(&reasons::TRANSACTION_TYPE))
}

/// Checks that a transaction counts within [`limits::COUNTS_WITHIN_SECONDS`] of its time.
fn check_available_on(told: &NewTransaction) -> Result<(), ApiError> {
    let (created, at) = (told.created.unix(), told.available_on.unix());
    if at.saturating_sub(created).saturating_abs() <= limits::COUNTS_WITHIN_SECONDS {
        return Ok(());
    }
    let message = format!(
        "'available_on' must lie within 400 days of 'created': it is {at}, and 'created' is \
         {created}, both in Unix seconds."
    );
    let error = ApiError::invalid_param("available_on", message);
    Err(error.because(&reasons::AVAILABLE_ON_RANGE))
}

/// Checks that the platform's part of the fee is a part of it.
fn check_application_fee(told: &NewTransaction) -> Result<(), ApiError> {
    let (part, whole) = (told.application_fee.unwrap_or(0), told.fee.unwrap_or(0));
    if (whole.min(0)..=whole.max(0)).contains(&part) {
        return Ok(());
    }
    let message = format!(
        "'application_fee' is the part of 'fee' that the platform takes: {part} is no part of \
         {whole}."
    );
    let error = ApiError::invalid_param("application_fee", message);
    Err(error.because(&reasons::APPLICATION_FEE_RANGE))
}

/// Checks an exchange rate: digits, with at most one point among them, and no needless zero before
/// them, since it is shown as a number of JSON.
fn check_rate(rate: &str) -> Result<(), ApiError> {
    let (whole, part) = rate.split_once('.').unwrap_or((rate, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|sign| sign.is_ascii_digit());
    if digits(whole) && digits(part) && (whole == "0" || !whole.starts_with('0')) {
        return Ok(());
    }
    let message = "'exchange_rate' must be a decimal number, such as 1.16342.";
    Err(ApiError::invalid_param("exchange_rate", message).because(&reasons::EXCHANGE_RATE))
}

/// `GET /v1/ledger/transactions` and `GET /v1/ledger/transactions/:id`.
#[derive(Clone, Copy)]
pub(crate) struct Transactions;

impl Collection for Transactions {
    const KIND: &'static str = "transaction";
    const LIST: Definition =
        Definition::list("ledger.transactions.list", "/v1/ledger/transactions", LEDGER_READ, &[]);
    const RETRIEVE: Definition = Definition::retrieve(
        "ledger.transactions.retrieve",
        "/v1/ledger/transactions/:id",
        LEDGER_READ,
        &[],
    )
    .example(examples::TRANSACTIONS_RETRIEVE);
    const FILTERS: &'static [&'static str] = &[
        "created",
        "created[gt]",
        "created[gte]",
        "created[lt]",
        "created[lte]",
        "currency",
        "parked",
        "type",
    ];
    type Filter = Filter;
    type Item = Transaction;

    fn filter(&self, fields: &Fields<'_>) -> Result<Filter, ApiError> {
        Ok(Filter {
            created: fields.created_range()?,
            currency: fields.optional_currency_code("currency")?,
            parked: fields.optional_bool("parked")?,
            word: fields.id_filter("type")?,
        })
    }

    async fn find(
        &self,
        store: &Store,
        ctx: &Ctx,
        id: &str,
    ) -> Result<Option<Transaction>, StorageError> {
        sql::read(store, &ctx.owner(), id).await
    }

    fn seq(transaction: &Transaction) -> i64 {
        transaction.seq
    }

    async fn page(
        &self,
        store: &Store,
        ctx: &Ctx,
        position: PagePosition,
        filter: &Filter,
    ) -> Result<Vec<Transaction>, StorageError> {
        crate::page(store, &ctx.owner(), position, filter).await
    }

    async fn render(
        &self,
        _store: &Store,
        ctx: &Ctx,
        transactions: Vec<Transaction>,
    ) -> Result<Vec<Object>, StorageError> {
        let livemode = ctx.tenant().mode.is_live();
        Ok(transactions.iter().map(|each| render(each, livemode, ctx.now())).collect())
    }
}

/// The object on the wire. As Stripe's, it is pending until its date, whether or not the scheduled
/// task has come by.
pub(crate) fn render(transaction: &Transaction, livemode: bool, now: Timestamp) -> Object {
    let pending = !transaction.settled && transaction.available_on > now;
    Object::new(&transaction.id, "ledger.transaction")
        .set("amount", transaction.amount)
        .set("application_fee", transaction.application_fee)
        .set("available_on", transaction.available_on)
        .set("balance_type", transaction.balance_type.clone())
        .set("charge", transaction.charge.clone())
        .set("created", transaction.created)
        .set("currency", transaction.pool.currency.to_string())
        .set("drawn", transaction.drawn)
        .set("exchange_rate", transaction.exchange_rate.clone())
        .set("fee", transaction.fee)
        .set("kind", transaction.kind.as_str())
        .set("livemode", livemode)
        .set("net", transaction.net())
        .set("parked", transaction.parked)
        .set("payout", transaction.payout.clone())
        .set("payout_request", transaction.payout_request.clone())
        .set("reporting_category", transaction.category.clone())
        .set("source", transaction.source.clone())
        .set("source_transfer", transaction.source_transfer.clone())
        .set("source_type", SourceType::as_str(transaction.pool.source_type))
        .set("status", if pending { "pending" } else { "available" })
        .set("type", transaction.word.clone())
}
