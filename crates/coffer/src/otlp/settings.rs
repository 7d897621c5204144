//! The standard variables of OpenTelemetry, as far as they are about what goes out by OTLP.

use crate::limits::{
    METRIC_EXPORT_MILLISECONDS, METRIC_EXPORT_MILLISECONDS_LEAST, METRIC_EXPORT_MILLISECONDS_MOST,
};
use coffer_kernel::Sampler;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use percent_encoding::percent_decode_str;
use std::time::Duration;

/// What goes out by OTLP.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    /// Requests step by step.
    Traces,
    /// All figures, now and then.
    Metrics,
    /// The lines of the log.
    Logs,
}

impl Signal {
    /// The word for it in paths.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }

    /// The word for it in variables.
    const fn in_variables(self) -> &'static str {
        match self {
            Self::Traces => "TRACES",
            Self::Metrics => "METRICS",
            Self::Logs => "LOGS",
        }
    }
}

/// Where a signal goes, and with what.
#[derive(Clone, Debug)]
pub struct Export {
    /// The signal.
    pub signal: Signal,
    /// Where it is sent.
    pub endpoint: Uri,
    /// What is sent with it.
    pub headers: HeaderMap,
    /// How long a receiver may take.
    pub timeout: Duration,
    /// What describes this server, by name.
    pub resource: Vec<(String, String)>,
}

/// Where traces go, and which requests are sampled.
#[derive(Clone, Debug)]
pub struct TraceSettings {
    /// Where they go.
    pub export: Export,
    /// Which requests are sampled.
    pub sampler: Sampler,
}

/// Where metrics go, and how often.
#[derive(Clone, Debug)]
pub struct MetricSettings {
    /// Where they go.
    pub export: Export,
    /// Time between two times that they are sent.
    pub every: Duration,
}

/// What goes out by OTLP, signal by signal; `None` of what nobody wants, which is so without an
/// endpoint.
#[derive(Clone, Default, Debug)]
pub struct OtlpSettings {
    /// Traces.
    pub traces: Option<TraceSettings>,
    /// Metrics.
    pub metrics: Option<MetricSettings>,
    /// The log.
    pub logs: Option<Export>,
}

/// The service's name, unless somebody says otherwise.
const SERVICE: &str = "coffer";

/// How long a receiver may take, in milliseconds, unless somebody says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where everything goes, below a path for each signal.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

impl OtlpSettings {
    /// Reads the variables, whose values `variable` knows.
    ///
    /// # Errors
    /// Which variable cannot be what it is said to be.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let variables = Variables(&variable);
        let is_off = variables.get("OTEL_SDK_DISABLED");
        if is_off.is_some_and(|on| on.eq_ignore_ascii_case("true")) {
            return Ok(Self::default());
        }
        let traces = variables.export(Signal::Traces)?;
        let metrics = variables.export(Signal::Metrics)?;
        Ok(Self {
            traces: match traces {
                Some(export) => Some(TraceSettings { export, sampler: variables.sampler()? }),
                None => None,
            },
            metrics: match metrics {
                Some(export) => Some(MetricSettings { export, every: variables.interval()? }),
                None => None,
            },
            logs: variables.export(Signal::Logs)?,
        })
    }
}

/// Who knows the variables' values.
#[derive(Clone, Copy)]
struct Variables<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Variables<'_> {
    /// A variable's value; one that is empty is not set.
    fn get(self, name: &str) -> Option<String> {
        self.0(name).filter(|text| !text.is_empty())
    }

    /// A variable of the exporter's, with its name: a signal's own, or else that of all.
    fn of(self, signal: Signal, what: &str) -> Option<(String, String)> {
        let own = format!("OTEL_EXPORTER_OTLP_{}_{what}", signal.in_variables());
        let mut names = [own, format!("OTEL_EXPORTER_OTLP_{what}")].into_iter();
        names.find_map(|name| self.get(&name).map(|value| (name, value)))
    }

    /// Where a signal goes, if somebody wants it.
    fn export(self, signal: Signal) -> Result<Option<Export>, String> {
        let switch = format!("OTEL_{}_EXPORTER", signal.in_variables());
        let exporter = self.get(&switch);
        if exporter.as_deref() == Some("none") {
            return Ok(None);
        }
        let is_otlp = exporter.as_deref() == Some("otlp");
        let Some(endpoint) = self.endpoint(signal)? else {
            // Nobody is to wait for it in vain.
            return match is_otlp {
                true => Err(format!("{switch}: otlp needs an endpoint; set {ENDPOINT}")),
                false => Ok(None),
            };
        };
        if let Some(other) = exporter.filter(|_| !is_otlp) {
            return Err(format!("{switch}: '{other}' is not known here; otlp and none are"));
        }
        self.check_protocol(signal)?;
        self.check_certificates(signal)?;
        if signal == Signal::Metrics {
            self.check_sums()?;
        }
        let (headers, timeout) = (self.headers(signal)?, self.timeout(signal)?);
        Ok(Some(Export { signal, endpoint, headers, timeout, resource: self.resource()? }))
    }

    /// Where a signal is sent.
    fn endpoint(self, signal: Signal) -> Result<Option<Uri>, String> {
        let Some((name, text)) = self.of(signal, "ENDPOINT") else { return Ok(None) };
        let text = match name == ENDPOINT {
            true => format!("{}/v1/{}", text.trim_end_matches('/'), signal.as_str()),
            false => text,
        };
        let uri: Option<Uri> = text.parse().ok();
        let is_http =
            |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
        uri.filter(is_http).map(Some).ok_or_else(|| {
            format!("{name}: an endpoint is http://… or https://…, such as http://127.0.0.1:4318")
        })
    }

    /// Checks that a signal is wanted in a way in which it can be sent.
    fn check_protocol(self, signal: Signal) -> Result<(), String> {
        match self.of(signal, "PROTOCOL") {
            Some((name, other)) if other != "http/json" => Err(format!(
                "{name}: '{other}' is not spoken here; http/json is, which receivers of \
                 http/protobuf take at the same address"
            )),
            _ => Ok(()),
        }
    }

    /// Refuses certificates of one's own, without which the receiver could not be reached as is
    /// meant.
    fn check_certificates(self, signal: Signal) -> Result<(), String> {
        let mut names = ["CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"].into_iter();
        match names.find_map(|name| self.of(signal, name)) {
            None => Ok(()),
            Some((name, _)) => Err(format!(
                "{name}: only the public authorities are believed here, and no certificate is \
                 shown; send to a collector on this machine over http, and let that one do it"
            )),
        }
    }

    /// Refuses what would have metrics add up otherwise than they do.
    fn check_sums(self) -> Result<(), String> {
        for (name, only) in [
            ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "cumulative"),
            (
                "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
                "explicit_bucket_histogram",
            ),
        ] {
            let other = self.get(name).filter(|text| !text.eq_ignore_ascii_case(only));
            if let Some(other) = other {
                return Err(format!(
                    "{name}: '{other}' is not known here; {only} is, which a collector can convert"
                ));
            }
        }
        Ok(())
    }

    /// What is sent with a signal.
    fn headers(self, signal: Signal) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        let Some((variable, text)) = self.of(signal, "HEADERS") else { return Ok(headers) };
        for (name, value) in pairs(&variable, &text)? {
            let wrong = || format!("{variable}: '{name}' is no header");
            let mut value = HeaderValue::from_str(&value).map_err(|_| wrong())?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?, value);
        }
        Ok(headers)
    }

    /// How long the receiver of a signal may take.
    fn timeout(self, signal: Signal) -> Result<Duration, String> {
        let Some((name, text)) = self.of(signal, "TIMEOUT") else { return Ok(TIMEOUT) };
        let timeout = text.parse().map(Duration::from_millis);
        timeout.map_err(|_| format!("{name}: '{text}' is no number of milliseconds"))
    }

    /// Time between two times that metrics are sent.
    fn interval(self) -> Result<Duration, String> {
        let name = "OTEL_METRIC_EXPORT_INTERVAL";
        let bounds = METRIC_EXPORT_MILLISECONDS_LEAST..=METRIC_EXPORT_MILLISECONDS_MOST;
        let Some(text) = self.get(name) else {
            return Ok(Duration::from_millis(METRIC_EXPORT_MILLISECONDS));
        };
        let millis: Option<u64> = text.parse().ok();
        let millis = millis.filter(|millis| bounds.contains(millis)).ok_or_else(|| {
            let (least, most) = bounds.clone().into_inner();
            format!("{name}: '{text}' is no number of milliseconds between {least} and {most}")
        })?;
        Ok(Duration::from_millis(millis))
    }

    /// Which requests are sampled.
    fn sampler(self) -> Result<Sampler, String> {
        let name = self.get("OTEL_TRACES_SAMPLER");
        let name = name.as_deref().unwrap_or("parentbased_always_on");
        let ratio = || {
            let text = self.get("OTEL_TRACES_SAMPLER_ARG").unwrap_or_else(|| "1".to_owned());
            let ratio: Option<f64> = text.parse().ok();
            ratio.filter(|ratio| (0.0..=1.0).contains(ratio)).ok_or_else(|| {
                format!("OTEL_TRACES_SAMPLER_ARG: '{text}' is no number between 0 and 1")
            })
        };
        let (name, follows) = match name.strip_prefix("parentbased_") {
            Some(root) => (root, true),
            None => (name, false),
        };
        match name {
            "always_on" => Ok(Sampler::of_share(1.0, follows)),
            "always_off" => Ok(Sampler::of_share(0.0, follows)),
            "traceidratio" => Ok(Sampler::of_share(ratio()?, follows)),
            other => Err(format!(
                "OTEL_TRACES_SAMPLER: '{other}' is not known here; always_on, always_off and \
                 traceidratio are, each also with parentbased_ before it"
            )),
        }
    }

    /// What describes this server.
    fn resource(self) -> Result<Vec<(String, String)>, String> {
        let text = self.get("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
        let mut resource = pairs("OTEL_RESOURCE_ATTRIBUTES", &text)?;
        let named = resource.iter().find(|(name, _)| name == "service.name");
        let named = named.map(|(_, service)| service.clone());
        let service = self.get("OTEL_SERVICE_NAME").or(named).unwrap_or_else(|| SERVICE.to_owned());
        resource.retain(|(name, _)| name != "service.name" && name != "service.version");
        resource.push(("service.name".to_owned(), service));
        resource.push(("service.version".to_owned(), crate::VERSION.to_owned()));
        Ok(resource)
    }
}

/// Pairs `name=value`, separated by commas; values may be percent-encoded.
fn pairs(name: &str, text: &str) -> Result<Vec<(String, String)>, String> {
    let wrong = || format!("{name}: it is a list of name=value, separated by commas");
    let listed = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let read = listed.map(|pair| {
        let (name, value) = pair.split_once('=').ok_or_else(wrong)?;
        let value = percent_decode_str(value.trim()).decode_utf8().map_err(|_| wrong())?;
        Ok((name.trim().to_owned(), value.into_owned()))
    });
    read.collect()
}

#[cfg(test)]
mod tests;
