//! Balance transactions: the entries that changed the balances that an account sees.

use super::BALANCE_READ;
use crate::expand::{self, Objects, link};
use crate::model::balance_transaction::BalanceTransaction;
use crate::model::kind::{Kind, kind_of};
use crate::reasons;
use crate::rules::ReserveRules;
use crate::sql;
use crate::store::balance_transaction::Filter;
use coffer_base::Timestamp;
use coffer_dialect::{ApiError, Fields, Object, Value};
use coffer_kernel::{Collection, Ctx, Definition, PagePosition};
use coffer_storage::{StorageError, Store};
use std::collections::BTreeMap;

/// `GET /v1/balance_transactions` and `GET /v1/balance_transactions/:id`.
#[derive(Clone)]
pub(crate) struct BalanceTransactions<R>(pub(crate) R);

impl<R: ReserveRules> Collection for BalanceTransactions<R> {
    const KIND: &'static str = "balance_transaction";
    const LIST: Definition = Definition::list(
        "balance_transactions.list",
        "/v1/balance_transactions",
        BALANCE_READ,
        R::EXPANDABLE,
    )
    .of_stripe();
    const RETRIEVE: Definition = Definition::retrieve(
        "balance_transactions.retrieve",
        "/v1/balance_transactions/:id",
        BALANCE_READ,
        R::EXPANDABLE,
    )
    .of_stripe();
    const FILTERS: &'static [&'static str] = &[
        "created",
        "created[gt]",
        "created[gte]",
        "created[lt]",
        "created[lte]",
        "currency",
        "payout",
        "source",
        "type",
    ];
    type Filter = Filter;
    type Item = BalanceTransaction;

    fn filter(&self, fields: &Fields<'_>) -> Result<Filter, ApiError> {
        let created = fields.created_range()?;
        let currency = fields.optional_currency("currency")?;
        let payout = fields.id_filter("payout")?;
        let source = fields.id_filter("source")?;
        let kind = fields.id_filter("type")?;
        if payout.is_some() && source.is_some() {
            let message = "'payout' and 'source' are mutually exclusive: send one of them.";
            let error = ApiError::invalid_param("source", message);
            return Err(error.because(&reasons::FILTERS_EXCLUSIVE));
        }
        Ok(Filter { kind, currency, source, payout, created })
    }

    async fn find(
        &self,
        store: &Store,
        ctx: &Ctx,
        id: &str,
    ) -> Result<Option<BalanceTransaction>, StorageError> {
        sql::read(store, &ctx.owner(), id).await
    }

    fn seq(transaction: &BalanceTransaction) -> i64 {
        transaction.seq
    }

    async fn page(
        &self,
        store: &Store,
        ctx: &Ctx,
        position: PagePosition,
        filter: &Filter,
    ) -> Result<Vec<BalanceTransaction>, StorageError> {
        crate::page(store, &ctx.owner(), position, filter).await
    }

    async fn render(
        &self,
        store: &Store,
        ctx: &Ctx,
        transactions: Vec<BalanceTransaction>,
    ) -> Result<Vec<Object>, StorageError> {
        let sources = if ctx.expands("source") {
            self.sources(store, ctx, &transactions).await?
        } else {
            BTreeMap::new()
        };
        let none = Objects::new();
        let render = |each: &BalanceTransaction| {
            let objects = SourceKind::of(each).and_then(|kind| sources.get(&kind));
            render(each, ctx.now(), source_of(each, objects.unwrap_or(&none)))
        };
        Ok(transactions.iter().map(render).collect())
    }
}

/// `GET /v1/balance/history` and `GET /v1/balance/history/:id`: the same by the name that they had
/// before, which old SDKs use.
#[derive(Clone)]
pub(crate) struct History<R>(pub(crate) BalanceTransactions<R>);

impl<R: ReserveRules> Collection for History<R> {
    const KIND: &'static str = BalanceTransactions::<R>::KIND;
    const LIST: Definition = Definition::list(
        "balance.history.list",
        "/v1/balance/history",
        BALANCE_READ,
        R::EXPANDABLE,
    )
    .of_stripe();
    const RETRIEVE: Definition = Definition::retrieve(
        "balance.history.retrieve",
        "/v1/balance/history/:id",
        BALANCE_READ,
        R::EXPANDABLE,
    )
    .of_stripe();
    const FILTERS: &'static [&'static str] = BalanceTransactions::<R>::FILTERS;
    type Filter = Filter;
    type Item = BalanceTransaction;

    fn filter(&self, fields: &Fields<'_>) -> Result<Filter, ApiError> {
        self.0.filter(fields)
    }

    async fn find(
        &self,
        store: &Store,
        ctx: &Ctx,
        id: &str,
    ) -> Result<Option<BalanceTransaction>, StorageError> {
        self.0.find(store, ctx, id).await
    }

    fn seq(item: &BalanceTransaction) -> i64 {
        BalanceTransactions::<R>::seq(item)
    }

    async fn page(
        &self,
        store: &Store,
        ctx: &Ctx,
        position: PagePosition,
        filter: &Filter,
    ) -> Result<Vec<BalanceTransaction>, StorageError> {
        self.0.page(store, ctx, position, filter).await
    }

    async fn render(
        &self,
        store: &Store,
        ctx: &Ctx,
        items: Vec<BalanceTransaction>,
    ) -> Result<Vec<Object>, StorageError> {
        self.0.render(store, ctx, items).await
    }
}

/// The kinds of objects that make entries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum SourceKind {
    Charge,
    Refund,
    Dispute,
    Payout,
    Adjustment,
    Hold,
    Release,
}

impl SourceKind {
    /// What makes a balance transaction. Ids alone do not tell: a refund may have that of a charge.
    fn of(transaction: &BalanceTransaction) -> Option<Self> {
        if transaction.told {
            return Some(Self::of_told(transaction));
        }
        Some(match transaction.kind.as_str() {
            "charge" | "stripe_fee" => Self::Charge,
            "refund" | "refund_failure" => Self::Refund,
            "adjustment" => Self::Dispute,
            "payout" | "payout_failure" | "payout_cancel" | "payout_confirmation" => Self::Payout,
            "reserve_hold" => Self::Hold,
            "reserve_release" => Self::Release,
            _ => return None,
        })
    }

    /// What the ledger made of one that the processor told.
    fn of_told(transaction: &BalanceTransaction) -> Self {
        let category = transaction.category.as_deref();
        match kind_of(&transaction.kind, category, transaction.line.amount) {
            Kind::Charge => Self::Charge,
            Kind::Refund | Kind::Failure | Kind::RefundFailure => Self::Refund,
            Kind::Dispute | Kind::Reinstatement => Self::Dispute,
            Kind::Payout | Kind::PayoutReturn => Self::Payout,
            Kind::Adjustment => Self::Adjustment,
        }
    }
}

impl<R: ReserveRules> BalanceTransactions<R> {
    /// What the sources of a page expand to, read with one statement for each kind.
    async fn sources(
        &self,
        mut store: &Store,
        ctx: &Ctx,
        transactions: &[BalanceTransaction],
    ) -> Result<BTreeMap<SourceKind, Objects>, StorageError> {
        let owner = ctx.owner();
        let with_charges = ctx.expands("source.charge");
        let of = |kind: SourceKind| {
            let made = move |each: &&BalanceTransaction| SourceKind::of(each) == Some(kind);
            transactions.iter().filter(made).map(|each| each.source.as_str())
        };
        let charges = expand::charges(&mut store, &owner, of(SourceKind::Charge)).await?;
        let refunds = of(SourceKind::Refund);
        let refunds = expand::refunds(&mut store, &owner, refunds, with_charges).await?;
        let disputes = of(SourceKind::Dispute);
        let disputes = expand::disputes(&mut store, &owner, disputes, with_charges).await?;
        let payouts = expand::payouts(&mut store, &owner, of(SourceKind::Payout)).await?;
        let adjustments = of(SourceKind::Adjustment);
        let adjustments = expand::adjustments(&mut store, &owner, adjustments).await?;
        let holds: Vec<_> = of(SourceKind::Hold).collect();
        let releases: Vec<_> = of(SourceKind::Release).collect();
        let reserves = self.0.sources(store, ctx, &holds, &releases).await?;
        Ok(BTreeMap::from([
            (SourceKind::Charge, charges),
            (SourceKind::Refund, refunds),
            (SourceKind::Dispute, disputes),
            (SourceKind::Payout, payouts),
            (SourceKind::Adjustment, adjustments),
            (SourceKind::Hold, reserves.clone()),
            (SourceKind::Release, reserves),
        ]))
    }
}

/// The source of a balance transaction, which the processor may have left out.
fn source_of(transaction: &BalanceTransaction, objects: &Objects) -> Value {
    match transaction.source.as_str() {
        "" => Value::Null,
        source => link(source, objects),
    }
}

/// The object on the wire. Its status depends on the time of the request: nothing is written when
/// pending money becomes available.
fn render(transaction: &BalanceTransaction, now: Timestamp, source: Value) -> Object {
    let line = transaction.line;
    let pending = line.pending && transaction.available_on > now;
    Object::new(&transaction.id, "balance_transaction")
        .set("amount", line.amount)
        .set("available_on", transaction.available_on)
        .set("balance_type", if line.reserved { "risk_reserved" } else { "payments" })
        .set("created", transaction.created)
        .set("currency", transaction.currency.to_string())
        .set("description", Value::Null)
        .set("exchange_rate", rate(transaction.exchange_rate.as_deref()))
        .set("fee", line.fee)
        .set("fee_details", fee_details(transaction))
        .set("net", line.amount.saturating_sub(line.fee))
        .set("reporting_category", reporting_category(transaction))
        .set("source", source)
        .set("status", if pending { "pending" } else { "available" })
        .set("type", transaction.kind.clone())
}

/// The exchange rate that the processor told, as the number that it is.
fn rate(told: Option<&str>) -> Value {
    told.map_or(Value::Null, |rate| Value::Rendered(rate.to_owned()))
}

/// The parts of the fee, by who took them; a part of 0 is left out.
fn fee_details(transaction: &BalanceTransaction) -> Value {
    let platform = transaction.application_fee;
    let processor = transaction.line.fee.saturating_sub(platform);
    let fees = [("application_fee", platform), ("stripe_fee", processor)];
    let detail = |(kind, amount): (&'static str, i64)| {
        let object = Object::bare()
            .set("amount", amount)
            .set("application", Value::Null)
            .set("currency", transaction.currency.to_string())
            .set("description", Value::Null)
            .set("type", kind);
        Value::Object(object)
    };
    Value::List(fees.into_iter().filter(|(_, amount)| *amount != 0).map(detail).collect())
}

/// The category in which accounting software of the platform files it: Stripe's names. That of a
/// told one is the processor's. The sign of an adjustment says whether a dispute took money or
/// brought it back.
fn reporting_category(transaction: &BalanceTransaction) -> String {
    if let Some(told) = &transaction.category {
        return told.clone();
    }
    match transaction.kind.as_str() {
        word if transaction.told => word,
        "adjustment" if transaction.line.amount < 0 => "dispute",
        "adjustment" => "dispute_reversal",
        "stripe_fee" => "fee",
        "payout_failure" | "payout_cancel" => "payout_reversal",
        other => other,
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::balance_transaction::BalanceTransactionLine;
    use coffer_base::Currency;

    const CREATED: Timestamp = Timestamp::from_unix(1_772_359_200);
    const AVAILABLE: Timestamp = Timestamp::from_unix(1_772_496_000);

    fn rendered(line: BalanceTransactionLine, application_fee: i64, now: Timestamp) -> Object {
        render(&transaction(line, application_fee), now, Value::from("ch_1"))
    }

    fn transaction(line: BalanceTransactionLine, application_fee: i64) -> BalanceTransaction {
        BalanceTransaction {
            seq: 1,
            id: "txn_1".into(),
            kind: "charge".into(),
            source: "ch_1".into(),
            currency: Currency::parse("usd").unwrap(),
            line,
            application_fee,
            created: CREATED,
            available_on: AVAILABLE,
            told: false,
            category: None,
            exchange_rate: None,
        }
    }

    #[test]
    fn fees_are_shown_by_who_took_them_and_add_up() {
        let line =
            |fee| BalanceTransactionLine { reserved: false, pending: true, amount: 10_000, fee };
        let details = |fee, platform| {
            let object = rendered(line(fee), platform, CREATED);
            assert_eq!(object.get("net"), Some(&Value::from(10_000 - fee)));
            let Some(Value::List(details)) = object.get("fee_details") else { panic!() };
            let detail = |each: &Value| {
                let Value::Object(each) = each else { panic!() };
                (each.get("type").cloned(), each.get("amount").cloned())
            };
            details.iter().map(detail).collect::<Vec<_>>()
        };
        let detail =
            |kind: &'static str, amount: i64| (Some(Value::from(kind)), Some(Value::from(amount)));
        let both = [detail("application_fee", 2000), detail("stripe_fee", 320)];
        assert_eq!(details(2320, 2000), both);
        assert_eq!(details(320, 0), [detail("stripe_fee", 320)]);
        assert_eq!(details(-320, 0), [detail("stripe_fee", -320)]);
        assert_eq!(details(0, 0), []);
    }

    #[test]
    fn pending_money_is_pending_until_available_on() {
        let status = |pending, now| {
            let line = BalanceTransactionLine { reserved: true, pending, amount: 1, fee: 0 };
            let object = rendered(line, 0, now);
            assert_eq!(object.get("balance_type"), Some(&Value::from("risk_reserved")));
            object.get("status").cloned()
        };
        assert_eq!(status(true, AVAILABLE.plus(-1)), Some(Value::from("pending")));
        assert_eq!(status(true, AVAILABLE), Some(Value::from("available")));
        assert_eq!(status(false, CREATED), Some(Value::from("available")));
    }

    #[test]
    fn categories_separate_disputes_and_returns_apart() {
        for (kind, amount, category) in [
            ("charge", 1, "charge"),
            ("refund", -1, "refund"),
            ("refund_failure", 1, "refund_failure"),
            ("adjustment", -1, "dispute"),
            ("adjustment", 1, "dispute_reversal"),
            ("stripe_fee", 0, "fee"),
            ("payout", -1, "payout"),
            ("payout_failure", 1, "payout_reversal"),
            ("payout_cancel", 1, "payout_reversal"),
            ("reserve_hold", -1, "reserve_hold"),
            ("reserve_release", 1, "reserve_release"),
        ] {
            let line = BalanceTransactionLine { reserved: false, pending: false, amount, fee: 0 };
            let made = BalanceTransaction { kind: kind.to_owned(), ..transaction(line, 0) };
            assert_eq!(reporting_category(&made), category, "{kind} {amount}");
            let told = Some("of_the_processor".to_owned());
            let told = BalanceTransaction { told: true, category: told, ..made };
            assert_eq!(reporting_category(&told), "of_the_processor", "{kind}");
        }
    }
}
