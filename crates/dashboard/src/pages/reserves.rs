//! An account's money: what is available, what is reserved, under which plans, and each hold.

use super::{lists, places};
use crate::api::{Api, Field, Refusal, path_of};
use crate::open::{self, Place};
use crate::outcome::Result;
use crate::session::{OpenedKey, Purpose};
use crate::view::Tone;
use crate::visit::Visit;
use crate::{frame, links, respond, view};
use maud::{Markup, html};
use serde_json::Value;

/// The key of the place, or the page that stands where it is not open.
async fn opened(
    visit: &Visit<'_>,
    place: &Place,
) -> std::result::Result<std::result::Result<OpenedKey, Markup>, Refusal> {
    let heading = frame::heading(
        "Reserves",
        "What platforms hold back of accounts' money, and when it comes free.",
        html! {},
    );
    let form = places::form(visit, "/reserves", place, html! {});
    if !place.is_whole() {
        let choice = places::choice(visit, "/reserves").await?;
        return Ok(Err(html! { (heading) (form) (choice) }));
    }
    let key = open::key(visit, place, Purpose::Books).await?;
    let closed = || html! { (heading) (form) (open::closed(visit, place, Purpose::Books)) };
    Ok(key.ok_or_else(closed))
}

/// One account's balance, plans and holds.
pub(crate) async fn page(visit: &Visit<'_>) -> Result {
    let place = Place::of(visit);
    let key = match opened(visit, &place).await? {
        Ok(key) => key,
        Err(markup) => {
            return Ok(respond::page(frame::page(visit, "/reserves", "Reserves", markup)));
        }
    };
    let api = visit.with_key(&key.token).for_account(&place.account);
    let balance = api.get("/v1/balance", &[]).await;
    let compared = api.get("/v1/ledger/reconciliations", &[("limit", "1")]).await;
    let plans = api.get("/v1/reserve/plans", &[("limit", "100")]).await;
    let filter = [("reserve_plan", visit.field("plan")), ("is_releasable", visit.field("open"))];
    let holds = lists::page(visit, api, "/v1/reserve/holds", &filter).await;
    let inside = html! {
        (frame::heading("Reserves", "", html! {}))
        (places::form(visit, "/reserves", &place, html! {}))
        (places::line(&place, ""))
        (view::section("Balance", part(&balance, balances)))
        (view::section("Beside the processor", part(&compared, |list| reconciled(visit, list))))
        (view::section("Plans", part(&plans, |plans| plans_table(visit, &place, plans))))
        (view::section("Holds", part(&holds, |holds| holds_table(visit, &place, holds))))
        (open::until(visit, &key))
    };
    Ok(respond::page(frame::page(visit, "/reserves", "Reserves", inside)))
}

/// A part of a page, or why it is not there.
fn part(
    answer: &std::result::Result<Value, Refusal>,
    show: impl FnOnce(&Value) -> Markup,
) -> Markup {
    match answer {
        Ok(value) => show(value),
        Err(refusal) => view::refusal(refusal),
    }
}

/// A row for each currency.
fn balances(balance: &Value) -> Markup {
    let reserved = balance.object("risk_reserved");
    let of = |list: &[Value], currency: &str| {
        let found = list.iter().find(|each| each.text("currency") == currency);
        found.and_then(|each| each.int("amount")).unwrap_or_default()
    };
    let lists = [
        balance.list("available"),
        balance.list("pending"),
        reserved.list("available"),
        reserved.list("pending"),
    ];
    let mut currencies: Vec<&str> =
        lists.iter().flat_map(|list| list.iter()).map(|each| each.text("currency")).collect();
    currencies.sort_unstable();
    currencies.dedup();
    if currencies.is_empty() {
        return view::empty(
            "No money has moved here yet",
            "The ledger is told of charges, refunds, disputes and payouts by the processor's \
             events. By hand, with a key of the app:",
            places::CHARGE,
        );
    }
    let rows = currencies.into_iter().map(|currency| {
        let amounts = lists.map(|list| of(list, currency));
        let exposure = amounts.iter().fold(0_i64, |sum, each| sum.saturating_add(*each));
        let mut row = vec![html! { (currency.to_uppercase()) }];
        row.extend(amounts.map(|each| view::amount(each, "")));
        row.push(html! {
            (view::amount(exposure, ""))
            @if exposure < 0 { " " (view::badge(Tone::Bad, "negative")) }
        });
        row
    });
    let columns = [
        "Currency",
        "Available",
        "Pending",
        "Reserved, available",
        "Reserved, pending",
        "All together",
    ];
    html! {
        (view::table("Balance", &columns, rows.collect()))
        p.quiet { "In the currency's smallest unit, as the API counts." }
    }
}

/// The newest comparison with the processor's balance, and in what the two differ.
fn reconciled(visit: &Visit<'_>, list: &Value) -> Markup {
    let Some(newest) = list.list("data").first() else {
        return view::empty(
            "Nothing was compared yet",
            "The feeder compares once a day what is here with the processor's balance.",
            "coffer ledger reconcile --stripe-key-file stripe.key --account …",
        );
    };
    let figure = |row: &Value, name: &str| match row.int(name) {
        Some(amount) => view::amount(amount, ""),
        None => view::none(),
    };
    let rows: Vec<_> = newest
        .list("differences")
        .iter()
        .map(|row| {
            let about = match row.text("transaction") {
                "" => view::or_none(row.text("source_type")),
                id => view::id(id),
            };
            let currency = html! { (row.text("currency").to_uppercase()) };
            let check = html! { (row.text("check")) };
            let [theirs, ours] = ["theirs", "ours"].map(|name| figure(row, name));
            vec![check, currency, about, theirs, ours, figure(row, "difference")]
        })
        .collect();
    let columns = ["What differs", "Currency", "About", "Theirs", "Here", "Difference"];
    let (tone, word) = match newest.is("matches") {
        true => (Tone::Good, "agrees"),
        false => (Tone::Bad, "differs"),
    };
    html! {
        p {
            (view::badge(tone, word)) " with the balance of "
            (view::time(newest.int("as_of"), visit.now)) "; " (newest.int("parked").unwrap_or(0))
            " told transactions wait for their charge or payout."
        }
        @if !rows.is_empty() { (view::table("Differences", &columns, rows)) }
    }
}

fn plans_table(visit: &Visit<'_>, place: &Place, plans: &Value) -> Markup {
    if plans.list("data").is_empty() {
        return view::empty(
            "No plan reserves anything of this account",
            "A plan holds a share of each charge. With a key of the app:",
            places::PLAN,
        );
    }
    let rows = plans.list("data").iter().map(|plan| {
        let status = plan.text("status");
        let tone = if status == "active" { Tone::Good } else { Tone::Plain };
        let percent = plan.object("percent");
        let id = plan.text("id");
        let holds = [&place.fields()[..], &[("plan", id)]].concat();
        vec![
            html! { code.id { (id) } },
            html! { span.amount { (percent) " %" } },
            html! { (terms(visit, plan)) },
            html! {
                @match plan.text("currency") { "" => "all currencies", each => (each) }
            },
            view::badge(tone, status),
            view::time(plan.int("created"), visit.now),
            html! { a href=(links::to("/reserves", &holds)) { "Holds" } },
        ]
    });
    let columns = ["Plan", "Share", "Until", "Of", "Status", "Created", "Go to"];
    view::table("Plans", &columns, rows.collect())
}

/// Until when a plan holds.
fn terms(visit: &Visit<'_>, plan: &Value) -> Markup {
    let kind = plan.text("type");
    let block = plan.object(kind);
    html! {
        @match kind {
            "rolling_release" => {
                (block.int("days_after_charge").unwrap_or_default()) " days after each charge"
            }
            "fixed_release" => { (view::time(block.int("scheduled_release"), visit.now)) }
            _ => { "released by hand" }
        }
    }
}

fn holds_table(visit: &Visit<'_>, place: &Place, holds: &Value) -> Markup {
    if holds.list("data").is_empty() {
        let advice = "Holds come from plans, with each charge, or one by one:";
        return view::empty("Nothing is held", advice, places::CHARGE);
    }
    let rows = holds.list("data").iter().map(|hold| {
        let id = hold.text("id");
        let fields = [&place.fields()[..], &[("id", id)]].concat();
        let currency = hold.text("currency");
        let held = hold.int("amount_releasable").unwrap_or_default();
        let schedule = hold.object("release_schedule").int("scheduled_release");
        vec![
            html! { a.id href=(links::to("/hold", &fields)) { (id) } },
            view::amount(hold.int("amount").unwrap_or_default(), currency),
            view::amount(held, currency),
            view::time(schedule, visit.now),
            view::or_none(hold.text("source_charge")),
            view::time(hold.int("created"), visit.now),
        ]
    });
    let columns = ["Hold", "Amount", "Still held", "Comes free", "Charge", "Created"];
    html! {
        (view::table("Holds", &columns, rows.collect()))
        (view::pager(visit, holds))
    }
}

/// One hold's story: where it came from, and where it went.
pub(crate) async fn hold(visit: &Visit<'_>) -> Result {
    let place = Place::of(visit);
    let key = match opened(visit, &place).await? {
        Ok(key) => key,
        Err(markup) => {
            return Ok(respond::page(frame::page(visit, "/reserves", "Reserves", markup)));
        }
    };
    let api = visit.with_key(&key.token).for_account(&place.account);
    let id = visit.field("id");
    let hold = api.get(&path_of("/v1/reserve/holds", id, ""), &[]).await;
    let hold = hold.map_err(Refusal::of_app)?;
    let params = [("reserve_hold", id), ("limit", "100")];
    let releases = api.get("/v1/reserve/releases", &params).await;
    let charge = charge(api, hold.text("source_charge")).await;
    let currency = hold.text("currency");
    let schedule = hold.object("release_schedule");
    let inside = html! {
        (frame::heading("Hold", "", html! {
            a.button href=(links::to("/reserves", &place.fields())) { "The account" }
        }))
        (places::line(&place, ""))
        (view::facts(vec![
            ("Hold", view::copied(id)),
            ("Held", view::amount(hold.int("amount").unwrap_or_default(), currency)),
            ("Still held", view::amount(hold.int("amount_releasable").unwrap_or_default(),
                currency)),
            ("Comes free", view::time(schedule.int("scheduled_release"), visit.now)),
            ("Plan", view::id(hold.text("reserve_plan"))),
            ("Reason", html! { (hold.text("reason")) }),
        ]))
        (view::section("Its story", part(&releases, |releases| {
            story(visit, &hold, charge.as_ref(), releases)
        })))
    };
    Ok(respond::page(frame::page(visit, "/reserves", "Hold", inside)))
}

async fn charge(api: Api<'_>, id: &str) -> Option<Value> {
    if id.is_empty() {
        return None;
    }
    api.get(&path_of("/v1/ledger/charges", id, ""), &[]).await.ok()
}

/// What happened, oldest first.
fn story(visit: &Visit<'_>, hold: &Value, charge: Option<&Value>, releases: &Value) -> Markup {
    let currency = hold.text("currency");
    let amount = |of: &Value| view::amount(of.int("amount").unwrap_or_default(), currency);
    let at = |of: &Value, name: &str| view::time(of.int(name), visit.now);
    html! {
        ol.story {
            @if let Some(charge) = charge {
                li {
                    (at(charge, "created")) " Charge " (view::id(charge.text("id"))) " of "
                    (amount(charge)) " came in."
                }
            }
            li {
                (at(hold, "created")) " " (amount(hold)) " were held "
                @match hold.text("reserve_plan") {
                    "" => "by a call of its own.",
                    plan => { "by plan " (view::id(plan)) "." }
                }
            }
            @for release in releases.list("data").iter().rev() {
                li {
                    (at(release, "created")) " " (amount(release)) " came free: "
                    (reason(release)) " " span.quiet { (release.text("id")) }
                }
            }
            @if hold.int("amount_releasable").unwrap_or_default() > 0 {
                @if let Some(end) = hold.object("release_schedule").int("scheduled_release") {
                    li.ahead { (view::time(Some(end), visit.now)) " The rest comes free." }
                }
            }
        }
    }
}

/// Why a part of a hold came free.
fn reason(release: &Value) -> Markup {
    let source = release.object("source_transaction");
    let kind = source.text("type");
    html! {
        (release.text("reason").replace('_', " "))
        @if !kind.is_empty() { ", by " (kind) " " code { (source.text(kind)) } }
        ", " (match release.text("created_by") {
            "application" => "asked for by a call",
            _ => "by the server",
        }) "."
    }
}
