//! The standard variables of OpenTelemetry, as far as they are about traces.

use coffer_kernel::Sampler;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use percent_encoding::percent_decode_str;
use std::time::Duration;

/// Where traces go, and which requests are sampled.
#[derive(Clone, Debug)]
pub struct TraceSettings {
    /// Where they are sent.
    pub endpoint: Uri,
    /// What is sent with them.
    pub headers: HeaderMap,
    /// How long a receiver may take.
    pub timeout: Duration,
    /// Which requests are sampled.
    pub sampler: Sampler,
    /// What describes this server, by name.
    pub resource: Vec<(String, String)>,
}

/// The service's name, unless somebody says otherwise.
const SERVICE: &str = "coffer";

/// How long a receiver may take, in milliseconds, unless somebody says otherwise.
const TIMEOUT: &str = "10000";

impl TraceSettings {
    /// Reads the variables, whose values `variable` knows; `None` if nobody wants traces, which is
    /// so without an endpoint.
    ///
    /// # Errors
    /// Which variable cannot be what it is said to be.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, String> {
        let variable = |name: &str| variable(name).filter(|text| !text.is_empty());
        let is_off =
            variable("OTEL_SDK_DISABLED").is_some_and(|on| on.eq_ignore_ascii_case("true"));
        if is_off {
            return Ok(None);
        }
        check_others(&variable)?;
        let is_off = variable("OTEL_TRACES_EXPORTER").as_deref() == Some("none");
        let Some(endpoint) = endpoint(&variable)?.filter(|_| !is_off) else { return Ok(None) };
        check_exporter(&variable)?;
        check_certificates(&variable)?;
        let of_traces = |name: &str| {
            variable(&format!("OTEL_EXPORTER_OTLP_TRACES_{name}"))
                .or_else(|| variable(&format!("OTEL_EXPORTER_OTLP_{name}")))
        };
        let timeout = of_traces("TIMEOUT").unwrap_or_else(|| TIMEOUT.to_owned());
        let timeout = timeout.parse().map_err(|_| {
            format!("OTEL_EXPORTER_OTLP_TIMEOUT: '{timeout}' is no number of milliseconds")
        })?;
        Ok(Some(Self {
            endpoint,
            headers: headers(&of_traces("HEADERS").unwrap_or_default())?,
            timeout: Duration::from_millis(timeout),
            sampler: sampler(&variable)?,
            resource: resource(&variable)?,
        }))
    }
}

/// Where traces are sent.
fn endpoint(variable: &impl Fn(&str) -> Option<String>) -> Result<Option<Uri>, String> {
    let own = variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    let all = || {
        let base = variable("OTEL_EXPORTER_OTLP_ENDPOINT")?;
        Some(format!("{}/v1/traces", base.trim_end_matches('/')))
    };
    let Some(text) = own.or_else(all) else { return Ok(None) };
    let uri: Option<Uri> = text.parse().ok();
    let is_http =
        |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some();
    match uri.filter(is_http) {
        Some(uri) => Ok(Some(uri)),
        None => Err("OTEL_EXPORTER_OTLP_ENDPOINT: an endpoint is http://… or https://…, such as \
                     http://127.0.0.1:4318"
            .to_owned()),
    }
}

/// Checks that traces are wanted in a way in which they can be sent.
fn check_exporter(variable: &impl Fn(&str) -> Option<String>) -> Result<(), String> {
    let protocol = variable("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
        .or_else(|| variable("OTEL_EXPORTER_OTLP_PROTOCOL"));
    if let Some(other) = protocol.filter(|protocol| protocol != "http/json") {
        return Err(format!(
            "OTEL_EXPORTER_OTLP_PROTOCOL: '{other}' is not spoken here; http/json is, which \
             receivers of http/protobuf take at the same address"
        ));
    }
    match variable("OTEL_TRACES_EXPORTER") {
        Some(other) if other != "otlp" => {
            Err(format!("OTEL_TRACES_EXPORTER: '{other}' is not known here; otlp and none are"))
        }
        _ => Ok(()),
    }
}

/// Refuses metrics and logs by OTLP, which somebody would wait for in vain.
fn check_others(variable: &impl Fn(&str) -> Option<String>) -> Result<(), String> {
    for (name, instead) in [
        ("OTEL_METRICS_EXPORTER", "let the collector scrape /metrics"),
        ("OTEL_LOGS_EXPORTER", "let the collector read the log, which has JSON lines"),
    ] {
        if variable(name).is_some_and(|all| all.split(',').any(|one| one.trim() == "otlp")) {
            return Err(format!("{name}: only traces go out by OTLP; {instead}, and set none"));
        }
    }
    Ok(())
}

/// Refuses certificates of one's own, without which the receiver could not be reached as is meant.
fn check_certificates(variable: &impl Fn(&str) -> Option<String>) -> Result<(), String> {
    let names = ["CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"];
    let all = names
        .iter()
        .flat_map(|name| ["", "TRACES_"].map(|of| format!("OTEL_EXPORTER_OTLP_{of}{name}")));
    match all.into_iter().find(|name| variable(name).is_some()) {
        None => Ok(()),
        Some(name) => Err(format!(
            "{name}: only the public authorities are believed here, and no certificate is shown; \
             send to a collector on this machine over http, and let that one do it"
        )),
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

fn headers(text: &str) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs("OTEL_EXPORTER_OTLP_HEADERS", text)? {
        let wrong = || format!("OTEL_EXPORTER_OTLP_HEADERS: '{name}' is no header");
        let mut value = HeaderValue::from_str(&value).map_err(|_| wrong())?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?, value);
    }
    Ok(headers)
}

fn sampler(variable: &impl Fn(&str) -> Option<String>) -> Result<Sampler, String> {
    let name = variable("OTEL_TRACES_SAMPLER");
    let name = name.as_deref().unwrap_or("parentbased_always_on");
    let ratio = || {
        let text = variable("OTEL_TRACES_SAMPLER_ARG").unwrap_or_else(|| "1".to_owned());
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
fn resource(variable: &impl Fn(&str) -> Option<String>) -> Result<Vec<(String, String)>, String> {
    let text = variable("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let mut resource = pairs("OTEL_RESOURCE_ATTRIBUTES", &text)?;
    let named = resource.iter().find(|(name, _)| name == "service.name");
    let named = named.map(|(_, service)| service.clone());
    let service = variable("OTEL_SERVICE_NAME").or(named).unwrap_or_else(|| SERVICE.to_owned());
    resource.retain(|(name, _)| name != "service.name" && name != "service.version");
    resource.push(("service.name".to_owned(), service));
    resource.push(("service.version".to_owned(), crate::VERSION.to_owned()));
    Ok(resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Result<Option<TraceSettings>, String> {
        TraceSettings::of(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318/");

    #[test]
    fn without_an_endpoint_or_switched_off_nothing_is_traced() {
        for variables in [
            &[][..],
            &[("OTEL_SERVICE_NAME", "x")],
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "")],
            &[ENDPOINT, ("OTEL_SDK_DISABLED", "TRUE")],
            &[ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")],
        ] {
            assert!(settings(variables).unwrap().is_none(), "{variables:?}");
        }
    }

    #[test]
    fn the_standard_variables_count() {
        let found = settings(&[
            ENDPOINT,
            ("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20token, x-tenant=a"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "250"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,deployment.environment.name=test"),
        ]);
        let found = found.unwrap().unwrap();
        assert_eq!(found.endpoint.to_string(), "http://127.0.0.1:4318/v1/traces");
        assert_eq!(found.headers.get("authorization").unwrap(), "Bearer token");
        assert!(!format!("{found:?}").contains("Bearer"), "{found:?}");
        assert_eq!(found.timeout, Duration::from_millis(250));
        assert_eq!(found.sampler, Sampler::of_share(1.0, true));
        let named = |name: &str| found.resource.iter().find(|(known, _)| known == name).unwrap();
        assert_eq!(named("service.name").1, "other");
        assert_eq!(named("deployment.environment.name").1, "test");
        let own = settings(&[
            ENDPOINT,
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://otlp.example/traces"),
            ("OTEL_SERVICE_NAME", "mine"),
            ("OTEL_TRACES_SAMPLER", "traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.01"),
        ]);
        let own = own.unwrap().unwrap();
        assert_eq!(own.endpoint.to_string(), "https://otlp.example/traces");
        assert_eq!(own.sampler, Sampler::of_share(0.01, false));
    }

    #[test]
    fn what_cannot_be_is_refused_by_its_name() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "127.0.0.1:4318"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "token"),
            ("OTEL_TRACES_SAMPLER", "some"),
            ("OTEL_RESOURCE_ATTRIBUTES", "x"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/etc/ca.pem"),
            ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "/etc/key.pem"),
            ("OTEL_METRICS_EXPORTER", "prometheus,otlp"),
            ("OTEL_LOGS_EXPORTER", "otlp"),
        ] {
            let error = settings(&[ENDPOINT, (name, value)]).unwrap_err();
            let family = name.replace("_TRACES_ENDPOINT", "_ENDPOINT");
            assert!(error.starts_with(&family), "{error}");
        }
        assert!(settings(&[("OTEL_METRICS_EXPORTER", "otlp")]).is_err(), "also without traces");
        for variables in [
            [("OTEL_METRICS_EXPORTER", "otlp"), ("OTEL_SDK_DISABLED", "true")],
            [("OTEL_METRICS_EXPORTER", "none"), ("OTEL_LOGS_EXPORTER", "console")],
        ] {
            assert!(settings(&variables).unwrap().is_none(), "{variables:?}");
        }
        let ratio =
            [ENDPOINT, ("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "2")];
        assert!(settings(&ratio).unwrap_err().starts_with("OTEL_TRACES_SAMPLER_ARG"));
    }
}
