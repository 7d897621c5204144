//! What another plan would have done.

use super::risk::{amount, percentage, which, which_form};
use crate::api::Field;
use crate::outcome::Result;
use crate::visit::Visit;
use crate::{chart, frame, links, respond, view};
use maud::{Markup, html};
use serde_json::Value;

/// What a plan would have done, and a second one beside it.
pub(crate) async fn page(visit: &Visit<'_>) -> Result {
    let plans = [proposal(visit, "percent", "days"), proposal(visit, "percent2", "days2")];
    let days = whole(visit.field("back"), 1, 730).unwrap_or(90);
    let since = visit.now.plus(days.saturating_mul(-86_400)).unix().to_string();
    let mut params = which(visit).to_vec();
    params.push(("since", since.as_str()));
    let plans: Vec<&str> = plans.iter().flatten().map(String::as_str).collect();
    params.extend(plans.iter().map(|plan| ("plan[]", *plan)));
    let found = if plans.is_empty() {
        None
    } else {
        Some(visit.admin().get("/v1/admin/reserves/simulation", &params).await)
    };
    let inside = html! {
        (frame::heading(
            "Try a plan",
            "What it would have held of the charges that came. Nothing is written.",
            html! { a.button href=(links::to("/exposure", &which(visit))) { "Exposure" } },
        ))
        (simulate_form(visit, days))
        @match &found {
            None => {},
            Some(Err(refusal)) => (view::refusal(refusal)),
            Some(Ok(found)) => (outcomes(visit, found)),
        }
    };
    Ok(respond::page(frame::page(visit, "/exposure", "Try a plan", inside)))
}

fn whole(text: &str, least: i64, most: i64) -> Option<i64> {
    text.parse().ok().filter(|number| (least..=most).contains(number))
}

/// The plan of two sliders; none while they were not sent, or the share is 0.
fn proposal(visit: &Visit<'_>, percent: &str, days: &str) -> Option<String> {
    let percent = whole(visit.field(percent), 1, 100)?;
    let days = whole(visit.field(days), 3, 180).unwrap_or(30);
    Some(format!("percent={percent},type=rolling_release,days_after_charge={days}"))
}

/// A slider, which a browser moves without a script; the values that were sent stand beside it.
fn slider(label: &str, name: &str, (value, least, most): (i64, i64, i64), unit: &str) -> Markup {
    html! {
        label.field {
            span { (label) ": " b { (value) " " (unit) } ", " (least) " to " (most) }
            input type="range" name=(name) min=(least) max=(most) value=(value) step="1";
        }
    }
}

fn simulate_form(visit: &Visit<'_>, days: i64) -> Markup {
    let chosen = |name: &str, least: i64, most: i64, other: i64| {
        (whole(visit.field(name), least, most).unwrap_or(other), least, most)
    };
    html! {
        form.filters action=(links::to("/simulate", &[])) {
            (which_form(visit))
            (slider("Share", "percent", chosen("percent", 1, 100, 10), "%"))
            (slider("Held for", "days", chosen("days", 3, 180, 30), "days"))
            (slider("Beside it, share", "percent2", chosen("percent2", 0, 100, 0), "%"))
            (slider("Held for", "days2", chosen("days2", 3, 180, 90), "days"))
            (view::input("Charges of the last days", "back", &days.to_string(), "90"))
            button type="submit" { "Try" }
        }
    }
}

fn outcomes(visit: &Visit<'_>, found: &Value) -> Markup {
    let columns = [
        "Plan",
        "Currency",
        "Holds",
        "Held",
        "Most at once",
        "Came back",
        "Still held",
        "Covered of refunds",
        "Of disputes",
        "Covered",
        "Below zero",
    ];
    let rows = found.list("plans").iter().flat_map(|plan| {
        plan.list("currencies").iter().map(|outcome| {
            let mut row = vec![
                html! { code { (plan.text("plan")) } },
                html! { (outcome.text("currency").to_uppercase()) },
            ];
            let names = [
                "holds",
                "held",
                "peak",
                "returned",
                "still_held",
                "covered_refunds",
                "covered_disputes",
            ];
            row.extend(names.map(|name| amount(outcome, name)));
            row.push(percentage(outcome, "covered"));
            row.push(amount(outcome, "below_zero_accounts"));
            row
        })
    });
    let rows: Vec<_> = rows.collect();
    html! {
        (view::section("What they would have done", html! {
            @if rows.is_empty() {
                (view::empty("No charge came in that time", "Look further back.", ""))
            } @else {
                (view::table("Outcomes", &columns, rows))
            }
            p.quiet {
                (view::number(found.int("charges").unwrap_or_default())) " charges were read."
            }
        }))
        @for plan in found.list("plans") {
            @for outcome in plan.list("currencies") {
                (view::section(plan.text("plan"), html! {
                    (chart::forecast(
                        outcome.list("returns"),
                        found.int("since").unwrap_or_default(),
                        outcome.text("currency"),
                    ))
                    (below_zero(visit, outcome))
                }))
            }
        }
    }
}

fn below_zero(visit: &Visit<'_>, outcome: &Value) -> Markup {
    let accounts = outcome.list("below_zero");
    let rows = accounts.iter().map(|below| {
        vec![
            view::id(below.text("account")),
            view::time(below.int("since"), visit.now),
            amount(below, "lowest"),
            amount(below, "lowest_really"),
        ]
    });
    html! {
        @if !accounts.is_empty() {
            (view::table(
                "Accounts that would have gone below zero",
                &["Account", "Since", "Lowest", "Lowest in reality"],
                rows.collect(),
            ))
        }
    }
}
