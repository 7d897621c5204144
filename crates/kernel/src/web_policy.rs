//! Under which names the server answers, and which web pages may call it: one policy for the API
//! and the admin API, in production and in developer mode.
//!
//! A browser sends a request for any page that asks it to, and adds what it knows of the server:
//! credentials that were saved for it, and the reach of the machine it runs on. So a request that a
//! page made is refused before anything of it is looked at, unless the page is the server's own or
//! its origin was allowed by name. Programs that are no browsers send neither `Origin` nor
//! `Sec-Fetch-Site`, and are not concerned.

use crate::reasons;
use coffer_dialect::ApiError;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// How a browser says where the page stands that makes a request.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The names by which a machine calls itself.
const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Which hosts are answered, and which origins may call.
#[derive(Clone, Debug, Default)]
pub struct WebPolicy {
    /// In developer mode, the names besides [`LOCAL_NAMES`]; `None` answers under any name.
    hosts: Option<Vec<String>>,
    /// Origins as browsers write them, such as `https://app.example:8443`.
    origins: Vec<String>,
}

impl WebPolicy {
    /// Production: the server answers under every name, since it does not know the names that
    /// proxies have for it, and pages of `origins` may call it.
    pub const fn production(origins: Vec<String>) -> Self {
        Self { hosts: None, origins }
    }

    /// Developer mode, which needs no secret key: only local names and `hosts` are answered, so
    /// that no page can reach it by a name of its own that resolves to this machine.
    pub const fn developer(hosts: Vec<String>, origins: Vec<String>) -> Self {
        Self { hosts: Some(hosts), origins }
    }

    /// Whether it is that of developer mode.
    pub(crate) const fn is_developer(&self) -> bool {
        self.hosts.is_some()
    }

    /// Whether any page may call.
    pub(crate) const fn has_origins(&self) -> bool {
        !self.origins.is_empty()
    }

    /// How a 401 asks for a key. In production it does not ask for HTTP Basic, though that is
    /// accepted: a browser would answer with a prompt, save what it is told, and from then on send
    /// it with every request that any page makes.
    pub(crate) const fn challenge(&self) -> &'static str {
        if self.hosts.is_some() { "Basic realm=\"Stripe\"" } else { "Bearer realm=\"Stripe\"" }
    }

    /// The origin of the page that makes the request, if that origin was allowed by name.
    pub(crate) fn allowed_origin<'h>(&self, headers: &'h HeaderMap) -> Option<&'h HeaderValue> {
        if self.origins.is_empty() {
            return None;
        }
        let origin = headers.get(header::ORIGIN)?;
        let is_named = |one: &String| origin.as_bytes().eq_ignore_ascii_case(one.as_bytes());
        self.origins.iter().any(is_named).then_some(origin)
    }

    /// Refuses what names another host, and what a page sends that may not.
    ///
    /// # Errors
    /// A 403 that says which header is in the way, and what allows it.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        self.check_host(headers)?;
        let (origin, site) = (headers.get(header::ORIGIN), headers.get(SEC_FETCH_SITE));
        if origin.is_none() && site.is_none() {
            return Ok(());
        }
        if self.allowed_origin(headers).is_some() {
            return Ok(());
        }
        if origin.is_some_and(|origin| !is_own(origin, headers.get(header::HOST))) {
            return Err(refusal("its Origin header names a page that is none of this server's"));
        }
        // `none` is a person who types the address; of one's own pages it is `same-origin`.
        match site.map(HeaderValue::as_bytes) {
            None | Some(b"same-origin" | b"none") => Ok(()),
            Some(_) => {
                Err(refusal("its Sec-Fetch-Site header says that another site's page sent it"))
            }
        }
    }

    /// Refuses what names another host.
    ///
    /// # Errors
    /// A 403 that says how a host is allowed.
    pub(crate) fn check_host(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let (Some(names), Some(host)) = (&self.hosts, headers.get(header::HOST)) else {
            return Ok(());
        };
        let mut known = LOCAL_NAMES.into_iter().chain(names.iter().map(String::as_str));
        if known.any(|name| names_host(host.as_bytes(), name)) {
            return Ok(());
        }
        Err(ApiError::forbidden(
            "This server runs in developer mode and answers only to localhost, 127.0.0.1, [::1] \
             and the names that `coffer dev --allow-host NAME` gives it; the Host header names \
             something else.",
        )
        .because(&reasons::HOST_NOT_ALLOWED))
    }
}

fn refusal(why: &'static str) -> ApiError {
    ApiError::forbidden(format!(
        "A browser sent this request, and {why}. Keys belong into a backend; to let the pages of \
         one origin call this server, start it with '--allow-origin ORIGIN'."
    ))
    .because(&reasons::PAGE_REFUSED)
}

/// Whether a `Host` header is `name`, with a port or without.
fn names_host(host: &[u8], name: &str) -> bool {
    let Some((head, rest)) = host.split_at_checked(name.len()) else { return false };
    head.eq_ignore_ascii_case(name.as_bytes())
        && match rest {
            [] => true,
            [b':', port @ ..] => {
                std::str::from_utf8(port).is_ok_and(|port| port.parse::<u16>().is_ok())
            }
            _ => false,
        }
}

/// Whether a page's origin is the server's own: of the web, and at the host and port that the
/// request was sent to. A proxy may have added the encryption, so the scheme is not compared.
fn is_own(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let origin = origin.as_bytes();
    let (origin, port): (_, &[u8]) = match (origin.strip_prefix(b"http://"), origin) {
        (Some(authority), _) => (authority, b":80"),
        (None, [b'h', b't', b't', b'p', b's', b':', b'/', b'/', authority @ ..]) => {
            (authority, b":443")
        }
        _ => return false,
    };
    // Browsers leave the scheme's own port out, and not every client does so in `Host`.
    let host = host.map(HeaderValue::as_bytes).unwrap_or_default();
    let host = host.strip_suffix(port).unwrap_or(host);
    !host.is_empty() && origin.eq_ignore_ascii_case(host)
}

/// A host's name as it may be allowed: without scheme and port.
///
/// # Errors
/// A sentence for the person who wrote it.
pub fn parse_host(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_host = match inner {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !text.is_empty() && text.bytes().all(is_plain),
    };
    if is_host {
        return Ok(text.to_ascii_lowercase());
    }
    Err(format!("'{text}' is no host: give its name alone, such as 'coffer', without a port"))
}

/// An origin as it may be allowed: a scheme, a host, and a port if it is not the scheme's own.
///
/// # Errors
/// A sentence for the person who wrote it.
pub fn parse_origin(text: &str) -> Result<String, String> {
    let wrong = || {
        format!(
            "'{text}' is no origin: give scheme, host and port as a browser shows them, such as \
             'http://localhost:3000', without a path"
        )
    };
    let (scheme, authority) = text.split_once("://").ok_or_else(wrong)?;
    let letters = scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse::<u16>().ok()),
        _ => (authority, Some(0)),
    };
    if scheme.is_empty() || !letters || port.is_none() || parse_host(host).is_err() {
        return Err(wrong());
    }
    Ok(text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests;
