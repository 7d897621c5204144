//! What the stand-in answers to which request.

use super::State;
use super::http::{Answer, Request};
use super::lists::{Item, page, present};
use super::month::Account;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// An error as Stripe has them.
pub(super) fn refused(status: u16, message: &str) -> Answer {
    let kind = match status {
        401 => "authentication_error",
        429 => "rate_limit_error",
        _ => "invalid_request_error",
    };
    let code = if status == 429 { json!("rate_limit") } else { Value::Null };
    Answer(status, json!({ "error": { "type": kind, "code": code, "message": message } }))
}

/// Answers a request, changed as the test wants it.
pub(super) fn answer(state: &State, request: &Request) -> Answer {
    let Answer(status, mut value) = found(state, request);
    if let Some(alter) = &*state.altered.read().unwrap() {
        alter(&request.path, &mut value);
    }
    Answer(status, value)
}

fn found(state: &State, request: &Request) -> Answer {
    let number = state.requests.fetch_add(1, Ordering::SeqCst) + 1;
    let every = state.refused_every.load(Ordering::SeqCst);
    if every != 0 && number.is_multiple_of(every) {
        return refused(429, "Request rate limit exceeded.");
    }
    if !request.has_key {
        return refused(401, "You did not provide an API key.");
    }
    let Some(account) = state.month.account(request.account.as_deref()) else {
        return refused(403, "The key does not have access to that account.");
    };
    let now = state.now.load(Ordering::SeqCst);
    let path = request.path.trim_start_matches("/v1/");
    let (collection, id) = path.split_once('/').map_or((path, None), |(all, id)| (all, Some(id)));
    match (collection, id) {
        ("balance", None) => Answer(200, balance(account, now)),
        ("account", None) => Answer(200, shown(account)),
        ("accounts", None) => {
            let listed = state.month.accounts.iter().take(state.listed.load(Ordering::SeqCst));
            // The newest first.
            let items = listed.rev().map(|one| Item::of(shown(one))).collect();
            page("/v1/accounts", items, request)
        }
        (_, None) => match items(account, now, collection, request) {
            Some(items) => page(&request.path, items, request),
            None => refused(404, &format!("Unrecognized request URL (GET: {}).", request.path)),
        },
        (_, Some(id)) => {
            let items = items(account, now, collection, request).unwrap_or_default();
            match items.into_iter().find(|item| item.id == id) {
                Some(item) => Answer(200, item.object),
                None => refused(404, &format!("No such object: '{id}'")),
            }
        }
    }
}

/// What an account has of a collection at a time, the newest first.
fn items(account: &Account, now: i64, collection: &str, request: &Request) -> Option<Vec<Item>> {
    let mut items: Vec<Item> = match collection {
        "balance_transactions" => {
            let is_expanded = request.params.iter().any(|(name, value)| {
                name.starts_with("expand") && value.trim_start_matches("data.") == "source"
            });
            let there = account.transactions.iter().filter(|one| one.appears <= now);
            there
                .map(|one| Item {
                    payout: one.payout.clone(),
                    ..Item::of(one.shown(now, is_expanded))
                })
                .collect()
        }
        "events" => present(&account.events, now),
        "payouts" => present(&account.payouts, now),
        "disputes" => present(&account.disputes, now),
        _ => return None,
    };
    items.reverse();
    // Stripe's order is by time; what happened in one second keeps its order.
    items.sort_by_key(|item| std::cmp::Reverse(item.created));
    Some(items)
}

fn shown(account: &Account) -> Value {
    json!({
        "id": account.id, "object": "account", "charges_enabled": true, "country": "US",
        "default_currency": account.currency, "details_submitted": true, "payouts_enabled": true,
        "type": "standard", "created": 1_500_000_000,
    })
}

/// The balance, of everything that was created, whether lists have it yet or not.
fn balance(account: &Account, now: i64) -> Value {
    let balances = account.balances(now);
    let mut of_currency: BTreeMap<&str, [BTreeMap<&str, i64>; 2]> = BTreeMap::new();
    for ((currency, pool), sums) in &balances.0 {
        let [available, pending] = of_currency.entry(currency).or_default();
        available.insert(pool, sums.available);
        pending.insert(pool, sums.pending);
    }
    let rows = |at: usize| {
        let rows = of_currency.iter().map(|(currency, buckets)| {
            json!({
                "amount": buckets[at].values().sum::<i64>(),
                "currency": currency,
                "source_types": buckets[at],
            })
        });
        rows.collect::<Vec<_>>()
    };
    json!({
        "object": "balance",
        "available": rows(0),
        "connect_reserved": [],
        "livemode": false,
        "pending": rows(1),
        "refund_and_dispute_prefunding": { "available": [], "pending": [] },
    })
}
