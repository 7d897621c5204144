//! Who receives the audit, as an operator writes it, and how a batch gets there.

use super::error::SendError;
use super::http::HttpReceiver;
use super::syslog::{Syslog, Transport};
use super::{file, line};
use coffer_audit::StoredEntry;
use coffer_base::Redacted;
use std::fmt;
use std::path::PathBuf;

/// Who receives the audit. It is shown, for `Debug` too, without what may hold a token: of an HTTP
/// server, the path and the query.
#[derive(Clone, PartialEq, Eq)]
pub enum Receiver {
    /// A file that only grows; it may be renamed, and is made again.
    File(PathBuf),
    /// A syslog server.
    Syslog(Transport),
    /// An HTTP server that takes lines of JSON.
    Http(String),
}

impl Receiver {
    /// Reads `file:PATH`, `syslog+udp://HOST:PORT`, `syslog+tcp://HOST:PORT`, `syslog+unix:PATH`,
    /// `https://…` or `http://…`.
    ///
    /// # Errors
    /// If it is none of these; the message says what they are.
    pub fn parse(text: &str) -> Result<Self, String> {
        let path = |path: &str| match PathBuf::from(path) {
            path if path.is_absolute() => Ok(path),
            _ => Err(format!("'{path}' must be a whole path, from / on")),
        };
        if let Some(file) = text.strip_prefix("file:") {
            return path(file).map(Self::File);
        }
        if let Some(socket) = text.strip_prefix("syslog+unix:") {
            return path(socket).map(|path| Self::Syslog(Transport::Unix(path)));
        }
        for (scheme, of) in [
            ("syslog+udp://", Transport::Udp as fn(String) -> _),
            ("syslog+tcp://", Transport::Tcp),
        ] {
            if let Some(address) = text.strip_prefix(scheme) {
                return host_and_port(address).map(|address| Self::Syslog(of(address)));
            }
        }
        match text.parse::<::http::Uri>() {
            // What stands before an `@` may be a password, which is shown nowhere.
            Ok(_) if text.contains('@') => {
                Err("an address with a user in it is not understood; put a token into \
                 COFFER_AUDIT_SHIP_TOKEN"
                    .to_owned())
            }
            Ok(uri)
                if matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() =>
            {
                Ok(Self::Http(text.to_owned()))
            }
            _ => {
                // What stands behind may hold a token, whatever was meant.
                let begins = text.split_once(':').map(|(scheme, _)| format!("{scheme}:…"));
                Err(format!(
                    "'{}' is none of file:PATH, syslog+udp://HOST:PORT, \
                     syslog+tcp://HOST:PORT, syslog+unix:PATH, https://HOST/PATH",
                    begins.as_deref().unwrap_or(text)
                ))
            }
        }
    }

    /// The receiver as an operator has written it, by which the store knows how far it has the
    /// audit. It may hold a token, and is for no log, label or status.
    pub(super) fn whole(&self) -> String {
        match self {
            Self::Http(uri) => uri.clone(),
            other => other.to_string(),
        }
    }
}

fn host_and_port(address: &str) -> Result<String, String> {
    let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
    match port.map(|(_, port)| port.parse::<u16>()) {
        Some(Ok(port)) if port > 0 => Ok(address.to_owned()),
        _ => Err(format!("'{address}' is no HOST:PORT")),
    }
}

impl fmt::Display for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Syslog(Transport::Udp(address)) => write!(f, "syslog+udp://{address}"),
            Self::Syslog(Transport::Tcp(address)) => write!(f, "syslog+tcp://{address}"),
            Self::Syslog(Transport::Unix(path)) => write!(f, "syslog+unix:{}", path.display()),
            Self::Http(uri) => {
                let end = uri.find("://").map_or(0, |at| at.saturating_add(3));
                let (scheme, rest) = uri.split_at(end);
                let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
                write!(f, "{scheme}{host}")
            }
        }
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Sends batches to one receiver.
pub(super) enum Sender {
    File(PathBuf),
    Syslog(Syslog),
    Http(HttpReceiver),
}

impl Sender {
    pub(super) fn new(
        receiver: Receiver,
        token: Option<Redacted<String>>,
    ) -> Result<Self, rustls::Error> {
        Ok(match receiver {
            Receiver::File(path) => Self::File(path),
            Receiver::Syslog(transport) => Self::Syslog(Syslog(transport)),
            Receiver::Http(uri) => Self::Http(HttpReceiver::new(uri, token)?),
        })
    }

    /// Sends a batch, and returns once it is acknowledged.
    pub(super) async fn send(&self, batch: &[StoredEntry]) -> Result<(), SendError> {
        match self {
            Self::File(path) => {
                let (path, lines) = (path.clone(), line::lines(batch));
                let written = tokio::task::spawn_blocking(move || file::append(&path, &lines));
                Ok(written.await.map_err(|error| SendError(error.to_string()))??)
            }
            Self::Syslog(syslog) => syslog.send(batch).await,
            Self::Http(http) => http.send(batch).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receivers_are_shown_as_they_are_written() {
        for text in [
            "file:/var/log/coffer/audit.jsonl",
            "syslog+udp://127.0.0.1:514",
            "syslog+tcp://logs.example:601",
            "syslog+unix:/dev/log",
            "https://siem.example",
        ] {
            let receiver = Receiver::parse(text).unwrap();
            assert_eq!(
                (receiver.to_string(), receiver.whole()),
                (text.to_owned(), text.to_owned())
            );
        }
        for wrong in [
            "",
            "audit.jsonl",
            "file:audit.jsonl",
            "syslog+tcp://logs.example",
            "syslog+udp://:514",
            "https://user:secret@siem.example/",
            "ftp://siem.example/secret",
        ] {
            let error = Receiver::parse(wrong).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_token_in_a_url_is_shown_nowhere() {
        for (text, shown) in [
            ("https://siem.example/in/hunter2", "https://siem.example"),
            ("https://siem.example:8443?token=hunter2", "https://siem.example:8443"),
            ("http://[::1]:9/a/b?token=hunter2", "http://[::1]:9"),
        ] {
            let receiver = Receiver::parse(text).unwrap();
            assert_eq!(receiver.to_string(), shown);
            assert_eq!(format!("{receiver:?}"), shown);
            assert_eq!(receiver.whole(), text);
        }
    }
}
