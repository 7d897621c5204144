//! What a risk analyst looks at: exposure and what covers it, and the story of one hold, charge or
//! payout.

use super::places;
use crate::api::{Field, path_of};
use crate::outcome::Result;
use crate::view::Tone;
use crate::visit::Visit;
use crate::{chart, frame, links, respond, view};
use maud::{Markup, html};
use serde_json::Value;

const MODES: [(&str, &str); 2] = [("test", "test"), ("live", "live")];

const ONLY: [(&str, &str); 5] = [
    ("", "all"),
    ("negative", "below zero"),
    ("reserved", "reserved"),
    ("due", "due within 7 days"),
    ("breached", "breached"),
];

const SORTS: [(&str, &str); 7] = [
    ("", "by what is shown"),
    ("exposure", "by exposure"),
    ("reserved", "by reserved"),
    ("negative", "by what is owed"),
    ("due", "by what comes free"),
    ("breaches", "by breaches"),
    ("coverage", "by coverage, lowest first"),
];

/// The mode that a page shows: test data, unless live data is chosen.
fn mode<'v>(visit: &'v Visit<'_>) -> &'v str {
    if visit.field("mode") == "live" { "live" } else { "test" }
}

/// Which ledgers, as the API takes it.
pub(super) fn which<'v>(visit: &'v Visit<'_>) -> [(&'v str, &'v str); 3] {
    [
        ("mode", mode(visit)),
        ("platform", visit.field("platform")),
        ("account", visit.field("account")),
    ]
}

pub(super) fn which_form(visit: &Visit<'_>) -> Markup {
    html! {
        (view::input("Platform", "platform", visit.field("platform"), "acct_…"))
        (view::input("Account", "account", visit.field("account"), "acct_…"))
        @if !visit.is_developer() {
            (view::select("Mode", "mode", mode(visit), &MODES))
        }
    }
}

/// Exposure and coverage of all accounts, or of one, now or at a past moment.
pub(crate) async fn exposure(visit: &Visit<'_>) -> Result {
    let as_of = unix_of_day(visit.field("as_of"));
    let mut params = which(visit).to_vec();
    params.extend([
        ("as_of", as_of.as_str()),
        ("only", visit.field("only")),
        ("sort", visit.field("sort")),
        ("page", visit.field("page")),
        ("limit", "50"),
    ]);
    let report = visit.admin().get("/v1/admin/reserves/report", &params).await;
    let inside = html! {
        (frame::heading(
            "Exposure",
            "What can still be disputed, what is reserved against it, and when that comes free.",
            html! { a.button href=(links::to("/simulate", &which(visit))) { "Try a plan" } },
        ))
        (report_form(visit))
        @match &report {
            Err(refusal) => (view::refusal(refusal)),
            Ok(report) => (report_parts(visit, report)),
        }
    };
    Ok(respond::page(frame::page(visit, "/exposure", "Exposure", inside)))
}

fn report_form(visit: &Visit<'_>) -> Markup {
    html! {
        form.filters action=(links::to("/exposure", &[])) {
            (which_form(visit))
            label.field {
                span { "At the end of (UTC)" }
                input type="date" name="as_of" value=(visit.field("as_of"));
            }
            (view::select("Accounts", "only", visit.field("only"), &ONLY))
            (view::select("Sorted", "sort", visit.field("sort"), &SORTS))
            button type="submit" { "Show" }
        }
        form.filters action=(links::to("/story", &[])) {
            (view::select("Story of a", "of", "hold", &KINDS))
            (view::input("Id", "id", "", "reshold_…, ch_… or po_…"))
            button type="submit" { "Tell" }
        }
    }
}

fn report_parts(visit: &Visit<'_>, report: &Value) -> Markup {
    let totals = report.list("currencies");
    let today = report.int("as_of").unwrap_or_default();
    if totals.is_empty() {
        return view::empty(
            "No money has moved here yet",
            "The ledger is told of charges, refunds, disputes and payouts by the processor's \
             events. By hand, with a key of the app:",
            places::CHARGE,
        );
    }
    html! {
        (view::section("All together", html! {
            (view::table("Totals", &COLUMNS, totals.iter().map(figures).collect()))
            p.quiet {
                "As of " (view::time(Some(today), visit.now)) ", in the currencies' smallest units."
            }
        }))
        @for total in totals {
            (view::section(
                &format!("Comes free, {}", total.text("currency")),
                html! {
                    (chart::forecast(total.list("forecast"), today, total.text("currency")))
                    @if total.int("overdue").is_some_and(|amount| amount != 0) {
                        p { (view::badge(Tone::Bad, "past its date")) " "
                            (amount(total, "overdue")) }
                    }
                    @if total.int("undated").is_some_and(|amount| amount != 0) {
                        p.quiet { "Without a date: " (amount(total, "undated")) }
                    }
                },
            ))
        }
        (view::section("Accounts", accounts(visit, report)))
    }
}

const COLUMNS: [&str; 9] = [
    "Currency",
    "Exposure",
    "Reserved",
    "Coverage",
    "Available",
    "Pending",
    "Below zero",
    "Free in 7 days",
    "Breaches",
];

pub(super) fn amount(of: &Value, name: &str) -> Markup {
    view::amount(of.int(name).unwrap_or_default(), "")
}

pub(super) fn percentage(of: &Value, name: &str) -> Markup {
    match of.int(name) {
        None => view::none(),
        Some(share) => html! {
            span.amount { (share / 100) "." (format!("{:02}", share.rem_euclid(100))) " %" }
        },
    }
}

fn figures(of: &Value) -> Vec<Markup> {
    let negative = of.int("negative").unwrap_or_default();
    vec![
        html! { (of.text("currency").to_uppercase()) },
        amount(of, "exposure"),
        amount(of, "reserved"),
        percentage(of, "coverage"),
        amount(of, "available"),
        amount(of, "pending"),
        html! {
            (amount(of, "negative"))
            @if negative > 0 { " " (view::badge(Tone::Bad, "owes")) }
        },
        amount(of, "due_within_7_days"),
        amount(of, "breaches"),
    ]
}

fn accounts(visit: &Visit<'_>, report: &Value) -> Markup {
    let accounts = report.list("accounts");
    if accounts.is_empty() {
        return view::empty("No account is like that", "Choose others above.", "");
    }
    let rows = accounts.iter().map(|account| {
        let (id, platform) = (account.text("account"), account.text("platform"));
        let fields = [("mode", mode(visit)), ("platform", platform), ("account", id)];
        let mut row = vec![html! { a.id href=(links::to("/exposure", &fields)) { (id) } }];
        row.extend(figures(account));
        row
    });
    let columns = [&["Account"][..], &COLUMNS[..]].concat();
    let page = visit.field("page").parse::<u64>().unwrap_or(1).max(1);
    let next = page.saturating_add(1).to_string();
    let before = page.saturating_sub(1).to_string();
    let all = report.int("total_accounts").unwrap_or_default();
    html! {
        (view::table("Accounts", &columns, rows.collect()))
        nav.pager aria-label="Pages of the list" {
            @if page > 1 { a.button href=(at_page(visit, &before)) { "Before" } }
            @if report.is("has_more") { a.button href=(at_page(visit, &next)) { "Next" } }
            span.quiet { (view::number(all)) " in all" }
        }
    }
}

/// The same list at another page.
fn at_page(visit: &Visit<'_>, page: &str) -> String {
    let mut fields = which(visit).to_vec();
    fields.extend(["as_of", "only", "sort"].map(|name| (name, visit.field(name))));
    fields.push(("page", page));
    links::to("/exposure", &fields)
}

/// The last second of a day, `2026-03-01`, in Unix seconds; empty if it is none.
fn unix_of_day(day: &str) -> String {
    let numbers: Option<Vec<i64>> = day.split('-').map(|part| part.parse().ok()).collect();
    let Some(Ok([year, month, day])) = numbers.map(<[i64; 3]>::try_from) else {
        return String::new();
    };
    let is_day = (1970..=9999).contains(&year) && (1..=12).contains(&month);
    if !is_day || !(1..=31).contains(&day) {
        return String::new();
    }
    // Days since 1970 of the proleptic Gregorian calendar, with years that begin in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
    ((days - 719_469) * 86_400 + 86_399).to_string()
}

const KINDS: [(&str, &str); 3] = [("hold", "hold"), ("charge", "charge"), ("payout", "payout")];

/// The story of a hold, of a charge, or of a payout.
pub(crate) async fn story(visit: &Visit<'_>) -> Result {
    let kind = match visit.field("of") {
        "charge" => "charges",
        "payout" => "payouts",
        _ => "holds",
    };
    let path = path_of(&format!("/v1/admin/reserves/stories/{kind}"), visit.field("id"), "");
    let narrowed = [
        ("mode", visit.field("mode")),
        ("platform", visit.field("platform")),
        ("account", visit.field("account")),
    ];
    let story = visit.admin().get(&path, &narrowed).await?;
    let account = [
        ("mode", if story.is("livemode") { "live" } else { "test" }),
        ("platform", story.text("platform")),
        ("account", story.text("account")),
    ];
    let inside = html! {
        (frame::heading(&format!("Story of a {}", story.text("about")), "", html! {
            a.button href=(links::to("/exposure", &account)) { "The account" }
        }))
        (view::facts(vec![
            ("Id", view::copied(story.text("id"))),
            ("Account", view::id(story.text("account"))),
            ("Platform", view::id(story.text("platform"))),
            ("Amounts in", html! { (story.text("currency")) }),
        ]))
        (about(visit, &story))
        (view::section("What happened", html! {
            ol.story {
                @for step in story.list("steps") {
                    li { (view::time(step.int("at"), visit.now)) " " (step.text("text")) }
                }
            }
        }))
    };
    Ok(respond::page(frame::page(visit, "/exposure", "Story", inside)))
}

/// What the story is about: a hold with its plan, a charge with its holds, or a payout.
fn about(visit: &Visit<'_>, story: &Value) -> Markup {
    let currency = story.text("currency");
    let money = |of: &Value, name: &str| view::amount(of.int(name).unwrap_or_default(), currency);
    let (hold, charge, payout) =
        (story.object("hold"), story.object("charge"), story.object("payout"));
    html! {
        @if hold.is_object() {
            (hold_facts(visit, hold, currency))
        }
        @if charge.is_object() {
            (view::facts(vec![
                ("Amount", money(charge, "amount")),
                ("After fees", money(charge, "net")),
                ("Refunded", money(charge, "amount_refunded")),
                ("Disputed", html! { @if charge.is("disputed") { "yes" } @else { "no" } }),
            ]))
            @for hold in story.list("holds") {
                (view::section(hold.text("hold"), hold_facts(visit, hold, currency)))
            }
        }
        @if payout.is_object() {
            (view::facts(vec![
                ("Amount", money(payout, "amount")),
                ("Status", html! { (payout.text("status")) }),
                ("Told after the fact", html! {
                    @if payout.is("reported") { "yes" } @else { "no" }
                }),
            ]))
            (view::table(
                "The account before and after",
                &["", "Available", "Pending", "Reserved", "On its way"],
                ["before", "after"]
                    .map(|when| {
                        let of = story.object(when);
                        let names = ["available", "pending", "reserved", "in_transit"];
                        let mut row = vec![html! { (when) }];
                        row.extend(names.map(|name| money(of, name)));
                        row
                    })
                    .to_vec(),
            ))
        }
    }
}

/// A hold, and the version of the plan that made it.
fn hold_facts(visit: &Visit<'_>, hold: &Value, currency: &str) -> Markup {
    let plan = hold.object("plan");
    let made_by = plan.object("version").int("version");
    html! {
        (view::facts(vec![
            ("Held", view::amount(hold.int("amount").unwrap_or_default(), currency)),
            ("Still held", view::amount(hold.int("amount_releasable").unwrap_or_default(),
                currency)),
            ("Comes free", view::time(hold.int("scheduled_release"), visit.now)),
            ("Charge", view::or_none(hold.text("charge"))),
            ("Plan", view::id(plan.text("plan"))),
            ("Plan's state", view::or_none(plan.text("state"))),
        ]))
        @if !plan.list("versions").is_empty() {
            (view::table(
                "Versions of the plan",
                &["Version", "Since", "What it said", "State"],
                plan.list("versions").iter().map(|version| vec![
                    html! {
                        (version.int("version").unwrap_or_default())
                        @if version.int("version") == made_by {
                            " " (view::badge(Tone::Good, "made this hold"))
                        }
                    },
                    view::time(version.int("at"), visit.now),
                    html! { (version.text("text")) },
                    html! { (version.text("state")) },
                ]).collect(),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_seen_at_its_end() {
        assert_eq!(unix_of_day("1970-01-01"), "86399");
        assert_eq!(unix_of_day("2026-03-01"), "1772409599");
        for odd in ["", "2026-13-01", "2026-3", "yesterday", "2026-01-32"] {
            assert_eq!(unix_of_day(odd), "", "{odd}");
        }
    }
}
