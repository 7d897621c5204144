//! How much is let in and what is logged of it: what an operator sets, which can change while the
//! server runs, and the budgets that it is held against.

use crate::peer::{Network, Peer};
use crate::rate::{AuditedRefusals, HeldBack, LineKind, Lines, Refusals, TenantLoads};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Which requests have a line in the log at INFO. Failures have one at ERROR in any case.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum LogRequests {
    /// All of them.
    All,
    /// Those that were refused.
    #[default]
    Refusals,
    /// None.
    Off,
}

impl LogRequests {
    const ALL: [Self; 3] = [Self::All, Self::Refusals, Self::Off];

    /// The choice that `word` stands for: `all`, `refusals` or `off`.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.as_str() == word)
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Refusals => "refusals",
            Self::Off => "off",
        }
    }
}

/// How reads are recorded by the audit.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum AuditReads {
    /// In batches, within a tenth of a second: an answer does not wait for its entry.
    #[default]
    Relaxed,
    /// Before they are answered: what cannot be recorded is not answered.
    Strict,
    /// Not at all, but for those of the admin API.
    Off,
}

impl AuditReads {
    const ALL: [Self; 3] = [Self::Relaxed, Self::Strict, Self::Off];

    /// The choice that `word` stands for: `relaxed`, `strict` or `off`.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|choice| choice.as_str() == word)
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Relaxed => "relaxed",
            Self::Strict => "strict",
            Self::Off => "off",
        }
    }

    /// Its place among all choices.
    pub(crate) fn place(self) -> u8 {
        let place = Self::ALL.iter().position(|choice| *choice == self);
        place.and_then(|place| u8::try_from(place).ok()).unwrap_or_default()
    }

    /// The choice at a place.
    pub(crate) fn at(place: u8) -> Self {
        Self::ALL.get(usize::from(place)).copied().unwrap_or_default()
    }
}

/// What an operator sets of the audit.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct AuditSettings {
    /// How reads are recorded.
    pub reads: AuditReads,
    /// Whether names of secrets are recorded in clear, beside their fingerprints.
    pub names_in_clear: bool,
}

/// What an operator sets. By default nothing is limited but what an app's own quotas limit.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct TrafficSettings {
    /// Requests a second of an app that has no quota of its own. Without it there are no limits of
    /// rates, of requests at once, and of refusals, either.
    pub requests_per_second: Option<u32>,
    /// What is logged.
    pub log_requests: LogRequests,
    /// Whom the server believes about where a request comes from; at most
    /// [`PROXIES`](crate::limits::PROXIES).
    pub proxies: Vec<Network>,
    /// What is recorded.
    pub audit: AuditSettings,
}

/// The settings as requests meet them, and the budgets.
pub(crate) struct Traffic {
    /// Requests a second of an app; 0 if they are not limited.
    app_rate: AtomicU32,
    /// The place of the choice in [`LogRequests::ALL`].
    log_requests: AtomicU8,
    has_proxies: AtomicBool,
    proxies: RwLock<Arc<[Network]>>,
    pub(crate) loads: TenantLoads,
    pub(crate) refusals: Refusals,
    pub(crate) held_back: HeldBack,
    pub(crate) lines: Lines,
    pub(crate) audited: AuditedRefusals,
}

impl Traffic {
    pub(crate) fn new() -> Self {
        let traffic = Self {
            app_rate: AtomicU32::new(0),
            log_requests: AtomicU8::new(0),
            has_proxies: AtomicBool::new(false),
            proxies: RwLock::new(Arc::from([])),
            loads: TenantLoads::new(),
            refusals: Refusals::new(),
            held_back: HeldBack::default(),
            lines: Lines::new(),
            audited: AuditedRefusals::new(),
        };
        traffic.set(&TrafficSettings::default());
        traffic
    }

    /// Changes the settings; requests that begin from now on meet the new ones.
    pub(crate) fn set(&self, settings: &TrafficSettings) {
        let TrafficSettings { requests_per_second, log_requests, proxies, .. } = settings;
        self.app_rate.store(requests_per_second.unwrap_or(0), Ordering::Relaxed);
        let place = LogRequests::ALL.iter().position(|choice| choice == log_requests);
        let place = place.and_then(|place| u8::try_from(place).ok()).unwrap_or_default();
        self.log_requests.store(place, Ordering::Relaxed);
        *self.proxies.write().unwrap_or_else(PoisonError::into_inner) = proxies.as_slice().into();
        self.has_proxies.store(!proxies.is_empty(), Ordering::Relaxed);
    }

    /// Requests a second of an app without a quota; `None` if they are not limited.
    pub(crate) fn app_rate(&self) -> Option<u32> {
        Some(self.app_rate.load(Ordering::Relaxed)).filter(|rate| *rate > 0)
    }

    pub(crate) fn log_requests(&self) -> LogRequests {
        let place = usize::from(self.log_requests.load(Ordering::Relaxed));
        LogRequests::ALL.get(place).copied().unwrap_or_default()
    }

    /// Logs how many requests had no line of their own, if there were any.
    pub(crate) fn log_summary(&self) {
        let refusals = self.lines.take_skipped(LineKind::Refusal);
        if refusals > 0 {
            tracing::info!(count = refusals, "refused too, without a line for each");
        }
        let failures = self.lines.take_skipped(LineKind::Failure);
        if failures > 0 {
            tracing::error!(count = failures, "failed too, without a line for each");
        }
        let answers = self.lines.take_skipped(LineKind::Answer);
        if answers > 0 {
            tracing::info!(count = answers, "answered too, without a line for each");
        }
    }

    /// The proxies, if `peer` is one of them and is believed.
    pub(crate) fn proxies_of(&self, peer: Peer) -> Option<Arc<[Network]>> {
        if !self.has_proxies.load(Ordering::Relaxed) {
            return None;
        }
        let proxies = Arc::clone(&self.proxies.read().unwrap_or_else(PoisonError::into_inner));
        proxies.iter().any(|proxy| proxy.includes(peer)).then_some(proxies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_change_while_requests_come() {
        let traffic = Traffic::new();
        let peer = Peer::Ip("10.0.0.1".parse().unwrap());
        assert_eq!((traffic.app_rate(), traffic.log_requests()), (None, LogRequests::Refusals));
        assert!(traffic.proxies_of(peer).is_none());
        for (word, rate) in [("all", Some(7)), ("off", None), ("refusals", Some(1))] {
            let log_requests = LogRequests::parse(word).unwrap();
            let proxies = vec!["10.0.0.0/8".parse().unwrap()];
            let audit = AuditSettings::default();
            let settings =
                TrafficSettings { requests_per_second: rate, log_requests, proxies, audit };
            traffic.set(&settings);
            assert_eq!((traffic.app_rate(), traffic.log_requests()), (rate, log_requests));
            assert!(traffic.proxies_of(peer).is_some());
            assert!(traffic.proxies_of(Peer::Unix).is_none());
        }
        assert_eq!(LogRequests::parse("none"), None);
        for choice in AuditReads::ALL {
            assert_eq!(AuditReads::parse(choice.as_str()), Some(choice));
            assert_eq!(AuditReads::at(choice.place()), choice);
        }
    }
}
