//! Which server a client talks to, which certificates it trusts, and with which key.

use crate::cli::exit::{Exit, Failure};
use crate::config::{self, Config, Setting, Value};
use coffer_secretfile as secretfile;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use ureq::http::Uri;
use ureq::tls::{PemItem, RootCerts, parse_pem};
use ureq::{Proxy, ProxyProtocol};
use zeroize::Zeroizing;

/// Longest file with a key: a key has under 100 bytes.
const KEY_FILE_BYTES: usize = 4096;

/// The certificates in the file at `path`.
///
/// # Errors
/// If it cannot be read, or has no PEM certificate.
pub fn root_certificates(path: &Path) -> Result<RootCerts, Failure> {
    let failed = |why: String| Failure::usage(format!("{} (ca_cert): {why}", path.display()));
    let text = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    let certificates = parse_pem(&text).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    match certificates.collect::<Vec<_>>() {
        none if none.is_empty() => Err(failed("no PEM certificate is in it".to_owned())),
        certificates => Ok(RootCerts::new_with_certs(&certificates)),
    }
}

/// A server that requests may be sent to.
#[derive(Clone)]
pub struct Target {
    /// What the paths of requests are appended to.
    base: String,
    /// The socket that it listens on, if it is one in the file system.
    socket: Option<PathBuf>,
    /// Whether a proxy of the environment is left aside in any case.
    is_direct: bool,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.socket {
            Some(path) => write!(f, "unix:{}", path.display()),
            None => f.write_str(&self.base),
        }
    }
}

impl Target {
    /// Parses an address, and refuses a server that a key would reach unencrypted: plain HTTP is
    /// for this machine, unless `insecure` allows it.
    ///
    /// # Errors
    /// If `url` is none of `http://`, `https://` and `unix:`, or is plain HTTP to
    /// another machine.
    pub fn parse(url: &str, insecure: bool) -> Result<Self, Failure> {
        match url.strip_prefix("unix:") {
            Some("") => Err(Failure::usage("'unix:' needs a path after it (url)")),
            Some(path) => {
                let (base, socket) = ("http://127.0.0.1".to_owned(), Some(PathBuf::from(path)));
                Ok(Self { base, socket, is_direct: false })
            }
            None => {
                let base = url.trim_end_matches('/').to_owned();
                check_url(&base, insecure)?;
                Ok(Self { base, socket: None, is_direct: false })
            }
        }
    }

    /// The same server, which runs on this machine, whatever its address.
    pub fn without_proxy(self) -> Self {
        Self { is_direct: true, ..self }
    }

    /// What the paths of requests are appended to.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The socket that it listens on, if it is one in the file system.
    pub fn socket(&self) -> Option<&Path> {
        self.socket.as_deref()
    }

    /// The proxy of the environment, if requests may go through one: those with TLS to another
    /// machine, inside a tunnel (`CONNECT`). A proxy could read plain HTTP, and this machine is
    /// reached without one.
    pub fn proxy(&self) -> Option<Proxy> {
        let uri = self.base.parse::<Uri>().ok()?;
        let is_remote = uri.host().is_some_and(|host| !is_this_machine(host));
        if self.socket.is_some()
            || self.is_direct
            || !is_remote
            || uri.scheme_str() != Some("https")
        {
            return None;
        }
        let tunnels =
            |proxy: &Proxy| matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https);
        Proxy::try_from_env().filter(tunnels).filter(|proxy| !proxy.is_no_proxy(&uri))
    }
}

/// Refuses an address that a key would reach unencrypted, or that is none.
///
/// # Errors
/// What is wrong with it.
pub fn check_url(base: &str, insecure: bool) -> Result<(), Failure> {
    let uri = base.parse::<Uri>().ok();
    // A port that is none would be left out, and the key sent to another.
    let has_port = |uri: &Uri| {
        let authority = uri.authority();
        authority.is_some_and(|all| all.as_str() == all.host() || all.port_u16().is_some())
    };
    let host = uri.as_ref().filter(|uri| has_port(uri)).and_then(Uri::host);
    match (uri.as_ref().and_then(Uri::scheme_str), host) {
        (Some("https"), Some(_)) => Ok(()),
        (Some("http"), Some(host)) if insecure || is_this_machine(host) => Ok(()),
        (Some("http"), Some(_)) => Err(Failure::usage(format!(
            "{base} is plain HTTP to another machine, and the key would cross the network \
             unencrypted; use https://, or set COFFER_INSECURE_HTTP=true"
        ))),
        _ => Err(Failure::usage(format!(
            "'{base}' is no http:// or https:// address, nor unix:PATH (url)"
        ))),
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host.trim_end_matches('.').eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

/// The key that `setting` holds or names the file of.
///
/// # Errors
/// If it is not set, if its file cannot be read, or if it has characters that no key has.
pub fn key(config: &Config, setting: &Setting) -> Result<Zeroizing<String>, Failure> {
    let text = match config.value(setting) {
        Some(Value::Secret(text)) => text.clone(),
        Some(Value::SecretFile(path)) => secretfile::read_text(path, KEY_FILE_BYTES)
            .map_err(|error| Failure::usage(format!("{}: {error}", setting.name)))?,
        _ => return Err(missing_key(setting)),
    };
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let source = config.source(setting).map(ToString::to_string).unwrap_or_default();
        let message = format!("{} ({source}) is no key", setting.name);
        return Err(Failure::new(Exit::Refused, message));
    }
    Ok(text)
}

fn missing_key(setting: &Setting) -> Failure {
    let what = if setting.name == config::ADMIN_KEY.name {
        "an admin key, which begins with ak_"
    } else {
        "an app's key, which begins with sk_ or rk_"
    };
    let (env, file) = (setting.env, setting.file_variable());
    let message = format!(
        "set {env} to {what}, or {file} to the path of its file; or keep one in a \
         profile with `coffer login`"
    );
    Failure::new(Exit::Refused, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_does_not_leave_the_machine_unencrypted() {
        for good in [
            "http://127.0.0.1:4747",
            "http://[::1]:1",
            "http://localhost",
            "http://LocalHost.:4747",
            "http://[::ffff:127.0.0.1]:4747",
            "https://a.b",
            "unix:/s",
        ] {
            assert!(Target::parse(good, false).is_ok(), "{good}");
        }
        for bad in [
            "http://10.0.0.1:4747",
            "http://coffer.example",
            "coffer:4747",
            "ftp://a",
            "http://127.0.0.1:99999",
            "http://127.0.0.1:",
            "unix:",
        ] {
            assert!(Target::parse(bad, false).is_err(), "{bad}");
        }
        assert!(Target::parse("http://10.0.0.1:4747", true).is_ok());
    }
}
