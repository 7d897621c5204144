//! `coffer reserves`: what a platform asks of its ledgers, by the admin API.

use super::args::{ReportArgs, Reserves, SimulateArgs, Story, StoryArgs, WhichArgs};
use super::client::{Client, Expected, object_path};
use super::exit::{Exit, Failure};
use super::output::{Format, Output, print_bytes};
use super::table;
use crate::config::{ADMIN_KEY, Config};
use coffer_base::Timestamp;
use coffer_base::civil::readable;
use serde_json::Value;
use std::fmt::Write as _;

const REPORT: &str = "/v1/admin/reserves/report";
const SIMULATION: &str = "/v1/admin/reserves/simulation";
const STORIES: &str = "/v1/admin/reserves/stories";

/// The figures of an account in a report, in the order in which they are printed.
const FIGURES: [&str; 9] = [
    "currency",
    "exposure",
    "reserved",
    "coverage",
    "available",
    "pending",
    "negative",
    "due_within_7_days",
    "breaches",
];

/// `coffer reserves`.
pub fn run(
    config: &Config,
    verb: &Reserves,
    format: Format,
    output: Output,
) -> Result<Exit, Failure> {
    let client = Client::new(config, &ADMIN_KEY)?;
    match verb {
        Reserves::Report(args) => report(&client, args, format, output),
        Reserves::Story(story) => tell(&client, story, output),
        Reserves::Simulate(args) => simulate(&client, args, output),
    }
}

fn which(args: &WhichArgs) -> Vec<(&'static str, &str)> {
    let mut params = vec![("mode", if args.test { "test" } else { "live" })];
    params.extend(args.platform.as_deref().map(|id| ("platform", id)));
    params.extend(args.account.as_deref().map(|id| ("account", id)));
    params
}

fn report(
    client: &Client,
    args: &ReportArgs,
    format: Format,
    output: Output,
) -> Result<Exit, Failure> {
    let (as_of, window) =
        (args.as_of.map(|at| at.to_string()), args.window_days.map(|days| days.to_string()));
    let (limit, page) = (args.limit.to_string(), args.page.to_string());
    let mut params = which(&args.which);
    params.extend(as_of.as_deref().map(|at| ("as_of", at)));
    params.extend(window.as_deref().map(|days| ("window_days", days)));
    params.extend(args.only.as_deref().map(|only| ("only", only)));
    params.extend(args.sort.as_deref().map(|sort| ("sort", sort)));
    params.extend([("limit", &limit[..]), ("page", &page[..])]);
    let report = client.get(REPORT, &params, Expected::object("reserve.report"))?;
    let of_one = args.which.account.is_some();
    if format == Format::Csv {
        let lines = if of_one { forecast_csv(&report) } else { accounts_csv(&report) };
        print_bytes(lines.as_bytes())?;
        return Ok(Exit::Done);
    }
    output.show(&report, |report| report_table(report, of_one))?;
    Ok(Exit::Done)
}

fn items<'a>(of: &'a Value, name: &str) -> &'a [Value] {
    of.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn int(of: &Value, name: &str) -> i64 {
    of.get(name).and_then(Value::as_i64).unwrap_or_default()
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn time(unix: i64) -> String {
    readable(Timestamp::from_unix(unix))
}

/// Hundredths of a percent as a percentage; nothing if there was nothing to cover.
fn percentage(of: &Value, name: &str) -> String {
    let share = of.get(name).and_then(Value::as_i64);
    share.map_or_else(
        || "-".to_owned(),
        |share| format!("{}.{:02} %", share / 100, share.rem_euclid(100)),
    )
}

fn figure(of: &Value, name: &str) -> String {
    match name {
        "coverage" | "covered" => percentage(of, name),
        "currency" | "account" | "platform" => table::plain(text(of, name)),
        _ => int(of, name).to_string(),
    }
}

fn rows(list: &[Value], fields: &[&str]) -> String {
    if list.is_empty() {
        return "none".to_owned();
    }
    let row = |each: &Value| fields.iter().map(|field| figure(each, field)).collect::<Vec<_>>();
    table::columns(fields, list.iter().map(row))
}

fn report_table(report: &Value, of_one: bool) -> String {
    let mut page = format!(
        "As of {}, in the currencies' smallest units. Charges of the last {} days can be disputed.",
        time(int(report, "as_of")),
        int(report, "window_days")
    );
    let totals = items(report, "currencies");
    let _ = write!(page, "\n\nTOTALS:\n{}", rows(totals, &FIGURES));
    for total in totals {
        let _ = write!(page, "\n\nCOMES FREE, {}:\n", table::plain(text(total, "currency")));
        page.push_str(&forecast_table(total));
    }
    if !of_one {
        let fields = [&["account"][..], &FIGURES[..]].concat();
        let accounts = items(report, "accounts");
        let all = int(report, "total_accounts");
        let _ = write!(page, "\n\nACCOUNTS ({all}):\n{}", rows(accounts, &fields));
        if report.get("has_more").and_then(Value::as_bool).unwrap_or(false) {
            page.push_str("\n\nThere are more: --page has the next.");
        }
    }
    page
}

/// What comes free, day by day.
fn forecast_table(total: &Value) -> String {
    let mut lines: Vec<Vec<String>> = Vec::new();
    let mut line = |when: String, amount: i64| lines.push(vec![when, amount.to_string()]);
    if int(total, "overdue") != 0 {
        line("past its date".to_owned(), int(total, "overdue"));
    }
    for day in items(total, "forecast") {
        line(time(int(day, "date")), int(day, "amount"));
    }
    if int(total, "undated") != 0 {
        line("without a date".to_owned(), int(total, "undated"));
    }
    if lines.is_empty() {
        return "nothing is held".to_owned();
    }
    table::columns(&["when", "amount"], lines.into_iter())
}

fn accounts_csv(report: &Value) -> String {
    let fields = [&["platform", "account"][..], &FIGURES[..]].concat();
    let mut lines = format!("{}\r\n", fields.join(","));
    for account in items(report, "accounts") {
        lines.push_str(&csv_line(account, &fields));
    }
    lines
}

/// A line of plain ids and numbers, none of which needs quotation marks.
fn csv_line(of: &Value, fields: &[&str]) -> String {
    let cell = |field: &&str| match of.get(*field) {
        Some(Value::String(text)) => table::plain(text),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    format!("{}\r\n", fields.iter().map(cell).collect::<Vec<_>>().join(","))
}

fn forecast_csv(report: &Value) -> String {
    let mut lines = "currency,date,amount\r\n".to_owned();
    for total in items(report, "currencies") {
        let currency = table::plain(text(total, "currency"));
        for day in items(total, "forecast") {
            let (date, amount) = (int(day, "date"), int(day, "amount"));
            let date = coffer_base::civil::rfc3339(Timestamp::from_unix(date));
            let _ = write!(lines, "{currency},{date},{amount}\r\n");
        }
    }
    lines
}

fn tell(client: &Client, story: &Story, output: Output) -> Result<Exit, Failure> {
    let (of, args) = match story {
        Story::Hold(args) => ("holds", args),
        Story::Charge(args) => ("charges", args),
        Story::Payout(args) => ("payouts", args),
    };
    let StoryArgs { id, mode, platform, account } = args;
    let narrowed = [("mode", mode), ("platform", platform), ("account", account)];
    let params: Vec<(&str, &str)> =
        narrowed.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
    let path = object_path(&format!("{STORIES}/{of}"), id);
    let story = client.get(&path, &params, Expected::one("reserve.story", id))?;
    output.show(&story, story_text)?;
    Ok(Exit::Done)
}

/// What stands first, and then step by step.
fn story_text(story: &Value) -> String {
    let mode = if story.get("livemode") == Some(&Value::Bool(true)) { "live" } else { "test" };
    let mut page = format!(
        "{} {} of {}, platform {}, {mode} data. Amounts in {}, smallest units.\n",
        table::plain(text(story, "about")),
        table::plain(text(story, "id")),
        table::plain(text(story, "account")),
        table::plain(text(story, "platform")),
        table::plain(text(story, "currency")),
    );
    for part in ["charge", "hold", "payout", "before", "after"] {
        if let Some(object) = story.get(part) {
            let _ = write!(page, "\n{}:\n{}\n", part.to_uppercase(), table::object(object));
        }
    }
    page.push_str("\nSTORY:\n");
    let step = |step: &Value| {
        let (at, words) = (time(int(step, "at")), table::plain(text(step, "text")));
        format!("{at}  {words}")
    };
    page.push_str(&items(story, "steps").iter().map(step).collect::<Vec<_>>().join("\n"));
    page
}

fn simulate(client: &Client, args: &SimulateArgs, output: Output) -> Result<Exit, Failure> {
    let since = args.since.map(|at| at.to_string());
    let mut params = which(&args.which);
    params.extend(since.as_deref().map(|since| ("since", since)));
    params.extend(args.plans.iter().map(|plan| ("plan[]", plan.as_str())));
    let found = client.get(SIMULATION, &params, Expected::object("reserve.simulation"))?;
    output.show(&found, simulation_table)?;
    Ok(Exit::Done)
}

fn simulation_table(found: &Value) -> String {
    let mut page = format!(
        "{} charges from {} to {}, in the currencies' smallest units. Nothing was written.\n\n\
         WHAT CAME:\n{}",
        int(found, "charges"),
        time(int(found, "since")),
        time(int(found, "until")),
        rows(items(found, "currencies"), &["currency", "charges", "net", "refunded", "disputed"])
    );
    let fields = [
        "currency",
        "holds",
        "held",
        "peak",
        "returned",
        "still_held",
        "covered_refunds",
        "covered_disputes",
        "covered",
        "below_zero_accounts",
    ];
    for plan in items(found, "plans") {
        let currencies = items(plan, "currencies");
        let name = table::plain(text(plan, "plan"));
        let _ = write!(page, "\n\nPLAN {name}:\n{}", rows(currencies, &fields));
        for currency in currencies {
            for below in items(currency, "below_zero") {
                let _ = write!(
                    page,
                    "\nbelow zero: {} since {}, down to {} (really {})",
                    table::plain(text(below, "account")),
                    time(int(below, "since")),
                    int(below, "lowest"),
                    int(below, "lowest_really")
                );
            }
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_report_of_an_account_has_its_forecast() {
        let total = json!({
            "currency": "usd", "exposure": 10_000, "reserved": 1452, "coverage": 1452,
            "forecast": [{ "date": 1_775_001_600, "amount": 1452 }], "overdue": 0, "undated": 7,
        });
        let report = json!({ "as_of": 1_772_359_200, "window_days": 120, "currencies": [total] });
        let page = report_table(&report, true);
        assert!(page.contains("14.52 %") && page.contains("2026-04-01"), "{page}");
        assert!(page.contains("without a date") && !page.contains("ACCOUNTS"), "{page}");
        let csv = "currency,date,amount\r\nusd,2026-04-01T00:00:00Z,1452\r\n";
        assert_eq!(forecast_csv(&report), csv);
    }

    #[test]
    fn accounts_are_lines_of_csv() {
        let account = json!({ "platform": "acct_p", "account": "acct_a", "currency": "usd",
            "exposure": 5, "reserved": 0, "coverage": null });
        let csv = accounts_csv(&json!({ "accounts": [account] }));
        assert!(csv.ends_with("acct_p,acct_a,usd,5,0,,,,,,\r\n"), "{csv}");
    }

    #[test]
    fn a_story_has_a_line_for_each_step() {
        let story = json!({ "about": "hold", "id": "reshold_1", "livemode": false,
            "steps": [{ "at": 1_772_359_200, "text": "1452 usd were held" }] });
        let page = story_text(&story);
        assert!(page.ends_with("STORY:\n2026-03-01 10:00:00Z  1452 usd were held"), "{page}");
    }
}
