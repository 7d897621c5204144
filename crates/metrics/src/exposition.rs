//! Prometheus' text format, version 0.0.4.

use crate::definition::Metric;
use crate::figures::{Figure, Figures, MetricFigures, Point};
use crate::histogram::Recorded;
use std::fmt::{Display, Write as _};

/// The `Content-Type` of the format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The figures in the format.
pub fn exposition(figures: &Figures) -> String {
    let mut text = Exposition::default();
    for MetricFigures { metric, points } in figures.metrics() {
        text.begin(metric);
        for Point { labels, figure } in points {
            match figure {
                Figure::Number(number) => text.line(metric, "", labels, None, number),
                Figure::Durations(recorded) => text.durations(metric, labels, recorded),
            }
        }
    }
    text.text
}

/// A text in the format that is being written.
#[derive(Debug, Default)]
struct Exposition {
    text: String,
}

impl Exposition {
    /// Writes what stands before the figures of a metric.
    fn begin(&mut self, Metric { name, kind, help, .. }: &Metric) {
        // Writing to a string does not fail.
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {}\n", kind.as_str());
    }

    fn durations(&mut self, metric: &Metric, labels: &[String], recorded: &Recorded) {
        for (bound, count) in recorded.cumulative() {
            self.line(metric, "_bucket", labels, Some(&seconds(bound)), count);
        }
        self.line(metric, "_bucket", labels, Some("+Inf"), recorded.count());
        self.line(metric, "_sum", labels, None, seconds(recorded.sum_micros()));
        self.line(metric, "_count", labels, None, recorded.count());
    }

    fn line(
        &mut self,
        metric: &Metric,
        suffix: &str,
        labels: &[String],
        bound: Option<&str>,
        value: impl Display,
    ) {
        let _ = write!(self.text, "{}{suffix}", metric.name);
        let pairs = metric.labels.iter().copied().zip(labels.iter().map(String::as_str));
        let mut separator = '{';
        for (label, text) in pairs.chain(bound.map(|bound| ("le", bound))) {
            let _ = write!(self.text, "{separator}{label}=\"");
            self.escaped(text);
            self.text.push('"');
            separator = ',';
        }
        if separator == ',' {
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }

    /// Adds a label's value.
    fn escaped(&mut self, text: &str) {
        for letter in text.chars() {
            match letter {
                '\\' => self.text.push_str("\\\\"),
                '"' => self.text.push_str("\\\""),
                '\n' => self.text.push_str("\\n"),
                other => self.text.push(other),
            }
        }
    }
}

/// Microseconds as seconds, without zeros that say nothing.
fn seconds(micros: u64) -> String {
    let (whole, rest) = (micros / 1_000_000, micros % 1_000_000);
    if rest == 0 {
        return whole.to_string();
    }
    format!("{whole}.{rest:06}").trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;
    use crate::histogram::Histogram;

    #[test]
    fn figures_stand_below_what_they_mean() {
        let mut figures = Figures::default();
        figures.add_flag(&catalogue::CLOCK_DOUBTFUL, &[], true);
        figures.add(&catalogue::STORE_UNITS, &["da\"t\\a\n"], 7_i64);
        figures.add(&catalogue::STORE_UNITS, &["keys"], 8_i64);
        figures.add_some(&catalogue::MASTER_KEY_CREATED, &[], None::<i64>);
        let text = exposition(&figures);
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("# HELP")).collect();
        let expected = [
            "# TYPE coffer_clock_doubtful gauge",
            "coffer_clock_doubtful 1",
            "# TYPE coffer_store_units_total counter",
            "coffer_store_units_total{store=\"da\\\"t\\\\a\\n\"} 7",
            "coffer_store_units_total{store=\"keys\"} 8",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_histogram_has_buckets_a_sum_and_a_count() {
        let histogram = Histogram::default();
        histogram.record_micros(300);
        histogram.record_micros(2_000_000);
        let mut figures = Figures::default();
        figures.add_histogram(&catalogue::JOB_DURATION, &["clean"], &histogram.read());
        let text = exposition(&figures);
        for line in [
            "coffer_job_duration_seconds_bucket{job_name=\"clean\",le=\"0.00025\"} 0",
            "coffer_job_duration_seconds_bucket{job_name=\"clean\",le=\"0.0005\"} 1",
            "coffer_job_duration_seconds_bucket{job_name=\"clean\",le=\"2.5\"} 2",
            "coffer_job_duration_seconds_bucket{job_name=\"clean\",le=\"+Inf\"} 2",
            "coffer_job_duration_seconds_sum{job_name=\"clean\"} 2.0003",
            "coffer_job_duration_seconds_count{job_name=\"clean\"} 2",
        ] {
            assert!(text.contains(&format!("{line}\n")), "{line}\n{text}");
        }
    }
}
