//! What an operator can set of webhooks.

use crate::limits;
use crate::schedule::Schedule;
use crate::url::UrlRules;
use coffer_kernel::outbound::{Destinations, Proxy};
use coffer_kernel::{DEVELOPER, Form, Setting, SettingKind, Settings, durations, host_and_port};

/// Whether there are webhooks at all.
pub const WEBHOOKS: Setting = Setting {
    name: "webhooks",
    default: "true",
    kind: SettingKind::Switch,
    about: "serve webhook endpoints, and send events to them",
};

/// What may be sent to besides the public internet.
pub const WEBHOOK_ALLOW: Setting = Setting {
    name: "webhook_allow",
    default: "",
    kind: SettingKind::Text(Form::Destinations),
    about: "networks, addresses and names of this network that webhooks may be sent to, such as \
            10.1.0.0/16,hooks.internal:8443",
};

/// Whether plain HTTP is allowed in test mode.
pub const WEBHOOK_ALLOW_HTTP: Setting = Setting {
    name: "webhook_allow_http",
    default: "false",
    kind: SettingKind::Switch,
    about: "let webhooks of test mode be sent over plain HTTP",
};

/// Whom TLS trusts instead of the public authorities.
pub const WEBHOOK_CA_FILE: Setting = Setting {
    name: "webhook_ca_file",
    default: "",
    kind: SettingKind::Text(Form::File),
    about: "PEM file with the authorities that receivers' certificates are verified against, \
            instead of the public ones",
};

/// A proxy through which everything is sent.
pub const WEBHOOK_PROXY: Setting = Setting {
    name: "webhook_proxy",
    default: "",
    kind: SettingKind::Text(Form::HostAndPort),
    about: "HTTP proxy that all webhooks are sent through (CONNECT), which then decides what may \
            be reached",
};

/// Endpoints of one owner.
pub const WEBHOOK_ENDPOINTS: Setting = Setting {
    name: "webhook_endpoints",
    default: limits::ENDPOINTS,
    kind: SettingKind::Number { from: 1, to: limits::ENDPOINTS_CEILING },
    about: "webhook endpoints that an account may have in one mode, 1 to 100",
};

/// How long a receiver may take.
pub const WEBHOOK_TIMEOUT: Setting = Setting {
    name: "webhook_timeout",
    default: limits::TIMEOUT_SECONDS,
    kind: SettingKind::Number { from: 1, to: limits::TIMEOUT_CEILING },
    about: "seconds that a receiver of a webhook may take to answer, 1 to 60",
};

/// What a list of distances may be.
const DISTANCES: SettingKind =
    SettingKind::Text(Form::Durations { count: limits::RETRIES, seconds: limits::TRIED_SECONDS });

/// When failed attempts are made again in live mode.
pub const WEBHOOK_RETRIES: Setting = Setting {
    name: "webhook_retries",
    default: "1m,5m,30m,2h,5h,10h,12h,12h,12h,12h",
    kind: DISTANCES,
    about: "how long after a failed attempt each webhook of live mode is sent again, each a tenth \
            more or less, such as 30s,5m,2h; three days in all at most",
};

/// The same in test mode, where nobody waits for days.
pub const WEBHOOK_TEST_RETRIES: Setting = Setting {
    name: "webhook_test_retries",
    default: "5m,30m,2h",
    kind: DISTANCES,
    about: "the same in test mode",
};

/// When an endpoint without success is disabled.
pub const WEBHOOK_DISABLE_AFTER: Setting = Setting {
    name: "webhook_disable_after",
    default: limits::DISABLE_DAYS,
    kind: SettingKind::Number { from: 0, to: limits::DISABLE_DAYS_CEILING },
    about: "days without success after which a webhook endpoint is disabled; 0 for never",
};

/// What deliveries say that they come from.
pub const WEBHOOK_USER_AGENT: Setting = Setting {
    name: "webhook_user_agent",
    default: "",
    kind: SettingKind::Text(Form::Header),
    about: "User-Agent of webhooks, for receivers that look at it",
};

/// All of them.
pub(crate) const ALL: &[Setting] = &[
    WEBHOOKS,
    WEBHOOK_ALLOW,
    WEBHOOK_ALLOW_HTTP,
    WEBHOOK_CA_FILE,
    WEBHOOK_PROXY,
    WEBHOOK_ENDPOINTS,
    WEBHOOK_TIMEOUT,
    WEBHOOK_RETRIES,
    WEBHOOK_TEST_RETRIES,
    WEBHOOK_DISABLE_AFTER,
    WEBHOOK_USER_AGENT,
];

/// Where deliveries may go.
pub(crate) fn destinations(settings: &Settings) -> Destinations {
    let named = settings.line(&WEBHOOK_ALLOW).split(',');
    // They were checked when the settings were read.
    let allowed = named.filter_map(|one| one.trim().parse().ok()).collect();
    Destinations::new(allowed, settings.is_on(&DEVELOPER))
}

/// What is checked of URLs.
pub(crate) fn url_rules(settings: &Settings) -> UrlRules {
    UrlRules { http: settings.is_on(&WEBHOOK_ALLOW_HTTP), developer: settings.is_on(&DEVELOPER) }
}

/// The proxy, if there is one.
pub(crate) fn proxy(settings: &Settings) -> Option<Proxy> {
    let (host, port) = host_and_port(settings.line(&WEBHOOK_PROXY))?;
    Some(Proxy { host: host.to_owned(), port })
}

/// When failed attempts are made again.
pub(crate) fn schedule(settings: &Settings) -> Schedule {
    // They were checked when the settings were read.
    let of = |setting| durations(settings.line(setting)).unwrap_or_default();
    Schedule { live: of(&WEBHOOK_RETRIES), test: of(&WEBHOOK_TEST_RETRIES) }
}

/// What deliveries say that they come from.
pub(crate) fn user_agent(settings: &Settings) -> String {
    match settings.line(&WEBHOOK_USER_AGENT) {
        "" => format!("Coffer/{} (+webhooks)", env!("CARGO_PKG_VERSION")),
        set => set.to_owned(),
    }
}
