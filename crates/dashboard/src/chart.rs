//! Plots without a line of script: bars, and the numbers in a table behind each.

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

/// A kind of bar: its class, its word, and how much of it a sample has.
type Kind = (&'static str, &'static str, fn(&Sample) -> u64);

const ANSWERED: Kind = ("answered", "answered", |each| each.answered);
const REFUSED: Kind = ("refused", "refused", |each| each.refused);
const FAILED: Kind = ("failed", "failed", |each| each.failed);

/// Requests over the last hour, and of those again the ones that got nothing, on their own scale.
pub(crate) fn requests(samples: &[Sample]) -> Markup {
    counts("Requests", &[ANSWERED, REFUSED, FAILED], samples)
}

/// Refusals and failures over the last hour.
pub(crate) fn refusals(samples: &[Sample]) -> Markup {
    counts("Refusals", &[REFUSED, FAILED], samples)
}

/// A plot of counts, on top of each other in their order.
fn counts(what: &str, kinds: &[Kind], samples: &[Sample]) -> Markup {
    if samples.is_empty() {
        return none();
    }
    let of = |each: &Sample| kinds.iter().map(|(_, _, count)| count(each)).collect::<Vec<_>>();
    let total = |each: &Sample| of(each).iter().fold(0_u64, |sum, n| sum.saturating_add(*n));
    let most = samples.iter().map(total).max().unwrap_or_default().max(1);
    let sums = kinds.iter().map(|(class, word, count)| {
        let sum = samples.iter().map(count).fold(0_u64, u64::saturating_add);
        (*class, format!("{} {word}", view::number(signed(sum))))
    });
    let sums: Vec<_> = sums.collect();
    let words: Vec<_> = sums.iter().map(|(_, words)| words.as_str()).collect();
    let words = format!(
        "{what} of the last hour in steps of half a minute, {most} at most: {}",
        words.join(", ")
    );
    let rows = samples.iter().rev().filter(|each| total(each) > 0).map(|each| {
        let count = |value: u64| html! { (view::number(signed(value))) };
        std::iter::once(at(each)).chain(of(each).into_iter().map(count)).collect()
    });
    let heads = kinds.iter().map(|(class, ..)| capital(class));
    let columns: Vec<_> = std::iter::once("Until").chain(heads).collect();
    html! {
        figure.plot {
            (plot(&words, samples, |x, each| {
                let tall = |count: u64| count.saturating_mul(HEIGHT - 4).div_ceil(most);
                let mut below = 0;
                html! {
                    @for (class, _, count) in kinds {
                        @let height = tall(count(each));
                        (bar(class, x, &mut below, height))
                    }
                }
            }))
            figcaption {
                @for (class, words) in &sums { span class=(format!("key {class}")) { (words) } }
                span.quiet { "at most " (view::number(signed(most))) " in 30 s" }
            }
            (numbers(what, &columns, rows.collect()))
        }
    }
}

/// How long requests took over the last hour, on a scale on which each step is about twice the one
/// below it.
pub(crate) fn durations(samples: &[Sample]) -> Markup {
    if samples.is_empty() {
        return none();
    }
    let longest = |of: fn(&Sample) -> Option<u64>| samples.iter().filter_map(of).max();
    let (half, most) = (longest(|each| each.half), longest(|each| each.most));
    let words = format!(
        "How long requests of the last hour took, in steps of half a minute: half of them at most \
         {}, 99 of a hundred at most {}",
        duration(half),
        duration(most)
    );
    let rows = samples.iter().rev().filter(|each| each.requests() > 0).map(|each| {
        vec![at(each), html! { (duration(each.half)) }, html! { (duration(each.most)) }]
    });
    let columns = ["Until", "Half took at most", "99 of 100 took at most"];
    html! {
        figure.plot {
            (plot(&words, samples, |x, each| {
                let (half, most) = (height_of(each.half), height_of(each.most));
                let mut below = 0;
                html! {
                    (bar("half", x, &mut below, half))
                    (bar("most", x, &mut below, most.saturating_sub(half)))
                }
            }))
            figcaption {
                span.key.half { "half at most " (duration(half)) }
                span.key.most { "99 of 100 at most " (duration(most)) }
                span.quiet { "each tenth of the height is about four times as long" }
            }
            (numbers("How long requests took", &columns, rows.collect()))
        }
    }
}

/// Steps of the scale of durations, from the first bound of the histogram to the last: each is a
/// doubling.
const DOUBLINGS: u64 = 20;

/// How high a bar is that stands for a duration.
fn height_of(micros: Option<u64>) -> u64 {
    const FIRST: u64 = 25;
    let Some(micros) = micros else { return 0 };
    let doublings = u64::from((micros / FIRST).max(1).ilog2()).min(DOUBLINGS);
    (doublings + 1).saturating_mul(HEIGHT - 4) / (DOUBLINGS + 1)
}

/// A duration that is a bound.
fn duration(micros: Option<u64>) -> String {
    match micros {
        None => "–".to_owned(),
        Some(u64::MAX) => "more than 10 s".to_owned(),
        Some(micros @ 0..1000) => format!("{micros} µs"),
        Some(micros @ 1000..1_000_000) if micros % 1000 > 0 => {
            format!("{}.{} ms", micros / 1000, micros % 1000 / 100)
        }
        Some(micros @ 1000..1_000_000) => format!("{} ms", micros / 1000),
        Some(micros) => format!("{}.{} s", micros / 1_000_000, micros % 1_000_000 / 100_000),
    }
}

fn none() -> Markup {
    html! { p.quiet { "They are counted every half minute." } }
}

/// The picture: `bars` draws those of one sample from a place on. The newest is at the right.
fn plot(words: &str, samples: &[Sample], bars: impl Fn(u64, &Sample) -> Markup) -> Markup {
    let width = WIDTH / BARS;
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(words)
            preserveAspectRatio="none" {
            line.axis x1="0" x2=(WIDTH) y1=(HEIGHT - 1) y2=(HEIGHT - 1) {}
            @for (back, each) in (1_u64..).zip(samples.iter().rev()) {
                (bars(BARS.saturating_sub(back).saturating_mul(width), each))
            }
        }
    }
}

/// One bar that stands on what is `below` it.
fn bar(class: &str, x: u64, below: &mut u64, height: u64) -> Markup {
    if height == 0 {
        return html! {};
    }
    *below = below.saturating_add(height);
    let y = HEIGHT.saturating_sub(1 + *below);
    html! { rect class=(class) x=(x) y=(y) width=(WIDTH / BARS - 1) height=(height) {} }
}

fn numbers(what: &str, columns: &[&str], rows: Vec<Vec<Markup>>) -> Markup {
    html! {
        details {
            summary { "The numbers" }
            @if rows.is_empty() {
                p.quiet { "There was none." }
            } @else {
                (view::table(what, columns, rows))
            }
        }
    }
}

fn at(each: &Sample) -> Markup {
    html! { (readable(Timestamp::from_unix(each.at))) }
}

fn capital(class: &str) -> &'static str {
    match class {
        "answered" => "Answered",
        "refused" => "Refused",
        _ => "Failed",
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

    fn sample(answered: u64, refused: u64, failed: u64) -> Sample {
        Sample { at: 0, answered, refused, failed, half: Some(250), most: Some(u64::MAX) }
    }

    #[test]
    fn bars_stay_within_the_plot() {
        let samples = [sample(10, 5, 1), sample(0, 0, 0), sample(u64::MAX / 1000, 0, 0)];
        for plot in [requests(&samples), durations(&samples)] {
            let plot = plot.into_string();
            assert!(plot.contains("role=\"img\"") && !plot.contains("style="), "{plot}");
            assert!(plot.contains("x=\"714\""), "the newest is at the right: {plot}");
            for (_, rest) in plot.match_indices(" y=\"").map(|(at, _)| plot.split_at(at + 4)) {
                let y: u64 = rest.split('"').next().unwrap().parse().unwrap();
                assert!(y < HEIGHT, "{plot}");
            }
        }
        for empty in [requests(&[]), refusals(&[]), durations(&[])] {
            assert!(!empty.into_string().contains("<svg"));
        }
    }

    #[test]
    fn refusals_have_their_own_scale() {
        let plot = refusals(&[sample(1_000_000, 2, 1)]).into_string();
        assert!(plot.contains("at most 3 in 30 s") && !plot.contains("answered"), "{plot}");
        assert!(plot.contains("height=\"78\""), "two thirds of the height: {plot}");
    }

    #[test]
    fn durations_are_told_in_one_unit() {
        let told = [None, Some(50), Some(2500), Some(10_000), Some(2_500_000), Some(u64::MAX)];
        let words = ["–", "50 µs", "2.5 ms", "10 ms", "2.5 s", "more than 10 s"];
        assert_eq!(told.map(duration), words);
        let heights = [None, Some(50), Some(5000), Some(u64::MAX)].map(height_of);
        assert!(heights.is_sorted() && heights[0] == 0 && heights[3] == HEIGHT - 4, "{heights:?}");
    }
}
