//! The whole API of the ledger and of reserves: what is told in every way, and what is asked of it.

use super::{KnownIds, Request, Rng};
use coffer_base::clock::DAY_SECONDS;
use coffer_kernel::Definition;
use serde_json::json;

type Params = Vec<(&'static str, String)>;

/// Types of transactions, each with a category and a sign.
const WORDS: [(&str, &str, i64); 11] = [
    ("charge", "charge", 1),
    ("payment", "charge", 1),
    ("refund", "refund", -1),
    ("refund_failure", "refund_failure", 1),
    ("payment_failure_refund", "charge_failure", -1),
    ("adjustment", "dispute", -1),
    ("adjustment", "dispute_reversal", 1),
    ("payout", "payout", -1),
    ("payout_failure", "payout_reversal", 1),
    ("stripe_fee", "fee", -1),
    ("topup", "topup", 1),
];

/// What a list is of.
const LISTS: [&str; 12] = [
    "/v1/balance/history",
    "/v1/ledger/accounts",
    "/v1/ledger/adjustments",
    "/v1/ledger/breaches",
    "/v1/ledger/disputes",
    "/v1/ledger/parked",
    "/v1/ledger/payouts",
    "/v1/ledger/reconciliations",
    "/v1/ledger/refunds",
    "/v1/ledger/settings",
    "/v1/ledger/transactions",
    "/v1/ledger/warnings",
];

/// A transaction: its id, its source, and everything else.
fn transaction(rng: &Rng, now: i64) -> serde_json::Value {
    let (word, category, sign) = WORDS[usize::try_from(rng.below(11)).unwrap()];
    let created = now - i64::try_from(rng.below(4)).unwrap() * DAY_SECONDS;
    let later = i64::try_from(rng.below(5)).unwrap() * DAY_SECONDS / 2;
    let amount = sign * i64::try_from(1 + rng.below(9000)).unwrap();
    let fee = i64::try_from(rng.below(40)).unwrap();
    let (source, of_charge) = match word {
        "charge" | "payment" => (rng.named("ch_t", 90), None),
        "payout" | "payout_failure" => (rng.named("po_t", 40), None),
        "stripe_fee" | "topup" => (rng.named("ot_t", 90), None),
        "adjustment" => (rng.named("du_t", 40), Some(rng.named("ch_t", 90))),
        _ => (rng.named("re_t", 60), Some(rng.named("ch_t", 90))),
    };
    json!({
        "id": rng.named("txn_", 300), "object": "balance_transaction", "type": word,
        "reporting_category": category, "amount": amount, "fee": fee, "net": amount - fee,
        "currency": rng.one(&["usd", "eur", "jpy"]), "created": created,
        "available_on": created + later, "source": {"id": source, "charge": of_charge},
    })
}

/// A transaction as parameters have it.
fn params(of: &serde_json::Value) -> Params {
    let names = [
        "id",
        "type",
        "reporting_category",
        "amount",
        "fee",
        "currency",
        "created",
        "available_on",
    ];
    let text = |value: &serde_json::Value| match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.to_string(),
    };
    let mut params: Params = names.iter().map(|name| (*name, text(&of[*name]))).collect();
    params.push(("source", text(&of["source"]["id"])));
    let charge = &of["source"]["charge"];
    params.extend(charge.as_str().map(|charge| ("charge", charge.to_owned())));
    params
}

/// Something that is told.
pub fn told(
    rng: &Rng,
    known: &KnownIds,
    now: i64,
    of: impl Fn(&'static str, &str, Params) -> Request,
) -> Request {
    let amount = || (1 + rng.below(9000)).to_string();
    match rng.below(14) {
        0..4 => of("POST", "/v1/ledger/transactions", params(&transaction(rng, now))),
        4..6 => {
            let data: Vec<_> = (0..3).map(|_| transaction(rng, now)).collect();
            let page = json!({"object": "list", "data": data}).to_string();
            of("POST", "/v1/ledger/transactions/import", vec![("page", page)])
        }
        6..11 => fact(rng, of),
        11 => {
            let of_balance = [
                ("available[0][currency]", "usd".to_owned()),
                ("available[0][amount]", amount()),
                ("pending[0][currency]", "eur".to_owned()),
                ("pending[0][amount]", amount()),
            ];
            of("POST", "/v1/ledger/reconciliations", of_balance.to_vec())
        }
        12 => changed(rng, known, now, of),
        // One account takes transactions alone; the others are told in both ways.
        _ => {
            let since = ("since", (now - 5 * DAY_SECONDS).to_string());
            let intake = ("intake", "transactions".to_owned());
            let request = of("POST", "/v1/ledger/settings", vec![intake, since]);
            Request { account: Some(2), ..request }
        }
    }
}

/// What is told later of a refund, a dispute or a charge, and money that is about none of them.
fn fact(rng: &Rng, of: impl Fn(&'static str, &str, Params) -> Request) -> Request {
    let amount = |most| (1 + rng.below(most)).to_string();
    let signed = |most: u64| {
        let sign = if rng.below(2) == 0 { "-" } else { "" };
        ("amount", format!("{sign}{}", amount(most)))
    };
    let pool = ("source_type", rng.one(&["card", "bank_account"]).to_owned());
    match rng.below(5) {
        0 => {
            let dispute = rng.named("du_", 60);
            let id = ("id", rng.named("mv_", 9));
            let fee = ("fee", rng.below(20).to_string());
            let path = format!("/v1/ledger/disputes/{dispute}/movements");
            of("POST", &path, vec![id, signed(500), fee])
        }
        1 => {
            let path = format!("/v1/ledger/refunds/{}", rng.named("re_", 60));
            let mut params = vec![("status", rng.one(&["failed", "canceled"]).to_owned())];
            if rng.below(2) == 0 {
                params.extend([("id", rng.named("rf_", 9)), ("amount", amount(400))]);
            }
            of("POST", &path, params)
        }
        2 => {
            let mut params = vec![
                ("id", rng.named("ad_", 60)),
                ("currency", rng.one(&["usd", "eur"]).to_owned()),
                signed(900),
            ];
            if rng.below(3) == 0 {
                let charge = rng.named("ch_", 120);
                params.extend([("charge", charge), ("draw", "true".to_owned())]);
            }
            of("POST", "/v1/ledger/adjustments", params)
        }
        3 => {
            let path = format!("/v1/ledger/adjustments/{}", rng.named("ad_", 60));
            of("POST", &path, vec![pool])
        }
        _ => {
            let path = format!("/v1/ledger/charges/{}", rng.named("ch_", 120));
            let fee = ("fee", rng.below(90).to_string());
            of("POST", &path, if rng.below(3) == 0 { vec![pool] } else { vec![fee] })
        }
    }
}

/// A plan, a hold or a release that is changed.
fn changed(
    rng: &Rng,
    known: &KnownIds,
    now: i64,
    of: impl Fn(&'static str, &str, Params) -> Request,
) -> Request {
    let metadata = ("metadata[k]", rng.named("v", 5));
    match rng.below(3) {
        0 => {
            let path = format!("/v1/reserve/plans/{}", known.some(&known.plans, rng));
            of("POST", &path, vec![("percent", (1 + rng.below(40)).to_string())])
        }
        1 => {
            let path = format!("/v1/reserve/holds/{}", known.some(&known.holds, rng));
            let date = (now + 20 * DAY_SECONDS).to_string();
            of("POST", &path, vec![("release_schedule[release_after]", date), metadata])
        }
        _ => {
            let path = format!("/v1/reserve/releases/{}", known.some(&known.releases, rng));
            of("POST", &path, vec![metadata])
        }
    }
}

/// Something that is looked at: a list, one object, or what an analyst asks.
pub fn looked_at(
    rng: &Rng,
    known: &KnownIds,
    now: i64,
    of: impl Fn(&'static str, &str, Params) -> Request,
) -> Request {
    let limit = ("limit", (1 + rng.below(12)).to_string());
    match rng.below(9) {
        0..3 => match rng.one(&LISTS) {
            path @ "/v1/ledger/settings" => of("GET", path, vec![]),
            path => of("GET", path, vec![limit]),
        },
        3..6 => of("GET", &one(rng, known), vec![]),
        6 => {
            let path = format!("/v1/ledger/disputes/{}", rng.named("du_", 60));
            of("GET", &path, vec![("expand[]", "movements".to_owned())])
        }
        _ => analyst(rng, known, now, of),
    }
}

/// The path of one object.
fn one(rng: &Rng, known: &KnownIds) -> String {
    let (of, id) = match rng.below(13) {
        0 => ("ledger/charges", known.some(&known.charges, rng)),
        1 => ("ledger/refunds", known.some(&known.refunds, rng)),
        2 => ("ledger/payouts", rng.named("po_", 60)),
        3 => ("ledger/adjustments", rng.named("ad_", 60)),
        4 => ("ledger/transactions", rng.named("txn_", 300)),
        5 => ("balance_transactions", rng.named("txn_", 300)),
        6 => ("balance/history", rng.named("txn_", 300)),
        7 => ("reserve/plans", known.some(&known.plans, rng)),
        8 => ("reserve/releases", known.some(&known.releases, rng)),
        9 => ("ledger/reconciliations", known.some(&known.reconciliations, rng)),
        10 => ("ledger/breaches", known.some(&known.breaches, rng)),
        11 => ("ledger/warnings", known.some(&known.warnings, rng)),
        _ => ("ledger/parked", known.some(&known.parked, rng)),
    };
    format!("/v1/{of}/{id}")
}

fn analyst(
    rng: &Rng,
    known: &KnownIds,
    now: i64,
    of: impl Fn(&'static str, &str, Params) -> Request,
) -> Request {
    let mode = ("mode", "test".to_owned());
    let back = |days: u64| now - i64::try_from(rng.below(days * 86_400)).unwrap();
    let request = match rng.below(5) {
        0 | 1 => {
            let as_of = ("as_of", back(9).to_string());
            of("GET", "/v1/admin/reserves/report", vec![mode, as_of])
        }
        2 => {
            let first = "percent=20,days_after_charge=30".to_owned();
            let needed = "percent=30,days_after_charge=9,reserve_draw=only_if_needed".to_owned();
            let since = ("since", back(40).to_string());
            let plans = [("plan[]", first), ("plan[]", needed)];
            of("GET", "/v1/admin/reserves/simulation", [vec![mode, since], plans.into()].concat())
        }
        _ => {
            let account = known.accounts[usize::try_from(rng.below(3)).unwrap()].clone();
            let which = match rng.below(3) {
                0 => format!("charges/{}", known.some(&known.charges, rng)),
                1 => format!("payouts/{}", rng.named("po_", 60)),
                _ => format!("holds/{}", known.some(&known.holds, rng)),
            };
            let path = format!("/v1/admin/reserves/stories/{which}");
            of("GET", &path, vec![mode, ("account", account)])
        }
    };
    // Only the operator may.
    Request { account: None, ..request }
}

/// The operation that a request is of: the one whose path has the fewest ids.
pub fn operation<'d>(definitions: &'d [Definition], request: &Request) -> Option<&'d Definition> {
    let parts = |path: &'d str| path.split('/');
    let fits = |one: &&Definition| {
        one.method.as_str() == request.method
            && parts(one.path).count() == request.path.split('/').count()
            && parts(one.path)
                .zip(request.path.split('/'))
                .all(|(own, part)| own.starts_with(':') || own == part)
    };
    definitions.iter().filter(fits).min_by_key(|one| one.path.matches(':').count())
}
