//! Requests to a root on another server: one at a time, bounded, without redirects or proxies.
//!
//! A root is asked from a thread that may wait, before anything is served, so this is a client that
//! blocks.

use super::RootError;
use crate::limits;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use ureq::Agent;
use ureq::http::{Request, Uri};
use ureq::tls::{PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};
use zeroize::Zeroizing;

/// A client of one root.
pub(super) struct Http {
    agent: Agent,
    /// Where the root is, for errors.
    place: String,
}

/// What was answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Zeroizing<Vec<u8>>,
}

impl Http {
    /// A client that trusts the authorities in a PEM file, or the public ones.
    ///
    /// # Errors
    /// [`RootError::Spec`] if the file has no certificate, or cannot be read.
    pub(super) fn new(place: String, authorities: Option<&Path>) -> Result<Self, RootError> {
        let roots = authorities.map(certificates).transpose()?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(provider)
            .root_certs(roots.unwrap_or(RootCerts::WebPki))
            .build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(limits::ROOT_REQUEST_SECONDS)))
            .user_agent(concat!("coffer/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(Self { agent, place })
    }

    /// The same, with other patience: for tests.
    #[cfg(test)]
    pub(super) fn hasty(self) -> Self {
        let config = Agent::config_builder()
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(Duration::from_millis(200)));
        Self { agent: config.build().new_agent(), ..self }
    }

    /// Sends `body` with `headers`.
    ///
    /// # Errors
    /// [`RootError::Unreachable`] if there is no answer, or it cannot be read whole.
    pub(super) fn post(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, RootError> {
        let request = headers
            .iter()
            .fold(Request::post(url), |request, (name, value)| request.header(*name, *value));
        // An invalid header is a secret with a line end in it, and is not repeated.
        let unusable = |_| self.refused("the secret cannot be sent as a header; check its file");
        let request = request.body(body).map_err(unusable)?;
        let response = self.agent.run(request).map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        let most = limits::ROOT_ANSWER_BYTES;
        let mut bytes = Zeroizing::new(Vec::with_capacity(most + 1));
        let reader = response.into_body().into_reader();
        let read = reader.take(u64::try_from(most).unwrap_or(0) + 1).read_to_end(&mut bytes);
        match read {
            Ok(_) if bytes.len() <= most => Ok(Answer { status, body: bytes }),
            Ok(_) => Err(self.answer("the answer is too long")),
            Err(error) => Err(self.unreachable_why(format!("the answer was cut off: {error}"))),
        }
    }

    fn unreachable(&self, error: &ureq::Error) -> RootError {
        self.unreachable_why(match error {
            ureq::Error::Timeout(_) => "it does not answer in time".to_owned(),
            ureq::Error::Io(error) => error.to_string(),
            other => other.to_string(),
        })
    }

    pub(super) fn unreachable_why(&self, why: String) -> RootError {
        RootError::Unreachable { place: self.place.clone(), why }
    }

    pub(super) fn refused(&self, why: impl Into<String>) -> RootError {
        RootError::Refused { place: self.place.clone(), why: why.into() }
    }

    pub(super) fn answer(&self, why: &str) -> RootError {
        RootError::Answer { place: self.place.clone(), why: why.to_owned() }
    }
}

fn certificates(path: &Path) -> Result<RootCerts, RootError> {
    let failed = |why: &str| RootError::Spec(format!("{} (root_ca): {why}", path.display()));
    let text = std::fs::read(path).map_err(|error| failed(&error.to_string()))?;
    let certificates = parse_pem(&text).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    match certificates.collect::<Vec<_>>() {
        none if none.is_empty() => Err(failed("no PEM certificate is in it")),
        certificates => Ok(RootCerts::new_with_certs(&certificates)),
    }
}

/// The address of a server, without a slash at its end, and what stands behind its host. A secret
/// is sent there, so plain HTTP is for this machine only.
///
/// # Errors
/// [`RootError::Spec`] if it is none, or would send the secret in the clear.
pub(super) fn server(url: &str) -> Result<(String, String), RootError> {
    let uri: Uri = url.parse().map_err(|_| spec("no address stands behind its colon"))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(spec("an address with https:// is wanted"));
    };
    if authority.as_str().contains('@') {
        return Err(spec("an address with a user in it is not understood"));
    }
    let local = matches!(authority.host(), "localhost" | "127.0.0.1" | "[::1]");
    match scheme {
        "https" => {}
        "http" if local => {}
        _ => return Err(spec("https:// is wanted: plain http:// is for this machine only")),
    }
    Ok((format!("{scheme}://{authority}"), uri.path().to_owned()))
}

pub(super) fn spec(why: &str) -> RootError {
    RootError::Spec(format!("the root cannot be understood: {why}"))
}

/// The value of `name` in a query.
pub(super) fn parameter<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// What a server said, fit for a message: short, printable, and without what was sent to it.
pub(super) fn reason(text: &str, sent: &[&str]) -> String {
    if sent.iter().any(|secret| !secret.is_empty() && text.contains(secret)) {
        return "its reason repeats what was sent to it, and is not shown".to_owned();
    }
    let printable = text.chars().filter(|c| !c.is_control());
    printable.take(limits::ROOT_REASON_CHARACTERS).collect()
}
