//! A request of each operation that succeeds: see [`Example`].

use coffer_kernel::Example;

const USD: (&str, &str) = ("currency", "usd");

pub(crate) const CHARGES_CREATE: Example =
    Example::of(&[("id", "ch_{n}"), ("amount", "10000"), USD]).or("amount", "8");
pub(crate) const CHARGES_RETRIEVE: Example = Example::EMPTY.on("ledger.charges.create");
pub(crate) const CHARGES_UPDATE: Example =
    Example::of(&[("fee", "320")]).on("ledger.charges.create").or("fee", "321");

pub(crate) const REFUNDS_CREATE: Example =
    Example::of(&[("id", "re_{n}"), ("charge", "{ledger.charges.create}"), ("amount", "7")])
        .or("amount", "8");
pub(crate) const REFUNDS_RETRIEVE: Example = Example::EMPTY.on("ledger.refunds.create");
pub(crate) const REFUNDS_UPDATE: Example =
    Example::of(&[("status", "failed")]).on("ledger.refunds.create");

pub(crate) const DISPUTES_CREATE: Example = Example::of(&[
    ("id", "du_{n}"),
    ("charge", "{ledger.charges.create}"),
    ("amount", "7"),
    ("fee", "3"),
])
.or("amount", "8");
pub(crate) const DISPUTES_RETRIEVE: Example = Example::EMPTY.on("ledger.disputes.create");
pub(crate) const DISPUTES_UPDATE: Example =
    Example::of(&[("status", "won")]).on("ledger.disputes.create").or("status", "lost");

/// Reported, so that it succeeds on an account that has nothing available.
pub(crate) const PAYOUTS_CREATE: Example =
    Example::of(&[("id", "po_{n}"), ("amount", "7"), USD, ("reported", "true")]).or("amount", "8");
pub(crate) const PAYOUTS_RETRIEVE: Example = Example::EMPTY.on("ledger.payouts.create");
pub(crate) const PAYOUTS_UPDATE: Example =
    Example::of(&[("status", "paid")]).on("ledger.payouts.create").or("status", "failed");

/// Of a time before that from which the example of settings has facts, so that it can stand beside
/// the facts of the other examples.
pub(crate) const TRANSACTIONS_CREATE: Example = Example::of(&[
    ("id", "txn_{n}"),
    ("type", "charge"),
    ("amount", "10000"),
    USD,
    ("created", "1772359200"),
    ("available_on", "1772496000"),
    ("fee", "320"),
    ("reporting_category", "charge"),
    ("source", "ch_{n}"),
])
.or("amount", "8");
pub(crate) const TRANSACTIONS_RETRIEVE: Example = Example::EMPTY.on("ledger.transactions.create");

/// Facts from a time on that lies after the other examples' transactions and before their facts, so
/// that both can be told.
pub(crate) const SETTINGS_UPDATE: Example =
    Example::of(&[("intake", "facts"), ("since", "1772496000")]).or("since", "1772500000");

/// Of a dispute that the fixture made: a part comes back.
pub(crate) const MOVEMENTS_CREATE: Example = Example::of(&[("id", "mv_{n}"), ("amount", "3")])
    .on("ledger.disputes.create")
    .or("amount", "2");

pub(crate) const ADJUSTMENTS_CREATE: Example = Example::of(&[
    ("id", "adj_{n}"),
    ("amount", "-250"),
    USD,
    ("type", "stripe_fee"),
    ("reporting_category", "fee"),
])
.or("amount", "-251");
pub(crate) const ADJUSTMENTS_RETRIEVE: Example = Example::EMPTY.on("ledger.adjustments.create");
pub(crate) const ADJUSTMENTS_UPDATE: Example = Example::of(&[("source_type", "bank_account")])
    .on("ledger.adjustments.create")
    .or("source_type", "fpx");

/// The page as a form has it, since examples are forms.
pub(crate) const TRANSACTIONS_IMPORT: Example = Example::of(&[(
    "page",
    concat!(
        r#"{"object":"list","data":[{"id":"txn_{n}","object":"balance_transaction","#,
        r#""amount":10000,"fee":320,"currency":"usd","created":1772359200,"#,
        r#""available_on":1772496000,"type":"charge","source":"ch_{n}"}]}"#
    ),
)]);

pub(crate) const RECONCILIATIONS_CREATE: Example = Example::of(&[
    ("available[0][currency]", "usd"),
    ("available[0][amount]", "0"),
    ("available[0][source_types][card]", "0"),
    ("pending[0][currency]", "usd"),
    ("pending[0][amount]", "0"),
])
.or("pending[0][amount]", "7");
pub(crate) const RECONCILIATIONS_RETRIEVE: Example =
    Example::EMPTY.on("ledger.reconciliations.create");
