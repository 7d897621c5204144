//! What was collected at one moment: each figure with its metric, whatever it is written as then.

use crate::definition::{Kind, Metric};
use crate::histogram::Recorded;
use std::fmt::{self, Display, Formatter};

/// A number that was counted or measured.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Number {
    /// A whole one. Nothing that is counted here comes near the largest.
    Whole(i64),
    /// Any other, such as parts of a second.
    Decimal(f64),
}

impl Display for Number {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => number.fmt(formatter),
            Self::Decimal(number) => number.fmt(formatter),
        }
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self::Whole(number)
    }
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self::Whole(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Number {
    fn from(number: usize) -> Self {
        Self::Whole(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        Self::Decimal(number)
    }
}

/// What a point of a metric shows.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Figure {
    /// The number of a counter or a gauge.
    Number(Number),
    /// The durations of a histogram.
    Durations(Recorded),
}

/// One figure of a metric.
#[derive(Clone, PartialEq, Debug)]
pub struct Point {
    /// The values of the metric's labels, in their order.
    pub labels: Vec<String>,
    /// The figure.
    pub figure: Figure,
}

/// A metric with all its figures.
#[derive(Clone, PartialEq, Debug)]
pub struct MetricFigures {
    /// The metric.
    pub metric: &'static Metric,
    /// Its figures, at least one.
    pub points: Vec<Point>,
}

/// All figures of a moment, metric by metric: whoever collects them adds all of one before the
/// first of the next.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Figures {
    metrics: Vec<MetricFigures>,
}

impl Figures {
    /// Adds a figure of a metric; `labels` are the values of its labels, in their order.
    pub fn add(&mut self, metric: &'static Metric, labels: &[&str], value: impl Into<Number>) {
        debug_assert_ne!(metric.kind, Kind::Histogram, "{}", metric.name);
        self.push(metric, labels, Figure::Number(value.into()));
    }

    /// Adds whole seconds, or another number that may be absent: then nothing is added.
    pub fn add_some(
        &mut self,
        metric: &'static Metric,
        labels: &[&str],
        value: Option<impl Into<Number>>,
    ) {
        if let Some(value) = value {
            self.add(metric, labels, value);
        }
    }

    /// Adds whether something is so, as 1 or 0.
    pub fn add_flag(&mut self, metric: &'static Metric, labels: &[&str], is_so: bool) {
        self.add(metric, labels, i64::from(is_so));
    }

    /// Adds the figures of a histogram.
    pub fn add_histogram(&mut self, metric: &'static Metric, labels: &[&str], all: &Recorded) {
        debug_assert_eq!(metric.kind, Kind::Histogram, "{}", metric.name);
        self.push(metric, labels, Figure::Durations(*all));
    }

    /// Metric by metric, as they were added.
    pub fn metrics(&self) -> &[MetricFigures] {
        &self.metrics
    }

    fn push(&mut self, metric: &'static Metric, labels: &[&str], figure: Figure) {
        debug_assert_eq!(metric.labels.len(), labels.len(), "{}", metric.name);
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        let point = Point { labels, figure };
        match self.metrics.last_mut() {
            Some(last) if last.metric.name == metric.name => last.points.push(point),
            _ => self.metrics.push(MetricFigures { metric, points: vec![point] }),
        }
    }
}
