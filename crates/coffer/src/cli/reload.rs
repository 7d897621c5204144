//! Reloading on SIGHUP: what can change while the server runs, and what is said about it.

use crate::config::{
    AUDIT_NAMES, AUDIT_READS, Config, LOG_LEVEL, LOG_REQUESTS, RATE_LIMIT, Setting, TLS_CERT,
    TLS_KEY, TRUSTED_PROXY,
};
use crate::telemetry::LogLevel;
use coffer::tls::Certificate;
use coffer_kernel::Kernel;
use std::sync::Arc;

/// Takes over what a configuration says now, and says what changed; `None` if nothing did. After an
/// error all stays as it was.
type Apply = Box<dyn FnMut(&Config) -> Result<Option<String>, String>>;

/// What can be reloaded, part by part.
pub struct Reload<'a> {
    started: &'a Config,
    latest: Option<Config>,
    parts: Vec<Part>,
}

struct Part {
    name: &'static str,
    /// The settings that it takes over; a change of any other takes a restart.
    settings: Vec<&'static str>,
    apply: Apply,
}

impl<'a> Reload<'a> {
    /// Nothing to reload yet; `started` is what the server started with.
    pub const fn new(started: &'a Config) -> Self {
        Self { started, latest: None, parts: Vec::new() }
    }

    /// The same, and `name`, which `apply` takes over from these settings.
    #[must_use]
    pub fn part(
        mut self,
        name: &'static str,
        settings: &[&'static Setting],
        apply: impl FnMut(&Config) -> Result<Option<String>, String> + 'static,
    ) -> Self {
        let settings = settings.iter().map(|setting| setting.name).collect();
        self.parts.push(Part { name, settings, apply: Box::new(apply) });
        self
    }

    /// The same, and how much is logged.
    #[must_use]
    pub fn log_level(self, level: LogLevel) -> Self {
        let mut before = self.started.text(&LOG_LEVEL).to_owned();
        self.part("log_level", &[&LOG_LEVEL], move |config| {
            let now = config.text(&LOG_LEVEL).to_owned();
            level.set(config)?;
            let was = std::mem::replace(&mut before, now.clone());
            Ok((was != now).then(|| format!("{now}, was {was}")))
        })
    }

    /// The same, and the certificate, if there is one.
    #[must_use]
    pub fn certificate(self, certificate: Option<Arc<Certificate>>) -> Self {
        let Some(certificate) = certificate else { return self };
        self.part("certificate", &[&TLS_CERT, &TLS_KEY], move |config| {
            let (Some(chain), Some(key)) = (config.path(&TLS_CERT), config.path(&TLS_KEY)) else {
                return Err("TLS cannot be switched off while the server runs".to_owned());
            };
            let is_other = certificate.reload(chain, key).map_err(|error| error.to_string())?;
            Ok(is_other.then(|| format!("another one, from {}", chain.display())))
        })
    }

    /// The same, and what is limited and logged; `default_rate` as at the start.
    #[must_use]
    pub fn traffic(self, kernel: Arc<Kernel>, default_rate: Option<u32>) -> Self {
        let settings: [&'static Setting; 5] =
            [&RATE_LIMIT, &LOG_REQUESTS, &TRUSTED_PROXY, &AUDIT_READS, &AUDIT_NAMES];
        let values = move |config: &Config| {
            settings.map(|setting| config.shown(setting).unwrap_or_else(|| "not set".to_owned()))
        };
        let mut before = values(self.started);
        self.part("limits", &settings, move |config| {
            let traffic = config.traffic(default_rate).map_err(|error| error.to_string())?;
            kernel.set_traffic(&traffic);
            let now = values(config);
            let was = std::mem::replace(&mut before, now.clone());
            let changed =
                settings.iter().zip(now.iter().zip(&was)).filter(|(_, (now, was))| now != was);
            let changed: Vec<_> =
                changed.map(|(of, (now, _))| format!("{} is {now}", of.name)).collect();
            Ok((!changed.is_empty()).then(|| changed.join(", ")))
        })
    }

    /// Reads the configuration again and takes it over.
    pub fn run(&mut self) {
        let before = self.latest.as_ref().unwrap_or(self.started);
        let now = match before.again() {
            Ok(now) => now,
            Err(error) => {
                tracing::error!(%error, "nothing was reloaded: the configuration cannot be used");
                return;
            }
        };
        let mut changes = 0;
        for part in &mut self.parts {
            match (part.apply)(&now) {
                Ok(None) => {}
                Ok(Some(change)) => {
                    changes += 1;
                    tracing::info!(what = part.name, change, "reloaded");
                }
                Err(error) => {
                    changes += 1;
                    tracing::error!(what = part.name, error, "not reloaded, and as it was");
                }
            }
        }
        let taken_over: Vec<_> = self.parts.iter().flat_map(|part| &part.settings).collect();
        for setting in before.differences(&now) {
            if !taken_over.contains(&&setting) {
                changes += 1;
                tracing::warn!(setting, "changed, and takes a restart of the server");
            }
        }
        if changes == 0 {
            tracing::info!("reloaded: nothing has changed");
        }
        self.latest = Some(now);
    }
}
