//! Figures, by the names, labels and units that they have in Prometheus' format.

use super::{Clocks, attribute};
use coffer_metrics::{
    BOUNDS_MICROSECONDS, Figure, Figures, Kind, Metric, MetricFigures, Number, Point, Recorded,
};
use serde_json::{Value, json};

/// Sums are since the start, and not since the last export.
const CUMULATIVE: u8 = 2;

const MICROSECONDS: f64 = 1e6;

/// When figures were collected, and since when they count, in nanoseconds since 1970.
struct Times {
    started: String,
    now: String,
}

/// All figures that were collected just now, metric by metric. Their counters began at `started`;
/// a clock that went back since does not have them end before.
pub(in crate::otlp) fn metrics(figures: &Figures, started: Clocks) -> Vec<String> {
    let now = Clocks::now().wall.max(started.wall).to_string();
    let times = Times { started: started.wall.to_string(), now };
    figures.metrics().iter().map(|figures| metric(figures, &times).to_string()).collect()
}

fn metric(MetricFigures { metric, points }: &MetricFigures, times: &Times) -> Value {
    let points: Vec<Value> = points.iter().map(|each| point(metric, each, times)).collect();
    let mut rendered = json!({ "name": metric.name, "description": metric.help });
    let (data, value) = match metric.kind {
        Kind::Counter => (
            "sum",
            json!({
                "dataPoints": points,
                "aggregationTemporality": CUMULATIVE,
                "isMonotonic": true,
            }),
        ),
        Kind::Gauge => ("gauge", json!({ "dataPoints": points })),
        Kind::Histogram => {
            ("histogram", json!({ "dataPoints": points, "aggregationTemporality": CUMULATIVE }))
        }
    };
    if let Some(fields) = rendered.as_object_mut() {
        // Whoever makes Prometheus' names of these again adds no second unit.
        if let Some(unit) = metric.unit() {
            fields.insert("unit".to_owned(), unit.into());
        }
        fields.insert(data.to_owned(), value);
    }
    rendered
}

fn point(metric: &Metric, Point { labels, figure }: &Point, times: &Times) -> Value {
    let labels: Vec<Value> =
        metric.labels.iter().zip(labels).map(|(name, value)| attribute(name, value)).collect();
    let mut rendered = match figure {
        Figure::Number(Number::Whole(number)) => json!({ "asInt": number.to_string() }),
        Figure::Number(Number::Decimal(number)) => json!({ "asDouble": number }),
        Figure::Durations(recorded) => histogram(recorded),
    };
    if let Some(fields) = rendered.as_object_mut() {
        fields.insert("attributes".to_owned(), labels.into());
        fields.insert("timeUnixNano".to_owned(), times.now.as_str().into());
        // What a gauge shows has no beginning.
        if metric.kind != Kind::Gauge {
            fields.insert("startTimeUnixNano".to_owned(), times.started.as_str().into());
        }
    }
    rendered
}

/// Durations in seconds. Unlike Prometheus' buckets, each counts its own alone.
fn histogram(recorded: &Recorded) -> Value {
    let bounds: Vec<f64> =
        BOUNDS_MICROSECONDS.iter().map(|bound| *bound as f64 / MICROSECONDS).collect();
    let buckets: Vec<String> = recorded.buckets().iter().map(ToString::to_string).collect();
    json!({
        "count": recorded.count().to_string(),
        "sum": recorded.sum_micros() as f64 / MICROSECONDS,
        "bucketCounts": buckets,
        "explicitBounds": bounds,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use coffer_metrics::{Histogram, catalogue};

    /// What is written of figures, and when they were collected.
    fn written(figures: &Figures) -> Vec<Value> {
        let metrics = metrics(figures, Clocks::now());
        metrics.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }

    fn number(value: &Value) -> u128 {
        value.as_str().unwrap().parse().unwrap()
    }

    #[test]
    fn counters_are_sums_since_the_start() {
        let mut figures = Figures::default();
        figures.add(&catalogue::STORE_UNITS, &["data"], 7_u64);
        figures.add(&catalogue::STORE_UNITS, &["keys"], 8_u64);
        figures.add(&catalogue::PROCESS_CPU, &[], 1.25);
        let all = written(&figures);
        let [units, cpu] = &all[..] else { panic!("two metrics") };
        assert_eq!(units["name"], "coffer_store_units_total");
        assert_eq!(units["description"], catalogue::STORE_UNITS.help);
        assert_eq!(units.get("unit"), None);
        assert_eq!(cpu["unit"], "s");
        for metric in [units, cpu] {
            assert_eq!(metric["sum"]["aggregationTemporality"], 2);
            assert_eq!(metric["sum"]["isMonotonic"], true);
        }
        let points = &units["sum"]["dataPoints"];
        let (data, keys) = (&points[0], &points[1]);
        assert_eq!((&data["asInt"], &keys["asInt"]), (&"7".into(), &"8".into()));
        assert_eq!(data["attributes"], json!([attribute("store", "data")]));
        assert!(number(&data["startTimeUnixNano"]) <= number(&data["timeUnixNano"]));
        assert_eq!(cpu["sum"]["dataPoints"][0]["asDouble"], 1.25);
    }

    #[test]
    fn gauges_have_no_start() {
        let mut figures = Figures::default();
        figures.add(&catalogue::SQLITE_WAL, &["data"], 4096_u64);
        figures.add(&catalogue::LEDGER_DRIFT, &["live", "usd"], -3_i64);
        let all = written(&figures);
        let [wal, drift] = &all[..] else { panic!("two metrics") };
        assert_eq!(wal["unit"], "By");
        let points = |metric: &Value| metric["gauge"]["dataPoints"].clone();
        assert_eq!(points(wal)[0].get("startTimeUnixNano"), None);
        assert_eq!(points(drift)[0]["asInt"], "-3");
        let labels = json!([attribute("mode", "live"), attribute("currency", "usd")]);
        assert_eq!(points(drift)[0]["attributes"], labels);
    }

    #[test]
    fn a_histograms_buckets_count_their_own_alone() {
        let histogram = Histogram::default();
        for micros in [10, 300, 400, 20_000_000] {
            histogram.record_micros(micros);
        }
        let mut figures = Figures::default();
        figures.add_histogram(&catalogue::JOB_DURATION, &["clean"], &histogram.read());
        let all = written(&figures);
        let [metric] = &all[..] else { panic!("one metric") };
        assert_eq!(metric["histogram"]["aggregationTemporality"], 2);
        let point = &metric["histogram"]["dataPoints"][0];
        let bounds = point["explicitBounds"].as_array().unwrap();
        let counts: Vec<u128> =
            point["bucketCounts"].as_array().unwrap().iter().map(number).collect();
        assert_eq!(counts.len(), bounds.len() + 1);
        assert_eq!(counts.iter().sum::<u128>(), number(&point["count"]));
        assert_eq!((counts[0], counts[counts.len() - 1]), (1, 1));
        let of = bounds.iter().position(|bound| *bound == 0.0005).unwrap();
        assert_eq!(counts[of], 2);
        assert_eq!(point["sum"], 20.00071);
        assert!(point.get("startTimeUnixNano").is_some());
    }
}
