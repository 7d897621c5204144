//! Prometheus' text format, version 0.0.4.

use crate::definition::{Kind, Metric};
use crate::histogram::Recorded;
use std::fmt::{Display, Write as _};

/// The `Content-Type` of the format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A text in the format, to which metrics are added one after the other: all figures of one before
/// the first of the next.
#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
    /// The metric whose figures are being added.
    current: Option<&'static str>,
}

impl Exposition {
    /// Adds a figure of a metric; `labels` are the values of its labels, in their order.
    pub fn add(&mut self, metric: &Metric, labels: &[&str], value: impl Display) {
        self.begin(metric);
        self.line(metric, "", labels, None, value);
    }

    /// Adds whole seconds, or another number that may be absent: then nothing is added.
    pub fn add_some(&mut self, metric: &Metric, labels: &[&str], value: Option<impl Display>) {
        if let Some(value) = value {
            self.add(metric, labels, value);
        }
    }

    /// Adds whether something is so, as 1 or 0.
    pub fn add_flag(&mut self, metric: &Metric, labels: &[&str], is_so: bool) {
        self.add(metric, labels, u8::from(is_so));
    }

    /// Adds the figures of a histogram.
    pub fn add_histogram(&mut self, metric: &Metric, labels: &[&str], recorded: &Recorded) {
        self.begin(metric);
        for (bound, count) in recorded.cumulative() {
            self.line(metric, "_bucket", labels, Some(&seconds(bound)), count);
        }
        self.line(metric, "_bucket", labels, Some("+Inf"), recorded.count());
        self.line(metric, "_sum", labels, None, seconds(recorded.sum_micros()));
        self.line(metric, "_count", labels, None, recorded.count());
    }

    /// The text.
    pub fn finish(self) -> String {
        self.text
    }

    /// Writes what stands before the figures of a metric.
    fn begin(&mut self, metric: &Metric) {
        if self.current == Some(metric.name) {
            return;
        }
        self.current = Some(metric.name);
        let Metric { name, kind, help, .. } = metric;
        // Writing to a string does not fail.
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {}\n", kind.as_str());
    }

    fn line(
        &mut self,
        metric: &Metric,
        suffix: &str,
        labels: &[&str],
        bound: Option<&str>,
        value: impl Display,
    ) {
        debug_assert_eq!(metric.labels.len(), labels.len(), "{}", metric.name);
        debug_assert!(suffix.is_empty() || metric.kind == Kind::Histogram, "{}", metric.name);
        let _ = write!(self.text, "{}{suffix}", metric.name);
        let pairs = metric.labels.iter().copied().zip(labels.iter().copied());
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
        let mut exposition = Exposition::default();
        exposition.add_flag(&catalogue::CLOCK_DOUBTFUL, &[], true);
        exposition.add(&catalogue::STORE_UNITS, &["da\"t\\a\n"], 7);
        exposition.add(&catalogue::STORE_UNITS, &["keys"], 8);
        exposition.add_some(&catalogue::MASTER_KEY_CREATED, &[], None::<i64>);
        let text = exposition.finish();
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
        let mut exposition = Exposition::default();
        exposition.add_histogram(&catalogue::JOB_DURATION, &["clean"], &histogram.read());
        let text = exposition.finish();
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
