//! What sends requests: over TCP or a socket in the file system, with TLS or without.

use super::connect::Target;
use super::unix;
use std::sync::Arc;
use std::time::Duration;
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use ureq::unversioned::resolver::DefaultResolver;

/// Whose certificates are believed.
pub(super) enum Trust {
    /// Those of the public authorities.
    Authorities,
    /// Those that these vouch for.
    These(RootCerts),
    /// Anyone's: only for a question without a key, to this machine.
    Anyone,
}

/// How long it is waited for.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// A connection.
    pub(super) connect: Duration,
    /// The whole answer.
    pub(super) answer: Duration,
}

/// An agent for requests to `target`.
pub(super) fn new(target: &Target, trust: Trust, patience: Patience) -> Agent {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let believes_anyone = matches!(trust, Trust::Anyone);
    let roots = match trust {
        Trust::These(roots) => roots,
        Trust::Authorities | Trust::Anyone => RootCerts::WebPki,
    };
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(provider)
        .root_certs(roots)
        .disable_verification(believes_anyone)
        .build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .proxy(target.proxy())
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_connect(Some(patience.connect))
        .timeout_global(Some(patience.answer))
        .user_agent(concat!("coffer/", env!("CARGO_PKG_VERSION")))
        .build();
    match target.socket() {
        None => config.new_agent(),
        Some(path) => {
            let socket = unix::SocketConnector::new(path, patience.answer);
            Agent::with_parts(config, socket, DefaultResolver::default())
        }
    }
}
