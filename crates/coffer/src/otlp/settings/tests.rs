use super::*;

fn settings(variables: &[(&str, &str)]) -> Result<OtlpSettings, String> {
    OtlpSettings::of(|name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

/// Which signals go out: traces, metrics, logs.
fn wanted(variables: &[(&str, &str)]) -> [bool; 3] {
    let OtlpSettings { traces, metrics, logs } = settings(variables).unwrap();
    [traces.is_some(), metrics.is_some(), logs.is_some()]
}

const ALL: (&str, &str) = (ENDPOINT, "http://127.0.0.1:4318/");

#[test]
fn an_endpoint_switches_everything_on_and_each_signal_is_switched_off_by_itself() {
    let none = [
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_LOGS_EXPORTER", "none"),
    ];
    assert_eq!(wanted(&[ALL]), [true; 3]);
    for (at, off) in none.into_iter().enumerate() {
        let mut expected = [true; 3];
        expected[at] = false;
        assert_eq!(wanted(&[ALL, off]), expected);
    }
    for (at, own) in ["TRACES", "METRICS", "LOGS"].into_iter().enumerate() {
        let mut expected = [false; 3];
        expected[at] = true;
        let own = format!("OTEL_EXPORTER_OTLP_{own}_ENDPOINT");
        assert_eq!(wanted(&[(&own, "http://127.0.0.1:4318/x")]), expected);
    }
    for variables in [
        &[][..],
        &[("OTEL_SERVICE_NAME", "x")],
        &[(ENDPOINT, "")],
        &[ALL, ("OTEL_SDK_DISABLED", "TRUE")],
        &[ALL, none[0], none[1], none[2]],
        &[("OTEL_LOGS_EXPORTER", "console")],
        &[("OTEL_METRICS_EXPORTER", "otlp"), ("OTEL_SDK_DISABLED", "true")],
    ] {
        assert_eq!(wanted(variables), [false; 3], "{variables:?}");
    }
}

#[test]
fn the_standard_variables_count() {
    let found = settings(&[
        ALL,
        ("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20token, x-tenant=a"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "250"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,deployment.environment.name=test"),
    ]);
    let OtlpSettings { traces, metrics, logs } = found.unwrap();
    let (traces, metrics, logs) = (traces.unwrap(), metrics.unwrap(), logs.unwrap());
    assert_eq!(traces.sampler, Sampler::of_share(1.0, true));
    assert_eq!(metrics.every, Duration::from_secs(60));
    for (export, path) in [(traces.export, "traces"), (metrics.export, "metrics"), (logs, "logs")] {
        assert_eq!(export.endpoint.to_string(), format!("http://127.0.0.1:4318/v1/{path}"));
        assert_eq!(export.headers.get("authorization").unwrap(), "Bearer token");
        assert!(!format!("{export:?}").contains("Bearer"), "{export:?}");
        assert_eq!(export.timeout, Duration::from_millis(250));
        let named = |name: &str| export.resource.iter().find(|(known, _)| known == name).unwrap();
        assert_eq!(named("service.name").1, "other");
        assert_eq!(named("deployment.environment.name").1, "test");
    }
}

#[test]
fn a_signals_own_variables_come_before_those_of_all() {
    let own = settings(&[
        ALL,
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-of=all"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://otlp.example/traces"),
        ("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "20"),
        ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "x-of=logs"),
        ("OTEL_SERVICE_NAME", "mine"),
        ("OTEL_TRACES_SAMPLER", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.01"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "5000"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "Cumulative"),
    ]);
    let OtlpSettings { traces, metrics, logs } = own.unwrap();
    let (traces, metrics, logs) = (traces.unwrap(), metrics.unwrap(), logs.unwrap());
    assert_eq!(traces.export.endpoint.to_string(), "https://otlp.example/traces");
    assert_eq!(traces.sampler, Sampler::of_share(0.01, false));
    assert_eq!(traces.export.headers.get("x-of").unwrap(), "all");
    assert_eq!(traces.export.timeout, TIMEOUT);
    assert_eq!(metrics.export.timeout, Duration::from_millis(20));
    assert_eq!(metrics.every, Duration::from_secs(5));
    assert_eq!(logs.headers.get("x-of").unwrap(), "logs");
    assert_eq!(logs.endpoint.to_string(), "http://127.0.0.1:4318/v1/logs");
}

#[test]
fn what_cannot_be_is_refused_by_its_name() {
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "127.0.0.1:4318"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "ftp://127.0.0.1"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/protobuf"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_METRICS_EXPORTER", "prometheus,otlp"),
        ("OTEL_LOGS_EXPORTER", "console"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "-1"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "token"),
        ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "a b=c"),
        ("OTEL_TRACES_SAMPLER", "some"),
        ("OTEL_RESOURCE_ATTRIBUTES", "x"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/etc/ca.pem"),
        ("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "/etc/key.pem"),
        ("OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE", "/etc/ca.pem"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "999"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "3600001"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "60s"),
        ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta"),
        (
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
            "base2_exponential_bucket_histogram",
        ),
    ] {
        let error = settings(&[ALL, (name, value)]).unwrap_err();
        assert!(error.starts_with(&format!("{name}: ")), "{error}");
    }
    let base = settings(&[(ENDPOINT, "localhost")]).unwrap_err();
    assert!(base.starts_with("OTEL_EXPORTER_OTLP_ENDPOINT: "), "{base}");
    let ratio = [ALL, ("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "2")];
    assert!(settings(&ratio).unwrap_err().starts_with("OTEL_TRACES_SAMPLER_ARG"));
}

/// Whoever asks for it waits for it.
#[test]
fn otlp_without_an_endpoint_is_refused() {
    for name in ["OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"] {
        let error = settings(&[(name, "otlp")]).unwrap_err();
        assert_eq!(error, format!("{name}: otlp needs an endpoint; set {ENDPOINT}"));
    }
}
