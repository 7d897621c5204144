//! Asking a server how it is. No key is sent, so that any network and any certificate of this
//! machine will do.

use super::agent::{self, Patience, Trust};
use super::answer;
use super::connect::{self, Target};
use super::profile::Profiles;
use crate::cli::exit::Failure;
use crate::config::{
    CA_CERT, Config, LISTEN, METRICS_LISTEN, PROFILE, Setting, Source, TLS_CERT, URL,
};
use coffer::serve::Address;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use ureq::http::StatusCode;

/// Most bytes of an answer that are read: a server's are a line.
const ANSWER_BYTES: u64 = 4096;

/// Most characters of it that are shown.
const SHOWN_CHARACTERS: usize = 200;

/// A server that can be asked.
pub struct Probe {
    target: Target,
    trust: Trust,
}

/// What came of it.
pub struct Health {
    /// Whom it was asked.
    pub server: String,
    /// What is wrong; `None` if nothing is.
    pub reason: Option<String>,
}

impl Probe {
    /// The server that `url` or a profile names; without either the one that the settings of this
    /// machine describe: the listener for metrics, which load of the API does not reach, or else
    /// the API's.
    ///
    /// # Errors
    /// If the address is none, if the profile is not there, or if the file of `ca_cert` has no
    /// certificate.
    pub fn new(config: &Config) -> Result<Self, Failure> {
        let is_given = |setting: &Setting| {
            config.source(setting).is_some_and(|source| *source != Source::Default)
        };
        let named = config.text(&PROFILE);
        let (url, of_profile) = if !named.is_empty() {
            let mut all = Profiles::read()?;
            let Some(profile) = all.take(named) else { return Err(all.missing(named)) };
            (profile.url, profile.ca_cert)
        } else if is_given(&URL) {
            (config.text(&URL).to_owned(), None)
        } else {
            return Self::of_this_machine(config);
        };
        let file = config.path(&CA_CERT).or(of_profile.as_deref());
        let trust = match file.map(connect::root_certificates).transpose()? {
            Some(roots) => Trust::These(roots),
            None => Trust::Authorities,
        };
        Ok(Self { target: Target::parse(&url, true)?, trust })
    }

    /// The server that runs here by these settings. Its certificate is for the name by which others
    /// reach it, so here any is believed.
    fn of_this_machine(config: &Config) -> Result<Self, Failure> {
        let metrics = config.address(&METRICS_LISTEN);
        let Some(address) = metrics.or_else(|| config.address(&LISTEN)) else {
            return Err(Failure::usage("no server is named: say --url"));
        };
        let url = match address {
            at if at.is_chosen_by_system() => {
                return Err(Failure::usage(format!(
                    "the system chooses the port of {at}, so nobody knows it here: say --url"
                )));
            }
            Address::Unix(path) => format!("unix:{}", path.display()),
            Address::Tcp(at) => {
                let scheme = if config.path(&TLS_CERT).is_some() { "https" } else { "http" };
                format!("{scheme}://{}", reachable(*at))
            }
        };
        Ok(Self { target: Target::parse(&url, true)?.without_proxy(), trust: Trust::Anyone })
    }

    /// Asks for `path`, whose answer is `word` if all is well.
    pub fn ask(self, path: &str, word: &str, patience: Duration) -> Health {
        let Self { target, trust } = self;
        let has_roots = matches!(trust, Trust::These(_));
        let agent = agent::new(&target, trust, Patience { connect: patience, answer: patience });
        let reason = match agent.get(format!("{}{path}", target.base())).call() {
            Err(error) if is_late(&error) => {
                Some(format!("no answer: nothing came within {} s", patience.as_secs()))
            }
            Err(error) => {
                let (why, advice) = answer::why_none(&error, has_roots);
                Some(format!("no answer: {why}{advice}"))
            }
            Ok(mut response) => {
                let body = response.body_mut().with_config().limit(ANSWER_BYTES);
                match body.read_to_string() {
                    Err(error) => Some(format!("the answer broke off: {error}")),
                    Ok(text) => reason(response.status(), text.trim(), word),
                }
            }
        };
        Health { server: target.to_string(), reason }
    }
}

/// Whether it was waited for long enough; a socket in the file system says so in its own way.
fn is_late(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Timeout(_) => true,
        ureq::Error::Io(error) => {
            matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
        }
        _ => false,
    }
}

/// What an answer says is wrong.
fn reason(status: StatusCode, text: &str, word: &str) -> Option<String> {
    let first = text.lines().next().unwrap_or_default();
    let shown: String = first.chars().filter(|c| !c.is_control()).take(SHOWN_CHARACTERS).collect();
    match status {
        StatusCode::OK if text == word => None,
        StatusCode::SERVICE_UNAVAILABLE if !shown.is_empty() => Some(shown),
        _ => Some(format!("the answer was {status}, and not \"{word}\": is this a coffer?")),
    }
}

/// An address at which a socket that listens on `at` can be reached from this machine.
fn reachable(at: SocketAddr) -> SocketAddr {
    let ip = match at.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, at.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_servers_own_word_is_well() {
        assert_eq!(reason(StatusCode::OK, "ready", "ready"), None);
        let other = reason(StatusCode::OK, "<html>", "ready").unwrap();
        assert!(other.contains("is this a coffer?"), "{other}");
        assert!(reason(StatusCode::NO_CONTENT, "ready", "ready").is_some());
        let stopped = reason(StatusCode::SERVICE_UNAVAILABLE, "sealed\u{1b}[2J\nx", "ready");
        assert_eq!(stopped.as_deref(), Some("sealed[2J"));
    }

    #[test]
    fn a_socket_for_all_addresses_is_asked_at_this_machines_own() {
        let asked = |at: &str| reachable(at.parse().unwrap()).to_string();
        assert_eq!(asked("0.0.0.0:4747"), "127.0.0.1:4747");
        assert_eq!(asked("[::]:4748"), "[::1]:4748");
        assert_eq!(asked("10.0.0.1:1"), "10.0.0.1:1");
    }
}
