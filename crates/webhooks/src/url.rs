//! The URL of an endpoint: what is refused as text, before anything is resolved.

use crate::{limits, reasons};
use coffer_base::Mode;
use coffer_dialect::ApiError;
use coffer_kernel::outbound::Destinations;
use coffer_kernel::outbound::destination::is_like_a_number;
use http::Uri;
use std::net::{IpAddr, SocketAddr};

/// What an operator allows of URLs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UrlRules {
    /// Plain HTTP in test mode.
    pub(crate) http: bool,
    /// This machine, by plain HTTP too: developer mode.
    pub(crate) developer: bool,
}

/// Checks a URL. Names are resolved only when something is sent, since what they resolve to
/// changes.
///
/// # Errors
/// A 400 with the code `url_invalid` that says what is wrong.
pub(crate) fn check(
    url: &str,
    mode: Mode,
    rules: UrlRules,
    destinations: &Destinations,
) -> Result<(), ApiError> {
    parts(url).and_then(|parts| parts.check(mode, rules, destinations)).map_err(|why| {
        ApiError::invalid_param("url", format!("Invalid URL: {why}."))
            .with_code("url_invalid")
            .because(&reasons::URL)
            .with_about(why)
    })
}

struct Parts {
    is_https: bool,
    host: String,
    port: u16,
}

fn parts(url: &str) -> Result<Parts, &'static str> {
    if url.chars().count() > limits::URL_CHARACTERS {
        return Err("it has more than 2000 characters");
    }
    if url.contains('#') {
        return Err("it has a fragment, which is never sent");
    }
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic()) && !url.contains('\\');
    if !is_plain {
        return Err("it holds a character that URLs do not have; write the host in ASCII (xn--…)");
    }
    let not_absolute = "it is not an absolute URL such as https://example.com/hooks";
    let uri: Uri = url.parse().map_err(|_| not_absolute)?;
    let is_https = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        Some(_) => return Err("its scheme is not https"),
        None => return Err(not_absolute),
    };
    let authority = uri.authority().ok_or(not_absolute)?;
    if authority.as_str().contains('@') {
        return Err("it holds a user name or a password");
    }
    let host = authority.host().to_owned();
    let bare = authority.as_str().strip_prefix(host.as_str()).unwrap_or_default();
    let port = match bare.strip_prefix(':') {
        None if is_https => 443,
        None => 80,
        Some(port) => port.parse().map_err(|_| "its port is not a number of 1 to 65535")?,
    };
    if host.is_empty() {
        return Err("it has no host");
    }
    Ok(Parts { is_https, host, port })
}

impl Parts {
    fn check(
        &self,
        mode: Mode,
        rules: UrlRules,
        destinations: &Destinations,
    ) -> Result<(), &'static str> {
        let literal = self.literal()?;
        let is_local = literal.map_or_else(|| is_local_name(&self.host), |ip| ip.is_loopback());
        let local = rules.developer && is_local;
        let plain = rules.http && mode == Mode::Test;
        if !(self.is_https || local || plain) {
            return Err("its scheme is not https");
        }
        let is_port = match self.port {
            443 => true,
            80 => !self.is_https,
            port => port >= 1024,
        };
        if !is_port {
            return Err("its port is neither 443 nor 1024 or above");
        }
        match literal {
            Some(ip) if !destinations.allow(&self.host, SocketAddr::new(ip, self.port)) => {
                Err("its address is not one of the public internet")
            }
            _ => Ok(()),
        }
    }

    /// The address that stands in place of a name.
    fn literal(&self) -> Result<Option<IpAddr>, &'static str> {
        if let Some(inner) = self.host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let address = inner.parse().map_err(|_| "its IPv6 address is malformed")?;
            return Ok(Some(IpAddr::V6(address)));
        }
        if let Ok(address) = self.host.parse() {
            return Ok(Some(IpAddr::V4(address)));
        }
        if is_like_a_number(&self.host) {
            return Err("its host is a number; write an IPv4 address as four decimal numbers");
        }
        let is_plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        if self.host.bytes().all(is_plain) && !self.host.contains("..") {
            return Ok(None);
        }
        Err("its host is malformed")
    }
}

fn is_local_name(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRODUCTION: UrlRules = UrlRules { http: false, developer: false };

    fn is_good(url: &str, mode: Mode, rules: UrlRules) -> bool {
        let destinations = Destinations::new(Vec::new(), rules.developer);
        match check(url, mode, rules, &destinations) {
            Ok(()) => true,
            Err(error) => {
                assert_eq!((error.status(), error.code()), (400, Some("url_invalid")), "{url}");
                assert_eq!(error.param(), Some("url"));
                false
            }
        }
    }

    #[test]
    fn in_production_a_url_is_https_and_of_a_public_host() {
        let longest = format!("https://example.com/{}", "a".repeat(1980));
        for url in [
            "https://example.com",
            "https://example.com/hooks?a=b%20c",
            "https://example.com:8443/",
            "https://xn--bcher-kva.example/",
            "https://8.8.8.8/",
            "https://[2600::1]:4433/x",
            "https://localhost/",
            &longest,
        ] {
            assert!(is_good(url, Mode::Live, PRODUCTION), "{url}");
        }
        let long = format!("{longest}a");
        for url in [
            "",
            "x",
            "/hooks",
            "example.com/hooks",
            "ftp://example.com/",
            "http://example.com/",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "gopher://example.com/",
            "https://",
            "https:///x",
            "https://user@example.com/",
            "https://user:pw@example.com/",
            "https://example.com/#x",
            "https://example.com:80/",
            "https://example.com:22/",
            "https://example.com:0/",
            "https://example.com:99999/",
            "https://example.com:x/",
            "https://exa mple.com/",
            "https://b\u{fc}cher.example/",
            "https://example.com\\@x/",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://0x7f000001/",
            "https://2130706433/",
            "https://017700000001/",
            "https://127.0.0.1./",
            "https://10.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://169.254.169.254/latest",
            "https://[fe80::1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://0.0.0.0/",
            "https://[::]/",
            "https://a..b/",
            "https://[::1%25eth0]/",
            "https://\u{ff11}\u{ff12}\u{ff17}.0.0.1/",
            "https://127.0.0.1:443@example.com/",
            "https://example.com:443:443/",
            &long,
        ] {
            assert!(!is_good(url, Mode::Live, PRODUCTION), "{url}");
        }
    }

    #[test]
    fn plain_http_is_for_test_mode_where_allowed_and_for_developers_machines() {
        let allowed = UrlRules { http: true, developer: false };
        assert!(is_good("http://example.com/", Mode::Test, allowed));
        assert!(is_good("http://example.com:8080/", Mode::Test, allowed));
        assert!(!is_good("http://example.com/", Mode::Live, allowed));
        assert!(!is_good("http://127.0.0.1:8080/", Mode::Test, allowed));
        let developer = UrlRules { http: false, developer: true };
        for url in [
            "http://127.0.0.1:3000/",
            "http://localhost:3000/x",
            "http://[::1]:3000/",
            "http://localhost/",
        ] {
            assert!(is_good(url, Mode::Test, developer), "{url}");
            assert!(!is_good(url, Mode::Test, PRODUCTION), "{url}");
        }
        assert!(!is_good("http://example.com/", Mode::Test, developer));
        assert!(!is_good("http://10.0.0.1:3000/", Mode::Test, developer));
        assert!(!is_good("http://127.0.0.1:22/", Mode::Test, developer));
    }
}
