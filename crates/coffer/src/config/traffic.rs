//! How much is let in, and what is logged and shown of it.

use super::{Config, ConfigError, Kind, SETTING, Setting, Value};
use coffer_kernel::{AuditReads, AuditSettings, LogRequests, Network, TrafficSettings, limits};

/// How much an app may ask for.
pub const RATE_LIMIT: Setting = Setting {
    name: "rate_limit",
    env: "COFFER_RATE_LIMIT",
    flag: Some("rate-limit"),
    kind: Kind::Number { from: 0, to: limits::LIMIT_CEILING as i64 },
    about: "requests a second of an app that has no number of its own, 0 for no limit; without it \
            4000, and no limit in developer mode",
    ..SETTING
};

/// Which requests are logged.
pub const LOG_REQUESTS: Setting = Setting {
    name: "log_requests",
    env: "COFFER_LOG_REQUESTS",
    flag: Some("log-requests"),
    default: Some("refusals"),
    kind: Kind::Choice(&["all", "refusals", "off"]),
    about: "which requests have a line in the log: all, refusals or off; failures always have one",
    ..SETTING
};

/// Where metrics are shown.
pub const METRICS_LISTEN: Setting = Setting {
    name: "metrics_listen",
    env: "COFFER_METRICS_LISTEN",
    flag: Some("metrics-listen"),
    kind: Kind::Address,
    about: "where /metrics is served for Prometheus, without a key; without it only beside the \
            admin API, for admin keys of operators and auditors",
    ..SETTING
};

/// How reads are recorded.
pub const AUDIT_READS: Setting = Setting {
    name: "audit_reads",
    env: "COFFER_AUDIT_READS",
    flag: Some("audit-reads"),
    default: Some("relaxed"),
    kind: Kind::Choice(&["relaxed", "strict", "off"]),
    about: "how the audit records reads: relaxed, within 100 milliseconds; strict, before they are \
            answered; off, not at all",
    ..SETTING
};

/// Whether the audit has names of secrets in clear.
pub const AUDIT_NAMES: Setting = Setting {
    name: "audit_names",
    env: "COFFER_AUDIT_NAMES",
    flag: Some("audit-names"),
    default: Some("fingerprint"),
    kind: Kind::Choice(&["fingerprint", "clear"]),
    about: "how the audit names secrets: by a fingerprint under the account's key, or in clear as \
            well",
    ..SETTING
};

/// Who is believed about where a request comes from.
pub const TRUSTED_PROXY: Setting = Setting {
    name: "trusted_proxy",
    env: "COFFER_TRUSTED_PROXY",
    flag: Some("trusted-proxy"),
    kind: Kind::Text,
    about: "proxies whose Forwarded and X-Forwarded-For are believed: addresses, networks such as \
            10.0.0.0/8, or unix, separated by commas",
    ..SETTING
};

impl Config {
    /// What is limited and logged; `default_rate` if nobody said how much an app may ask for.
    ///
    /// # Errors
    /// [`ConfigError`] if a proxy is neither an address nor a network, or there are too many.
    pub fn traffic(&self, default_rate: Option<u32>) -> Result<TrafficSettings, ConfigError> {
        let rate = match self.value(&RATE_LIMIT) {
            Some(Value::Number(rate)) => u32::try_from(*rate).ok().filter(|rate| *rate > 0),
            _ => default_rate,
        };
        Ok(TrafficSettings {
            requests_per_second: rate,
            log_requests: LogRequests::parse(self.text(&LOG_REQUESTS)).unwrap_or_default(),
            proxies: self.proxies()?,
            audit: AuditSettings {
                reads: AuditReads::parse(self.text(&AUDIT_READS)).unwrap_or_default(),
                names_in_clear: self.text(&AUDIT_NAMES) == "clear",
            },
        })
    }

    fn proxies(&self) -> Result<Vec<Network>, ConfigError> {
        let source = self.source(&TRUSTED_PROXY).map(ToString::to_string).unwrap_or_default();
        let wrong = |why: String| ConfigError(format!("trusted_proxy ({source}): {why}"));
        let named = self.text(&TRUSTED_PROXY).split(',').map(str::trim);
        let proxies: Result<Vec<Network>, String> =
            named.filter(|one| !one.is_empty()).map(str::parse).collect();
        let proxies = proxies.map_err(wrong)?;
        if proxies.len() > limits::PROXIES {
            return Err(wrong(format!("at most {} can be named", limits::PROXIES)));
        }
        Ok(proxies)
    }
}
