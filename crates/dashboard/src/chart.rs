//! A plot without a line of script: bars, and the numbers in a table behind it.

use crate::api::Field;
use crate::samples::Sample;
use crate::view;
use coffer_base::Timestamp;
use coffer_base::civil::readable;
use coffer_base::clock::DAY_SECONDS;
use maud::{Markup, html};
use serde_json::Value;

const WIDTH: u64 = 720;
const HEIGHT: u64 = 120;
/// Bars that fit beside each other.
const BARS: u64 = 120;

/// Requests over the last hour.
pub(crate) fn requests(samples: &[Sample]) -> Markup {
    let total = |each: &Sample| each.answered + each.refused + each.failed;
    let most = samples.iter().map(total).max().unwrap_or_default().max(1);
    let [answered, refused, failed] = [
        samples.iter().map(|each| each.answered).sum::<u64>(),
        samples.iter().map(|each| each.refused).sum(),
        samples.iter().map(|each| each.failed).sum(),
    ];
    let words = format!(
        "Requests of the last hour in steps of half a minute, {most} at most: {answered} \
         answered, {refused} refused, {failed} failed"
    );
    if samples.is_empty() {
        return html! { p.quiet { "They are counted every half minute." } };
    }
    html! {
        figure.plot {
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(words)
                preserveAspectRatio="none" {
                line.axis x1="0" x2=(WIDTH) y1=(HEIGHT - 1) y2=(HEIGHT - 1) {}
                @for (back, each) in (1_u64..).zip(samples.iter().rev()) {
                    (bar(BARS.saturating_sub(back), each, most))
                }
            }
            figcaption {
                span.key.answered { (view::number(signed(answered))) " answered" }
                span.key.refused { (view::number(signed(refused))) " refused" }
                span.key.failed { (view::number(signed(failed))) " failed" }
                span.quiet { "at most " (view::number(signed(most))) " in 30 s" }
            }
            details { summary { "The numbers" } (numbers(samples)) }
        }
    }
}

/// One bar: answered at the bottom, refused on it, failed on top.
fn bar(at: u64, each: &Sample, most: u64) -> Markup {
    let width = WIDTH / BARS;
    let tall = |count: u64| count.saturating_mul(HEIGHT - 4).div_ceil(most);
    let (answered, refused, failed) = (tall(each.answered), tall(each.refused), tall(each.failed));
    let top = |height: u64| HEIGHT.saturating_sub(1 + height);
    let x = at * width;
    let parts = [
        ("answered", answered, top(answered)),
        ("refused", refused, top(answered + refused)),
        ("failed", failed, top(answered + refused + failed)),
    ];
    html! {
        @for (class, height, y) in parts {
            @if height > 0 {
                rect class=(class) x=(x) y=(y) width=(width - 1) height=(height) {}
            }
        }
    }
}

fn numbers(samples: &[Sample]) -> Markup {
    let busy = samples.iter().rev().filter(|each| each.answered + each.refused + each.failed > 0);
    let rows: Vec<_> = busy
        .map(|each| {
            let count = |value: u64| html! { (view::number(signed(value))) };
            let at = readable(Timestamp::from_unix(each.at));
            vec![html! { (at) }, count(each.answered), count(each.refused), count(each.failed)]
        })
        .collect();
    html! {
        @if rows.is_empty() {
            p.quiet { "There was none." }
        } @else {
            (view::table("Requests", &["Until", "Answered", "Refused", "Failed"], rows))
        }
    }
}

/// Days that a plot of what comes free has room for.
const DAYS: i64 = 180;

/// What comes free in the 180 days from a time on: a bar for each day, and the numbers behind it.
pub(crate) fn forecast(days: &[Value], from: i64, currency: &str) -> Markup {
    let place = |day: &Value| {
        let date = day.int("date").unwrap_or_default();
        date.saturating_sub(from).div_euclid(DAY_SECONDS)
    };
    let amount = |day: &Value| day.int("amount").unwrap_or_default().max(0);
    let shown: Vec<&Value> = days.iter().filter(|day| (0..DAYS).contains(&place(day))).collect();
    let most = shown.iter().map(|day| amount(day)).max().unwrap_or_default().max(1);
    let sum = shown.iter().fold(0_i64, |sum, day| sum.saturating_add(amount(day)));
    if days.is_empty() {
        return html! { p.quiet { "Nothing is held with a date." } };
    }
    let words = format!(
        "What comes free on each of {DAYS} days: {} {currency} in all, {} on one day at most",
        view::number(sum),
        view::number(most)
    );
    let bars = shown.iter().map(|day| {
        let tall = u64::try_from(amount(day)).unwrap_or_default();
        let most = u64::try_from(most).unwrap_or(1);
        // In 128 bits, in which the product always fits.
        let tall = u128::from(tall) * u128::from(HEIGHT - 4) / u128::from(most.max(1));
        let width = WIDTH / DAYS.unsigned_abs();
        (place(day).unsigned_abs() * width, u64::try_from(tall).unwrap_or_default().max(1))
    });
    html! {
        figure.plot {
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(words)
                preserveAspectRatio="none" {
                line.axis x1="0" x2=(WIDTH) y1=(HEIGHT - 1) y2=(HEIGHT - 1) {}
                @for (x, height) in bars {
                    rect.due x=(x) y=(HEIGHT.saturating_sub(1 + height)) width="3"
                        height=(height) {}
                }
            }
            figcaption {
                span { (readable(Timestamp::from_unix(from))) }
                span.quiet { (DAYS) " days, at most " (view::amount(most, currency)) " a day" }
            }
            details {
                summary { "The numbers" }
                (view::table(
                    "What comes free",
                    &["At", "Amount"],
                    days.iter().map(|day| {
                        let date = Timestamp::from_unix(day.int("date").unwrap_or_default());
                        let amount = day.int("amount").unwrap_or_default();
                        vec![html! { (readable(date)) }, view::amount(amount, currency)]
                    }).collect(),
                ))
            }
        }
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_forecast_has_a_bar_for_each_day_and_its_numbers() {
        let day = |days: i64, amount: i64| json!({ "date": days * DAY_SECONDS, "amount": amount });
        let days = [day(1, 10), day(179, i64::MAX), day(200, 5)];
        let plot = forecast(&days, 0, "usd").into_string();
        assert_eq!(plot.matches("<rect").count(), 2, "{plot}");
        assert!(plot.contains("x=\"716\"") && plot.contains("height=\"116\""), "{plot}");
        assert!(plot.contains("<table") && !plot.contains("style="), "{plot}");
        assert!(!forecast(&[], 0, "usd").into_string().contains("<svg"));
    }

    #[test]
    fn bars_stay_within_the_plot() {
        let sample = |answered, refused, failed| Sample { at: 0, answered, refused, failed };
        let samples = [sample(10, 5, 1), sample(0, 0, 0), sample(u64::MAX / 1000, 0, 0)];
        let plot = requests(&samples).into_string();
        assert!(plot.contains("role=\"img\"") && !plot.contains("style="), "{plot}");
        assert!(plot.contains("x=\"714\""), "the newest is at the right: {plot}");
        assert!(!requests(&[]).into_string().contains("<svg"));
    }
}
