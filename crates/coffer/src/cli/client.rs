//! The command line's side of the API: one request after another, with patience.

use super::exit::{Exit, Failure};
use crate::config::{self, CA_CERT, Config, INSECURE_HTTP, Setting, URL, Value as Setup};
use coffer_base::id::random_id;
use coffer_base::limit;
use coffer_crypto::SystemRandom;
use serde_json::Value;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use ureq::http::{Method, Request, Response, Uri};
use ureq::tls::{PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};
use ureq::{Agent, Body};
use zeroize::Zeroizing;

/// Parameters of a request.
pub type Params<'a> = &'a [(&'a str, &'a str)];

/// How often a request is sent that the server says should be sent again.
const ATTEMPTS: u32 = 3;

/// How long to wait before the second attempt; before the third it is twice that.
const PAUSE: Duration = Duration::from_millis(500);

/// How long to wait for a connection: servers on the same network answer in milliseconds.
const CONNECT: Duration = Duration::from_secs(10);

/// Longest file with a key: a key has under 100 bytes.
const KEY_FILE_BYTES: u64 = 4096;

/// A caller of the API.
pub struct Client {
    agent: Agent,
    base: String,
    key: Zeroizing<String>,
    account: Option<String>,
}

impl Client {
    /// A caller with the key that is in `setting`, to the server at `COFFER_URL`.
    ///
    /// # Errors
    /// A failure if there is no key, or if it would cross the network unencrypted.
    pub fn new(config: &Config, setting: &Setting) -> Result<Self, Failure> {
        let base = config.text(&URL).trim_end_matches('/').to_owned();
        check_url(&base, config.is_on(&INSECURE_HTTP))?;
        let roots = config.path(&CA_CERT).map(authorities).transpose()?;
        Ok(Self::trusting(base, key(config, setting)?, roots.unwrap_or(RootCerts::WebPki)))
    }

    /// A caller with `key` to the server at `base`, on this machine.
    pub fn local(base: String, key: Zeroizing<String>) -> Self {
        Self::trusting(base, key, RootCerts::WebPki)
    }

    fn trusting(base: String, key: Zeroizing<String>, roots: RootCerts) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(provider)
            .root_certs(roots)
            .build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(Duration::from_secs(limit::REQUEST_SECONDS)))
            .user_agent(concat!("coffer/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Self { agent, base, key, account: None }
    }

    /// The same caller, for `account`.
    pub fn on_account(self, account: Option<&str>) -> Self {
        Self { account: account.map(str::to_owned), ..self }
    }

    /// `GET path`.
    ///
    /// # Errors
    /// A failure with the server's message, or that there was no answer.
    pub fn get(&self, path: &str, params: Params<'_>) -> Result<Value, Failure> {
        self.send(&Method::GET, &with_query(path, params), None)
    }

    /// `POST path`, with an idempotency key, so that it can be sent again.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn post(&self, path: &str, params: Params<'_>) -> Result<Value, Failure> {
        self.send(&Method::POST, path, Some(encode(params)))
    }

    /// `DELETE path`.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn delete(&self, path: &str, params: Params<'_>) -> Result<Value, Failure> {
        self.send(&Method::DELETE, &with_query(path, params), None)
    }

    /// All pages of a list, or its first `most` objects, as one list.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn list(
        &self,
        path: &str,
        params: Params<'_>,
        most: Option<u32>,
    ) -> Result<Value, Failure> {
        let most = most.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
        let ceiling = usize::try_from(limit::PAGE_CEILING).unwrap_or(usize::MAX);
        let mut data: Vec<Value> = Vec::new();
        loop {
            let size = most.saturating_sub(data.len()).min(ceiling).to_string();
            let last = data.last().and_then(|object| object.get("id")?.as_str().map(str::to_owned));
            let mut page_params = params.to_vec();
            page_params.push(("limit", &size));
            if let Some(last) = &last {
                page_params.push(("starting_after", last));
            }
            let mut page = self.get(path, &page_params)?;
            let more = page.get("has_more").and_then(Value::as_bool).unwrap_or(false);
            let Some(Value::Array(objects)) = page.get_mut("data").map(Value::take) else {
                return Err(Failure::failed("the server's answer is no list"));
            };
            let empty = objects.is_empty();
            data.extend(objects);
            if !more || empty || data.len() >= most {
                if let Some(all) = page.get_mut("data") {
                    *all = Value::Array(data);
                }
                return Ok(page);
            }
        }
    }

    fn send(
        &self,
        method: &Method,
        target: &str,
        body: Option<Zeroizing<String>>,
    ) -> Result<Value, Failure> {
        let unique = random_id("cli", limit::TOKEN_CHARACTERS, &SystemRandom);
        let mut pause = PAUSE;
        for _ in 1..ATTEMPTS {
            let response = self.attempt(method, target, body.as_deref(), &unique)?;
            let retry = response.headers().get("stripe-should-retry");
            let failed = response.status().is_server_error()
                || response.status() == ureq::http::StatusCode::CONFLICT;
            if !failed || retry.is_none_or(|word| word != "true") {
                return read(response);
            }
            wait(pause);
            pause *= 2;
        }
        read(self.attempt(method, target, body.as_deref(), &unique)?)
    }

    fn attempt(
        &self,
        method: &Method,
        target: &str,
        body: Option<&String>,
        unique: &str,
    ) -> Result<Response<Body>, Failure> {
        let bearer = Zeroizing::new(format!("Bearer {}", *self.key));
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{target}", self.base))
            .header("Authorization", bearer.as_str());
        if let Some(account) = &self.account {
            request = request.header("Stripe-Account", account);
        }
        let sent = match body {
            Some(body) => request
                .header("Content-Type", "application/x-www-form-urlencoded")
                .header("Idempotency-Key", unique)
                .body(body.as_str())
                .map_err(ureq::Error::from)
                .and_then(|request| self.agent.run(request)),
            None => request
                .body(())
                .map_err(ureq::Error::from)
                .and_then(|request| self.agent.run(request)),
        };
        sent.map_err(|error| no_answer(&self.base, error))
    }
}

fn no_answer(base: &str, error: ureq::Error) -> Failure {
    let ureq::Error::Io(error) = error else {
        return Failure::new(Exit::Unavailable, format!("no answer from {base}: {error}"));
    };
    let advice = match error.kind() {
        ErrorKind::ConnectionRefused => "; is a server running there?",
        // What TLS has to say about the other side's certificate.
        ErrorKind::InvalidData => "; its certificate's authority is named with --ca-cert",
        _ => "",
    };
    Failure::new(Exit::Unavailable, format!("no answer from {base}: {error}{advice}"))
}

#[allow(
    clippy::disallowed_methods,
    reason = "a command at the terminal has nothing else to do until it tries again"
)]
fn wait(pause: Duration) {
    std::thread::sleep(pause);
}

/// The answer as JSON, or the server's error as a failure.
fn read(mut response: Response<Body>) -> Result<Value, Failure> {
    let status = response.status();
    let text = response.body_mut().read_to_string().map(Zeroizing::new).map_err(|error| {
        Failure::new(Exit::Unavailable, format!("the answer broke off: {error}"))
    })?;
    let json = serde_json::from_str::<Value>(&text).ok();
    if status.is_success() {
        return json.ok_or_else(|| Failure::failed("the answer is no JSON: is this a coffer?"));
    }
    let error = json.as_ref().and_then(|json| json.get("error"));
    let word = |name| error.and_then(|error| error.get(name)).and_then(Value::as_str);
    let message = word("message").map_or_else(|| format!("the answer was {status}"), str::to_owned);
    use ureq::http::StatusCode as Status;
    let exit = match status {
        Status::NOT_FOUND => Exit::NotFound,
        Status::UNAUTHORIZED | Status::FORBIDDEN => Exit::Refused,
        Status::CONFLICT | Status::TOO_MANY_REQUESTS => Exit::Unavailable,
        _ if status.is_server_error() => Exit::Unavailable,
        _ => Exit::Failed,
    };
    Err(Failure::new(exit, message))
}

/// The certificates in the file at `path`.
fn authorities(path: &Path) -> Result<RootCerts, Failure> {
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

/// Keys go over plain HTTP only on this machine, unless that was allowed.
fn check_url(base: &str, insecure: bool) -> Result<(), Failure> {
    let uri = base.parse::<Uri>().ok().filter(|uri| uri.host().is_some());
    // What stands before an `@` would be a password, and is not repeated.
    if base.contains('@') {
        return Err(Failure::usage("an address with a user in it is not understood (url)"));
    }
    let scheme = uri.as_ref().and_then(|uri| uri.scheme_str().map(str::to_owned));
    match (uri, scheme.as_deref()) {
        (Some(_), Some("https")) => Ok(()),
        (Some(uri), Some("http")) => {
            let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
            let local = host == "localhost"
                || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
            if local || insecure {
                return Ok(());
            }
            Err(Failure::usage(format!(
                "{base} is plain HTTP to another machine, and the key would cross the network \
                 unencrypted; use https://, or set COFFER_INSECURE_HTTP=true"
            )))
        }
        _ => Err(Failure::usage(format!("'{base}' is no http:// or https:// address (url)"))),
    }
}

fn key(config: &Config, setting: &Setting) -> Result<Zeroizing<String>, Failure> {
    let text = match config.value(setting) {
        Some(Setup::Secret(text)) => text.clone(),
        Some(Setup::SecretFile(path)) => {
            let mut text = Zeroizing::new(String::new());
            let read = std::fs::File::open(path)
                .and_then(|file| file.take(KEY_FILE_BYTES).read_to_string(&mut text));
            read.map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
            Zeroizing::new(text.trim_end().to_owned())
        }
        _ => {
            let what = if setting.name == config::ADMIN_KEY.name {
                "an admin key, which begins with ak_"
            } else {
                "an app's key, which begins with sk_ or rk_"
            };
            let (env, file) = (setting.env, setting.file_variable());
            let message = format!("set {env} to {what}, or {file} to the path of its file");
            return Err(Failure::new(Exit::Refused, message));
        }
    };
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let source = config.source(setting).map(ToString::to_string).unwrap_or_default();
        let message = format!("{} ({source}) is no key", setting.name);
        return Err(Failure::new(Exit::Refused, message));
    }
    Ok(text)
}

fn with_query(path: &str, params: Params<'_>) -> String {
    if params.is_empty() { path.to_owned() } else { format!("{path}?{}", *encode(params)) }
}

/// The path of one object.
pub fn one(collection: &str, id: &str) -> String {
    let mut path = format!("{collection}/");
    append(&mut path, id);
    path
}

fn encode(params: Params<'_>) -> Zeroizing<String> {
    // Room for the longest form of each byte, so that no reallocation leaves a copy behind.
    let longest = params.iter().map(|(name, value)| 3 * (name.len() + value.len()) + 2).sum();
    let mut form = Zeroizing::new(String::with_capacity(longest));
    for (name, value) in params {
        if !form.is_empty() {
            form.push('&');
        }
        append(&mut form, name);
        form.push('=');
        append(&mut form, value);
    }
    form
}

/// Appends `text` with everything but letters, digits and a few marks percent-encoded.
fn append(form: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            form.push(char::from(byte));
        } else {
            form.push('%');
            for half in [byte >> 4, byte & 15] {
                let digit = char::from_digit(u32::from(half), 16).unwrap_or_default();
                form.push(digit.to_ascii_uppercase());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_encoded() {
        assert_eq!(*encode(&[("scope[type]", "a b&c=é")]), "scope%5Btype%5D=a%20b%26c%3D%C3%A9");
        assert_eq!(one("/v1/admin/apps", "a/../b"), "/v1/admin/apps/a%2F..%2Fb");
    }

    #[test]
    fn a_key_does_not_leave_the_machine_unencrypted() {
        for good in ["http://127.0.0.1:4747", "http://[::1]:1", "http://localhost", "https://a.b"] {
            assert!(check_url(good, false).is_ok(), "{good}");
        }
        for bad in [
            "http://10.0.0.1:4747",
            "http://coffer.example",
            "coffer:4747",
            "ftp://a",
            "https://u:p@a.b",
        ] {
            assert!(check_url(bad, false).is_err(), "{bad}");
        }
        assert!(check_url("http://10.0.0.1:4747", true).is_ok());
    }
}
