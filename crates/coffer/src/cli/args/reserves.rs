//! The arguments of `coffer reserves`.

use super::audit_read::moment;
use clap::{Args, Subcommand};

#[derive(Subcommand)]
pub enum Reserves {
    /// What can still be disputed, what covers it, what comes free when: now, or at a past moment.
    ///
    /// Without --account all accounts are summed, and listed: --only and --sort say which come
    /// first. `--format csv` prints the listed accounts, or with one account its forecast.
    Report(ReportArgs),
    /// Tell the story of a hold, a charge or a payout: what happened, and why.
    #[command(subcommand)]
    Story(Story),
    /// Say what plans would have done to the charges that came in, side by side. Writes nothing.
    Simulate(SimulateArgs),
}

/// Which ledgers.
#[derive(Args)]
pub struct WhichArgs {
    /// Of test data, instead of live data.
    #[arg(long)]
    pub test: bool,
    /// Only of this platform: acct_…
    #[arg(long, value_name = "ACCOUNT")]
    pub platform: Option<String>,
    /// Only of this account: acct_…
    #[arg(long)]
    pub account: Option<String>,
}

#[derive(Args)]
pub struct ReportArgs {
    #[command(flatten)]
    pub which: WhichArgs,
    /// As the books were at this time: 2026-03-01, 2026-03-01T12:00:00Z, Unix seconds, or so long
    /// ago, as 30d or 12h.
    #[arg(long, value_name = "TIME", value_parser = time, allow_hyphen_values = true)]
    pub as_of: Option<i64>,
    /// Days after a charge within which it can be disputed.
    #[arg(long, value_name = "DAYS")]
    pub window_days: Option<u16>,
    /// Only accounts that are: negative, reserved, due (something within 7 days), or breached.
    #[arg(long, value_parser = ["negative", "reserved", "due", "breached"])]
    #[arg(hide_possible_values = true, value_name = "WHICH")]
    pub only: Option<String>,
    /// By what accounts are sorted: exposure, reserved, negative, due, breaches or coverage.
    #[arg(long)]
    #[arg(value_parser = ["exposure", "reserved", "negative", "due", "breaches", "coverage"])]
    #[arg(hide_possible_values = true, value_name = "FIGURE")]
    pub sort: Option<String>,
    /// How many accounts a page has: 1 to 100.
    #[arg(long, default_value_t = 20, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=100))]
    pub limit: u16,
    /// Which page.
    #[arg(long, default_value_t = 1, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    pub page: u16,
}

#[derive(Subcommand)]
pub enum Story {
    /// Which plan made a hold, in which version, of which charge, and what took it away.
    Hold(StoryArgs),
    /// What came of a charge: its holds, refunds and disputes.
    Charge(StoryArgs),
    /// What the account had before and after a payout, and whether it came back.
    Payout(StoryArgs),
}

#[derive(Args)]
pub struct StoryArgs {
    /// The id of the hold, the charge or the payout.
    pub id: String,
    /// Only in test data, or only in live data: test or live.
    #[arg(long, value_parser = ["test", "live"], hide_possible_values = true)]
    pub mode: Option<String>,
    /// Only of this platform: acct_…
    #[arg(long, value_name = "ACCOUNT")]
    pub platform: Option<String>,
    /// Only of this account: acct_…
    #[arg(long)]
    pub account: Option<String>,
}

#[derive(Args)]
pub struct SimulateArgs {
    /// A plan, such as percent=10,type=rolling_release,days_after_charge=30, with reserve_draw and
    /// hold_transfers if they matter. Up to five times.
    #[arg(long = "plan", value_name = "PLAN", required = true)]
    pub plans: Vec<String>,
    /// Of charges from this time on, as --as-of of the report has it; else 90 days.
    #[arg(long, value_name = "TIME", value_parser = time, allow_hyphen_values = true)]
    pub since: Option<i64>,
    #[command(flatten)]
    pub which: WhichArgs,
}

/// A time: a day or a second as RFC 3339 has it in UTC, Unix seconds, or how long it is ago.
pub(super) fn time(text: &str) -> Result<i64, String> {
    match date(text) {
        Some(unix) => Ok(unix),
        None => moment(text),
    }
}

/// `2026-03-01` or `2026-03-01T12:00:00Z`.
fn date(text: &str) -> Option<i64> {
    let (day, time) = match text.split_once('T') {
        Some((day, time)) => (day, time.strip_suffix('Z')?),
        None => (text, "00:00:00"),
    };
    let numbers = |text: &str, sign: char| {
        let parts: Option<Vec<i64>> = text.split(sign).map(|part| part.parse().ok()).collect();
        parts.and_then(|parts| <[i64; 3]>::try_from(parts).ok())
    };
    let [year, month, day] = numbers(day, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let is_time = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..60).contains(&second);
    if !is_time || !(1970..=9999).contains(&year) || !(1..=12).contains(&month) {
        return None;
    }
    if !(1..=31).contains(&day) {
        return None;
    }
    // Days since 1970 of the proleptic Gregorian calendar, with years that begin in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
    Some((days - 719_469) * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_days_seconds_or_ago() {
        assert_eq!(time("1970-01-01"), Ok(0));
        assert_eq!(time("2026-03-01"), Ok(1_772_323_200));
        assert_eq!(time("2026-03-01T10:00:00Z"), Ok(1_772_359_200));
        assert_eq!(time("2024-02-29"), Ok(1_709_164_800));
        assert_eq!(time("1772359200"), Ok(1_772_359_200));
        assert!(time("30d").is_ok_and(|unix| unix > 1_700_000_000));
        for text in ["2026-13-01", "2026-03-01T25:00:00Z", "2026-03-01T10:00:00", "yesterday"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
